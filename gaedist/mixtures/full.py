"""Full covariance matrices, one for each point."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gaedist.engine import PairSum
from gaedist.engine.compiled.integrands import Full as FullPair
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import LARGEST, SMALLEST, Movable, Pullback
from gaedist.numerics import Array

_ASYMMETRY = 1e-9
_NARROWEST = 1e-14


@dataclass(frozen=True, eq=False)
class Full(Movable):
    """Σ_i = any symmetric positive definite matrix.

    Attributes
    ----------
    matrices : (n, D, D) array of double
        Symmetric and positive definite.
    """

    name: ClassVar[str] = "full"
    about: ClassVar[str] = "a matrix for each point, which takes a Cholesky factor a pair"
    matrices: Array

    @classmethod
    def seconds_a_pair(cls, dim: int) -> float:
        """Return the time of a Cholesky factor, as D = 2 to 256 were measured; large ones leave the cache."""
        return 2e-8 + 1e-10 * dim**3 * max(1.0, dim / 64)

    def check(self, centers: Array) -> None:
        """Raise `GaedistError` for matrices of another shape, asymmetric ones or indefinite ones."""
        n, dim = centers.shape
        if self.matrices.shape != (n, dim, dim):
            raise GaedistError(
                f"full covariances of {n} points must be {(n, dim, dim)}; got {self.matrices.shape}."
            )
        sizes = np.abs(self.matrices).max(axis=(1, 2))
        if not (sizes < LARGEST**2).all():
            raise GaedistError(f"covariances must be below {LARGEST**2:g}; got {sizes.max():g}.")
        skew = np.abs(self.matrices - self.matrices.transpose(0, 2, 1)).max(axis=(1, 2))
        asymmetric = ~(skew <= _ASYMMETRY * sizes)
        if asymmetric.any():
            raise GaedistError(f"covariance {np.flatnonzero(asymmetric)[0]} is not symmetric.")
        smallest = np.linalg.eigvalsh(self.matrices)[:, 0]
        bad = ~((smallest > SMALLEST**2) & (smallest > _NARROWEST * sizes))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise GaedistError(
                f"covariance {row} is not positive definite to the precision of a double: its least "
                f"eigenvalue is {smallest[row]:g}, its largest element {sizes[row]:g}; {bad.sum()} of {n} "
                "are so. A radial or a diagonal covariance holds any ratio of variances."
            )

    def pair_sum(
        self, other: Self, x: Array, y: Array | None, weights_x: Array, weights_y: Array | None
    ) -> PairSum:
        """Implements Eq. (3)."""
        dim = x.shape[1]
        log_determinants = self.log_selves(dim), other.log_selves(dim)
        typical = dim - float(np.median(log_determinants[0]) + np.median(log_determinants[1])) / math.log(2)
        return PairSum(
            integrand=FullPair(dim, typical),
            x=x,
            y=y,
            params_x=self._params(x, weights_x),
            params_y=None if y is None or weights_y is None else other._params(y, weights_y),
            log_scale=-(typical - dim) / 2 * math.log(2),
            steepness=0.0,
            varied=dim * (dim + 1) // 2,
        )

    def _params(self, x: Array, weights: Array) -> Array:
        lower = np.tril_indices(x.shape[1])
        return np.asarray(np.vstack([weights, self.matrices[:, lower[0], lower[1]].T, x.T]))

    def log_selves(self, dim: int) -> Array:
        """Return −½ log |Σ_i|, (n,)."""
        return np.asarray(-0.5 * np.linalg.slogdet(self.matrices)[1])

    def sigmas(self) -> Array:
        """Return the square roots of the eigenvalues, (n, D)."""
        return np.asarray(np.sqrt(np.linalg.eigvalsh(self.matrices)))

    def concatenated(self, other: Self) -> Self:
        """Put the matrices together."""
        return type(self)(np.concatenate([self.matrices, other.matrices]))

    def moved(self, coordinates: Array) -> tuple[Self, Pullback]:
        """Return Σ = C M Mᵀ Cᵀ, for the Cholesky factor C of this and M = exp on the diagonal, free below.

        In these coordinates every point is as curved as if its covariance were I.
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
                "a full covariance has variances further apart than a double can hold side by side. A radial "
                "or a diagonal covariance holds any ratio of variances."
            ) from error
        root = cholesky @ m

        def pull(slopes: Array) -> Array:
            """∂F/∂M = 2 Cᵀ (∂F/∂Σ) C M, and by the logarithms on its diagonal."""
            symmetric: Array = np.zeros((n, dim, dim))
            symmetric[:, rows, columns] = slopes.T
            symmetric[:, columns, rows] = slopes.T
            by_m = 2 * cholesky.transpose(0, 2, 1) @ symmetric @ root
            by_m[:, diagonal, diagonal] *= m[:, diagonal, diagonal]
            return np.ascontiguousarray(by_m[:, rows, columns].T)

        return type(self)(root @ root.transpose(0, 2, 1)), pull

    def scaled(self, factor: float) -> Self:
        """Return the matrices times a factor."""
        return type(self)(self.matrices * factor)

    def reach(self, dim: int, factor: float) -> Array:
        """Return bounds that keep the singular values of M between 1/factor and factor.

        Half of it is left to the diagonal, and the norm of what is below that is at most the other half.
        """
        rows, columns = np.tril_indices(dim)
        below = (factor**-0.5 - 1 / factor) / math.sqrt(max(1, dim * (dim - 1) / 2))
        return np.where(rows == columns, math.log(factor) / 2, below)

    def self_slopes(self, dim: int) -> Array:
        """Return the lower triangle of −½ Σ⁻¹, (Q, n)."""
        rows, columns = np.tril_indices(dim)
        return np.asarray(-0.5 * np.linalg.inv(self.matrices)[:, rows, columns].T)

    def curvatures(self, dim: int) -> Array:
        """Return 1 for the logarithms of the diagonal and ½ for what is below it."""
        rows, columns = np.tril_indices(dim)
        return np.where(rows == columns, 1.0, 0.5)

    @classmethod
    def stored_shape(cls, n: int, dim: int) -> tuple[int, ...]:
        """Return (n, D, D)."""
        return n, dim, dim

    @classmethod
    def of_stored(cls, array: Array) -> Self:
        """Take the matrices as they are."""
        return cls(array)

    def directions(self) -> dict[str, Array]:
        """Return them all under one name."""
        return {"all": self.sigmas()}

    def stored(self) -> Array:
        """Return the matrices."""
        return self.matrices
