"""Families of covariances for the Gaussians of a mixture: what ⟨N(a, A), N(b, B)⟩ = N(a − b; 0, A + B) needs.

A family is one class with the same hooks, so that no caller asks which family it holds. `FAMILIES` is the
list that the command line and the tests iterate over.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gaedist.engine import Array, PairSum
from gaedist.errors import GaedistError

_SMALLEST, _LARGEST = 1e-75, 1e75


@dataclass(frozen=True)
class Constant:
    """Σ_i = σ² I, the same for every point.

    Attributes
    ----------
    variance : float
        s = σ², positive and finite.
    """

    name: ClassVar[str] = "constant"
    variance: float

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a variance out of range."""
        if not _SMALLEST**2 < self.variance < _LARGEST**2:
            raise GaedistError(
                f"variance must lie between {_SMALLEST**2:g} and {_LARGEST**2:g}; got {self.variance:g}."
            )

    @classmethod
    def of_sigma(cls, sigma: float) -> "Constant":
        """Return the member with this standard deviation; raise `GaedistError` if it is out of range."""
        return cls(check_sigma(sigma) ** 2)

    def pair_sum(
        self, other: "Constant", x: Array, y: Array | None, weights_x: Array, weights_y: Array | None
    ) -> PairSum:
        """Return Σ_ij of w_i v_j exp(−|x_i − y_j|²/(2(σ² + γ²))), given log2 of the weights, as a job."""
        rate = math.log2(math.e) / (2 * (self.variance + other.variance))
        return PairSum(
            integrand="gaussian",
            x=x,
            y=y,
            params_x=weights_x[np.newaxis],
            params_y=None if weights_y is None else weights_y[np.newaxis],
            constants=np.array([rate]),
            steepness=rate,
        )

    def log_factor(self, other: "Constant", dim: int, unit: float) -> float:
        """Return the log of what `pair_sum` leaves out of ⟨p, q⟩ (4π unit)^(D/2).

        Eq. (4), whose radical must cover the power: (2π(σ² + γ²))^(−D/2).
        """
        return -dim / 2 * math.log((self.variance + other.variance) / (2 * unit))

    def log_selves(self, dim: int, unit: float) -> Array:
        """Return log ∫ N(x_i, Σ_i)² (4π unit)^(D/2) of each point, or of all at once."""
        return np.array([self.log_factor(self, dim, unit)])

    def sigmas(self) -> Array:
        """Return the standard deviations in use."""
        return np.array([math.sqrt(self.variance)])


def check_sigma(sigma: float) -> float:
    """Return σ; raise `GaedistError` unless it is positive, finite, and has a square far from overflow."""
    if not (sigma > 0 and math.isfinite(sigma)):
        raise GaedistError(f"sigma must be a positive, finite number; got {sigma:g}.")
    if not _SMALLEST < sigma < _LARGEST:
        raise GaedistError(f"sigma must lie between {_SMALLEST:g} and {_LARGEST:g}; got {sigma:g}.")
    return float(sigma)


FAMILIES = {family.name: family for family in (Constant,)}
"""Name → class."""


@dataclass(frozen=True)
class SigmaSummary:
    """The standard deviations of a smoothing.

    Attributes
    ----------
    rule : str
        Where they come from; ``given`` for a number.
    min, median, max : float
        Over all points and directions.
    """

    rule: str
    min: float
    median: float
    max: float

    @classmethod
    def of(cls, rule: str, sigmas: Array) -> "SigmaSummary":
        """Summarise the standard deviations in use."""
        return cls(rule, float(sigmas.min()), float(np.median(sigmas)), float(sigmas.max()))
