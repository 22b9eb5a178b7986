"""σ as a function of position, from the mean field: the other points are taken to be N(0, I) already.

Then a point at x is smoothed best where ∫ (N(x, Σ) − N(0, I))² is least, Eq. (9). Its minimum over
covariances with eigenvalues v_d on axes of which x has the coordinates x_d solves, for one number λ,

    (2v/(1 + v)) (1 − x²/(1 + v)) = λ       for each axis
    ln λ = Σ_d [ −½ ln(2v/(1 + v)) + x²/(2(1 + v)) ]

The first is a quadratic in v with one positive root, which rises with λ, so that the right side of the
second falls: there is one stationary point, and it is the minimum. λ lies between 2 − 2 ln 2, where no term
is negative, and 1, where none is positive. For a covariance free in all directions the axes are x and what is
across it (sec. II.D); for a diagonal one they are the axes of space. A spherical one has the same v
everywhere, and its own equation. At r = 0 every v is 1, and all is continuous in r.
"""

import math
from collections.abc import Callable
from typing import cast

import numpy as np

from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import LARGEST, Movable
from gaedist.mixtures.diagonal import Diagonal, Radial, Spherical
from gaedist.mixtures.families import promoted
from gaedist.mixtures.full import Full
from gaedist.numerics import Array

_LEAST_FACTOR, _LARGEST_FACTOR = 2 - 2 * math.log(2), 1 + 1e-9  # which rounding may reach
_STEPS = 100
_FARTHEST = 1e30
_SHORT = 1e-8
_BLOCK = 1 << 13  # numbers


def spherical_mean_field(codes: Array) -> Spherical:
    """Return σ(|x|) that minimises Eq. (9), to a few units of the last place.

    With s = σ², q = r²/D and T = (1 + s)/2 the derivative vanishes at the root of the increasing
    (D/2 + 1) ln(s/T) − r²/(4T) + ln(1 − q/(2T)), where s > q − 1.
    """
    dim = codes.shape[1]

    def excess(q: Array) -> Array:  # e = s − 1
        def value_and_slope(e: Array) -> tuple[Array, Array]:
            t2 = 2 + e  # 2T
            value = (dim / 2 + 1) * np.log1p(e / t2) - dim * q / (2 * t2) + np.log1p(-q / t2)
            slope = (dim / 2 + 1) / ((1 + e) * t2) + dim * q / (2 * t2**2) + q / (t2 * (t2 - q))
            return value, slope

        return _root(value_and_slope, np.maximum(0, q - 2), 3 * q)

    return Spherical(1 + _by_blocks(excess, _squared_norms(codes) / dim)[:, np.newaxis])


def approximate_mean_field(codes: Array) -> Spherical:
    """Implements Eq. (10), σ(r) ≈ 1 + r²/(2D), which for D ≥ 8 is 4 to 7 % too large at r² = 2D."""
    squares = _squared_norms(codes, math.sqrt(LARGEST))
    return Spherical((1 + squares / (2 * codes.shape[1]))[:, np.newaxis] ** 2)


def check_reach(codes: Array) -> None:
    """Raise `GaedistError` for codes so far from 0 that an optimisation could leave the range of σ."""
    _squared_norms(codes, _FARTHEST)


def radial_mean_field(codes: Array) -> Radial:
    """Return the variances along x and across it that minimise Eq. (9) over all covariances."""
    dim, squares = codes.shape[1], _squared_norms(codes)
    if dim == 1:
        return Radial(np.repeat(spherical_mean_field(codes).variances, 2, axis=1))
    along_and_across = np.stack([squares, np.zeros_like(squares)], axis=1)
    return Radial(_ellipsoids(along_and_across, Radial.multiplicities(dim))).tied(codes)


def diagonal_mean_field(codes: Array) -> Diagonal:
    """Return the variances of the axes that minimise Eq. (9) over all diagonal covariances."""
    _squared_norms(codes)
    return Diagonal(_ellipsoids(codes**2, np.ones(codes.shape[1])))


def full_mean_field(codes: Array) -> Full:
    """Return the radial ones as matrices: over all covariances, they are the best (sec. II.D)."""
    return cast(Full, promoted(radial_mean_field(codes), "full", codes))


MEAN_FIELDS: dict[str, Callable[[Array], Movable]] = {
    "spherical": spherical_mean_field,
    "radial": radial_mean_field,
    "diagonal": diagonal_mean_field,
    "full": full_mean_field,
}
"""Family → its mean field."""


def _ellipsoids(squares: Array, multiplicities: Array) -> Array:
    """Return the variances v, (n, Q), at axes where x² is so much, each so many times."""

    def variances(squares: Array) -> Array:
        def value_and_slope(factor: Array) -> tuple[Array, Array]:
            v, slope = _variances(squares, factor[:, np.newaxis])
            terms = squares / (2 * (1 + v)) - 0.5 * np.log(2 * v / (1 + v))
            slopes = -(0.5 / v + squares / (2 * (1 + v))) / (1 + v) * slope
            return np.log(factor) - terms @ multiplicities, 1 / factor - slopes @ multiplicities

        n = len(squares)
        factor = _root(value_and_slope, np.full(n, _LEAST_FACTOR), np.full(n, _LARGEST_FACTOR))
        return _variances(squares, factor[:, np.newaxis])[0]

    return _by_blocks(variances, squares)


def _variances(squares: Array, factor: Array) -> tuple[Array, Array]:
    """Return the positive root of (2 − λ) v² + 2 (1 − x² − λ) v − λ = 0, and its derivative by λ."""
    p = squares + factor - 1
    root = np.sqrt(p**2 + factor * (2 - factor))
    v = np.where(p > 0, p + root, factor) / np.where(p > 0, 2 - factor, root - p)
    slope = (v**2 + 2 * v + 1) / (2 * root)
    return v, slope


def _root(value_and_slope: Callable[[Array], tuple[Array, Array]], below: Array, above: Array) -> Array:
    """Return the root of an increasing function of each point, which lies between these bounds.

    Newton's method, with a bisection where it leaves the interval in which the sign changes. After a Newton
    step as short as `_SHORT`, the next one would be at the level of rounding.
    """
    x = (below + above) / 2
    for _ in range(_STEPS):
        value, slope = value_and_slope(x)
        below, above = np.where(value <= 0, x, below), np.where(value >= 0, x, above)
        newton = x - value / slope
        inside = (newton >= below) & (newton <= above)
        moved = np.where(inside, newton, (below + above) / 2)
        short = np.abs(moved - x) <= _SHORT * np.abs(x)
        x = moved
        if (short | (above <= below)).all():
            break
    return x


def _by_blocks(function: Callable[[Array], Array], squares: Array) -> Array:
    """Apply a function to parts of the rows that stay in a core's cache."""
    rows = max(1, _BLOCK // (squares.size // len(squares)))
    return np.concatenate([function(squares[k : k + rows]) for k in range(0, len(squares), rows)])


def _squared_norms(codes: Array, farthest: float = LARGEST / 10) -> Array:
    """Return |x|², (n,); raise `GaedistError` where σ would leave its range."""
    with np.errstate(over="ignore"):
        squares = np.asarray(np.einsum("ij,ij->i", codes, codes))
    if not squares.max() <= farthest**2:
        row = int(squares.argmax())
        raise GaedistError(
            f"the codes are too far from 0 for this choice of σ: |x| may be up to {farthest:g}; "
            f"row {row} has {math.hypot(*codes[row]):g}. Scale them, or give σ."
        )
    return squares
