"""The family of full covariance matrices, one for each point."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from gaedist.engine import PairSum, cholesky_seconds
from gaedist.engine.compiled.integrands import full
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import LARGEST_SIGMA, SMALLEST_SIGMA, PerPointCovariance, Pullback
from gaedist.numerics import Array

_ASYMMETRY = 1e-9  # largest |Σ − Σᵀ| relative to the largest element
_MIN_EIGENVALUE = 1e-14  # relative to the largest element: below that, rounding decides
_LOG2_RANGE = 900.0  # of a product of pivots


@dataclass(frozen=True, eq=False)
class Full(PerPointCovariance):
    """Σ_i is any symmetric positive definite matrix; its Q = D(D + 1)/2 parameters are the lower triangle.

    Attributes
    ----------
    matrices : (n, D, D) array of double
        Symmetric and positive definite.
    """

    name: ClassVar[str] = "full"
    about: ClassVar[str] = "a matrix per point"
    definition: ClassVar[str] = "Σ_i is any symmetric positive definite matrix"
    matrices: Array

    @classmethod
    def seconds_per_pair(cls, dim: int) -> float:
        """Return the time of a Cholesky factor."""
        return cholesky_seconds(dim)

    def check(self, centers: Array) -> None:
        """Raise `GaedistError` for matrices of another shape, asymmetric ones or indefinite ones."""
        n, dim = centers.shape
        if self.matrices.shape != (n, dim, dim):
            raise GaedistError(
                f"full covariances of {n} points must have shape {(n, dim, dim)}; got {self.matrices.shape}."
            )
        sizes = np.abs(self.matrices).max(axis=(1, 2))
        if not (sizes < LARGEST_SIGMA**2).all():
            raise GaedistError(
                f"elements of covariances must be below {LARGEST_SIGMA**2:g}; got {sizes.max():g}."
            )
        skew = np.abs(self.matrices - self.matrices.transpose(0, 2, 1)).max(axis=(1, 2))
        asymmetric = ~(skew <= _ASYMMETRY * sizes)
        if asymmetric.any():
            raise GaedistError(f"covariance {np.flatnonzero(asymmetric)[0]} is not symmetric.")
        smallest = np.linalg.eigvalsh(self.matrices)[:, 0]
        bad = ~((smallest > SMALLEST_SIGMA**2) & (smallest > _MIN_EIGENVALUE * sizes))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise GaedistError(
                f"covariance {row} is not positive definite in double precision: its smallest eigenvalue is "
                f"{smallest[row]:g}, its largest element {sizes[row]:g}. This holds for {bad.sum()} of {n} "
                "covariances. Radial and diagonal covariances allow any ratio of variances."
            )

    def pair_sum(
        self,
        other: Self,
        x: Array,
        y: Array | None,
        weights_x: Array,
        weights_y: Array | None,
        unit: float = 1.0,
    ) -> PairSum:
        """Implement Eq. (3) as N(x_i − y_j; 0, Σ_i + Γ_j), from the Cholesky factor of Σ_i + Γ_j."""
        dim = x.shape[1]
        log_determinants = self.log_self_overlaps(dim), other.log_self_overlaps(dim)
        typical = dim - float(np.median(log_determinants[0]) + np.median(log_determinants[1])) / math.log(2)
        return PairSum(
            integrand=full(dim, typical, _span(self.matrices, other.matrices)),
            x=x,
            y=y,
            params_x=self._parameters(x, weights_x),
            params_y=None if y is None or weights_y is None else other._parameters(y, weights_y),
            log_scale=-(typical - dim * (1 + math.log2(unit))) / 2 * math.log(2),
            steepness=0.0,
            varied=dim * (dim + 1) // 2,
        )

    def _parameters(self, x: Array, weights: Array) -> Array:
        """Return log2 weight, the lower triangle of Σ and x of each point, (1 + Q + D, n)."""
        lower = np.tril_indices(x.shape[1])
        return np.asarray(np.vstack([weights, self.matrices[:, lower[0], lower[1]].T, x.T]))

    def log_self_overlaps(self, dim: int, unit: float = 1.0) -> Array:
        """Return −½ log |Σ_i/unit|, (n,)."""
        return np.asarray(-0.5 * (self._log_determinants - dim * math.log(unit)))

    @cached_property
    def _log_determinants(self) -> Array:
        """Return log |Σ_i|, which a sum needs three times."""
        return np.asarray(np.linalg.slogdet(self.matrices)[1])

    def sigmas(self) -> Array:
        """Return the square roots of the eigenvalues, (n, D)."""
        return np.asarray(np.sqrt(np.linalg.eigvalsh(self.matrices)))

    def widened(self, variance: float) -> Self:
        """Add to the diagonals."""
        return type(self)(self.matrices + variance * np.eye(self.matrices.shape[-1]))

    def concatenated(self, other: Self) -> Self:
        """Concatenate the matrices."""
        return type(self)(np.concatenate([self.matrices, other.matrices]))

    def displaced(self, coordinates: Array) -> tuple[Self, Pullback]:
        """Return C M Mᵀ Cᵀ, where C is the Cholesky factor of Σ and M is lower triangular.

        The coordinates are the lower triangle of M, with logarithms on its diagonal. In them the curvature of
        the loss at each point is what it would be if Σ were I.
        """
        n, dim = self.matrices.shape[:2]
        rows, columns = np.tril_indices(dim)
        m = np.zeros((n, dim, dim))
        m[:, rows, columns] = coordinates.T
        diagonal = np.arange(dim)
        m[:, diagonal, diagonal] = np.exp(m[:, diagonal, diagonal])
        try:
            cholesky = np.linalg.cholesky(self.matrices)
        except np.linalg.LinAlgError as error:
            raise GaedistError(
                "the variances of a full covariance differ by more than double precision can resolve. "
                "Radial and diagonal covariances allow any ratio of variances."
            ) from error
        root = cholesky @ m

        def pull_back(gradient: Array) -> Array:
            """Return ∂F/∂M = 2 Cᵀ (∂F/∂Σ) C M, on the diagonal ∂F/∂ log M, (Q, n)."""
            symmetric: Array = np.zeros((n, dim, dim))
            symmetric[:, rows, columns] = gradient.T
            symmetric[:, columns, rows] = gradient.T
            by_m = 2 * cholesky.transpose(0, 2, 1) @ symmetric @ root
            by_m[:, diagonal, diagonal] *= m[:, diagonal, diagonal]
            return np.ascontiguousarray(by_m[:, rows, columns].T)

        return type(self)(root @ root.transpose(0, 2, 1)), pull_back

    def scaled(self, factor: float) -> Self:
        """Return the matrices times a factor."""
        return type(self)(self.matrices * factor)

    def max_displacement(self, dim: int, factor: float) -> Array:
        """Return bounds that keep the singular values of M between 1/factor and factor.

        The diagonal of M may change by √factor; the norm of the part below it is bounded by what remains.
        """
        rows, columns = np.tril_indices(dim)
        below = (factor**-0.5 - 1 / factor) / math.sqrt(max(1, dim * (dim - 1) / 2))
        return np.where(rows == columns, math.log(factor) / 2, below)

    def self_overlap_gradient(self, dim: int) -> Array:
        """Return the lower triangle of −½ Σ⁻¹, (Q, n)."""
        rows, columns = np.tril_indices(dim)
        return np.asarray(-0.5 * np.linalg.inv(self.matrices)[:, rows, columns].T)

    def curvatures(self, dim: int) -> Array:
        """Return 1 for the logarithms on the diagonal and ½ for the elements below it."""
        rows, columns = np.tril_indices(dim)
        return np.where(rows == columns, 1.0, 0.5)

    @classmethod
    def stored_shape(cls, n: int, dim: int) -> tuple[int, ...]:
        """Return (n, D, D)."""
        return n, dim, dim

    @classmethod
    def from_stored(cls, array: Array) -> Self:
        """Return these matrices."""
        return cls(array)

    def stored(self) -> Array:
        """Return the matrices."""
        return self.matrices


def _span(a: Array, b: Array) -> int:
    """Return how many pivots of A + B have a product in range; at least 1.

    Pivots are at least the smallest eigenvalue, and at most the largest element.
    """
    sizes = [np.abs(matrices).max(axis=(1, 2)) for matrices in (a, b)]
    low, high = (float(sum(limit(of) for of in sizes)) for limit in (np.min, np.max))
    low *= _MIN_EIGENVALUE
    return max(1, int(_LOG2_RANGE / max(1.0, math.log2(high), -math.log2(low))))
