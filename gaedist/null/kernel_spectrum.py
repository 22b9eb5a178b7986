"""Moments and eigenvalues under N(0, I) of a radial kernel k, given as a `ScaleMixture`.

With h = k − E[k|x] − E[k|y] + E k, the centred kernel, the squared maximum mean discrepancies to N(0, I) are

    U = mean over i ≠ j of h(x_i, x_j)          V = mean over all i and j

Their variances are exact for every n. As n grows, n U tends to Σ λ (χ²₁ − 1) and n V to Σ λ χ²₁, over the
eigenvalues of h under N(0, I).

These are found degree by degree of spherical harmonics. With e_a = e^(a·x − |a|²/2), which generates Hermite
polynomials, a Gaussian k = e^(−t r²) has ⟨e_a, k e_b⟩ = (1 + 4t)^(−D/2) e^(−τ|a − b|²), τ = t/(1 + 4t). So,
with N = l + j + j', the matrix of k for harmonics of degree l times Laguerre polynomials of degree j, j' is

    M_jj' = (−1)^(j+j') ∫ (1 + 4t)^(−D/2) τ^N dμ(t) · 2^N Γ(N+D/2) / √(j! j'! Γ(l+j+D/2) Γ(l+j'+D/2))

Centring only removes the constant function, l = j = 0, so nothing cancels. Derived here.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gaedist.kernels.radial import ScaleMixture
from gaedist.numerics import Array

_DEGREES = 48  # number of degrees of harmonics; polynomials go up to twice that
_FAINT = 1e-6  # fraction of Σλ² below which the remaining degrees are merged into one last eigenvalue
_SLIGHT = 1e-4  # ratio to the largest eigenvalue below which one is merged into it too
_MANY = 500.0  # logarithm of the number of harmonics from which degrees are merged into it too
_BIN = 0.8  # width of the bins in which logarithms of rates are merged for sums over three rates
_NEGLIGIBLE = 1e-20  # ratio to the largest share below which a rate is left out of sums over pairs of rates
_NEGLIGIBLE_IN_CUBE = 1e-10  # the same for sums over three rates


@dataclass(frozen=True, eq=False)
class PairMoments:
    """Moments and eigenvalues of the centred kernel h.

    Attributes
    ----------
    dim : int
        D.
    scale_mixture : ScaleMixture
        k as a mixture of Gaussians e^(−t r²).
    """

    dim: int
    scale_mixture: ScaleMixture

    @cached_property
    def mean(self) -> float:
        """E k."""
        return self.scale_mixture.mean(self.dim)

    @cached_property
    def square(self) -> float:
        """E h² = Σ λ², a sum of positive terms over pairs of rates."""
        return self._over_pairs[0]

    @cached_property
    def point(self) -> float:
        """Var E[k|x]."""
        return self._over_pairs[1]

    @cached_property
    def _over_pairs(self) -> tuple[float, float]:
        """E h² and Var E[k|x], as sums of E h h' and Cov(E[k|x], E[k'|x]) over pairs of rates t, t'.

        With P = (1 + 4t)(1 + 4t'), E k k' for pairs that share both points, one point and none are
        (P − 16tt')^(−D/2), (P − 4tt')^(−D/2) and P^(−D/2).
        """
        t, w, half = self.scale_mixture.rates, self.scale_mixture.weights, -self.dim / 2
        shares = w * np.minimum(t, 1) * np.exp(half * np.log1p(4 * t))
        good = shares > _NEGLIGIBLE * shares.max()
        t, w = t[good], w[good]
        logs, part = np.log1p(4 * t), 4 * t / (1 + 4 * t)
        product = np.exp(half * (logs[:, np.newaxis] + logs))
        ratio = part[:, np.newaxis] * part
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            both = product * np.expm1(half * np.log1p(-ratio))
        far = ratio > 0.5  # where 1 − ratio has lost digits
        if far.any():
            sums = np.log1p(4 * (t[:, np.newaxis] + t))
            both[far] = np.exp(half * sums[far]) - product[far]
        one = product * np.expm1(half * np.log1p(-ratio / 4))
        return float(w @ (both - 2 * one) @ w), float(w @ one @ w)

    @cached_property
    def cube(self) -> float:
        """E h³ to a few percent, enough to see whether it matters; 0 for a conditional kernel."""
        if self.scale_mixture.conditional:  # it has no scale, so single pairs do not dominate the sum
            return 0.0
        coarse, half = self.scale_mixture.coarsened(_BIN), -self.dim / 2
        t, w = coarse.rates, coarse.weights
        shares = w * (1 + 4 * t) ** half * np.minimum(1, t)
        good = shares > _NEGLIGIBLE_IN_CUBE * shares.max()
        t, w = t[good], w[good]
        a, b, c = t[:, None, None], t[None, :, None], t[None, None, :]

        def of(x: Array, y: Array, xy: Array, *functions: Array) -> Array:
            """Return E e^(−x|X|² − y|Y|² − xy|X − Y|²) times (1 + 2t)^(−D/2) for each function E[k|·]."""
            logs = np.log1p(2 * (x + y) + 4 * (x * y + xy * (1 + x + y)))  # of the determinant, expanded
            return half * (logs + sum(np.log1p(2 * f) for f in functions))

        def g(f: Array) -> Array:
            return f / (1 + 2 * f)

        zero = np.zeros(1)
        means = [half * np.log1p(4 * f) for f in (a, b, c)]
        e = np.exp
        # E kkk − 3 E kku + 3 E kuu − E uuu with u = g(x) + g(y) − E k; a, b and c are interchangeable
        kkk = e(of(zero, zero, a + b + c))
        kku = 2 * e(of(g(c), zero, a + b, c)) - e(of(zero, zero, a + b) + means[2])
        kuu = (
            2 * e(of(g(b) + g(c), zero, a, b, c))
            + 2 * e(of(g(b), g(c), a, b, c))
            - 4 * e(of(g(b), zero, a, b) + means[2])
            + e(sum(means))
        )
        ggg = e(of(g(a) + g(b) + g(c), zero, zero, a, b, c))
        gg = e(of(g(a) + g(b), zero, zero, a, b) + means[2])
        uuu = 2 * (ggg - 3 * gg + 2 * e(sum(means))) + 6 * (gg - e(sum(means))) + e(sum(means))
        return float((kkk - 3 * kku + 3 * kuu - uuu) @ w @ w @ w)

    def variance(self, n: int, *, unbiased: bool) -> float:
        """Return the variance of U or V for n points."""
        if unbiased:
            return float(2 / (n * (n - 1)) * self.square)
        return float((2 * (n - 1) * self.square + 4 * self.point) / n**3)

    def expected(self, n: int, *, unbiased: bool) -> float:
        """Return the mean of U or V for n points."""
        return 0.0 if unbiased else (self.scale_mixture.peak - self.mean) / n

    @cached_property
    def eigenvalues(self) -> tuple[Array, Array]:
        """Eigenvalues of h, the largest first, and their multiplicities; the last stands for all others.

        Its value and its multiplicity, which need not be whole, complete Σ λ and Σ λ².
        """
        values, counts = [], []
        left = self.square
        for degree, block in enumerate(self.blocks(_DEGREES)):
            found = np.abs(np.linalg.eigvalsh(block))
            log_often = log_harmonics(self.dim, degree)
            if not -math.inf < log_often < _MANY:
                break
            often = math.exp(log_often)
            values.append(found)
            counts.append(np.full(len(found), often))
            left -= often * float(found @ found)
            if left < _FAINT * self.square:
                break
        flat, often_ = np.concatenate(values), np.concatenate(counts)
        order = np.argsort(-flat)
        flat, often_ = flat[order], often_[order]
        good = flat > _SLIGHT * flat[0]
        flat, often_ = flat[good], often_[good]
        rest = self.scale_mixture.peak - self.mean - float(often_ @ flat)
        rest_square = self.square - float(often_ @ flat**2)
        if rest > 1e-12 * flat[0] and rest_square > 1e-15 * self.square:
            flat = np.append(flat, rest_square / rest)
            often_ = np.append(often_, rest**2 / rest_square)
        return flat, often_

    def trace(self, power: int) -> float:
        """Return Σ λ^power."""
        values, counts = self.eigenvalues
        return float(counts @ values**power)

    @property
    def skewness(self) -> float:
        """Skewness of the limit of n U and n V, 8 Σ λ³ / (2 Σ λ²)^(3/2)."""
        return float(8 * self.trace(3) / (2 * self.square) ** 1.5)

    def skewness_at(self, n: int) -> float:
        """Return the skewness of U for n points, which is that of V to first order in 1/n."""
        pairs = math.sqrt(2) * self.cube / self.square**1.5
        return float(((n - 2) * self.skewness + pairs) / math.sqrt(n * (n - 1)))

    def _log_moments(self, count: int) -> Array:
        """Return log ∫ (1 + 4t)^(−D/2) τ^N dμ for N = 0, …; −∞ for the constant of a conditional kernel."""
        t = self.scale_mixture.rates
        with np.errstate(divide="ignore"):  # weights of a narrow kernel may underflow
            logs = np.log(self.scale_mixture.weights) - self.dim / 2 * np.log1p(4 * t)
        log_tau = np.log(t) - np.log1p(4 * t)
        rows = logs + np.arange(count)[:, np.newaxis] * log_tau
        peaks = rows.max(axis=1, keepdims=True)
        return np.asarray((peaks + np.log(np.exp(rows - peaks).sum(axis=1, keepdims=True)))[:, 0])

    def blocks(self, count: int) -> Iterator[Array]:
        """Yield M of each degree, without the constant and without signs, which change no eigenvalue."""
        logs = self._log_moments(2 * _DEGREES)
        for degree in range(count):
            block = self._block(degree, logs)
            yield block[1:, 1:] if degree == 0 else block

    def _block(self, degree: int, log_moments: Array) -> Array:
        from scipy.special import gammaln

        half = self.dim / 2
        j = np.arange((2 * _DEGREES - degree) // 2)[: _DEGREES // 2]
        total = degree + j[:, np.newaxis] + j
        side = 0.5 * (gammaln(j + 1) + gammaln(degree + j + half))
        logs = log_moments[total] + total * math.log(2) + gammaln(total + half) - side[:, np.newaxis] - side
        return np.asarray(np.exp(logs))


def log_harmonics(dim: int, degree: int) -> float:
    """Return the logarithm of the number of spherical harmonics of a degree in D dimensions."""
    if dim == 1:
        return 0.0 if degree < 2 else -math.inf
    if degree == 0:
        return 0.0
    log_count = math.lgamma(degree + dim - 2) - math.lgamma(degree + 1) - math.lgamma(dim - 1)
    return math.log(2 * degree + dim - 2) + log_count
