"""The registry of covariance families, and the conversion of one family to a wider one.

constant ⊂ spherical ⊂ radial ⊂ full, and spherical ⊂ diagonal ⊂ full. The command line and the tests iterate
over `FAMILIES`; `PROMOTIONS` are the direct inclusions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import Covariance
from gaedist.mixtures.diagonal import Constant, Diagonal, Spherical
from gaedist.mixtures.full import Full
from gaedist.mixtures.radial import Radial
from gaedist.numerics import Array

FAMILIES: dict[str, type[Covariance]] = {
    family.name: family for family in (Constant, Spherical, Radial, Diagonal, Full)
}
"""Name → class, from narrow to wide."""


def _constant_to_spherical(covariance: Constant, centers: Array) -> Spherical:
    return Spherical(np.full((len(centers), 1), covariance.variance))


def _spherical_to_radial(covariance: Spherical, centers: Array) -> Radial:
    return Radial(np.repeat(covariance.variances, 2, axis=1))


def _spherical_to_diagonal(covariance: Spherical, centers: Array) -> Diagonal:
    return Diagonal(np.repeat(covariance.variances, centers.shape[1], axis=1))


def _radial_to_full(covariance: Radial, centers: Array) -> Full:
    a, b = covariance.variances.T
    norms = np.linalg.norm(centers, axis=1)
    units = centers / np.where(norms > 0, norms, 1)[:, np.newaxis]
    outer = ((a - b)[:, np.newaxis] * units)[:, :, np.newaxis] * units[:, np.newaxis]
    return Full(outer + b[:, np.newaxis, np.newaxis] * np.eye(centers.shape[1]))


def _diagonal_to_full(covariance: Diagonal, centers: Array) -> Full:
    return Full(covariance.variances[:, :, np.newaxis] * np.eye(centers.shape[1]))


PROMOTIONS: dict[tuple[str, str], Callable[[Any, Array], Covariance]] = {
    ("constant", "spherical"): _constant_to_spherical,
    ("spherical", "radial"): _spherical_to_radial,
    ("spherical", "diagonal"): _spherical_to_diagonal,
    ("radial", "full"): _radial_to_full,
    ("diagonal", "full"): _diagonal_to_full,
}
"""(family, wider family) → function from the covariances and the centers to the same covariances."""


def contains(wide: str, narrow: str) -> bool:
    """Return whether every covariance of the narrow family is one of the wide family."""
    return narrow == wide or any(contains(wide, above) for below, above in PROMOTIONS if below == narrow)


def promoted(covariance: Covariance, family: str, centers: Array) -> Covariance:
    """Return the same covariances in the form of a wider family.

    Raises
    ------
    GaedistError
        If the family does not contain them.
    """
    if covariance.name == family:
        return covariance
    for (below, above), promote in PROMOTIONS.items():
        if below == covariance.name and contains(family, above):
            return promoted(promote(covariance, centers), family, centers)
    raise GaedistError(
        f"{covariance.name} covariances cannot be converted to the {family} family, "
        "which does not contain them."
    )


def common_family(first: str, second: str) -> str:
    """Return the narrowest family that contains both."""
    return next(name for name in FAMILIES if contains(name, first) and contains(name, second))
