"""The mean field: σ as a function of position, if all other points were N(0, I) already.

Then the best covariance at a point x minimises ∫ (N(x, Σ) − N(0, I))², Eq. (9). (The paper writes n in front
of the integral; it should be n², which does not change the minimum.) Times (4π)^(D/2) and less 1, with
eigenvalues v_d along axes on which x has the coordinates x_d, that is

    Π_d v_d^(−1/2)  −  2 Π_d ((1 + v_d)/2)^(−1/2) exp(−x_d² / (2(1 + v_d)))

and its minimum over v solves, for one number λ common to all axes,

    (2v/(1 + v)) (1 − x²/(1 + v)) = λ       for each axis
    ln λ = Σ_d [ −½ ln(2v/(1 + v)) + x²/(2(1 + v)) ]

The first is a quadratic in v with one positive root. It increases with λ, so the right side of the second
decreases: there is exactly one stationary point, the minimum. λ lies between 2 − 2 ln 2, where no term of the
sum is negative, and 1, where none is positive.

For unrestricted covariances the axes are x and those across it (sec. II.D), with variances a and b: b is
slightly below 1, and a ≈ 2|x|² for |x| ≫ 1. For diagonal covariances they are the coordinate axes. A
spherical covariance has the same v on all axes, and an equation of its own. At x = 0 every v is 1, and v is
continuous in x.
"""

import math
from collections.abc import Callable
from typing import cast

import numpy as np

from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import LARGEST_SIGMA, PerPointCovariance
from gaedist.mixtures.diagonal import Diagonal, Spherical
from gaedist.mixtures.families import promoted
from gaedist.mixtures.full import Full
from gaedist.mixtures.radial import Radial
from gaedist.numerics import Array, squared_norms

_MIN_LAMBDA, _MAX_LAMBDA = 2 - 2 * math.log(2), 1 + 1e-9  # 1, with room for rounding
_MAX_STEPS = 100
_MAX_NORM = LARGEST_SIGMA / 10  # of a code, so that its σ stays in range
_MAX_NORM_OPTIMIZED = 1e30  # of a code, so that σ stays in range wherever an optimisation goes
_SHORT_STEP = 1e-8
_BLOCK = 1 << 13  # numbers


def spherical_mean_field(codes: Array) -> Spherical:
    """Return the σ(|x|) that minimises Eq. (9), accurate to a few units in the last place.

    With s = σ², q = |x|²/D and T = (1 + s)/2, the derivative of Eq. (9) vanishes at the root of
    (D/2 + 1) ln(s/T) − |x|²/(4T) + ln(1 − q/(2T)), which increases with s > q − 1. Equations are solved for
    logarithms, as the terms of Eq. (9) underflow at large D, and for s − 1, as s is close to 1 at small |x|.
    """
    dim = codes.shape[1]

    def excess(q: Array) -> Array:  # e = s − 1
        def value_and_derivative(e: Array) -> tuple[Array, Array]:
            t2 = 2 + e  # 2T
            value = (dim / 2 + 1) * np.log1p(e / t2) - dim * q / (2 * t2) + np.log1p(-q / t2)
            derivative = (dim / 2 + 1) / ((1 + e) * t2) + dim * q / (2 * t2**2) + q / (t2 * (t2 - q))
            return value, derivative

        return _root(value_and_derivative, np.maximum(0, q - 2), 3 * q)

    return Spherical(1 + _by_blocks(excess, _checked_squares(codes) / dim)[:, np.newaxis])


def approximate_mean_field(codes: Array) -> Spherical:
    """Return Eq. (10), σ(r) ≈ 1 + r²/(2D), the first order of `spherical_mean_field` in r².

    For D ≥ 8 it is 4 to 7 % too large at r² = 2D, and 15 to 19 % at r² = 4D.
    """
    squares = _checked_squares(codes, math.sqrt(LARGEST_SIGMA))
    return Spherical((1 + squares / (2 * codes.shape[1]))[:, np.newaxis] ** 2)


def check_optimizable(codes: Array) -> None:
    """Raise `GaedistError` for codes so far from 0 that σ could overflow in an optimisation."""
    _checked_squares(codes, _MAX_NORM_OPTIMIZED)


def radial_mean_field(codes: Array) -> Radial:
    """Return the variances along x and across it that minimise Eq. (9) over all covariances."""
    dim, squares = codes.shape[1], _checked_squares(codes)
    if dim == 1:
        return Radial(np.repeat(spherical_mean_field(codes).variances, 2, axis=1))
    along_and_across = np.stack([squares, np.zeros_like(squares)], axis=1)
    return Radial(_ellipsoids(along_and_across, Radial.multiplicities(dim))).constrained(codes)


def diagonal_mean_field(codes: Array) -> Diagonal:
    """Return the variances of the axes that minimise Eq. (9) over all diagonal covariances."""
    _checked_squares(codes)
    return Diagonal(_ellipsoids(codes**2, np.ones(codes.shape[1])))


def full_mean_field(codes: Array) -> Full:
    """Return the radial mean field as matrices: it is the minimum over all covariances (sec. II.D)."""
    return cast(Full, promoted(radial_mean_field(codes), "full", codes))


MEAN_FIELDS: dict[str, Callable[[Array], PerPointCovariance]] = {
    "spherical": spherical_mean_field,
    "radial": radial_mean_field,
    "diagonal": diagonal_mean_field,
    "full": full_mean_field,
}
"""Family → function from the codes to the mean field."""


def _ellipsoids(squares: Array, multiplicities: Array) -> Array:
    """Return the variances v that minimise Eq. (9), (n, Q).

    Parameters
    ----------
    squares : (n, Q) array
        x² along each of the axes that share a variance.
    multiplicities : (Q,) array
        The number of axes that share each variance.
    """

    def variances(squares: Array) -> Array:
        def value_and_derivative(lam: Array) -> tuple[Array, Array]:
            v, derivative = _variances(squares, lam[:, np.newaxis])
            terms = squares / (2 * (1 + v)) - 0.5 * np.log(2 * v / (1 + v))
            derivatives = -(0.5 / v + squares / (2 * (1 + v))) / (1 + v) * derivative
            return np.log(lam) - terms @ multiplicities, 1 / lam - derivatives @ multiplicities

        n = len(squares)
        lam = _root(value_and_derivative, np.full(n, _MIN_LAMBDA), np.full(n, _MAX_LAMBDA))
        return _variances(squares, lam[:, np.newaxis])[0]

    return _by_blocks(variances, squares)


def _variances(squares: Array, lam: Array) -> tuple[Array, Array]:
    """Return the positive root of (2 − λ) v² + 2 (1 − x² − λ) v − λ = 0, and its derivative by λ."""
    p = squares + lam - 1
    root = np.sqrt(p**2 + lam * (2 - lam))
    v = np.where(p > 0, p + root, lam) / np.where(p > 0, 2 - lam, root - p)
    derivative = (v**2 + 2 * v + 1) / (2 * root)
    return v, derivative


def _root(value_and_derivative: Callable[[Array], tuple[Array, Array]], below: Array, above: Array) -> Array:
    """Return the root of an increasing function for each point, (n,), between the given bounds.

    Newton's method, with a bisection step where it would leave the interval in which the sign changes. After
    a step as short as `_SHORT_STEP`, relative to x, the next one would be at the level of rounding.
    """
    x = (below + above) / 2
    for _ in range(_MAX_STEPS):
        value, derivative = value_and_derivative(x)
        below, above = np.where(value <= 0, x, below), np.where(value >= 0, x, above)
        newton = x - value / derivative
        inside = (newton >= below) & (newton <= above)
        following = np.where(inside, newton, (below + above) / 2)
        short = np.abs(following - x) <= _SHORT_STEP * np.abs(x)
        x = following
        if (short | (above <= below)).all():
            break
    return x


def _by_blocks(function: Callable[[Array], Array], squares: Array) -> Array:
    """Apply a function to blocks of rows that fit into a core's cache."""
    rows = max(1, _BLOCK // (squares.size // len(squares)))
    return np.concatenate([function(squares[k : k + rows]) for k in range(0, len(squares), rows)])


def _checked_squares(codes: Array, max_norm: float = _MAX_NORM) -> Array:
    """Return |x|², (n,); raise `GaedistError` if a norm is so large that σ would leave its range."""
    with np.errstate(over="ignore"):
        squares = squared_norms(codes)
    if not squares.max() <= max_norm**2:
        row = int(squares.argmax())
        raise GaedistError(
            f"the codes are too far from 0 for this choice of σ: |x| may be at most {max_norm:g}; "
            f"row {row} has {math.hypot(*codes[row]):g}. Rescale the codes, or give σ as a number."
        )
    return squares
