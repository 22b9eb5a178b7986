"""The sliced Wasserstein distance, which the sliced Wasserstein auto-encoder minimises.

Along a direction u the points are t = u·x, and W₂² to N(0, 1) is exact:

    W₂²(t, N(0, 1)) = (1/n) Σ (t_(i) − m_i)² + 1 − (1/n) Σ m_i²        m_i = n [φ(z_(i−1)) − φ(z_i)]

with m_i the mean of the normal quantile function between (i − 1)/n and i/n, and z_i = Φ⁻¹(i/n). Under N(0, I)
the mean is the same along every direction. To first order n W₂² is Σ_k h_k²/k, with h_k = √n times the mean
over the points of the k-th normalised Hermite polynomial, so that its cumulants are those of Σ (1/k) χ²₁.
Derived here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gaedist.engine import PairTotal, Run, Slices, Transport, common_refinement
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.base import Metric, TwoSample
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.options import CompareOptions, ScoreOptions
from gaedist.metrics.sliced_metrics import (
    TERMS,
    SlicedOneSample,
    coincidences,
    directions_of,
    mean_powers,
    mean_triple_products,
    sliced_measurement,
)
from gaedist.null.distributions import Moments
from gaedist.null.permutations import Permutations, permute_wasserstein, pooled
from gaedist.numerics import Array

_NODES = 600  # of the quadrature for the mean of W₂²
_SPREAD = 12.0  # standard deviations of the binomial distribution over which it is summed


class SlicedWassersteinOneSample(SlicedOneSample):
    """The distance to N(0, 1), averaged over directions."""

    has_exact_moments = False

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Plan W₂² along random directions."""
        self.prepare(x, Wasserstein(), options.parameters.used("directions"), run)

    def shift_curve(self) -> ShiftCurve:
        """Return |m|²/D: along u a shift adds (u·m)²."""
        return ShiftCurve(slope=1 / self.dim)

    def moments(self) -> Moments:
        """Return the exact mean, and standard deviation and skewness to first order in 1/n."""
        return wasserstein_moments(self.n, self.dim, int(self.used.directions or 0))


class SlicedWassersteinTwoSample(TwoSample):
    """The distance between two samples, averaged over directions."""

    def __init__(self, x: Array, y: Array, options: CompareOptions, run: Run) -> None:
        """Plan W₂² along random directions."""
        self.x, self.y, self.run = x, y, run
        self.used = options.parameters.used("directions")
        self.directions = directions_of(x.shape[1], self.used, run)
        self.slices = [Slices(x, self.directions, Transport(), y)]

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the mean over directions."""
        return sliced_measurement(values[0], self.used)

    def permute(self, measurement: Measurement, replicates: int) -> Permutations:
        """Permute the labels of the pooled points, with the same directions."""
        pool = pooled(self.x, self.y)
        return permute_wasserstein(*pool, self.directions, replicates=replicates, run=self.run)


@lru_cache(maxsize=4)
def quantile_means(n: int) -> Array:
    """Return the means m_i of the standard normal quantile function between (i − 1)/n and i/n, (n,)."""
    from scipy.special import ndtri

    z = ndtri(np.arange(1, n) / n)
    heights = np.concatenate([[0.0], np.exp(-z * z / 2) / math.sqrt(2 * math.pi), [0.0]])
    return n * -np.diff(heights)


@dataclass(frozen=True)
class Wasserstein:
    """W₂² of points on a line to N(0, 1)."""

    def of_sorted(self, rows: Array) -> Array:
        """Return W₂² for each row of sorted points, (b,)."""
        means = quantile_means(rows.shape[1])
        apart = rows - means
        rest = 1 - float(means @ means) / len(means)
        return np.asarray(np.einsum("ij,ij->i", apart, apart) / len(means) + rest)


@lru_cache(maxsize=64)
def wasserstein_moments(n: int, dim: int, count: int, m: int | None = None) -> Moments:
    """Return the moments of the mean of W₂² over directions; all but the mean to first order in 1/n.

    For two samples, of n and m points, 1/n is 1/n + 1/m: to first order W₂² is Σ_k (h_k/√n − h'_k/√m)²/k.
    """
    k = np.arange(1, TERMS + 1)
    shared, triple = mean_powers(dim, 2 * k), mean_triple_products(dim)
    pairs, triples = coincidences(dim, count)
    square = 2 * float(pairs @ [np.sum(1 / k**2), (shared / k**2).sum()])
    cube = 8 * float(triples @ [np.sum(1 / k**3), (shared / k**3).sum(), (triple / k**3).sum()])
    mean = wasserstein_mean(n) if m is None else two_sample_mean(n, m)
    share = 1 / n + (0.0 if m is None else 1 / m)
    return Moments(mean, share * math.sqrt(square), cube / square**1.5)


@lru_cache(maxsize=1)
def _nodes() -> tuple[Array, Array]:
    """Return nodes and weights from −10 to 0; the integrand is even."""
    x, weights = np.polynomial.legendre.leggauss(_NODES)
    return x[: _NODES // 2] * 10, weights[: _NODES // 2] * 10


@lru_cache(maxsize=64)
def wasserstein_mean(n: int) -> float:
    """Return E W₂²(t, N(0, 1)) for n points of N(0, 1): 2 − 2 Σ m_i E t_(i)/n."""
    return float(2 - 2 * (quantile_means(n) @ order_means(n)) / n)


@lru_cache(maxsize=64)
def two_sample_mean(n: int, m: int) -> float:
    """Return E W₂²(t, s) for n points t and m points s of N(0, 1): 2 − 2 ∫ E F⁻¹(u) E G⁻¹(u) du."""
    parts = common_refinement(n, m)
    return float(2 - 2 * (parts.lengths @ (order_means(n)[parts.left] * order_means(m)[parts.right])))


@lru_cache(maxsize=4)
def order_means(n: int) -> Array:
    """Return E t_(i) of n sorted points of N(0, 1), (n,).

    They are integrals over the value t of a point, whose rank given t is binomial.
    """
    from scipy.special import ndtr
    from scipy.stats import binom

    found = np.zeros(n)
    for place, weight in zip(*_nodes(), strict=True):
        p = float(ndtr(place))
        spread = math.ceil(_SPREAD * math.sqrt((n - 1) * p * (1 - p)) + _SPREAD)
        first, last = max(0, round((n - 1) * p) - spread), min(n - 1, round((n - 1) * p) + spread)
        chances = binom.pmf(np.arange(first, last + 1), n - 1, p)
        density = weight * math.exp(-place * place / 2) / math.sqrt(2 * math.pi)
        found[first : last + 1] += n * place * density / float(chances.sum()) * chances
    return found - found[::-1]


METRIC = Metric(
    name="sliced-wasserstein",
    summary="W₂² along a direction, averaged over directions (the SWAE loss)",
    formula="""\
mean over random unit directions u of W₂²(u·x, N(0, 1)), which along each direction is exact:
(1/n) Σ (t_(i) − m_i)² + 1 − (1/n) Σ m_i², m_i the mean of the normal quantile function on ((i − 1)/n, i/n).
Two samples: mean over directions of W₂²(u·x, u·y). value_se is the standard error of the mean over
directions.""",
    detects="mean, covariance and far points along lines",
    reference="S. Kolouri, P. E. Pope, C. E. Martin and G. K. Rohde, Sliced Wasserstein Auto-Encoders, ICLR "
    "2019, arXiv:1804.01947; N. Bonneel et al., Sliced and Radon Wasserstein Barycenters of Measures, J. "
    "Math. Imaging Vis. 51 (2015) 22, doi:10.1007/s10851-014-0506-3",
    null="gamma distribution, exact mean, asymptotic sd and skewness",
    parameters=("directions",),
    one_sample=SlicedWassersteinOneSample,
    two_sample=SlicedWassersteinTwoSample,
)
