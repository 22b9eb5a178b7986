"""A Gaussian mixture Σ w_k N(c_k, C_k) as a prior: its density, smoothed or not, and samples of it."""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gaedist.errors import GaedistError
from gaedist.files.stored_array import shape_text
from gaedist.mixtures.components import roots_of
from gaedist.mixtures.covariance import Covariance
from gaedist.mixtures.diagonal import Constant, Diagonal, Spherical
from gaedist.mixtures.full import Full
from gaedist.mixtures.mixture import Mixture
from gaedist.numerics import Array, squared_norms

_ROUNDING = 1e-6  # of a sum of weights in single precision


@dataclass(frozen=True, eq=False)
class MixturePrior:
    """A mixture of Gaussians as a prior.

    Attributes
    ----------
    density : Mixture
        The mixture.
    """

    density: Mixture

    @classmethod
    def of(cls, weights: Array | None, means: Array, covs: Array) -> "MixturePrior":
        """Return the mixture with these weights, equal if not given.

        Parameters
        ----------
        weights : (K,) array of double, optional
            w_k, positive with sum 1 to within the rounding of single precision.
        means : (K, D) array of double
            c_k.
        covs : (), (K,), (K, D) or (K, D, D) array of double
            One variance, that of each component, variances of each axis, or covariance matrices.

        Raises
        ------
        GaedistError
            If shapes do not fit, or weights or covariances are out of range.
        """
        if means.ndim != 2 or 0 in means.shape:
            raise GaedistError(
                f"means must be a (K, D) array, not empty; got shape {shape_text(means.shape)}."
            )
        weights = np.full(len(means), 1 / len(means)) if weights is None else weights
        if weights.shape == means.shape[:1] and abs(math.fsum(weights) - 1) <= _ROUNDING:
            weights = weights / math.fsum(weights)
        return cls(Mixture(means, _family(means, covs), weights))

    @property
    def dim(self) -> int:
        """The dimension."""
        return self.density.dim

    @property
    def weights(self) -> Array:
        """The weights of the components, (K,)."""
        assert self.density.weights is not None
        return self.density.weights

    def smoothed(self, variance: float) -> Mixture:
        """Return the mixture under a Gaussian kernel of this variance."""
        p = self.density
        return Mixture(p.centers, p.covariance.widened(variance), p.weights)

    @cached_property
    def bandwidth(self) -> float:
        """The root of the trace of its covariance: √D for N(0, I)."""
        centers = self.density.centers
        traces = self.dim * np.mean(self.density.covariance.sigmas() ** 2, axis=-1)
        offsets = squared_norms(centers - self.weights @ centers)
        return math.sqrt(float(self.weights @ (traces + offsets)))

    @property
    def digest(self) -> str:
        """A text that differs for different mixtures."""
        found = hashlib.sha256()
        for part in (self.weights, self.density.centers, self._roots):
            found.update(f"{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        return found.hexdigest()

    @cached_property
    def _roots(self) -> Array:
        """Standard deviations (K, D), or Cholesky factors (K, D, D)."""
        return roots_of(self.density)

    def pushed(self, normals: Array) -> Array:
        """Return points of the mixture made of standard normal numbers, (n, D) of (n, D + 1).

        The last number of each row chooses the component.
        """
        from scipy.special import ndtr

        bounds = np.cumsum(self.weights)[:-1]
        chosen = np.searchsorted(bounds, ndtr(normals[:, -1]), side="right")
        points = np.empty((len(normals), self.dim))
        for k in np.unique(chosen):
            rows, root = np.flatnonzero(chosen == k), self._roots[k]
            z = normals[rows, :-1]
            points[rows] = self.density.centers[k] + (z @ root.T if root.ndim == 2 else z * root)
        return points


def _family(means: Array, covs: Array) -> Covariance:
    """Return covariances in the narrowest family that the shape allows."""
    count, dim = means.shape
    if covs.ndim == 0:
        return Constant(float(covs))
    if covs.shape == (count,):
        return Spherical(covs[:, np.newaxis])
    if covs.shape == (count, dim):
        return Diagonal(covs)
    if covs.shape == (count, dim, dim):
        return Full((covs + covs.transpose(0, 2, 1)) / 2 if _is_nearly_symmetric(covs) else covs)
    raise GaedistError(
        f"covs of {count} components in {dim} dimensions must have shape ({count},), ({count}, {dim}) or "
        f"({count}, {dim}, {dim}), or be one number; got shape {shape_text(covs.shape)}."
    )


def _is_nearly_symmetric(covs: Array) -> bool:
    return bool(np.abs(covs - covs.transpose(0, 2, 1)).max() <= _ROUNDING * np.abs(covs).max())
