"""The exponents of diagonal overlaps as a matrix, and what a gradient of that matrix gives: for the losses.

With v = s + t and e = x − y on each axis, an exponent is −½ Σ (log v + e²/v); its derivative by x is −e/v,
and by s and t ½ (e²/v − 1)/v. Columns come axis by axis, (D, m). Both entry points release Python's lock.
"""

import math
from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import log2_and_inverse, total
from gaedist.engine.compiled.jit import compiled

_HALF_LOG_2 = math.log(2) / 2


@compiled()
def _add_axis(a: float, s: float, y: Any, t: Any, row: Any, product: Any) -> None:
    for j in range(row.size):
        both, apart = s + t[j], a - y[j]
        row[j] += apart * apart / both
        product[j] *= both


@compiled()
def _take_logs(logs: Any, product: Any) -> None:
    for j in range(logs.size):
        log, _ = log2_and_inverse(product[j])
        logs[j] += log
        product[j] = 1.0


@compiled(cache=True, nogil=True)
def fill_exponents(x: Any, s: Any, y: Any, t: Any, together: int, found: Any) -> None:
    """Fill found (n, m) with the exponents of rows x, s (n, D) and columns y, t (D, m).

    Products of ``together`` sums s + t are between 2^−1021 and 2^1022.
    """
    product, logs = np.ones(found.shape[1]), np.zeros(found.shape[1])
    for i in range(found.shape[0]):
        row = found[i]
        for j in range(row.size):
            row[j] = logs[j] = 0.0
        for d in range(x.shape[1]):
            _add_axis(x[i, d], s[i, d], y[d], t[d], row, product)
            if (d + 1) % together == 0 or d + 1 == x.shape[1]:
                _take_logs(logs, product)
        for j in range(row.size):
            row[j] = -0.5 * row[j] - _HALF_LOG_2 * logs[j]


@compiled()
def _gradients_of_axis(
    a: float, s: float, y: Any, t: Any, gradient: Any, by_y: Any, by_t: Any, work: Any
) -> None:
    for j in range(gradient.size):
        inverse = 1.0 / (s + t[j])
        share = (a - y[j]) * inverse
        along, across = gradient[j] * share, 0.5 * gradient[j] * (share * share - inverse)
        by_y[j] += along
        by_t[j] += across
        work[0, j] = along
        work[1, j] = across


@compiled(cache=True, nogil=True)
def add_gradients(
    gradient: Any, x: Any, s: Any, y: Any, t: Any, by_x: Any, by_s: Any, by_y: Any, by_t: Any
) -> None:
    """Fill by_x and by_s (n, D), and add to by_y and by_t (D, m), the derivatives of Σ gradient exponent."""
    work = np.zeros((2, gradient.shape[1]))
    for i in range(x.shape[0]):
        for d in range(x.shape[1]):
            _gradients_of_axis(x[i, d], s[i, d], y[d], t[d], gradient[i], by_y[d], by_t[d], work)
            by_x[i, d] = -total(work[0], work.shape[1])
            by_s[i, d] = total(work[1], work.shape[1])
