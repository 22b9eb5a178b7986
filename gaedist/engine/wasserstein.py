"""The squared Wasserstein distance between two samples along directions, also for permuted labels.

On a line the cheapest way from one sample to another keeps their order, so W₂² is the integral of the
squared difference of their quantile functions. Those of n and m points are constant between the multiples of
1/n and of 1/m: a sum of at most n + m − 1 terms, whatever the points.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.directions import BATCH, in_batches
from gaedist.engine.run.labels import Bits
from gaedist.engine.run.run import Run
from gaedist.numerics import Array

_LABELS = 1 << 26  # points times labellings of a batch, less than a tenth of a second
_EPS = float(np.finfo(float).eps)
_SLACK = 4.0  # roundings of a projection, beside one for each of its products


@dataclass(frozen=True, eq=False)
class Refinement:
    """The intervals on which the quantile functions of n and of m points are constant.

    Attributes
    ----------
    left, right : (K,) arrays
        Which of the points in order they are there.
    lengths : (K,) array
        The lengths, whose sum is 1.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    lengths: Array


@lru_cache(maxsize=4)
def refined(n: int, m: int) -> Refinement:
    """Return the common refinement of the multiples of 1/n and of 1/m, in whole numbers of 1/(nm)."""
    ends = np.union1d(m * np.arange(1, n + 1), n * np.arange(1, m + 1))
    starts = np.concatenate([[0], ends[:-1]])
    return Refinement(starts // m, starts // n, (ends - starts) / (n * m))


class Transport:
    """W₂² between two samples."""

    def of(self, rows: Array, others: Array) -> Array:
        """Return it for each row of points in order, (b, n) and (b, m)."""
        n, m = rows.shape[1], others.shape[1]
        if n == m:
            apart = rows - others
            return np.asarray(np.einsum("ij,ij->i", apart, apart) / n)
        found = refined(n, m)
        apart = rows[:, found.left] - others[:, found.right]
        return np.asarray(np.einsum("ij,ij,j->i", apart, apart, found.lengths))


@dataclass(frozen=True, eq=False)
class LabelCosts:
    """W₂² for each labelling of the points.

    Attributes
    ----------
    values, errors : (R,) arrays
        Mean over the directions, and how far rounding may move it.
    """

    values: Array
    errors: Array


def label_costs(x: Array, directions: Array, labels: Bits, n: int, count: int, run: Run) -> LabelCosts:
    """Return W₂² between the points with label 1 and those with label 0, mean over directions.

    Takes O(N b + R) memory beside the labels, for batches of b directions, each of which one thread does.

    Parameters
    ----------
    x : (N, D) array
        The points.
    directions : (L, D) array
        Unit vectors.
    labels : (N, R/8) array
        Labellings, n of whose labels are 1, of which the first ``count`` are looked at.
    n, count : int
        As above.
    run : Run
        Threads and progress.
    """
    from gaedist.engine.compiled.wasserstein import BYTES, fill_costs

    total, dim = x.shape
    parts = refined(n, total - n)

    def of_batch(some: Array) -> Array:
        rows = some @ x.T
        scratch = np.empty((BYTES, total), dtype=np.uint8), np.empty((3, total + 1))
        costs, added = np.empty(count), np.zeros(count)
        for row in rows:
            order = np.argsort(row)
            fill_costs(row[order], order, labels, n, parts.left, parts.right, parts.lengths, *scratch, costs)
            added += costs
        return added

    values = np.zeros(count)
    size = max(1, min(BATCH // total, _LABELS // (total * count)))
    for added in in_batches(of_batch, directions, size, run):
        values += added
    values /= len(directions)
    # of a sum of squares, whose terms are differences of projections
    far = _EPS * (dim + _SLACK) * float(np.sqrt(np.einsum("ij,ij->i", x, x).max()))
    errors = _EPS * (total + len(directions)) * values + 2 * far * np.sqrt(values) + far**2
    return LabelCosts(values, errors)
