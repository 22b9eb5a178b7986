"""Covariances from a σ that the user gives: a number, or an array as in a file of σ."""

from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import Covariance, PerPointCovariance, check_sigma
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.families import FAMILIES, contains, promoted
from gaedist.mixtures.full import Full
from gaedist.numerics import Array


def given_covariance(sigma: float | ArrayLike, codes: Array, family: str | None) -> Covariance:
    """Return the covariances for a given σ.

    Parameters
    ----------
    sigma : float or array_like
        A number, or an array in one of the shapes of `PerPointCovariance.stored_shape`.
    codes : (n, D) array of double
        The sample.
    family : str, optional
        The family to return; by default the narrowest that contains σ.

    Raises
    ------
    GaedistError
        If σ is not numeric, positive and finite, has another shape, or is not contained in the family.
    """
    try:
        array = np.asarray(sigma)
    except ValueError as error:
        raise GaedistError("sigma is not an array: its rows have different lengths.") from error
    if array.dtype.kind not in "fiu" or np.ma.is_masked(sigma):
        raise GaedistError(
            "sigma must be a number, the name of a rule or an array of numbers; "
            f"got an array of {array.dtype}."
        )
    if array.ndim == 0:
        constant = Constant(check_sigma(float(array)) ** 2)
        return promoted(constant, family or Constant.name, codes)
    n, dim = codes.shape
    shapes = {
        name: cls.stored_shape(n, dim)
        for name, cls in FAMILIES.items()
        if issubclass(cls, PerPointCovariance)
    }
    fitting = [name for name, shape in shapes.items() if shape == array.shape]
    if not fitting:
        expected = ", ".join(f"{shape} ({name})" for name, shape in shapes.items())
        raise GaedistError(
            f"sigma for {n} points in {dim} dimensions must have one of the shapes {expected}; "
            f"got {array.shape}. Choose σ for the same rows as the codes."
        )
    possible = [name for name in fitting if family is None or contains(family, name)]
    if not possible:
        raise GaedistError(
            f"sigma has the shape of the {' or '.join(fitting)} family, which the {family} family does not "
            "contain. Choose a wider family with --covariance (covariance=)."
        )
    if len(possible) > 1:
        raise GaedistError(
            f"sigma of shape {array.shape} can be {' or '.join(possible)} at D = {dim}. Choose one with "
            "--covariance (covariance=); for full covariances, give matrices."
        )
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise GaedistError(f"sigma is not finite in row {row}. Every σ must be a positive, finite number.")
    if possible[0] != Full.name and (array < 0).any():
        row = int(np.argwhere(array < 0)[0][0])
        raise GaedistError(
            f"sigma must be positive; row {row} has {array[array < 0].flat[0]:g}. Is it a log-variance? "
            "σ = exp(½ log-variance)."
        )
    given = cast(type[PerPointCovariance], FAMILIES[possible[0]]).from_stored(
        np.array(array, dtype=np.float64)
    )
    given.check(codes)
    return promoted(given, family or possible[0], codes)
