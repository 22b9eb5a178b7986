"""Distances to N(0, 1) on a line, meant to be averaged over directions, and their law under N(0, I).

Along a direction u the points are t = u·x. Both distances are exact there:

    W₂²(t, N(0, 1)) = (1/n) Σ (t_(i) − m_i)² + 1 − (1/n) Σ m_i²,     m_i = n [φ(z_(i−1)) − φ(z_i)],  z_i =
    Φ⁻¹(i/n) T = n ∫ |mean e^(ist) − e^(−s²/2)|² N(s; 0, β²) ds

with m_i the mean of the quantile function between (i − 1)/n and i/n (FORMULAS §8). The integral is the sum
over its values at multiples of a step, whose error is that of images of the points beyond a period
(FORMULAS §9).

The law over N(0, I) and over directions: the mean is that on a line. To first order n W₂² is Σ_k h_k²/k,
with h_k the mean of the k-th Hermite polynomial times √n, so that its cumulants are those of Σ (1/k) χ²;
and two directions at an angle of cosine c share c^k of the k-th. Derived here.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.kernels.radial import ScaleMixture, phi_d_mixture
from gaedist.null.distributions import Cumulants
from gaedist.null.kernel_spectrum import PairMoments, log_harmonics
from gaedist.numerics import Array

_EFOLDS = 37.0  # below 1 at which a Gaussian is nothing
_TERMS = 400  # of the sums over k
_FEW = 256  # modes that are always cheaper than pairs
_PAIR = 4.0  # modes of a point that a pair costs
_NODES = 600  # of the quadrature for the mean of W₂²
_SPREAD = 12.0  # standard deviations of a binomial law that count


@lru_cache(maxsize=4)
def quantile_means(n: int) -> Array:
    """Return the means m_i of the standard normal quantile function between (i − 1)/n and i/n, (n,)."""
    from scipy.special import ndtri

    z = ndtri(np.arange(1, n) / n)
    heights = np.concatenate([[0.0], np.exp(-z * z / 2) / math.sqrt(2 * math.pi), [0.0]])
    return n * -np.diff(heights)


@dataclass(frozen=True)
class Wasserstein:
    """W₂² to N(0, 1)."""

    def of(self, rows: Array) -> Array:
        """Return it for each row of points in order."""
        means = quantile_means(rows.shape[1])
        apart = rows - means
        rest = 1 - float(means @ means) / len(means)
        return np.asarray(np.einsum("ij,ij->i", apart, apart) / len(means) + rest)


@dataclass(frozen=True)
class EppsPulley:
    """T, the BHEP statistic with known mean and variance.

    Attributes
    ----------
    beta : float
        β, the standard deviation of the weight of frequencies; that of the kernel is 1/β.
    """

    beta: float

    def of(self, rows: Array) -> Array:
        """Return it for each row of points in order."""
        return np.array([self._of_row(row) for row in rows])

    @property
    def _reach(self) -> float:
        """How far the kernel is felt."""
        return math.sqrt(2 * _EFOLDS) / self.beta

    @property
    def _prior_reach(self) -> float:
        """How far from 0 the prior is felt, under the kernel."""
        return math.sqrt(2 * _EFOLDS * (1 + 1 / self.beta**2))

    def _of_row(self, t: Array) -> float:
        n, far = len(t), max(-float(t[0]), float(t[-1]), 0.0)
        period = max(t[-1] - t[0] + self._reach, far + self._prior_reach, math.sqrt(2) * self._prior_reach)
        if far < 2 * self._prior_reach and (modes := self._modes(period)) * _PAIR < max(n, _FEW):
            return n * self._fourier(t, period, modes, prior=True)
        # points that nothing is felt between may come nearer, as long as that stays so
        gaps = np.diff(t)
        close = np.concatenate([[0.0], np.cumsum(np.minimum(gaps, self._reach))])
        period = close[-1] + self._reach
        last = np.searchsorted(t, t + self._reach)
        pairs = int((last - np.arange(n)).sum())
        if (modes := self._modes(period)) * n < _PAIR * pairs:
            pair = self._fourier(close, period, modes, prior=False)
        else:
            pair = self._nearby(t, last)
        b = self.beta**2
        cross = float(np.exp(-b * t * t / (2 * (1 + b))).mean()) / math.sqrt(1 + b)
        return n * max(0.0, pair + 1 / math.sqrt(1 + 2 * b) - 2 * cross)

    def _modes(self, period: float) -> float:
        """Return how many multiples of 2π/period count."""
        return math.ceil(math.sqrt(2 * _EFOLDS) * self.beta * period / (2 * math.pi))

    def _fourier(self, t: Array, period: float, modes: float, *, prior: bool) -> float:
        """Return the integral of |ψ − e^(−s²/2)|², or of |ψ|², by its values at multiples of 2π/period."""
        from gaedist.engine.compiled.line_sums import LANES, wave_sums

        step, count, n = 2 * math.pi / period, int(modes), len(t)
        angles = step * t
        sums = np.empty((2, count))
        wave_sums(np.cos(angles), np.sin(angles), sums, np.empty((2, count, LANES)))
        real, imaginary = sums
        s = step * np.arange(1, count + 1)
        weights = 2 * step / (math.sqrt(2 * math.pi) * self.beta) * np.exp(-((s / self.beta) ** 2) / 2)
        if prior:
            return float(weights @ ((real / n - np.exp(-s * s / 2)) ** 2 + (imaginary / n) ** 2))
        return float(weights @ (real**2 + imaginary**2)) / n**2 + step / (math.sqrt(2 * math.pi) * self.beta)

    def _nearby(self, t: Array, last: NDArray[np.intp]) -> float:
        from gaedist.engine.compiled.line_sums import near_sum

        n = len(t)
        rate = self.beta**2 / 2 * math.log2(math.e)
        return (n + 2 * float(near_sum(t, last, rate, np.empty(n)))) / n**2


@lru_cache(maxsize=64)
def wasserstein_cumulants(n: int, dim: int, count: int) -> Cumulants:
    """Return those of the mean of W₂² over random directions, but for the mean to first order in 1/n."""
    k = np.arange(1, _TERMS + 1)
    shared, triple = _powers(dim, 2 * k), _triples(dim)
    pairs, triples = _shares(dim, count)
    square = 2 * float(pairs @ [np.sum(1 / k**2), (shared / k**2).sum()])
    cube = 8 * float(triples @ [np.sum(1 / k**3), (shared / k**3).sum(), (triple / k**3).sum()])
    return Cumulants(wasserstein_mean(n), math.sqrt(square) / n, cube / square**1.5)


@lru_cache(maxsize=64)
def epps_pulley_cumulants(n: int, dim: int, count: int, beta: float) -> Cumulants:
    """Return those of the mean of T over random directions, exactly, but for the skewness, the limit's.

    The mean over all directions is φ_D(β²|x − y|²/2), a mixture, and that along one is a Gaussian.
    """
    rate = beta**2 / 2
    line = PairMoments(1, ScaleMixture(np.array([rate]), np.ones(1), 1.0))
    space = PairMoments(dim, phi_d_mixture(dim, rate))
    pairs, triples = _shares(dim, count)
    square = n**2 * float(pairs @ [law.variance(n, unbiased=False) for law in (line, space)])
    shared = 0.0
    for degree, block in enumerate(line.blocks(2)):
        j = 2 * np.arange(block.shape[0]) + (2 if degree == 0 else 1)
        shared += float((block @ block * block * _powers(dim, j[:, np.newaxis] + j)).sum())
    cube = 8 * float(triples @ [line.trace(3), shared, space.trace(3)])
    return Cumulants(1 - 1 / math.sqrt(1 + 2 * beta**2), math.sqrt(square), cube / square**1.5)


def _shares(dim: int, count: int) -> tuple[Array, Array]:
    """Return how probable it is that two directions are one or two, and three of them one, two or three."""
    n = 1 if dim == 1 else count
    return np.array([1, n - 1]) / n, np.array([1, 3 * (n - 1), (n - 1) * (n - 2)]) / n**2


def _powers(dim: int, k: NDArray[Any]) -> Array:
    """Return E c^k over the cosines c of two random directions, for even k."""
    from scipy.special import gammaln

    logs = gammaln((k + 1) / 2) - gammaln((k + dim) / 2)
    return np.asarray(np.exp(logs - math.lgamma(0.5) + math.lgamma(dim / 2)))


@lru_cache(maxsize=64)
def _triples(dim: int) -> Array:
    """Return E (u·v)^k (v·w)^k (w·u)^k over random directions for k = 1, …: Σ λ³ of the kernels (u·v)^k.

    Harmonics of degree l = k − 2j have λ = k! Γ(D/2) / (2^k j! Γ(k − j + D/2)) (Funk and Hecke).
    """
    from scipy.special import gammaln

    k, j = np.arange(1, _TERMS + 1)[:, np.newaxis], np.arange(_TERMS // 2 + 1)
    degrees = np.where(k >= 2 * j, k - 2 * j, 0)
    logs = gammaln(k + 1) + math.lgamma(dim / 2) - k * math.log(2)
    logs = logs - gammaln(j + 1) - gammaln(degrees + j + dim / 2)
    counts = np.array([log_harmonics(dim, degree) for degree in range(_TERMS + 1)])[degrees]
    return np.asarray(np.where(k >= 2 * j, np.exp(counts + 3 * logs), 0.0).sum(axis=1))


@lru_cache(maxsize=1)
def _nodes() -> tuple[Array, Array]:
    """Return nodes and weights from −10 to 0; what is above 0 is alike."""
    x, weights = np.polynomial.legendre.leggauss(_NODES)
    return x[: _NODES // 2] * 10, weights[: _NODES // 2] * 10


@lru_cache(maxsize=64)
def wasserstein_mean(n: int) -> float:
    """Return E W₂²(t, N(0, 1)) for n points of N(0, 1).

    It is 2 − 2 E Σ m_i t_(i)/n, and the density of the order statistics a binomial law at each t.
    """
    from scipy.special import ndtr
    from scipy.stats import binom

    means, (x, weights) = quantile_means(n), _nodes()
    total = 0.0
    for place, weight in zip(x, weights, strict=True):
        p = float(ndtr(place))
        spread = math.ceil(_SPREAD * math.sqrt((n - 1) * p * (1 - p)) + _SPREAD)
        first, last = max(0, round((n - 1) * p) - spread), min(n - 1, round((n - 1) * p) + spread)
        chances = binom.pmf(np.arange(first, last + 1), n - 1, p)
        mean = float(chances @ means[first : last + 1]) / float(chances.sum())
        total += 2 * weight * place * mean * math.exp(-place * place / 2) / math.sqrt(2 * math.pi)
    return float(2 - 2 * total)
