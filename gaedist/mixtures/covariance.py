"""The interface of every covariance family, so that no caller asks which family it holds.

A `Covariance` provides the overlaps ⟨N(a, A), N(b, B)⟩ = N(a − b; 0, A + B); a `PerPointCovariance` also has
parameters that an optimiser can change. All overlaps here carry (4π unit)^(D/2), so that N(0, I) has overlap
1 with itself at unit 1, which is the default.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from gaedist.engine import PairSum
from gaedist.errors import GaedistError
from gaedist.numerics import Array

SMALLEST_SIGMA, LARGEST_SIGMA = 1e-75, 1e75
"""Range of standard deviations: their squares are far from underflow and overflow."""

Pullback = Callable[[Array], Array]
"""Maps derivatives with respect to a family's parameters to those with respect to the coordinates of a
displacement; both are (Q, n)."""


class Covariance(ABC):
    """The covariances Σ_i of the components of a mixture, all of one family.

    Attributes
    ----------
    name : str
        The family's key in `gaedist.mixtures.families.FAMILIES`.
    about : str
        A phrase for help texts.
    definition : str
        The formula for Σ_i.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    definition: ClassVar[str]

    @classmethod
    def seconds_per_pair(cls, dim: int) -> float:
        """Return roughly how long a pair takes on one core; 0 where that is too short to warn about."""
        return 0.0

    @abstractmethod
    def check(self, centers: Array) -> None:
        """Raise `GaedistError` unless these are valid covariances for these centers, (n, D)."""

    @abstractmethod
    def pair_sum(
        self,
        other: Self,
        x: Array,
        y: Array | None,
        weights_x: Array,
        weights_y: Array | None,
        unit: float = 1.0,
    ) -> PairSum:
        """Return Σ_ij w_i v_j ⟨N(x_i, Σ_i), N(y_j, Γ_j)⟩, given log2 of the weights, as a job for the engine.

        Without y, the sum is over the pairs i > j of x.
        """

    @abstractmethod
    def log_self_overlaps(self, dim: int, unit: float = 1.0) -> Array:
        """Return log ∫ N(x_i, Σ_i)², (n,), or (1,) if all points share one covariance."""

    @abstractmethod
    def sigmas(self) -> Array:
        """Return the standard deviations along the principal axes."""

    @abstractmethod
    def widened(self, variance: float) -> Self:
        """Return Σ_i + variance · I."""


@dataclass(frozen=True, eq=False)
class PerPointCovariance(Covariance):
    """A family with Q parameters for each of n points, which an optimiser can change.

    The optimiser works in coordinates (Q, n), relative to given covariances: 0 leaves them as they are.
    """

    @abstractmethod
    def concatenated(self, other: Self) -> Self:
        """Return the covariances of these points followed by those of the other's points."""

    @abstractmethod
    def displaced(self, coordinates: Array) -> tuple[Self, Pullback]:
        """Return the covariances at these coordinates, (Q, n), and the `Pullback` there."""

    @abstractmethod
    def scaled(self, factor: float) -> Self:
        """Return the covariances times a factor."""

    def constrained(self, centers: Array) -> Self:
        """Return the covariances with those parameters made equal that the centers require to be equal."""
        return self

    def constrained_gradient(self, gradient: Array, centers: Array) -> Array:
        """Return the gradient of f(constrained(parameters)), given the gradient of f there; both (Q, n)."""
        return gradient

    @abstractmethod
    def max_displacement(self, dim: int, factor: float) -> Array:
        """Return bounds on the coordinates, (Q,), within which no σ changes by more than a factor."""

    @abstractmethod
    def self_overlap_gradient(self, dim: int) -> Array:
        """Return the derivatives of `log_self_overlaps` with respect to the parameters, (Q, n)."""

    @abstractmethod
    def curvatures(self, dim: int) -> Array:
        """Return a typical second derivative of −log of an overlap along each coordinate, (Q,)."""

    @classmethod
    @abstractmethod
    def stored_shape(cls, n: int, dim: int) -> tuple[int, ...]:
        """Return the shape of the array in a file of σ."""

    @abstractmethod
    def stored(self) -> Array:
        """Return the array for a file of σ: standard deviations, or full covariance matrices."""

    @classmethod
    @abstractmethod
    def from_stored(cls, array: Array) -> Self:
        """Return the covariances given by the array of a file of σ."""

    def sigmas_by_direction(self) -> dict[str, Array]:
        """Return the standard deviations grouped by direction; the keys are shown in tables."""
        return {"all": self.sigmas()}


def check_variances(variances: Array) -> None:
    """Raise `GaedistError` for a variance that is not positive, or close to underflow or overflow."""
    bad = ~((variances > SMALLEST_SIGMA**2) & (variances < LARGEST_SIGMA**2))
    if bad.any():
        raise GaedistError(
            f"variances must lie between {SMALLEST_SIGMA**2:g} and {LARGEST_SIGMA**2:g}; "
            f"got {variances[bad].flat[0]:g}."
        )


def check_sigma(sigma: float) -> float:
    """Return σ; raise `GaedistError` unless it is positive, finite, and has a square far from overflow."""
    if not (sigma > 0 and math.isfinite(sigma)):
        raise GaedistError(f"sigma must be a positive, finite number; got {sigma:g}.")
    if not SMALLEST_SIGMA < sigma < LARGEST_SIGMA:
        raise GaedistError(f"sigma must lie between {SMALLEST_SIGMA:g} and {LARGEST_SIGMA:g}; got {sigma:g}.")
    return float(sigma)
