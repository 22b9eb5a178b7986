"""The families of covariances: how one becomes a member of a wider one, and where two of them meet.

constant ⊂ spherical ⊂ radial ⊂ full, and spherical ⊂ diagonal ⊂ full. `FAMILIES` is the registry that the
command line and the tests iterate over; `LIFTS` are the steps.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import Covariance
from gaedist.mixtures.diagonal import Constant, Diagonal, Radial, Spherical
from gaedist.mixtures.full import Full
from gaedist.numerics import Array

FAMILIES: dict[str, type[Covariance]] = {
    family.name: family for family in (Constant, Spherical, Radial, Diagonal, Full)
}
"""Name → class, narrow ones first."""


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


LIFTS: dict[tuple[str, str], Callable[[Any, Array], Covariance]] = {
    ("constant", "spherical"): _constant_to_spherical,
    ("spherical", "radial"): _spherical_to_radial,
    ("spherical", "diagonal"): _spherical_to_diagonal,
    ("radial", "full"): _radial_to_full,
    ("diagonal", "full"): _diagonal_to_full,
}
"""(family, wider family) → function of a member and the centres."""


def holds(wide: str, narrow: str) -> bool:
    """Tell whether every member of a family is a member of the wide one."""
    return narrow == wide or any(holds(wide, above) for below, above in LIFTS if below == narrow)


def promoted(covariance: Covariance, family: str, centers: Array) -> Covariance:
    """Return the same covariances as a member of a wider family.

    Raises
    ------
    GaedistError
        If that family is not wider.
    """
    if covariance.name == family:
        return covariance
    for (below, above), lift in LIFTS.items():
        if below == covariance.name and holds(family, above):
            return promoted(lift(covariance, centers), family, centers)
    raise GaedistError(f"{covariance.name} covariances are no members of the {family} family.")


def common_family(first: str, second: str) -> str:
    """Return the narrowest family that holds two."""
    return next(name for name in FAMILIES if holds(name, first) and holds(name, second))
