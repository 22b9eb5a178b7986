"""The integrands: functions of a pair of points that are summed over pairs.

Each is a named tuple of the constants that all pairs share. Its type selects the function that Numba
compiles, so that a cold start pays only for the integrand it needs. The compiled functions are in
`exponents`, `cholesky` and `radial_tiles`; `INTEGRANDS` is the registry. The parameters of each point begin
with log2 of its weight.
"""

import math
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import FRACTION_TERMS


class Gaussian(NamedTuple):
    """2^(−rate |x − y|²): Eqs. (5) and (7) for constant σ. Points have no further parameters."""

    rate: float


class Spherical(NamedTuple):
    """N(x − y; 0, (s + t) I), Eq. (7), over its peak at a typical s + t. Parameter: the variance."""

    half_dim: float
    log2_typical: float


class Radial(NamedTuple):
    """N(x − y; 0, Σ + Γ) for variances a along the point and b across it.

    Parameters: a, b, |x|², and 1/|x|, or 0 for x = 0, where a must equal b. ``half_rest`` is (D − 2)/2.
    """

    half_rest: float
    log2_typical: float


class Diagonal(NamedTuple):
    """N(x − y; 0, diag(s + t)) over its peak at a typical determinant. Parameters: variances, coordinates.

    ``axes`` is D. Products over ``span`` axes, times |x − y|², stay in the range of a double.
    """

    axes: int
    log2_typical: float
    span: int


class Full(NamedTuple):
    """N(x − y; 0, Σ + Γ), Eq. (3). Parameters: the lower triangle of Σ by rows, D coordinates.

    Products of ``span`` pivots of Σ + Γ stay in the range of a double.
    """

    dim: int
    log2_typical: float
    span: int


class LargeFull(Full):
    """The same for matrices that leave the first-level cache, of which fewer are factorised side by side."""

    __slots__ = ()
    fewer_lanes = True


def full(dim: int, log2_typical: float, span: int) -> Full:
    """Return the integrand of full covariances in D dimensions."""
    return (LargeFull if dim >= _LARGE else Full)(dim, log2_typical, span)


_LARGE = 19  # D from which eight pairs are quicker than sixteen


class Shape(IntEnum):
    """A function of r² = |x − y|², summed over the rates a of a `Profile`, with u = a r²."""

    POWER = 0  # 2^(−u)
    ROOT = 1  # r, which has no rate
    INVERSE = 2  # 1/(1 + u)
    INVERSE_ROOT = 3  # (1 + u)^(−1/2)
    INVERSE_POWER = 4  # (1 + u)^(−α), with α in ``rest``
    ROOT_POWER = 5  # 2^(−a r)
    SERIES = 6  # √z P(2z − 1), z = 1/(1 + u); ``rest``: number of blocks, coefficients from the highest


_SMALLEST_RATIO = 1e-20  # smallest rate over the largest rate of a fraction


def _grouped(rates: tuple[float, ...]) -> list[list[float]]:
    """Group rates into fractions of at most FRACTION_TERMS, whose products are in the range of a double."""
    groups: list[list[float]] = []
    for rate in sorted(rates, reverse=True):
        if not groups or len(groups[-1]) == FRACTION_TERMS or rate < _SMALLEST_RATIO * groups[-1][0]:
            groups.append([])
        groups[-1].append(rate)
    return groups


def _fraction(rates: list[float]) -> list[float]:
    """Return the largest rate A, the coefficients of P and Q in u = A r², and S; Σ 1/(1 + a r²) is P/Q.

    Far away it is S/u: rates of a fraction are so near each other that all a r² are large there.
    """
    largest = max(rates)
    shares = np.array(rates) / largest
    numerator: NDArray[Any] = np.zeros(1)
    denominator: NDArray[Any] = np.ones(1)
    for share in shares:
        numerator = np.polyadd(np.polymul(numerator, [share, 1.0]), denominator)
        denominator = np.polymul(denominator, [share, 1.0])
    p, q = np.zeros(FRACTION_TERMS), np.zeros(FRACTION_TERMS + 1)
    p[: len(numerator)], q[: len(denominator)] = numerator[::-1], denominator[::-1]
    return [largest, *p, *q[1:], math.fsum(1 / shares)]


class Profile(NamedTuple):
    """A sum of functions of |x − y| of one `Shape`, which differ in their rates.

    Points have no further parameters. All profiles are one type to Numba, and profiles of the same points
    share a pass: the code of each selects what is done with a row of squared distances.
    """

    shape: Shape
    rates: tuple[float, ...] = ()
    rest: tuple[float, ...] = ()

    @property
    def numbers(self) -> "ProfileNumbers":
        """The profile as compiled code reads it."""
        if self.shape == Shape.INVERSE:
            groups = list(map(_fraction, _grouped(self.rates)))
            return ProfileNumbers(int(self.shape), np.array([len(groups), *np.concatenate(groups)]))
        numbers = np.array([len(self.rates), *self.rates, *self.rest], dtype=float)
        return ProfileNumbers(int(self.shape), numbers)


class ProfileNumbers(NamedTuple):
    """A `Profile` as compiled code reads it: its code, and the number of rates, the rates and the rest.

    For ``INVERSE``, instead, the number of fractions, and for each its largest rate A and the coefficients of
    its polynomials in u = A r²: FRACTION_TERMS of the numerator, and as many of the denominator after its 1;
    and the S of its limit S/u far away.
    """

    code: int
    numbers: NDArray[np.float64]


Integrand = Gaussian | Spherical | Radial | Diagonal | Full | Profile


class Needs(NamedTuple):
    """What an integrand needs from the tiles, as one argument of the kernels.

    Attributes
    ----------
    products : bool
        It reads the Gram matrix.
    sines : bool
        It reads angles as seen from 0, so that the points cannot be centered; where differences replace the
        Gram matrix, the angles are computed separately.
    sided : bool
        The derivatives by the parameters of the left and of the right point differ.
    capped : bool
        A term may overflow, as its exponent exceeds 0 where two covariances are smaller than typical.
    """

    products: bool = True
    sines: bool = False
    sided: bool = False
    capped: bool = True


INTEGRANDS: dict[type[Integrand], Needs] = {
    Gaussian: Needs(capped=False),
    Spherical: Needs(),
    Radial: Needs(sines=True, sided=True),
    Diagonal: Needs(products=False),
    Full: Needs(products=False),
    LargeFull: Needs(products=False),
    Profile: Needs(capped=False),
}
"""Integrand → what it needs."""
