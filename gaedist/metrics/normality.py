"""Distances of moments: KL of the Gaussian fit, Mardia's sums, and the standardisation of Henze and Zirkler.

Under N(0, I) 2n KL is the likelihood ratio of a given mean and covariance, whose moment generating function
is a product of gamma functions (T. W. Anderson, An Introduction to Multivariate Statistical Analysis, sec.
10.9), and the others are polynomials of n and D by the moments of N(0, I).
"""

import math

import numpy as np

from gaedist.engine import Run, in_threads
from gaedist.errors import GaedistError
from gaedist.null.distributions import Cumulants
from gaedist.numerics import Array

_AXES, _ROWS = 8, 512  # axes and points of a product of their third powers, which stays in the cache
_PRODUCTS = 1 << 19  # numbers that are multiplied at once
_CONSTANT = 1e-24  # eigenvalue of a covariance beside the mean square, that rounding may leave of nothing


def covariance_of(x: Array) -> tuple[Array, Array, Array]:
    """Return mean (D,), and eigenvalues (D,) and eigenvectors (D, D) of the covariance with divisor n.

    Raises
    ------
    GaedistError
        If it is singular.
    """
    n, dim = x.shape
    if n <= dim:
        raise GaedistError(f"the covariance is singular: at D = {dim} it takes {dim + 1} points; got {n}.")
    mean = x.mean(axis=0)
    # not by the eigenvalues of a product, which has lost half the digits of the small ones
    _, scales, axes = np.linalg.svd(np.linalg.qr((x - mean) / math.sqrt(n), mode="r"))
    values, vectors = scales**2, axes.T
    if flat := int((values <= _CONSTANT * float(np.einsum("ij,ij->", x, x)) / n).sum()):
        raise GaedistError(
            f"the covariance is singular: the codes do not vary along {flat} of {dim} directions. "
            "Take another metric."
        )
    return mean, values, vectors


def divergence(x: Array) -> float:
    """Return KL(N(m, C) ‖ N(0, I)) = ½ (tr C + |m|² − D − log |C|) of the sample's Gaussian fit.

    C has divisor n: the fit is the likeliest. Each term, c − 1 − log c ≥ 0, keeps its digits where c is
    near 1.
    """
    mean, values, _ = covariance_of(x)
    off = values - 1
    logs = np.where(np.abs(off) < 0.5, np.log1p(off), np.log(values))
    return 0.5 * (float(mean @ mean) + math.fsum(off - logs))


def divergence_cumulants(n: int, dim: int) -> Cumulants:
    """Return mean, standard deviation and skewness of the divergence over samples of N(0, I), exactly."""
    from scipy.special import digamma, polygamma

    halves = (n - np.arange(1, dim + 1)) / 2
    first = -n * float(dim * math.log(2 / n) + digamma(halves).sum())
    second = n**2 * float(polygamma(1, halves).sum()) - 2 * dim * n
    third = -(n**3) * float(polygamma(2, halves).sum()) - 4 * dim * n
    return Cumulants(first / (2 * n), math.sqrt(second) / (2 * n), third / second**1.5)


def standardised(x: Array) -> Array:
    """Return the sample with mean 0 and covariance I, divisor n."""
    mean, values, vectors = covariance_of(x)
    return np.ascontiguousarray((x - mean) @ (vectors / np.sqrt(values)))


def henze_zirkler_beta(n: int, dim: int) -> float:
    """Return β = ((2D + 1) n/4)^(1/(D + 4))/√2, Henze and Zirkler 1990."""
    return float(((2 * dim + 1) * n / 4) ** (1 / (dim + 4)) / math.sqrt(2))


def henze_zirkler_moments(dim: int, beta: float) -> tuple[float, float]:
    """Return 1 − mean and the standard deviation of the statistic under any Gaussian law, as n grows.

    N. Henze and B. Zirkler, A class of invariant consistent tests for multivariate normality, Comm.
    Statist. Theory Methods 19 (1990) 3595, theorem 3.2.
    """
    d, b2 = dim, beta**2
    a, w = 1 + 2 * b2, (1 + b2) * (1 + 3 * b2)
    below = a ** (-d / 2) * (1 + d * b2 / a + d * (d + 2) * b2**2 / (2 * a**2))
    variance = (
        2 * (1 + 4 * b2) ** (-d / 2)
        + 2 * a ** (-d) * (1 + 2 * d * b2**2 / a**2 + 3 * d * (d + 2) * b2**4 / (4 * a**4))
        - 4 * w ** (-d / 2) * (1 + 3 * d * b2**2 / (2 * w) + d * (d + 2) * b2**4 / (2 * w**2))
    )
    return below, math.sqrt(variance)


def third_moments(x: Array, run: Run) -> float:
    """Return mean (x_i·x_j)³ over all i and j: |T|² of T = mean x ⊗ x ⊗ x, or by products of few points."""
    n, dim = x.shape
    if 2 * dim**2 < 3 * n:
        return math.fsum(in_threads(lambda first: _tensor_part(x, first), range(0, dim, _AXES), run))
    size = max(1, _PRODUCTS // n)
    parts = in_threads(lambda start: _cubes(x[start : start + size], x), range(0, n, size), run)
    return float(math.fsum(parts) / n**2)


def _cubes(some: Array, x: Array) -> float:
    """Return Σ (x_i·x_j)³ over some points and all."""
    products = some @ x.T
    return float(np.einsum("ij,ij,ij->", products, products, products))


def _tensor_part(x: Array, first: int) -> float:
    """Return Σ T_abc² over all a, b, c of which some are of a few axes, and none before these."""
    rest = x.shape[1] - first
    few = min(_AXES, rest)
    part = np.zeros((few * rest, rest))
    for start in range(0, len(x), _ROWS):
        some = x[start : start + _ROWS, first:]
        part += (some[:, :few, np.newaxis] * some[:, np.newaxis]).reshape(len(some), -1).T @ some
    with np.errstate(over="ignore"):  # of codes whose third powers leave the range of a double
        squares = (part.reshape(few, rest, rest) / len(x)) ** 2
    # a is one of the few, as each of the three may be: so often has the sum that in it
    mine = (np.arange(rest) < few).astype(float)
    return float((3 / (1 + mine[:, np.newaxis] + mine) * squares).sum())


def skewness_cumulants(n: int, dim: int) -> Cumulants:
    """Return mean, standard deviation and skewness of `third_moments` over samples of N(0, I), exactly.

    Pairs of different points add (x·y)³, of mean 0 given either, and points with themselves |x|⁶.
    """
    d6, d12, d18 = (_norm_moment(dim, power) for power in (3, 6, 9))
    pairs = n * (n - 1)
    variance = n * (d12 - d6**2) + 2 * pairs * 15 * d6
    triangle = 9 * d6 * (3 * dim + 22)
    # E (|x|⁶ − E|x|⁶)³, E (x·y)⁶ (|x|⁶ − E|x|⁶), and E (x·y)³ of both differences
    own = d18 - 3 * d12 * d6 + 2 * d6**3
    mixed = 15 * (d12 - d6**2)
    third = n * own + 12 * pairs * mixed + 8 * pairs * (n - 2) * triangle
    return Cumulants(d6 / n, math.sqrt(variance) / n**2, third / variance**1.5)


def fourth_moment(x: Array) -> float:
    """Return mean |x|⁴."""
    squares = np.einsum("ij,ij->i", x, x)
    return float(np.einsum("i,i->", squares, squares)) / len(x)


def kurtosis_cumulants(n: int, dim: int) -> Cumulants:
    """Return mean, standard deviation and skewness of `fourth_moment` over samples of N(0, I), exactly."""
    m4, m8, m12 = (_norm_moment(dim, power) for power in (2, 4, 6))
    variance = m8 - m4**2
    third = m12 - 3 * m8 * m4 + 2 * m4**3
    return Cumulants(m4, math.sqrt(variance / n), third / variance**1.5 / math.sqrt(n))


def _norm_moment(dim: int, power: int) -> float:
    """Return E |x|^(2 power) = D (D + 2) (D + 4) ⋯ of N(0, I)."""
    return float(math.prod(dim + 2 * k for k in range(power)))
