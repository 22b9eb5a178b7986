"""The Anderson–Darling statistic of samples from a known distribution, or from a normal one that was fitted.

A² = −n − (1/n) Σ_i (2i − 1) [log u_(i) + log(1 − u_(n+1−i))], with u = F(x) sorted. T. W. Anderson and D. A.
Darling, A test of goodness of fit, J. Am. Stat. Assoc. 49 (1954) 765, doi:10.1080/01621459.1954.10501232.
"""

import math
from typing import Any

import numpy as np

from gaedist.numerics import Array

# log P(A² > a) − log √3 erfc(√a) as a polynomial of u = 1/(1 + a) without a constant, for a ≥ 0.15
_TAIL = (
    0.3048289783932155, 0.12324470149602092, 2.6200749513878865, -32.328899140151094, 225.18195808396663,
    -747.827874992254, 1326.695281942486, -1309.478966770239, 672.941153628636, -138.4909709316667,
)  # fmt: skip
_LEAST = 0.15  # P(A² > 0.15) = 0.998

# log P(A*² > a) of a fitted normal distribution, for four ranges of a
_FITTED = (
    (0.2, (-13.436, 101.14, -223.73), True),
    (0.34, (-8.318, 42.796, -59.938), True),
    (0.6, (0.9177, -4.279, -1.38), False),
    (math.inf, (1.2937, -5.709, 0.0186), False),
)
_MOST_FITTED = 10.0  # beyond which the last of them is continued by its slope
_FARTHEST = 37.0  # standard deviations at which the normal distribution function leaves the range of a double


def statistics(log_below: Array, log_above: Array) -> Array:
    """Return A² of samples in rows, from log F(x) and log(1 − F(x)) of their points in ascending order."""
    n = log_below.shape[-1]
    odd = 2.0 * np.arange(1, n + 1) - 1
    return np.asarray(-n - (log_below + log_above[..., ::-1]) @ odd / n)


def of_normal(sorted_points: Array) -> Array:
    """Return A² of samples in rows, sorted, against N(0, 1)."""
    from scipy.special import ndtr

    points = np.clip(sorted_points, -_FARTHEST, _FARTHEST)
    return statistics(np.log(ndtr(points)), np.log(ndtr(-points)))


def log_tail(a: Any) -> Any:
    """Return log P(A² > a) as n → ∞, which is that of n ≥ 8 to 1 % down to 1e-6; its own error is 5e-5.

    The limit is Σ χ²₁/(j (j + 1)) over j = 1, 2, …; its upper tail tends to √3 erfc(√a), as the first
    eigenvalue is ½ and Π_{j>1} (1 − 2/(j (j + 1))) = 1/3. The factor between them is a polynomial fitted to
    the inverse Laplace transform of `gaedist.null.chi_square_sums`.
    """
    from scipy.special import log_ndtr

    a = np.maximum(a, _LEAST)
    u = 1 / (1 + a)
    # erfc(√a) = 2 Φ(−√(2a))
    first = 0.5 * math.log(3) + math.log(2) + log_ndtr(-np.sqrt(2 * a))
    return np.minimum(0.0, first + u * np.polynomial.polynomial.polyval(u, _TAIL))[()]


def log_tail_fitted(a: Any, n: int) -> Any:
    """Return log P(A² > a) for a normal distribution with the mean and the sd of the sample.

    R. B. D'Agostino and M. A. Stephens, Goodness-of-Fit Techniques, 1986, table 4.9, with A² (1 + 0.75/n +
    2.25/n²).
    """
    a = np.asarray(a, dtype=float) * (1 + 0.75 / n + 2.25 / n**2)
    last = np.minimum(a, _MOST_FITTED)
    slope = _FITTED[-1][1][1] + 2 * _FITTED[-1][1][2] * _MOST_FITTED
    found = np.polynomial.polynomial.polyval(last, _FITTED[-1][1]) + slope * (a - last)
    for bound, coefficients, is_lower in reversed(_FITTED[:-1]):
        part = np.polynomial.polynomial.polyval(np.minimum(a, bound), coefficients)
        found = np.where(a < bound, np.log1p(-np.exp(np.minimum(part, -1e-12))) if is_lower else part, found)
    return np.minimum(0.0, found)[()]
