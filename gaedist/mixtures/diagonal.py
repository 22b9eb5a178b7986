"""Families of covariances given by variances: one σ for all points or one for each, radial, and diagonal."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gaedist.engine import PairSum
from gaedist.engine.compiled.integrands import Diagonal as DiagonalPair
from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.compiled.integrands import Radial as RadialPair
from gaedist.engine.compiled.integrands import Spherical as SphericalPair
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import LARGEST, SMALLEST, Covariance, Movable, Pullback, check_range
from gaedist.numerics import HALF_LOG2_E, Array


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
    variance: float

    def check(self, centers: Array) -> None:
        """Raise `GaedistError` for a variance out of range."""
        check_range(np.array([self.variance]))

    def pair_sum(
        self, other: Self, x: Array, y: Array | None, weights_x: Array, weights_y: Array | None
    ) -> PairSum:
        """Implements Eq. (4), whose radical must cover the power: (2π(σ² + γ²))^(−D/2)."""
        both = self.variance + other.variance
        return PairSum(
            integrand=Gaussian(HALF_LOG2_E / both),
            x=x,
            y=y,
            params_x=weights_x[np.newaxis],
            params_y=None if weights_y is None else weights_y[np.newaxis],
            log_scale=-x.shape[1] / 2 * math.log(both / 2),
            steepness=HALF_LOG2_E / both,
        )

    def log_selves(self, dim: int) -> Array:
        """Return log s^(−D/2), once."""
        return np.array([-dim / 2 * math.log(self.variance)])

    def sigmas(self) -> Array:
        """Return σ."""
        return np.array([math.sqrt(self.variance)])


@dataclass(frozen=True, eq=False)
class Variances(Movable):
    """A family given by Q variances of each point.

    Attributes
    ----------
    variances : (n, Q) array of double
        Positive.
    """

    variances: Array

    @staticmethod
    @abstractmethod
    def multiplicities(dim: int) -> Array:
        """Return how many axes have each variance, (Q,)."""

    def check(self, centers: Array) -> None:
        """Raise `GaedistError` for variances out of range, or not one row a centre."""
        shape = (len(centers), len(self.multiplicities(centers.shape[1])))
        if self.variances.shape != shape:
            raise GaedistError(
                f"{self.name} covariances of {len(centers)} points must be {shape}; "
                f"got {self.variances.shape}."
            )
        check_range(self.variances)

    def log_selves(self, dim: int) -> Array:
        """Return −½ log |Σ_i|, (n,)."""
        return np.asarray(-0.5 * np.log(self.variances) @ self.multiplicities(dim))

    def sigmas(self) -> Array:
        """Return the standard deviations, (n, Q)."""
        return np.sqrt(self.variances)

    def concatenated(self, other: Self) -> Self:
        """Put the variances together."""
        return type(self)(np.concatenate([self.variances, other.variances]))

    def moved(self, coordinates: Array) -> tuple[Self, Pullback]:
        """Multiply the variances by exp(coordinates)."""
        variances = self.variances * np.exp(coordinates.T)
        return type(self)(variances), lambda slopes: slopes * variances.T

    def scaled(self, factor: float) -> Self:
        """Return the variances times a factor."""
        return type(self)(self.variances * factor)

    def reach(self, dim: int, factor: float) -> Array:
        """Return 2 log(factor) for each."""
        return np.full(self.variances.shape[1], 2 * math.log(factor))

    def self_slopes(self, dim: int) -> Array:
        """Return −½ multiplicity/variance, (Q, n)."""
        return np.asarray(-0.5 * self.multiplicities(dim)[:, np.newaxis] / self.variances.T)

    def curvatures(self, dim: int) -> Array:
        """Return a quarter of the multiplicities: the curvature of ½ log(s + t) by log s at s = t is ⅛."""
        return np.maximum(self.multiplicities(dim), 1) / 4

    @classmethod
    def stored_shape(cls, n: int, dim: int) -> tuple[int, ...]:
        """Return (n, Q)."""
        return n, len(cls.multiplicities(dim))

    def stored(self) -> Array:
        """Return the standard deviations."""
        return self.sigmas()

    @classmethod
    def of_stored(cls, array: Array) -> Self:
        """Square the standard deviations."""
        bad = ~((array > SMALLEST) & (array < LARGEST))
        if bad.any():
            row = int(np.argwhere(bad)[0][0])
            raise GaedistError(
                f"sigma must lie between {SMALLEST:g} and {LARGEST:g}; row {row} has {array[bad].flat[0]:g}."
            )
        return cls(array.reshape(len(array), -1) ** 2)

    def directions(self) -> dict[str, Array]:
        """Return them all under one name."""
        return {"all": self.sigmas()}


class Spherical(Variances):
    """Σ_i = σ_i² I; variances (n, 1)."""

    name: ClassVar[str] = "spherical"
    about: ClassVar[str] = "one for each point"

    @staticmethod
    def multiplicities(dim: int) -> Array:
        """Return (D,)."""
        return np.array([float(dim)])

    @classmethod
    def stored_shape(cls, n: int, dim: int) -> tuple[int, ...]:
        """Return (n,)."""
        return (n,)

    def stored(self) -> Array:
        """Return the standard deviations, (n,)."""
        return self.sigmas()[:, 0]

    def pair_sum(
        self, other: Self, x: Array, y: Array | None, weights_x: Array, weights_y: Array | None
    ) -> PairSum:
        """Implements the terms of Eq. (7)."""
        dim, s, t = x.shape[1], self.variances[:, 0], other.variances[:, 0]
        typical = _typical(s, t)
        return PairSum(
            integrand=SphericalPair(dim / 2, typical),
            x=x,
            y=y,
            params_x=np.stack([weights_x, s]),
            params_y=None if weights_y is None else np.stack([weights_y, t]),
            log_scale=-dim / 2 * (typical - 1) * math.log(2),
            steepness=HALF_LOG2_E / (s.min() + t.min()),
            varied=1,
        )


class Radial(Variances):
    """Σ_i with variance a_i along x_i and b_i across it; variances (n, 2). At x = 0, a_i = b_i."""

    name: ClassVar[str] = "radial"
    about: ClassVar[str] = "two: along the point, seen from 0, and across"

    @staticmethod
    def multiplicities(dim: int) -> Array:
        """Return (1, D − 1)."""
        return np.array([1.0, dim - 1.0])

    def check(self, centers: Array) -> None:
        """Raise `GaedistError` also where x has no direction, or D = 1, and a is not b."""
        super().check(centers)
        norms = np.linalg.norm(centers, axis=1)
        if norms.max() > LARGEST:
            raise GaedistError(f"radial covariances need |x| up to {LARGEST:g}; got {norms.max():g}.")
        unequal = ~_directed(centers) & (self.variances[:, 0] != self.variances[:, 1])
        if unequal.any():
            reason = "there is one axis" if centers.shape[1] == 1 else "the point is 0"
            raise GaedistError(
                f"row {np.flatnonzero(unequal)[0]} of the radial covariances must have two equal variances, "
                f"as {reason}; got {self.variances[unequal][0].tolist()}."
            )

    def pair_sum(
        self, other: Self, x: Array, y: Array | None, weights_x: Array, weights_y: Array | None
    ) -> PairSum:
        """Implements FORMULAS §4 as `gaedist.engine.compiled.exponents` writes it."""
        dim = x.shape[1]
        typical = _typical(self.variances[:, 1], other.variances[:, 1])
        return PairSum(
            integrand=RadialPair(dim / 2 - 1, typical),
            x=x,
            y=y,
            params_x=self._params(x, weights_x),
            params_y=None if y is None or weights_y is None else other._params(y, weights_y),
            log_scale=-dim / 2 * (typical - 1) * math.log(2),
            steepness=HALF_LOG2_E / (self.variances.min() + other.variances.min()),
            varied=2,
        )

    def _params(self, x: Array, weights: Array) -> Array:
        squares = np.einsum("ij,ij->i", x, x)
        with np.errstate(divide="ignore"):
            inverses = np.where(squares > 0, 1 / np.sqrt(squares), 0.0)
        return np.stack([weights, *self.variances.T, squares, inverses])

    def directions(self) -> dict[str, Array]:
        """Return them along x and across it."""
        along, across = self.sigmas().T
        return {"along x": along, "across x": across}

    def tied(self, centers: Array) -> "Radial":
        """Return the covariances with b for a at x = 0, and a for b if D = 1."""
        a, b = self.variances.T
        if centers.shape[1] == 1:
            return Radial(np.stack([a, a], axis=1))
        return Radial(np.stack([np.where(_directed(centers), a, b), b], axis=1))

    def tied_slopes(self, slopes: Array, centers: Array) -> Array:
        """Give the sum of both derivatives to the one that counts."""
        if centers.shape[1] == 1:
            return np.stack([slopes.sum(axis=0), np.zeros(len(centers))])
        return np.where(_directed(centers), slopes, np.stack([np.zeros(len(centers)), slopes.sum(axis=0)]))


def _directed(centers: Array) -> NDArray[np.bool_]:
    """Tell which points have a direction, that is a square that does not vanish, and an axis across it."""
    if centers.shape[1] == 1:
        return np.zeros(len(centers), dtype=bool)
    return np.asarray(np.einsum("ij,ij->i", centers, centers) > 0)


class Diagonal(Variances):
    """Σ_i = diag of D variances; variances (n, D)."""

    name: ClassVar[str] = "diagonal"
    about: ClassVar[str] = "one for each axis"

    @staticmethod
    def multiplicities(dim: int) -> Array:
        """Return D ones."""
        return np.ones(dim)

    def pair_sum(
        self, other: Self, x: Array, y: Array | None, weights_x: Array, weights_y: Array | None
    ) -> PairSum:
        """Implements Eq. (3) for diagonal covariances."""
        dim = x.shape[1]
        typical = sum(_typical(s, t) for s, t in zip(self.variances.T, other.variances.T, strict=True))
        return PairSum(
            integrand=DiagonalPair(dim, typical),
            x=x,
            y=y,
            params_x=np.vstack([weights_x, self.variances.T, x.T]),
            params_y=None
            if y is None or weights_y is None
            else np.vstack([weights_y, other.variances.T, y.T]),
            log_scale=-(typical - dim) / 2 * math.log(2),
            steepness=0.0,
            varied=dim,
        )


def _typical(s: Array, t: Array) -> float:
    """Return log2 of a typical s_i + t_j."""
    return math.log2(float(np.median(s)) + float(np.median(t)))
