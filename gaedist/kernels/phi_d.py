"""φ_D of the Cramér–Wold distance, as a short polynomial that the engine can sum over pairs of points.

    φ_D(s) = ₁F₁(½; D/2; −s) = E e^(−s u₁²) ≈ (1 + 4s/(2D − 3))^(−½),    u uniform on the unit sphere of ℝ^D

u₁² has the beta(½, (D − 1)/2) distribution, whose moment generating function is ₁F₁. For large s, φ_D(s) is
Γ(D/2)/Γ((D − 1)/2) s^(−½) (1 + O(1/s)). With Γ(a + ½)/Γ(a) ≈ √(a − ¼) at a = (D − 1)/2 this is the right-hand
side, which is also 1 at s = 0; its relative error is about 0.2/D at most for D ≥ 20 (Knop et al., Cramer-Wold
Auto-Encoder, JMLR 21 (2020), no. 164, Remark 1).

Therefore φ_D/√z is a smooth function of z = 1/(1 + cs) on [0, 1], also at z = 0, where s is infinite. A
polynomial that interpolates it at Chebyshev points gives φ_D to an absolute error below 1e-12.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gaedist.engine import SERIES_BLOCK, Profile, Shape
from gaedist.numerics import Array

_STRETCHES = 0.08, 0.12, 0.2  # c for few dimensions, where φ_D has a part like e^(−s), not analytic at z = 0
_MAX_COEFFICIENTS = 48
_TRUNCATION = 1e-12  # sum of the Chebyshev coefficients of φ_D/√z that may be left out
_NEGLIGIBLE = 42.0  # an integrand this many e-folds below its peak is left out


@dataclass(frozen=True, eq=False)
class Series:
    """φ_D(s) = √z P(2z − 1), with z = 1/(1 + cs).

    Attributes
    ----------
    stretch : float
        c.
    coefficients : (N,) array
        Coefficients of the polynomial P, highest power first; N is a multiple of the engine's block.
    """

    stretch: float
    coefficients: Array

    def profile(self, rates: Array) -> Profile:
        """Return r² ↦ Σ_k φ_D(rates[k] r²) as the engine takes it."""
        blocks = len(self.coefficients) // SERIES_BLOCK
        return Profile(
            Shape.SERIES, tuple(self.stretch * rates), (float(blocks), *map(float, self.coefficients))
        )

    def at(self, s: Array) -> Array:
        """Return φ_D(s), in the shape of ``s``."""
        z = 1 / (1 + self.stretch * np.asarray(s))
        return np.asarray(np.sqrt(z) * np.polyval(self.coefficients, 2 * z - 1))


@lru_cache(maxsize=64)
def phi_d_series(dim: int) -> Series:
    """Return φ_D to an absolute error below 1e-12, with the stretch that needs the fewest coefficients."""
    nodes = np.cos(np.pi * (np.arange(_MAX_COEFFICIENTS) + 0.5) / _MAX_COEFFICIENTS)
    z = (1 + nodes) / 2
    found = []
    for stretch in (4 / max(1, 2 * dim - 3), *_STRETCHES):
        values = _phi_d(dim, (1 / z - 1) / stretch) / np.sqrt(z)
        coefficients = np.polynomial.chebyshev.chebfit(nodes, values, _MAX_COEFFICIENTS - 1)
        rest = np.cumsum(np.abs(coefficients[::-1]))[::-1]
        blocks = math.ceil((int(np.argmax(rest < _TRUNCATION)) or _MAX_COEFFICIENTS) / SERIES_BLOCK)
        found.append((blocks, stretch, coefficients[: blocks * SERIES_BLOCK]))
    blocks, stretch, coefficients = min(found, key=lambda row: row[0])
    powers = np.polynomial.chebyshev.cheb2poly(coefficients)
    return Series(stretch, np.concatenate([np.zeros(blocks * SERIES_BLOCK - len(powers)), powers[::-1]]))


def _phi_d(dim: int, s: Array) -> Array:
    """Return φ_D(s) = E e^(−s u₁²), (len(s),).

    With u₁ = tanh t, t has a density proportional to sech^(D−1) t, and the trapezoidal rule for t converges
    exponentially: the integrand is analytic and falls exponentially. Its sum at s = 0 normalises it.
    """
    if dim == 1:
        return np.asarray(np.exp(-s))
    return np.array([_trapezoidal_sum(dim, value) for value in s]) / _trapezoidal_sum(dim, 0.0)


def _trapezoidal_sum(dim: int, s: float) -> float:
    """Return ∫ e^(−s tanh² t) sech^(D−1) t dt, up to a factor that does not depend on s."""
    last = _NEGLIGIBLE / (dim - 1) + 1  # beyond it sech^(D−1) t is negligible
    if s > 2 * _NEGLIGIBLE:
        last = min(last, math.atanh(math.sqrt(_NEGLIGIBLE / s)))  # or e^(−s tanh² t) is
    step = 1 / (6 * math.sqrt(dim - 1 + 2 * s))
    t = step * np.arange(1, math.ceil(last / step) + 1)
    logs = -s * np.tanh(t) ** 2 - (dim - 1) / 2 * np.log1p(np.sinh(t) ** 2)
    return step * (1 + 2 * math.fsum(np.exp(logs)))
