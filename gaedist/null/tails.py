"""Logarithms of p-values: tails of the usual distributions, however faint, and corrections for many tests.

A logarithm keeps apart what is far below the range of a double. Functions take and return arrays or numbers.
"""

import math
import sys
from typing import Any

import numpy as np

from gaedist.numerics import Array

_LOG_SMALLEST = math.log(sys.float_info.min)
_NEARLY_NORMAL = 1e-4  # skewness


def log_two_sided_normal(z: Any) -> Any:
    """Return log P(|Z| ≥ |z|) for a standard normal Z."""
    from scipy.special import log_ndtr

    return np.minimum(0.0, math.log(2) + log_ndtr(-np.abs(z)))


def log_upper_normal(z: Any) -> Any:
    """Return log P(Z ≥ z) for a standard normal Z."""
    from scipy.special import log_ndtr

    return log_ndtr(-np.asarray(z))


def log_chi_square_tails(x: Any, dof: float) -> tuple[Any, Any]:
    """Return log P(Q ≤ x) and log P(Q ≥ x) for Q ~ χ² with so many degrees of freedom.

    Beyond the range of a double they are those of Wilson and Hilferty's normal variable, (Q/dof)^(1/3).
    """
    from scipy.special import gammainc, gammaincc, log_ndtr

    x = np.asarray(x, dtype=float)
    cube = (np.cbrt(x / dof) - (1 - 2 / (9 * dof))) * math.sqrt(9 * dof / 2)
    tails = []
    for probability, side in ((gammainc(dof / 2, x / 2), 1), (gammaincc(dof / 2, x / 2), -1)):
        with np.errstate(divide="ignore"):
            exact = np.log(probability)
        tails.append(np.where(exact > _LOG_SMALLEST, exact, np.minimum(log_ndtr(side * cube), _LOG_SMALLEST)))
    return tails[0][()], tails[1][()]


def log_two_sided_chi_square(x: Any, dof: float) -> Any:
    """Return the logarithm of twice the smaller tail of χ²."""
    below, above = log_chi_square_tails(x, dof)
    return np.minimum(0.0, math.log(2) + np.minimum(below, above))


def log_gamma_tails(z: float, skewness: float) -> tuple[float, float]:
    """Return log P below and above z for a gamma variable with mean 0, variance 1 and this skewness ≥ 0."""
    if skewness < _NEARLY_NORMAL:
        return float(log_upper_normal(-z)), float(log_upper_normal(z))
    shape = 4 / skewness**2
    below, above = log_chi_square_tails(max(0.0, 2 * (shape + 2 * z / skewness)), 2 * shape)
    return float(below), float(above)


def log_two_sided_correlation(r: Any, dof: float) -> Any:
    """Return log P(|R| ≥ |r|) for the correlation of independent normal samples of dof + 2 points.

    R² has the Beta distribution of ½ and dof/2; R √(dof/(1 − R²)) is Student's t.
    """
    from scipy.special import betainc, gammaln

    rest = np.clip(1 - np.square(r), 0.0, 1.0)
    with np.errstate(divide="ignore"):
        exact = np.log(betainc(dof / 2, 0.5, rest))
        # the integral of t^(a−1)/√(1 − t) from 0 to a small t is t^a (1/a + t/(2a + 2) + 3t²/(8a + 16) + …)
        a = dof / 2
        series = rest * a / (2 * (a + 1)) + 3 * np.square(rest) * a / (8 * (a + 2))
        faint = a * np.log(rest) - math.log(a) + np.log1p(series)
    faint = faint + gammaln((dof + 1) / 2) - gammaln(dof / 2) - gammaln(0.5)
    return np.where(exact > _LOG_SMALLEST, exact, faint)[()]


def log_smallest_of(log_p: Any, count: float) -> Any:
    """Return the logarithm of the p-value of the smallest of independent p-values: 1 − (1 − p)^count."""
    log_p = np.minimum(log_p, 0.0)
    with np.errstate(divide="ignore"):
        exact = np.log(-np.expm1(count * np.log1p(-np.exp(np.minimum(log_p, -1e-17)))))
    return np.where(log_p < -30, np.minimum(0.0, log_p + math.log(count)), exact)[()]


def log_bonferroni(log_p: Any, count: float) -> Any:
    """Return the logarithm of count times p, at most 1, which holds for dependent p-values too."""
    return np.minimum(0.0, np.asarray(log_p) + math.log(count))[()]


def holm(p_values: Array) -> Array:
    """Return p-values adjusted for each other: the family-wise error of p ≤ α is at most α.

    S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6 (1979) 65.
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factors))
    return adjusted
