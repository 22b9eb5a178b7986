"""Where samples of N(0, I) lie at a given size: bands for sorted numbers and for counts, and eigenvalues.

A band holds each number by itself with the probability `LEVEL`. The k-th smallest of n uniform numbers has
the Beta distribution of k and n + 1 − k, and a quantile function takes it to any other law.
"""

import math

import numpy as np

from gaedist.numerics import Array

LEVEL = 0.99
"""Probability of each number to lie in its band."""

_NODES = 4001  # of the angle that runs through the bulk of eigenvalues


def uniform_band(n: int, ranks: Array) -> tuple[Array, Array, Array]:
    """Return the band of sorted uniform numbers, and the middle of it.

    Parameters
    ----------
    n : int
        How many numbers there are.
    ranks : (K,) array
        Which of them, from 1, in ascending order.

    Returns
    -------
    low, middle, high : (K,) arrays
        Quantiles (1 − `LEVEL`)/2, ½ and (1 + `LEVEL`)/2 of each.
    """
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    low, middle, high = (betaincinv(ranks, n + 1 - ranks, p) for p in (tail, 0.5, 1 - tail))
    return np.asarray(low), np.asarray(middle), np.asarray(high)


def normal_band(n: int, ranks: Array) -> tuple[Array, Array, Array]:
    """Return the band of sorted N(0, 1) numbers, and the middle of it, as `uniform_band` does."""
    from scipy.special import ndtri

    low, middle, high = uniform_band(n, ranks)
    return np.asarray(ndtri(low)), np.asarray(ndtri(middle)), np.asarray(ndtri(high))


def sd_band(n: int, dim: int) -> tuple[Array, Array, Array]:
    """Return the band of the sorted sds of D axes of n points: (n − 1) S_jj ~ χ² with n − 1 degrees.

    Returns
    -------
    low, middle, high : (D,) arrays
        As `uniform_band` does.
    """
    from scipy.special import gammaincinv

    half = (n - 1) / 2
    low, middle, high = (
        np.sqrt(gammaincinv(half, p) / half) for p in uniform_band(dim, np.arange(1.0, dim + 1))
    )
    return low, middle, high


def count_band(n: int, probabilities: Array) -> tuple[Array, Array]:
    """Return the least and the largest of n points in bins of these probabilities: a binomial's quantiles.

    Returns
    -------
    low, high : (K,) arrays
        Whole numbers, between which a count lies with a probability of at least `LEVEL`.
    """
    p = np.clip(probabilities, 0.0, 1.0)
    return _binomial_quantile((1 - LEVEL) / 2, n, p), _binomial_quantile((1 + LEVEL) / 2, n, p)


def _binomial_quantile(level: float, n: int, p: Array) -> Array:
    """Return the least k with P(count ≤ k) ≥ level."""
    from scipy.special import bdtr, bdtrik

    k = np.clip(np.ceil(np.nan_to_num(bdtrik(level, n, p))), 0.0, n)
    return np.asarray(np.where((k > 0) & (bdtr(np.maximum(k - 1, 0.0), n, p) >= level), k - 1, k))


def eigenvalue_quantiles(n: int, dim: int) -> Array:
    """Return where the D sorted eigenvalues of the covariance of n points lie: quantiles (k − ½)/D.

    Of the law of V. Marchenko and L. Pastur, Math. USSR-Sb. 1 (1967) 457, for γ = D/(n − 1): its density is
    √((b − λ)(λ − a))/(2πγλ) between a and b = (1 ∓ √γ)², and for γ > 1 it has 1 − 1/γ at 0.
    """
    gamma = dim / max(1, n - 1)
    a, b = (1 - math.sqrt(gamma)) ** 2, (1 + math.sqrt(gamma)) ** 2
    angles = np.linspace(0.0, np.pi, _NODES)
    values = a + (b - a) * (1 - np.cos(angles)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = ((b - a) * np.sin(angles)) ** 2 / (8 * np.pi * gamma * values)  # density times dλ/dθ
    slope = np.nan_to_num(slope, posinf=0.0)
    if a == 0:  # γ = 1, where sin² θ/(1 − cos θ) is 1 + cos θ
        slope[0] = b / (2 * np.pi)
    mass = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2)]) * (angles[1] - angles[0])
    mass *= min(1.0, 1 / gamma) / mass[-1]
    wanted = (np.arange(dim) + 0.5) / dim - max(0.0, 1 - 1 / gamma)
    return np.where(wanted > 0, np.interp(wanted, mass, values), 0.0)
