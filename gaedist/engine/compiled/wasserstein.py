"""Squared Wasserstein distance of two samples on a line, for many labelings of their points.

``fill_costs`` is the entry point. It releases Python's lock, so that Python threads can run it, one direction
each.
"""

from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import total
from gaedist.engine.compiled.jit import compiled

BYTES = 64
"""Bytes of labels of each point that are read together: a cache line."""


@compiled()
def _split(points: Any, labels: Any, bit: int, few: Any, many: Any) -> None:
    """Split sorted points into two sorted samples by their labels; each has room for one point more."""
    count = 0
    for i in range(points.size):
        few[np.uintp(count)] = points[i]
        many[np.uintp(i - count)] = points[i]
        count += (labels[i] >> bit) & 1


@compiled()
def _aligned_cost(few: Any, many: Any, n: int) -> Any:
    """Return Σ (few_i − many_i)²/n, over samples of equal size n."""
    for i in range(n):
        difference = few[i] - many[i]
        few[i] = difference * difference
    return total(few, n) / n


@compiled()
def _refined_cost(few: Any, many: Any, left: Any, right: Any, lengths: Any, work: Any) -> Any:
    """Return Σ length (few_left − many_right)² over the intervals on which both quantiles are constant."""
    for k in range(lengths.size):
        difference = few[np.uintp(left[k])] - many[np.uintp(right[k])]
        work[k] = lengths[k] * (difference * difference)
    return total(work, lengths.size)


@compiled(cache=True, nogil=True)
def fill_costs(
    points: Any,
    order: Any,
    bits: Any,
    n: int,
    left: Any,
    right: Any,
    lengths: Any,
    rows: Any,
    work: Any,
    costs: Any,
) -> None:
    """Fill costs[r] with W₂² between the points with label 1 and with label 0, for each labeling r in bits.

    points (N,) are sorted, by the indices ``order`` (N,); bits (N, R/8) holds the labels in the order before
    that, n of which are 1 in each labeling. left, right and lengths are of `common_refinement`.
    rows (BYTES, N) and work (3, N + 1) are scratch.
    """
    few, many = work[0], work[1]
    for start in range(0, bits.shape[1], BYTES):
        width = min(BYTES, bits.shape[1] - start)
        for i in range(points.size):
            for b in range(width):
                rows[b, i] = bits[order[i], start + b]
        for r in range(8 * start, min(8 * (start + width), costs.size)):
            _split(points, rows[r // 8 - start], 7 - r % 8, few, many)
            if 2 * n == points.size:
                costs[r] = _aligned_cost(few, many, n)
            else:
                costs[r] = _refined_cost(few, many, left, right, lengths, work[2])
