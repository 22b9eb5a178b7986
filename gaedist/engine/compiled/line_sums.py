"""Sums over points on a line: Fourier sums, and sums over the pairs of points near each other.

Both entry points release Python's lock, so that Python threads can run them, one direction each.
"""

from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import exp2, total
from gaedist.engine.compiled.jit import compiled

LANES = 64  # points rotated together


@compiled()
def _rotate(state: Any, real: Any, imaginary: Any) -> None:
    """Add the positions of points on the unit circle, and rotate each by its angle."""
    for j in range(LANES):
        c, s, x, y = state[j], state[LANES + j], state[2 * LANES + j], state[3 * LANES + j]
        real[j] += x
        imaginary[j] += y
        state[2 * LANES + j] = x * c - y * s
        state[3 * LANES + j] = x * s + y * c


@compiled(cache=True, nogil=True)
def wave_sums(cosines: Any, sines: Any, sums: Any, lanes: Any) -> None:
    """Fill sums[0, k − 1] and sums[1, k − 1] with Σ_j cos(k a_j) and Σ_j sin(k a_j), k = 1, …, K.

    cosines and sines (n,) are cos a_j and sin a_j; lanes (2, K, LANES) is scratch.
    """
    state = np.zeros(4 * LANES)
    lanes[:] = 0.0
    for start in range(0, cosines.size, LANES):
        count = min(LANES, cosines.size - start)
        for j in range(LANES):
            c = cosines[start + j] if j < count else 0.0
            s = sines[start + j] if j < count else 0.0
            state[j] = state[2 * LANES + j] = c
            state[LANES + j] = state[3 * LANES + j] = s
        for k in range(sums.shape[1]):
            _rotate(state, lanes[0, k], lanes[1, k])
    for k in range(sums.shape[1]):
        sums[0, k] = total(lanes[0, k], LANES)
        sums[1, k] = total(lanes[1, k], LANES)


@compiled(cache=True, nogil=True)
def near_sum(points: Any, last: Any, rate: float, work: Any) -> Any:
    """Return Σ 2^(−rate (x_i − x_j)²) over i < j < last_i, for sorted points; work (n,) is scratch."""
    for j in range(work.size):
        work[j] = 0.0
    for i in range(points.size):
        for j in range(i + 1, last[i]):
            difference = points[j] - points[i]
            work[j] += exp2(-rate * difference * difference)
    return total(work, work.size)
