"""The family of radial covariances: one variance along each point's position vector, one across it."""

import math
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gaedist.engine import PairSum
from gaedist.engine.compiled.integrands import Radial as RadialPair
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import LARGEST_SIGMA
from gaedist.mixtures.diagonal import Variances, log2_typical_sum
from gaedist.numerics import HALF_LOG2_E, Array, squared_norms


class Radial(Variances):
    """Σ_i with variance a_i along x_i and b_i across it; variances (n, 2). At x = 0 or D = 1, a_i = b_i.

    Σ_i = b_i I + α_i u_i u_iᵀ with u_i = x_i/|x_i| and α_i = a_i − b_i. With c = u_i·u_j, r = |x|,
    β = b_i + b_j, Δ = (β + α_i)(β + α_j) − α_i α_j c², w_i = r_i − c r_j and w_j = c r_i − r_j,

        |Σ_i + Σ_j| = β^(D−2) Δ
        (x_i − x_j)ᵀ (Σ_i + Σ_j)⁻¹ (x_i − x_j)
            = (|x_i − x_j|² − [α_i (β + α_j) w_i² − 2c α_i α_j w_i w_j + α_j (β + α_i) w_j²] / Δ) / β

    so a pair costs O(1) once x_i·x_j is known. Derived here; the paper (sec. II.D) only names the two
    eigenvalues. With N(0, I) the overlap is
    ((1 + a)/2)^(−1/2) ((1 + b)/2)^(−(D−1)/2) exp(−r² / (2(1 + a))).
    """

    name: ClassVar[str] = "radial"
    about: ClassVar[str] = "along and across each point"
    definition: ClassVar[str] = "Σ_i = b_i I + (a_i − b_i) u_i u_iᵀ, u_i = x_i/|x_i|"

    @staticmethod
    def multiplicities(dim: int) -> Array:
        """Return (1, D − 1)."""
        return np.array([1.0, dim - 1.0])

    def check(self, centers: Array) -> None:
        """Raise `GaedistError` also where a must equal b, as x = 0 or D = 1, and does not."""
        super().check(centers)
        norms = np.linalg.norm(centers, axis=1)
        if norms.max() > LARGEST_SIGMA:
            raise GaedistError(
                f"radial covariances need |x| of at most {LARGEST_SIGMA:g}; got {norms.max():g}. "
                "Rescale the codes."
            )
        unequal = ~_has_two_directions(centers) & (self.variances[:, 0] != self.variances[:, 1])
        if unequal.any():
            reason = "D is 1" if centers.shape[1] == 1 else "the point is 0"
            raise GaedistError(
                f"row {np.flatnonzero(unequal)[0]} of the radial covariances must have two equal variances, "
                f"as {reason}; got {self.variances[unequal][0].tolist()}."
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
        """Implement the formulas above, as `gaedist.engine.compiled.exponents` rearranges them."""
        dim = x.shape[1]
        typical = log2_typical_sum(self.variances[:, 1], other.variances[:, 1])
        return PairSum(
            integrand=RadialPair(dim / 2 - 1, typical),
            x=x,
            y=y,
            params_x=self._parameters(x, weights_x),
            params_y=None if y is None or weights_y is None else other._parameters(y, weights_y),
            log_scale=-dim / 2 * (typical - 1 - math.log2(unit)) * math.log(2),
            steepness=HALF_LOG2_E / (self.variances.min() + other.variances.min()),
            varied=2,
        )

    def _parameters(self, x: Array, weights: Array) -> Array:
        """Return log2 weight, a, b, |x|² and 1/|x| (0 at x = 0) of each point, (5, n)."""
        squares = squared_norms(x)
        with np.errstate(divide="ignore"):
            inverses = np.where(squares > 0, 1 / np.sqrt(squares), 0.0)
        return np.stack([weights, *self.variances.T, squares, inverses])

    def sigmas_by_direction(self) -> dict[str, Array]:
        """Return the standard deviations along x and across it."""
        along, across = self.sigmas().T
        return {"along x": along, "across x": across}

    def constrained(self, centers: Array) -> "Radial":
        """Return the covariances with a set to b where x = 0, and b set to a if D = 1."""
        a, b = self.variances.T
        if centers.shape[1] == 1:
            return Radial(np.stack([a, a], axis=1))
        return Radial(np.stack([np.where(_has_two_directions(centers), a, b), b], axis=1))

    def constrained_gradient(self, gradient: Array, centers: Array) -> Array:
        """Return the sum of both derivatives for the variance that is kept, 0 for the one that follows it."""
        zeros = np.zeros(len(centers))
        if centers.shape[1] == 1:
            return np.stack([gradient.sum(axis=0), zeros])
        return np.where(_has_two_directions(centers), gradient, np.stack([zeros, gradient.sum(axis=0)]))


def _has_two_directions(centers: Array) -> NDArray[np.bool_]:
    """Return which points have a direction along x and one across it: D > 1, and |x|² does not underflow."""
    if centers.shape[1] == 1:
        return np.zeros(len(centers), dtype=bool)
    return np.asarray(squared_norms(centers) > 0)
