"""What every family of covariances offers, so that no caller asks which one it holds.

`Covariance` is what ⟨N(a, A), N(b, B)⟩ = N(a − b; 0, A + B) needs, and `Movable` what an optimisation needs
to move its members. All overlaps here carry (4π)^(D/2), so that N(0, I) with itself gives 1.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from gaedist.engine import PairSum
from gaedist.errors import GaedistError
from gaedist.numerics import Array

SMALLEST, LARGEST = 1e-75, 1e75
"""Standard deviations whose squares are far from overflow."""

Pullback = Callable[[Array], Array]
"""From derivatives by the parameters of a family, (Q, n), to those by the coordinates of a move."""


class Covariance(ABC):
    """The covariances Σ_i of the components of a mixture, one family."""

    name: ClassVar[str]
    about: ClassVar[str]

    @classmethod
    def seconds_a_pair(cls, dim: int) -> float:
        """Return roughly how long a pair takes on one core, if that is long enough to warn of."""
        return 0.0

    @abstractmethod
    def check(self, centers: Array) -> None:
        """Raise `GaedistError` if these are no covariances for these centres."""

    @abstractmethod
    def pair_sum(
        self, other: Self, x: Array, y: Array | None, weights_x: Array, weights_y: Array | None
    ) -> PairSum:
        """Return Σ_ij of w_i v_j ⟨N(x_i, Σ_i), N(y_j, Γ_j)⟩, given log2 of the weights, as a job."""

    @abstractmethod
    def log_selves(self, dim: int) -> Array:
        """Return log ∫ N(x_i, Σ_i)² of each point, or of all at once."""

    @abstractmethod
    def sigmas(self) -> Array:
        """Return the standard deviations in use."""


@dataclass(frozen=True, eq=False)
class Movable(Covariance):
    """A family whose members an optimisation may move, each point by itself."""

    @abstractmethod
    def concatenated(self, other: Self) -> Self:
        """Return the covariances of these points, and then those of others."""

    @abstractmethod
    def moved(self, coordinates: Array) -> tuple[Self, Pullback]:
        """Return the member at these coordinates, (Q, n), of which 0 is this one, and its `Pullback`."""

    @abstractmethod
    def scaled(self, factor: float) -> Self:
        """Return the covariances times a factor."""

    def tied(self, centers: Array) -> Self:
        """Return the member with parameters made equal that have to be."""
        return self

    def tied_slopes(self, slopes: Array, centers: Array) -> Array:
        """Return the derivatives of what ``tied`` gives, from those of this, (Q, n)."""
        return slopes

    @abstractmethod
    def reach(self, dim: int, factor: float) -> Array:
        """Return how far each coordinate may go before a σ changes by more than a factor, (Q,)."""

    @abstractmethod
    def self_slopes(self, dim: int) -> Array:
        """Return the derivatives of `log_selves` by the parameters, (Q, n)."""

    @abstractmethod
    def curvatures(self, dim: int) -> Array:
        """Return how curved −log of an overlap typically is along each coordinate, (Q,)."""

    @classmethod
    @abstractmethod
    def stored_shape(cls, n: int, dim: int) -> tuple[int, ...]:
        """Return the shape of the array that a file of σ holds."""

    @abstractmethod
    def stored(self) -> Array:
        """Return the array that a file of σ holds: standard deviations, or full covariances."""

    @classmethod
    @abstractmethod
    def of_stored(cls, array: Array) -> Self:
        """Return the member that a file of σ holds."""

    @abstractmethod
    def directions(self) -> dict[str, Array]:
        """Return the standard deviations by direction, under the names that a table shows."""


def check_range(variances: Array) -> None:
    """Raise `GaedistError` for a variance that is not positive, or near overflow."""
    bad = ~((variances > SMALLEST**2) & (variances < LARGEST**2))
    if bad.any():
        raise GaedistError(
            f"variances must lie between {SMALLEST**2:g} and {LARGEST**2:g}; got {variances[bad].flat[0]:g}."
        )


def check_sigma(sigma: float) -> float:
    """Return σ; raise `GaedistError` unless it is positive, finite, and has a square far from overflow."""
    if not (sigma > 0 and math.isfinite(sigma)):
        raise GaedistError(f"sigma must be a positive, finite number; got {sigma:g}.")
    if not SMALLEST < sigma < LARGEST:
        raise GaedistError(f"sigma must lie between {SMALLEST:g} and {LARGEST:g}; got {sigma:g}.")
    return float(sigma)
