"""The integrands: what a pair of points adds to a sum.

Each is a named tuple of what is common to all pairs, which tells Numba by its type what to compile: a cold
start pays for the one integrand it needs. The compiled functions are in `rows`, under the same names.
`INTEGRANDS` is the registry. The parameters of each point begin with log2 of its weight.
"""

from dataclasses import dataclass
from typing import NamedTuple


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


Integrand = Gaussian | Spherical | Radial | Diagonal | Full


@dataclass(frozen=True)
class Needs:
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
}
"""Integrand → what it needs."""
