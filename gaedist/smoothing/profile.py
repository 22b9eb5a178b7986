"""What a picture of σ shows: σ of some points by their radius, and what the mean field would choose there."""

from dataclasses import dataclass

import numpy as np

from gaedist.mixtures.covariance import PerPointCovariance
from gaedist.mixtures.mixture import Mixture
from gaedist.mixtures.radial import Radial
from gaedist.numerics import Array, spaced_rows, squared_norms
from gaedist.smoothing.mean_field import approximate_mean_field, radial_mean_field, spherical_mean_field

_STEPS = 200
_FARTHEST = 1e6  # radius up to which curves are drawn
_WIDEST = 1 << 24  # numbers of a grid in many dimensions


@dataclass(frozen=True, eq=False)
class SigmaProfile:
    """σ by radius.

    Attributes
    ----------
    dim : int
        D.
    radii : (K,) array
        |x| of equally spaced rows.
    sigmas : dict of str to (K, 3) array
        Direction → the least, the median and the largest σ of each of these points.
    grid : (G,) array
        Radii from 0 to the largest.
    curves : dict of str to (G,) array
        Name → σ at these radii.
    """

    dim: int
    radii: Array
    sigmas: dict[str, Array]
    grid: Array
    curves: dict[str, Array]


def sigma_profile(mixture: Mixture) -> SigmaProfile:
    """Return σ of some points of a smoothed sample, and what the mean field would choose."""
    n, dim = mixture.centers.shape
    rows = spaced_rows(n)
    radii = np.sqrt(squared_norms(mixture.centers[rows]))
    found = {}
    assert isinstance(mixture.covariance, PerPointCovariance)  # the only ones that `gaedist.sigma` returns
    for name, sigma in mixture.covariance.sigmas_by_direction().items():
        some = np.reshape(sigma, (n, -1))[rows]
        found[name] = np.stack([some.min(axis=1), np.median(some, axis=1), some.max(axis=1)], axis=1)
    steps = max(2, min(_STEPS, _WIDEST // dim))
    grid = np.linspace(0.0, min(float(radii.max()), _FARTHEST), steps)
    codes = np.zeros((steps, dim))
    codes[:, 0] = grid
    curves = {"mean field, spherical": np.sqrt(spherical_mean_field(codes).variances[:, 0])}
    if isinstance(mixture.covariance, Radial):
        along, across = np.sqrt(radial_mean_field(codes).variances).T
        curves = {"mean field, along x": along, "mean field, across x": across}
    curves["1 + r²/(2D)"] = np.sqrt(approximate_mean_field(codes).variances[:, 0])
    return SigmaProfile(dim, radii, found, grid, curves)
