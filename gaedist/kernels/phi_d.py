"""φ_D(s) = ₁F₁(½; D/2; −s), the mean of e^(−s u₁²) over directions u, as the engine sums it.

φ_D falls like (1 + 4s/(2D − 3))^(−½), so with z = 1/(1 + cs) φ_D/√z is a smooth function of z, also at z =
0, and a polynomial of it. The polynomial interpolates at Chebyshev points, as many as the last digits of a
double need.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gaedist.engine import SERIES_BLOCK, Profile, Shape
from gaedist.numerics import Array

_STRETCHES = 0.08, 0.12, 0.2  # c for few dimensions, where e^(−s), of which z knows nothing, is felt
_MOST = 48  # coefficients
_ERROR = 1e-12  # of φ_D/√z that is left out
_NOTHING = 42.0  # e-folds below its peak at which an integrand is nothing


@dataclass(frozen=True, eq=False)
class Series:
    """φ_D(s) = √z P(2z − 1), with z = 1/(1 + cs).

    Attributes
    ----------
    stretch : float
        c.
    coefficients : (N,) array
        Of P, the highest power first; N is a multiple of the engine's block.
    """

    stretch: float
    coefficients: Array

    def profile(self, rates: Array) -> Profile:
        """Return Σ φ_D(rate r²) as the engine takes it."""
        blocks = len(self.coefficients) // SERIES_BLOCK
        return Profile(
            Shape.SERIES, tuple(self.stretch * rates), (float(blocks), *map(float, self.coefficients))
        )

    def at(self, s: Array) -> Array:
        """Return φ_D(s)."""
        z = 1 / (1 + self.stretch * np.asarray(s))
        return np.asarray(np.sqrt(z) * np.polyval(self.coefficients, 2 * z - 1))


@lru_cache(maxsize=64)
def phi_d_series(dim: int) -> Series:
    """Return φ_D for D dimensions, to an absolute error below 1e-12."""
    nodes = np.cos(np.pi * (np.arange(_MOST) + 0.5) / _MOST)
    z = (1 + nodes) / 2
    found = []
    for stretch in (4 / max(1, 2 * dim - 3), *_STRETCHES):
        values = _projected(dim, (1 / z - 1) / stretch) / np.sqrt(z)
        coefficients = np.polynomial.chebyshev.chebfit(nodes, values, _MOST - 1)
        rest = np.cumsum(np.abs(coefficients[::-1]))[::-1]
        blocks = math.ceil((int(np.argmax(rest < _ERROR)) or _MOST) / SERIES_BLOCK)
        found.append((blocks, stretch, coefficients[: blocks * SERIES_BLOCK]))
    blocks, stretch, coefficients = min(found, key=lambda row: row[0])
    powers = np.polynomial.chebyshev.cheb2poly(coefficients)
    return Series(stretch, np.concatenate([np.zeros(blocks * SERIES_BLOCK - len(powers)), powers[::-1]]))


def _projected(dim: int, s: Array) -> Array:
    """Return φ_D(s) = E e^(−s u₁²) by the trapezoidal rule for t, u₁ = tanh t, of density sech^(D−1) t.

    It is analytic and falls exponentially, so the rule converges so too; its own sum at s = 0 is the unit.
    """
    if dim == 1:
        return np.asarray(np.exp(-s))
    return np.array([_sum(dim, square) for square in s]) / _sum(dim, 0.0)


def _sum(dim: int, s: float) -> float:
    last = _NOTHING / (dim - 1) + 1  # where the density is nothing, or e^(−s u₁²) is sooner
    if s > 2 * _NOTHING:
        last = min(last, math.atanh(math.sqrt(_NOTHING / s)))
    step = 1 / (6 * math.sqrt(dim - 1 + 2 * s))
    t = step * np.arange(1, math.ceil(last / step) + 1)
    logs = -s * np.tanh(t) ** 2 - (dim - 1) / 2 * np.log1p(np.sinh(t) ** 2)
    return step * (1 + 2 * math.fsum(np.exp(logs)))
