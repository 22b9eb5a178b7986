"""Distributions of sums Σ λ χ²₁, and the one that n d² to the smoothed prior tends to under N(0, I).

`chi_square_sum` takes any λ, `smoothed_limit` those of the Gaussian kernel; `ChiSquareSum.upper_tail` gives
P(Q > q). The limit Q of n d² has the eigenvalues λ under N(0, I) of the centred kernel
k − E[k|x] − E[k|y] + E k, k = e^(−|x−y|²/(4s)). Those of k itself are, with B = 1 + s − √(s² + 2s),

    λ_N = (1−B)^D B^N for N = 0, 1, …, each C(N+D−1, N) times,

and for each even N = 2j one of the eigenfunctions depends on |x|² alone. Only these, whose eigenvalues are
μ_j = (1−B)^D B^(2j), are not orthogonal to the constant function 1, which is the sum of c_j times them:

    c_j² = Γ(j+D/2) / (j! Γ(D/2)) · B^(2j) (1−B²)^(D/2)

Centring replaces the μ_j by the eigenvalues of (I − cc')diag(μ)(I − cc') and changes no other. That
multiplies Π (1 − 2zμ_j) by Σ c_j²/(1 − 2zμ_j) (the determinant of a compression), so that

    E e^(zQ) = [Π_N (1 − 2zλ_N)^C(N+D−1, N) · Σ_j c_j²/(1 − 2zμ_j)]^(−½)

and no eigenvalue has to be searched for. The tail is the inverse Laplace transform of E e^(zQ)/z along a
parabola through its saddle point, by the trapezoidal rule, which converges exponentially: S. O. Rice,
Distribution of quadratic forms in normal random variables, SIAM J. Sci. Stat. Comput. 1 (1980) 438, and
C. W. Helstrom, Calculating the distribution of quadratic forms, IEEE Trans. AES 32 (1996) 343. On that path
nothing cancels, so a tail has the same relative precision however small it is.
"""

import math
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.numerics import Array, root

_AGREEMENT = 1e-7  # relative difference from the quadrature with half the nodes at which one has converged
_LEFT_OUT = 1e-14  # fraction of Σ m λ whose χ² variables are replaced by their means
_FAINTEST = 300.0  # e-folds below the largest eigenvalue beyond which the same is done
_FEWEST, _MOST = 32, 1 << 18  # nodes of a quadrature
_WORK = 1 << 25  # pairs of an eigenvalue and a node after which a quadrature stops, converged or not
_BLOCK = 1 << 18  # pairs of an eigenvalue and a node in one array
_LOG_SMALLEST = math.log(sys.float_info.min)
_MOST_VALUES = 1 << 17  # different eigenvalues
_LEAST_SD = 1e-8  # below it, rounding of the mean, which is nearly 1, would change z too much
_FALL = 45.0  # e-folds below its peak at which an integrand is negligible


@dataclass(frozen=True, eq=False)
class ChiSquareSum:
    """The distribution of Q, by the transform in the module's docstring.

    Attributes
    ----------
    unit : float
        λ₀ = μ₀, the unit of the eigenvalues and of ``rest``.
    values, counts : (N,) arrays
        λ_N for N = 1, 2, … and the multiplicity of each.
    radial, weights : (J,) arrays
        μ_j and c_j² for j = 0, 1, …
    rest : float
        Mean of the χ² variables that are left out, which is added to the sum.
    """

    unit: float
    values: Array
    counts: Array
    radial: Array
    weights: Array
    rest: float

    def upper_tail(self, q: float) -> float:
        """Return the probability of Q > q, to a relative error of 1e-8; 0 below the range of a double."""
        t = q / self.unit - self.rest
        if t <= 0:
            return 1.0
        pole, _ = self._pole()

        def derivative(x: float) -> float:
            """Return the derivative of log E e^(xQ) − xt − log x, which rises from −∞ to ∞."""
            return self._log_derivative(x) - t - 1 / x

        last = pole * (1 - 1e-9)
        if derivative(last) < 0:  # by Markov's inequality less than e^(−10⁸)
            return 0.0
        saddle = root(derivative, 1e-3 * pole / (1 + pole * t), last, rtol=1e-6)
        step = 1e-2 * min(saddle, pole - saddle)
        curvature = (self._log_derivative(saddle + step) - self._log_derivative(saddle - step)) / (2 * step)
        bend = self._bend(saddle, pole, curvature)
        peak = self._log_transform(np.array([saddle + 0j]))[0].real - saddle * t - math.log(saddle)

        if peak < _LOG_SMALLEST:
            return 0.0

        def logs(y: NDArray[Any]) -> NDArray[Any]:
            """Return the logarithm of the integrand along the path, minus that at the saddle."""
            path = saddle + 1j * y + bend * y**2
            return np.asarray(
                self._log_transform(path) - path * t - np.log(path) + np.log(1 - 2j * bend * y) - peak
            )

        reach = min(saddle, pole - saddle)
        while logs(np.array([reach]))[0].real > -_FALL:
            reach *= 1.5
        size = max(1, _BLOCK // (len(self.values) + len(self.radial)))

        def summed(y: NDArray[Any]) -> float:
            return sum(float(np.exp(logs(y[k : k + size])).real.sum()) for k in range(0, len(y), size))

        nodes, total = _FEWEST, summed(np.linspace(0, reach, _FEWEST + 1)) - 0.5
        while nodes < min(_MOST, _WORK // len(self.values)):
            more = summed((np.arange(nodes) + 0.5) * (reach / nodes))
            nodes, total, gap = 2 * nodes, total + more, abs(more - total)
            if gap < _AGREEMENT * total:
                break
        return min(1.0, math.exp(peak) * total * reach / nodes / math.pi)

    def _bend(self, saddle: float, pole: float, curvature: float) -> float:
        """Return b of the path saddle + iy + b y², which bends to the right, where e^(−zt) falls.

        Of the curvature at the saddle, ½ m/gap² is due to the nearest pole, of m degrees of freedom, and the
        rest is like that of a normal distribution, whose transform grows on a path that bends too much: by
        ½ rest (b y²)², which must stay below `_FALL`/16 where the integrand has fallen by `_FALL`.
        """
        gap, (_, m) = pole - saddle, self._pole()
        rest, pull = max(curvature - 0.5 * m / gap**2, 0.0), max(0.5 * m / gap - 1 / saddle, 0.0)
        room = math.sqrt(32 * _FALL * rest) - 2 * pull
        return min(0.1 / gap, rest / room) if room > 0 else 0.1 / gap

    def _pole(self) -> tuple[float, float]:
        """Return the least z at which E e^(zQ) is infinite, and the multiplicity of its eigenvalue.

        It is 1/(2λ) for the largest eigenvalue λ of the centred kernel.
        """
        first = 0.5 / float(self.values[0])
        if len(self.radial) < 2:
            return first, float(self.counts[0])
        second = 0.5 / float(self.radial[1]) * (1 - 1e-12)
        if self._radial_factor(np.array([first]))[0] > 0:
            return first, float(self.counts[0])
        return root(lambda z: float(self._radial_factor(np.array([z]))[0]), 0.5, min(first, second)), 1.0

    def _radial_factor(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return (1 − 2z) Σ_j c_j²/(1 − 2zμ_j), which is finite at z = ½ too, for arrays of z."""
        rest = self.weights[1:] @ (1 / (1 - 2 * self.radial[1:, np.newaxis] * z))
        return np.asarray(self.weights[0] + (1 - 2 * z) * rest)

    def _log_transform(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return log E e^(zQ) for arrays of z, on the branch that is real on the real axis."""
        from scipy.special import log1p  # NumPy's is no better than log(1 + z) for complex z

        logs = self.counts @ log1p(-2 * self.values[:, np.newaxis] * z)
        return np.asarray(-0.5 * (logs + np.log(self._radial_factor(z))))

    def _log_derivative(self, x: float) -> float:
        """Return the derivative of log E e^(xQ) for real x."""
        parts = 1 / (1 - 2 * self.radial[1:] * x)
        rest = self.weights[1:] @ parts
        derivative = -2 * rest + (1 - 2 * x) * float(self.weights[1:] @ (2 * self.radial[1:] * parts**2))
        factor = self.weights[0] + (1 - 2 * x) * rest
        return float(self.counts @ (self.values / (1 - 2 * self.values * x)) - 0.5 * derivative / factor)


def chi_square_sum(values: Array, counts: Array) -> ChiSquareSum:
    """Return the distribution of Σ λ χ²_m over eigenvalues λ, the largest first, with counts m.

    A count is a number of degrees of freedom, and need not be whole.
    """
    unit = float(values[0])
    return ChiSquareSum(unit, values / unit, counts, radial=np.ones(1), weights=np.ones(1), rest=0.0)


@lru_cache(maxsize=64)
def smoothed_limit(dim: int, variance: float) -> ChiSquareSum | None:
    """Return the limit for n → ∞ of the distribution of n d² to the smoothed prior, times (4πσ²)^(D/2).

    None for a kernel so narrow that it has too many eigenvalues; the distribution at any usual n is then far
    from this limit. None also where the standard deviation is below `_LEAST_SD`.

    Parameters
    ----------
    dim : int
        D.
    variance : float
        s = σ², the same for every point.
    """
    from scipy.special import gammaln

    s, h = variance, dim / 2
    root = math.sqrt(s * (s + 2))
    log_b = -math.log1p(s + root)  # B = 1/(1 + s + √(s² + 2s))
    log_rest = math.log(s + root) + log_b  # 1 − B
    unit = math.exp(dim * log_rest)
    last, peak = 64, dim * math.exp(log_b - log_rest)
    while True:
        n = np.arange(last)
        masses = np.exp(gammaln(n + dim) - gammaln(n + 1) - gammaln(dim) + n * log_b + dim * log_rest)
        if (left := 1 - float(masses.sum())) < _LEFT_OUT or (
            masses[-1] < _LEFT_OUT / last**2 and last > peak
        ):
            break
        last *= 2
        if last > _MOST_VALUES:
            return None
    if len(n) * -log_b > _FAINTEST:  # a wide kernel has eigenvalues that would be 0 in double precision
        n = n[: max(3, int(_FAINTEST / -log_b))]
        masses = masses[: len(n)]
        left = 1 - float(masses.sum())
    powers = np.exp(n * log_b)
    if math.sqrt(2 * unit * float(masses @ powers)) < _LEAST_SD:
        return None
    j = n[: (len(n) + 1) // 2]
    return ChiSquareSum(
        unit=unit,
        values=powers[1:],
        counts=masses[1:] / unit / powers[1:],
        radial=powers[::2],
        weights=np.exp(
            gammaln(j + h) - gammaln(j + 1) - gammaln(h) + 2 * j * log_b + h * np.log(-np.expm1(2 * log_b))
        ),
        rest=max(0.0, left) / unit,
    )
