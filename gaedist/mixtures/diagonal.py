"""Covariance families of diagonal matrices: one σ for all points, for each point, or for each point and axis.

`Variances` is the base class of the latter two and of `gaedist.mixtures.radial.Radial`.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gaedist.engine import PairSum
from gaedist.engine.compiled.integrands import Diagonal as DiagonalPair
from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.compiled.integrands import Spherical as SphericalPair
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import (
    LARGEST_SIGMA,
    SMALLEST_SIGMA,
    Covariance,
    PerPointCovariance,
    Pullback,
    check_variances,
)
from gaedist.numerics import HALF_LOG2_E, Array, log_ratio

_LOG2_RANGE = 900.0  # of its products


@dataclass(frozen=True)
class Constant(Covariance):
    """Σ_i = σ² I, the same for every point.

    Attributes
    ----------
    variance : float
        s = σ².
    """

    name: ClassVar[str] = "constant"
    about: ClassVar[str] = "one σ"
    definition: ClassVar[str] = "Σ_i = σ² I"
    variance: float

    def check(self, centers: Array) -> None:
        """Raise `GaedistError` for a variance out of range."""
        check_variances(np.array([self.variance]))

    def pair_sum(
        self,
        other: Self,
        x: Array,
        y: Array | None,
        weights_x: Array,
        weights_y: Array | None,
        unit: float = 1.0,
    ) -> PairSum:
        """Implement Eq. (4), ⟨N(x, σ²I), N(y, γ²I)⟩ = (2π(σ² + γ²))^(−D/2) exp(−|x − y|² / (2(σ² + γ²))).

        The paper prints √(2π(σ² + γ²)^D); the power must cover 2π too.
        """
        both = self.variance + other.variance
        return PairSum(
            integrand=Gaussian(HALF_LOG2_E / both),
            x=x,
            y=y,
            params_x=weights_x[np.newaxis],
            params_y=None if weights_y is None else weights_y[np.newaxis],
            log_scale=-x.shape[1] / 2 * log_ratio(both / 2, unit),
            steepness=HALF_LOG2_E / both,
        )

    def log_self_overlaps(self, dim: int, unit: float = 1.0) -> Array:
        """Return log (s/unit)^(−D/2), (1,)."""
        return np.array([-dim / 2 * log_ratio(self.variance, unit)])

    def sigmas(self) -> Array:
        """Return σ, (1,)."""
        return np.array([math.sqrt(self.variance)])

    def widened(self, variance: float) -> "Constant":
        """Add to the variance."""
        return Constant(self.variance + variance)


@dataclass(frozen=True, eq=False)
class Variances(PerPointCovariance):
    """A family given by Q variances for each point; coordinates are changes of their logarithms.

    Attributes
    ----------
    variances : (n, Q) array of double
        Positive.
    """

    variances: Array

    @staticmethod
    @abstractmethod
    def multiplicities(dim: int) -> Array:
        """Return the number of axes that share each variance, (Q,)."""

    def check(self, centers: Array) -> None:
        """Raise `GaedistError` unless there is one row of variances for each center, all within range."""
        shape = (len(centers), len(self.multiplicities(centers.shape[1])))
        if self.variances.shape != shape:
            raise GaedistError(
                f"{self.name} covariances of {len(centers)} points must have shape {shape}; "
                f"got {self.variances.shape}."
            )
        check_variances(self.variances)

    def log_self_overlaps(self, dim: int, unit: float = 1.0) -> Array:
        """Return −½ log |Σ_i/unit|, (n,)."""
        return np.asarray(-0.5 * np.log(self.variances / unit) @ self.multiplicities(dim))

    def sigmas(self) -> Array:
        """Return the standard deviations, (n, Q)."""
        return np.sqrt(self.variances)

    def widened(self, variance: float) -> Self:
        """Add to the variances."""
        return type(self)(self.variances + variance)

    def concatenated(self, other: Self) -> Self:
        """Concatenate the variances."""
        return type(self)(np.concatenate([self.variances, other.variances]))

    def displaced(self, coordinates: Array) -> tuple[Self, Pullback]:
        """Multiply the variances by exp(coordinates)."""
        variances = self.variances * np.exp(coordinates.T)
        return type(self)(variances), lambda gradient: gradient * variances.T

    def scaled(self, factor: float) -> Self:
        """Return the variances times a factor."""
        return type(self)(self.variances * factor)

    def max_displacement(self, dim: int, factor: float) -> Array:
        """Return 2 log(factor) for each variance."""
        return np.full(self.variances.shape[1], 2 * math.log(factor))

    def self_overlap_gradient(self, dim: int) -> Array:
        """Return −½ multiplicity/variance, (Q, n)."""
        return np.asarray(-0.5 * self.multiplicities(dim)[:, np.newaxis] / self.variances.T)

    def curvatures(self, dim: int) -> Array:
        """Return multiplicity/4: at s = t, the second derivative of ½ log(s + t) by log s is ⅛."""
        return np.maximum(self.multiplicities(dim), 1) / 4

    @classmethod
    def stored_shape(cls, n: int, dim: int) -> tuple[int, ...]:
        """Return (n, Q)."""
        return n, len(cls.multiplicities(dim))

    def stored(self) -> Array:
        """Return the standard deviations."""
        return self.sigmas()

    @classmethod
    def from_stored(cls, array: Array) -> Self:
        """Return the squares of these standard deviations; raise `GaedistError` for one out of range."""
        bad = ~((array > SMALLEST_SIGMA) & (array < LARGEST_SIGMA))
        if bad.any():
            row = int(np.argwhere(bad)[0][0])
            raise GaedistError(
                f"sigma must lie between {SMALLEST_SIGMA:g} and {LARGEST_SIGMA:g}; "
                f"row {row} has {array[bad].flat[0]:g}."
            )
        return cls(array.reshape(len(array), -1) ** 2)


class Spherical(Variances):
    """Σ_i = s_i I with s_i = σ_i²; variances (n, 1)."""

    name: ClassVar[str] = "spherical"
    about: ClassVar[str] = "one per point"
    definition: ClassVar[str] = "Σ_i = σ_i² I"

    @staticmethod
    def multiplicities(dim: int) -> Array:
        """Return D, (1,)."""
        return np.array([float(dim)])

    @classmethod
    def stored_shape(cls, n: int, dim: int) -> tuple[int, ...]:
        """Return (n,)."""
        return (n,)

    def stored(self) -> Array:
        """Return the standard deviations, (n,)."""
        return self.sigmas()[:, 0]

    def pair_sum(
        self,
        other: Self,
        x: Array,
        y: Array | None,
        weights_x: Array,
        weights_y: Array | None,
        unit: float = 1.0,
    ) -> PairSum:
        """Implement Eq. (7).

        With M = (s_i + t_j)/2 a pair is M^(−D/2) exp(−|x_i − y_j|² / (4M)); N(0, I) is y = 0, t = 1.
        """
        dim, s, t = x.shape[1], self.variances[:, 0], other.variances[:, 0]
        typical = log2_typical_sum(s, t)
        return PairSum(
            integrand=SphericalPair(dim / 2, typical),
            x=x,
            y=y,
            params_x=np.stack([weights_x, s]),
            params_y=None if weights_y is None else np.stack([weights_y, t]),
            log_scale=-dim / 2 * (typical - 1 - math.log2(unit)) * math.log(2),
            steepness=HALF_LOG2_E / (s.min() + t.min()),
            varied=1,
        )


class Diagonal(Variances):
    """Σ_i = diag(v_i), one variance for each axis; variances (n, D)."""

    name: ClassVar[str] = "diagonal"
    about: ClassVar[str] = "one per axis"
    definition: ClassVar[str] = "Σ_i = diag(σ_i1², …, σ_iD²)"

    @staticmethod
    def multiplicities(dim: int) -> Array:
        """Return ones, (D,)."""
        return np.ones(dim)

    def pair_sum(
        self,
        other: Self,
        x: Array,
        y: Array | None,
        weights_x: Array,
        weights_y: Array | None,
        unit: float = 1.0,
    ) -> PairSum:
        """Implement Eq. (3) for diagonal covariances."""
        dim = x.shape[1]
        typical = sum(
            log2_typical_sum(s, t) for s, t in zip(self.variances.T, other.variances.T, strict=True)
        )
        return PairSum(
            integrand=DiagonalPair(dim, typical, _span(self.variances, other.variances, x, y)),
            x=x,
            y=y,
            params_x=self._parameters(x, weights_x),
            params_y=None if y is None or weights_y is None else other._parameters(y, weights_y),
            log_scale=-(typical - dim * (1 + math.log2(unit))) / 2 * math.log(2),
            steepness=0.0,
            varied=dim,
        )

    def _parameters(self, x: Array, weights: Array) -> Array:
        """Return log2 weight, variances and coordinates of each point, (1 + 2 D, n)."""
        return np.asarray(np.vstack([weights, self.variances.T, x.T]))


def _span(s: Array, t: Array, x: Array, y: Array | None) -> int:
    """Return over how many axes products of s + t, times |x − y|²/(s + t), stay in range; at least 1."""
    low, high = float(s.min() + t.min()), float(s.max() + t.max())
    farthest = float(np.abs(x).max() + np.abs(x if y is None else y).max())
    room = _LOG2_RANGE - 2 * math.log2(max(1.0, farthest))
    return max(1, min(1 << 20, int(room / max(1e-3, math.log2(high), -math.log2(low))) - 1))


def log2_typical_sum(s: Array, t: Array) -> float:
    """Return log2 of a typical s_i + t_j: exponents relative to it stay within the range of a double."""
    return math.log2(float(np.median(s)) + float(np.median(t)))
