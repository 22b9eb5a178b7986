"""Files of priors: an .npz or HDF5 with the arrays that `Prior` takes, or an HDF5 group of them."""

from __future__ import annotations

import os

from gaedist.errors import GaedistError, some_of
from gaedist.files.arrays import find_array, open_arrays, read_rows, split_name
from gaedist.mixtures.prior import SPREADS, Prior, check_names
from gaedist.numerics import Array

NAMES = "mean", *SPREADS, "weights", "means", "covs"
"""Names of the arrays of a prior."""


def as_prior(prior: Prior | str | os.PathLike[str] | None) -> Prior | None:
    """Return a prior, read from a file if it is the name of one; raise `GaedistError` for anything else."""
    if prior is None or isinstance(prior, Prior):
        return prior
    if isinstance(prior, str | os.PathLike):
        return read_prior(os.fspath(prior))
    raise GaedistError(f"prior must be a gaedist.Prior or the name of a file; got {type(prior).__name__}.")


def prior_files(prior: str | None) -> list[str]:
    """Return the file of a prior, if there is one."""
    return [] if prior is None else [prior]


def read_prior(name: str) -> Prior:
    """Read a prior from ``path``, or ``path::group`` in an HDF5 file.

    Raises
    ------
    GaedistError
        If there is no such file, it does not hold a prior, or `Prior` refuses its arrays.
    """
    path, group = split_name(name)
    prefix = f"{group.strip('/')}/" if group else ""
    with open_arrays(path) as arrays:
        held = {known.strip("/") for array in arrays for known in array.names if known}
        names = [wanted for wanted in NAMES if f"{prefix}{wanted}" in held]
        try:
            check_names(names)
        except GaedistError as error:
            holds = some_of((array.described().summary for array in arrays), len(arrays))
            raise GaedistError(f"{error} The file holds: {holds or 'no arrays'}.") from error
        found: dict[str, Array] = {}
        for wanted in names:
            array = find_array(arrays, f"{prefix}{wanted}")
            if array.fault:
                raise GaedistError(f"{array.title} is {array.fault}.")
            if 0 in array.shape:
                raise GaedistError(f"{array.title} is empty.")
            rows = range(array.shape[0] if array.shape else 1)
            found[wanted] = read_rows(array, rows).reshape(array.shape)
    try:
        return Prior(**found, file=name)
    except GaedistError as error:
        raise GaedistError(f"{name}: {error}") from error
