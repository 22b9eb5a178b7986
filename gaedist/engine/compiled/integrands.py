"""The integrands: what a pair of points adds to a sum.

Each is a named tuple of what is common to all pairs, which tells Numba by its type what to compile: a cold
start pays for the one integrand it needs. The compiled functions are in `rows`, under the same names.
`INTEGRANDS` is the registry. The parameters of each point begin with log2 of its weight.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import FRACTION_TERMS


class Gaussian(NamedTuple):
    """2^(−rate |x − y|²): Eqs. (5) and (7) for constant σ. No parameters of points."""

    rate: float


class Spherical(NamedTuple):
    """N(x − y; 0, (s + t) I), Eq. (7), over its peak at a typical s + t. Parameter: variance."""

    half_dim: float
    log2_typical: float


class Radial(NamedTuple):
    """N(x − y; 0, Σ + Γ) for variances a along the point and b across it.

    Parameters: a, b, |x|², and 1/|x|, or 0 for x = 0, where a must be b. ``half_rest`` is (D − 2)/2.
    """

    half_rest: float
    log2_typical: float


class Diagonal(NamedTuple):
    """N(x − y; 0, diag(s + t)). Parameters: D variances and D coordinates; a typical determinant."""

    dim: int
    log2_typical: float


class Full(NamedTuple):
    """N(x − y; 0, Σ + Γ), Eq. (3). Parameters: the lower triangle of Σ, row by row, and D coordinates."""

    dim: int
    log2_typical: float


class Shape(IntEnum):
    """A function of r² = |x − y|², summed over the rates a of a `Profile`, with u = a r²."""

    POWER = 0  # 2^(−u)
    ROOT = 1  # r, which has no rate
    INVERSE = 2  # 1/(1 + u)
    INVERSE_ROOT = 3  # (1 + u)^(−1/2)
    INVERSE_POWER = 4  # (1 + u)^(−α), with α in the rest
    ROOT_POWER = 5  # 2^(−a r)
    SERIES = 6  # √z P(2z − 1) with z = 1/(1 + u); the rest is how many blocks of coefficients, highest first


_ALIKE = 1e-20  # least rate beside the largest of these


def _alike(rates: tuple[float, ...]) -> list[list[float]]:
    """Part rates into a few each, of sizes that a double holds the products of."""
    groups: list[list[float]] = []
    for rate in sorted(rates, reverse=True):
        if not groups or len(groups[-1]) == FRACTION_TERMS or rate < _ALIKE * groups[-1][0]:
            groups.append([])
        groups[-1].append(rate)
    return groups


def _fraction(rates: list[float]) -> list[float]:
    """Return the largest rate, and P and Q of Σ 1/(1 + a r²) = P/Q as polynomials of that times r²."""
    largest = max(rates)
    shares = np.array(rates) / largest
    numerator: NDArray[Any] = np.zeros(1)
    denominator: NDArray[Any] = np.ones(1)
    for share in shares:
        numerator = np.polyadd(np.polymul(numerator, [share, 1.0]), denominator)
        denominator = np.polymul(denominator, [share, 1.0])
    p, q = np.zeros(FRACTION_TERMS), np.zeros(FRACTION_TERMS + 1)
    p[: len(numerator)], q[: len(denominator)] = numerator[::-1], denominator[::-1]
    return [largest, *p, *q[1:]]


class Profile(NamedTuple):
    """A function of |x − y| that is no power of 2, or a sum of several. No parameters of points.

    All profiles are one type to Numba, and those of the same points share a pass: a code for each tells
    what to do with a row of squared distances.
    """

    shape: Shape
    rates: tuple[float, ...] = ()
    rest: tuple[float, ...] = ()

    @property
    def numbers(self) -> "ProfileNumbers":
        """What the compiled side reads."""
        if self.shape == Shape.INVERSE:
            groups = list(map(_fraction, _alike(self.rates)))
            return ProfileNumbers(int(self.shape), np.array([len(groups), *np.concatenate(groups)]))
        numbers = np.array([len(self.rates), *self.rates, *self.rest], dtype=float)
        return ProfileNumbers(int(self.shape), numbers)


class ProfileNumbers(NamedTuple):
    """A `Profile` as the compiled side reads it: its code, how many rates, the rates, and the rest.

    For ``INVERSE``, how many fractions, and of each its largest rate a and the coefficients of its
    polynomials of a r², 7 of the numerator and 7 of the denominator, whose first is 1.
    """

    code: int
    numbers: NDArray[np.float64]


Integrand = Gaussian | Spherical | Radial | Diagonal | Full | Profile


class Needs(NamedTuple):
    """What the tiles have to know of an integrand.

    Attributes
    ----------
    products : bool
        It reads the Gram matrix.
    sines : bool
        It reads angles as seen from 0, so that the points cannot be moved; where differences replace the
        Gram matrix, it needs them apart.
    sided : bool
        The derivatives by the parameters of the left and the right point differ.
    capped : bool
        A term may overflow: its exponent is above 0 where two covariances are smaller than typical.
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
    Profile: Needs(capped=False),
}
"""Integrand → what it needs."""
