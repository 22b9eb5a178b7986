"""Slow twins of gaedist's functions, straight from the formulas, sharing no code with it.

The dense ones need an n×n matrix; those that end in _mp work with 200 digits.
"""

import math

import mpmath
import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

MP = mpmath.mp.clone()
MP.dps = 200


def overlap(x, y, s, t):
    """log of the mean of N(x_i − y_j; 0, (s + t) I), from the full matrix."""
    dim = x.shape[1]
    exponents = -cdist(x, y, "sqeuclidean") / (2 * (s + t)) - dim / 2 * math.log(2 * math.pi * (s + t))
    return logsumexp(exponents) - math.log(len(x)) - math.log(len(y))


def overlap_mp(x, y, s, t):
    """∫ of the product of two smoothed samples, with 200 digits."""
    dim = x.shape[1]
    s, t = MP.mpf(s), MP.mpf(t)
    x, y = [[[MP.mpf(float(c)) for c in point] for point in sample] for sample in (x, y)]
    total = MP.fsum(
        MP.exp(-MP.fsum((a - b) ** 2 for a, b in zip(p, q, strict=True)) / (2 * (s + t)))
        for p in x
        for q in y
    )
    return total / len(x) / len(y) * (2 * MP.pi * (s + t)) ** (-MP.mpf(dim) / 2)


def score_mp(x, sigma):
    """Eq. (7): (4π)^(D/2) ∫ (KDE − N(0, I))²."""
    dim, s, origin = x.shape[1], sigma**2, np.zeros((1, x.shape[1]))
    total = overlap_mp(x, x, s, s) + overlap_mp(origin, origin, 1, 1) - 2 * overlap_mp(x, origin, s, 1)
    return total * (4 * MP.pi) ** (MP.mpf(dim) / 2)


def compare_mp(x, y, sigma):
    """Eq. (5): (4πσ²)^(D/2) ∫ (KDE(X) − KDE(Y))²."""
    dim, s = x.shape[1], sigma**2
    total = overlap_mp(x, x, s, s) + overlap_mp(y, y, s, s) - 2 * overlap_mp(x, y, s, s)
    return total * (4 * MP.pi * MP.mpf(s)) ** (MP.mpf(dim) / 2)


def score(x, sigma):
    """Eq. (7) from the dense matrix, in double."""
    dim, s = x.shape[1], sigma**2
    log_scale = dim / 2 * math.log(4 * math.pi)
    origin = np.zeros((1, dim))
    pair, cross = overlap(x, x, s, s), overlap(x, origin, s, 1)
    return math.exp(pair + log_scale) + 1 - 2 * math.exp(cross + log_scale)


def compare(x, y, sigma):
    """Eq. (5) from dense matrices, in double."""

    def kernel_mean(a, b):
        return np.exp(-cdist(a, b, "sqeuclidean") / (4 * sigma**2)).mean()

    return kernel_mean(x, x) + kernel_mean(y, y) - 2 * kernel_mean(x, y)


def null_moments_mp(n, dim, sigma):
    """Mean and sd of Eq. (7) under N(0, I), as FORMULAS §6 writes them, with 200 digits."""
    s, h = MP.mpf(sigma**2), -MP.mpf(dim) / 2

    def e(t):
        return (1 + 2 * t) ** h

    ek, g0, tg = (1 + 1 / s) ** h, (1 + 1 / (2 * s)) ** h, 1 / (4 * s + 2)
    c0, tc = ((1 + s) / 2) ** h, 1 / (2 * (1 + s))
    zeta1, zeta2 = g0**2 * e(2 * tg) - ek**2, (1 + 2 / s) ** h - ek**2
    covariance = g0 * c0 * e(tg + tc) - ek * c0 * e(tc)
    mean = s**h * (MP.mpf(1) / n + (1 - MP.mpf(1) / n) * ek) + 1 - 2 * c0 * e(tc)
    pairs = (1 - MP.mpf(1) / n) ** 2 * 2 / (n * (n - 1)) * (2 * (n - 2) * zeta1 + zeta2) if n > 1 else 0
    variance = (
        s ** (2 * h) * pairs
        - 4 * s**h * (1 - MP.mpf(1) / n) * 2 / n * covariance
        + MP.mpf(4) / n * (c0**2 * e(2 * tc) - c0**2 * e(tc) ** 2)
    )
    return mean, MP.sqrt(variance)
