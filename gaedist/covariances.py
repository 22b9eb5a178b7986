"""Families of covariances for the Gaussians of a mixture: what ⟨N(a, A), N(b, B)⟩ = N(a − b; 0, A + B) needs.

A family is one class with the same hooks, so that no caller asks which family it holds. `FAMILIES` is the
list that the command line and the tests iterate over.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gaedist.engine import Array
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
    integrand: ClassVar[str] = "gaussian"
    variance: float

    @classmethod
    def of_sigma(cls, sigma: float) -> "Constant":
        """Return the member with this standard deviation; raise `GaedistError` if it is out of range."""
        return cls(check_sigma(sigma) ** 2)

    def params(self, log2_weights: Array) -> Array:
        """Return the integrand's parameters of each point, (1, n)."""
        return log2_weights[np.newaxis]

    def rate(self, other: "Constant") -> float:
        """Return the factor of −|x − y|² in the base-2 exponent of N(x − y; 0, A + B)."""
        return math.log2(math.e) / (2 * (self.variance + other.variance))

    def log_factor(self, other: "Constant", dim: int, unit: float) -> float:
        """Return log of N(0; 0, A + B) (4π unit)^(D/2): Eq. (4), whose radical must cover the power."""
        return -dim / 2 * math.log((self.variance + other.variance) / (2 * unit))

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
