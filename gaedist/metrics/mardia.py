"""Mardia's skewness and kurtosis without standardisation, as the authors of CWAE evaluate them."""

import math

import numpy as np

from gaedist.engine import Run, in_threads
from gaedist.metrics.base import Metric
from gaedist.metrics.moment_metrics import MomentOneSample
from gaedist.metrics.options import ScoreOptions
from gaedist.null.distributions import Gamma, Moments
from gaedist.numerics import Array, squared_norms

_AXES, _ROWS = 8, 512  # axes and points of one product of third powers, which stays in the cache
_SMALLEST, _LARGEST = 1e-45, 1e40  # numbers whose sixth powers, and sums of them, a double can hold
_PRODUCTS = 1 << 19  # inner products in one block


def unit_of(x: Array) -> float:
    """Return a power of two by which to divide codes whose powers exceed the range of a double, else 1."""
    largest = max(float(x.max()), -float(x.min()))
    if largest == 0 or _SMALLEST < largest < _LARGEST:
        return 1.0
    return 2.0 ** max(math.frexp(largest)[1], -1000)


class SkewnessOneSample(MomentOneSample):
    """The mean of (x_i·x_j)³ over all pairs of points."""

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Compute the moment."""
        self.n, self.dim = x.shape
        unit = unit_of(x)
        self.set_value(third_moments(x if unit == 1 else x / unit, run), 6 * math.log(unit))

    def null_distribution(self) -> Gamma:
        """Return a gamma distribution with the exact mean, standard deviation and skewness."""
        return Gamma.of(skewness_moments(self.n, self.dim), self.n)


class KurtosisOneSample(MomentOneSample):
    """The mean of |x|⁴ over all points."""

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Compute the moment."""
        self.n, self.dim = x.shape
        unit = unit_of(x)
        self.set_value(fourth_moment(x if unit == 1 else x / unit), 4 * math.log(unit))

    @classmethod
    def is_two_sided(cls, options: ScoreOptions) -> bool:
        """Return True: small norms are as unlikely as large ones."""
        return True

    def null_distribution(self) -> Gamma:
        """Return a gamma distribution with the exact mean, standard deviation and skewness."""
        return Gamma.of(kurtosis_moments(self.n, self.dim), self.n, two_sided=True)


def third_moments(x: Array, run: Run) -> float:
    """Return mean (x_i·x_j)³ over all i and j, as |T|² with T = mean x ⊗ x ⊗ x, or from blocks of x_i·x_j."""
    n, dim = x.shape
    if 2 * dim**2 < 3 * n:
        return math.fsum(in_threads(lambda first: _tensor_part(x, first), range(0, dim, _AXES), run))
    size = max(1, _PRODUCTS // n)
    parts = in_threads(lambda start: _cubes(x[start : start + size], x), range(0, n, size), run)
    return float(math.fsum(parts) / n**2)


def _cubes(some: Array, x: Array) -> float:
    """Return Σ (x_i·x_j)³ over i among some points and j among all."""
    products = some @ x.T
    return float(np.einsum("ij,ij,ij->", products, products, products))


def _tensor_part(x: Array, first: int) -> float:
    """Return Σ T_abc² over all a, b, c with at least one among a few axes, and none before these."""
    rest = x.shape[1] - first
    few = min(_AXES, rest)
    part = np.zeros((few * rest, rest))
    for start in range(0, len(x), _ROWS):
        some = x[start : start + _ROWS, first:]
        part += (some[:, :few, np.newaxis] * some[:, np.newaxis]).reshape(len(some), -1).T @ some
    squares = (part.reshape(few, rest, rest) / len(x)) ** 2
    # any of the three axes may be the one among the few: weight 3, divided by how many of them are
    mine = (np.arange(rest) < few).astype(float)
    return float((3 / (1 + mine[:, np.newaxis] + mine) * squares).sum())


def skewness_moments(n: int, dim: int) -> Moments:
    """Return mean, standard deviation and skewness of `third_moments` over samples of N(0, I), exactly.

    Pairs of different points contribute (x·y)³, with mean 0 given either, and each point with itself |x|⁶.
    """
    d6, d12, d18 = (_norm_moment(dim, power) for power in (3, 6, 9))
    pairs = n * (n - 1)
    variance = n * (d12 - d6**2) + 2 * pairs * 15 * d6
    triangle = 9 * d6 * (3 * dim + 22)
    # E (|x|⁶ − E|x|⁶)³, E (x·y)⁶ (|x|⁶ − E|x|⁶), and E (x·y)³ of both differences
    own = d18 - 3 * d12 * d6 + 2 * d6**3
    mixed = 15 * (d12 - d6**2)
    third = n * own + 12 * pairs * mixed + 8 * pairs * (n - 2) * triangle
    return Moments(d6 / n, math.sqrt(variance) / n**2, third / variance**1.5)


def fourth_moment(x: Array) -> float:
    """Return mean |x|⁴."""
    squares = squared_norms(x)
    return float(np.einsum("i,i->", squares, squares)) / len(x)


def kurtosis_moments(n: int, dim: int) -> Moments:
    """Return mean, standard deviation and skewness of `fourth_moment` over samples of N(0, I), exactly."""
    m4, m8, m12 = (_norm_moment(dim, power) for power in (2, 4, 6))
    variance = m8 - m4**2
    third = m12 - 3 * m8 * m4 + 2 * m4**3
    return Moments(m4, math.sqrt(variance / n), third / variance**1.5 / math.sqrt(n))


def _norm_moment(dim: int, power: int) -> float:
    """Return E |x|^(2 power) = D (D + 2) (D + 4) ⋯ of N(0, I)."""
    return float(math.prod(dim + 2 * k for k in range(power)))


_REFERENCE = (
    "K. V. Mardia, Measures of multivariate skewness and kurtosis with applications, Biometrika 57 (1970) "
    "519, doi:10.1093/biomet/57.3.519; as in S. Knop et al., Cramer-Wold Auto-Encoder, JMLR 21 (2020) 164"
)

SKEWNESS = Metric(
    name="mardia-skewness",
    summary="third moment mean (x_i·x_j)³, not standardised",
    formula="mean over all i and j of (x_i·x_j)³; D (D + 2) (D + 4)/n on average under N(0, I).",
    detects="skewness, and a shift of the mean",
    reference=_REFERENCE,
    null="gamma distribution, exact mean, sd and skewness",
    one_sample=SkewnessOneSample,
)

KURTOSIS = Metric(
    name="mardia-kurtosis",
    summary="fourth moment mean |x|⁴, not standardised",
    formula="mean over i of |x_i|⁴; D (D + 2) on average under N(0, I).",
    detects="scale and far points",
    reference=_REFERENCE,
    null="gamma distribution, exact mean, sd and skewness; two-sided",
    one_sample=KurtosisOneSample,
)
