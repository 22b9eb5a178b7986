"""Latent codes, read from a file or passed by a caller of the library, and checked once.

`read_latents` allocates the (n, D) result once and fills it block by block, without a second copy of the
codes; `as_codes` checks arrays in memory.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from gaedist.errors import GaedistError
from gaedist.files.arrays import find_array, open_arrays, read_points, split_name
from gaedist.files.finite_rows import (
    all_bad,
    droppable,
    first_bad,
    nonfinite_rows,
    usable,
    without_rows,
)
from gaedist.files.in_memory import as_array
from gaedist.files.layouts import Arrangement, ShapeError, arrangement_of
from gaedist.files.posteriors import find_means, read_widths, unusable_rows
from gaedist.files.selection import Selection, pick_rows
from gaedist.files.stored_array import Listed, StoredArray, dtype_fault, shape_fault
from gaedist.files.transposed import transposed
from gaedist.files.widths import WidthName, Widths
from gaedist.numerics import Array


@dataclass(frozen=True, eq=False)
class Latents:
    """Latent codes from a file, checked.

    Attributes
    ----------
    codes : (n, D) array of double
        The codes, all finite.
    file : str
        The name of the file as given, without the dataset.
    dataset : str, optional
        The name of the array in the file.
    dropped : int
        Number of rows left out because they were not finite.
    is_transposed : bool
        MATLAB wrote the array, so points may be its columns.
    arrangement : Arrangement, optional
        The layout by which the array became points, if it was not taken as it is.
    seed : int, optional
        Seed of the positions that were drawn.
    stacked : int, optional
        Number of arrays that were joined.
    disposable : bool
        They are for one use, which may overwrite them.
    widths : Widths, optional
        How wide the posteriors are whose means the codes are.
    """

    codes: Array
    file: str
    dataset: str | None
    dropped: int
    is_transposed: bool = False
    arrangement: Arrangement | None = None
    seed: int | None = None
    stacked: int | None = None
    disposable: bool = False
    widths: Widths | None = None

    @property
    def name(self) -> str:
        """``file::dataset``, or the file alone."""
        return f"{self.file}::{self.dataset}" if self.dataset else self.file

    @property
    def per_item(self) -> int:
        """Points that come from one item, and are not independent."""
        return self.arrangement.per_item if self.arrangement else 1

    @property
    def dependence(self) -> str | None:
        """Why points are not independent, so that no p-value holds; None if nothing says so."""
        if self.per_item == 1:
            return None
        return (
            f"{self.per_item} positions of each item are points, which are not independent: no p-value "
            "holds. Use --positions 1 (positions=)."
        )


def read_latents(name: str, selection: Selection | None = None) -> Latents:
    """Read codes from ``path``, ``path::dataset`` or ``-`` (standard input).

    Parameters
    ----------
    name : str
        A file of one of the formats of `gaedist.files.formats`.
    selection : Selection, optional
        Which array and rows; by default the only 2-D array and all of its rows.

    Raises
    ------
    GaedistError
        If there is no such file, array or row, or the array is not 2-D, real and finite.
    """
    selection = selection or Selection()
    path, dataset = split_name(name)
    if dataset is None and selection.datasets:
        dataset, *others = selection.datasets
        if others:
            raise GaedistError(f"{path}: {1 + len(others)} arrays are named. Read them by read_samples.")
    with open_arrays(path) as arrays:
        if selection.width:
            return _read_posteriors(arrays, path, dataset, selection.width, selection)
        return read_array(find_array(arrays, dataset, axes_of(selection)), path, selection)


def _read_posteriors(
    arrays: Sequence[Listed], path: str, dataset: str | None, width: WidthName, selection: Selection
) -> Latents:
    """Read the means of posteriors, and how wide these are, for the same rows."""
    means = find_means(arrays, dataset, width)
    array, arrangement = arranged(means, selection)
    rows = pick_rows(array.shape[0], selection)
    codes, dropped = read_points(array, rows, arrangement), 0
    widths = read_widths(arrays, path, width, array, rows, transpose=selection.transpose)
    bad = droppable(codes, lambda row: f"row {rows[row]}", selection)
    bad = np.union1d(bad, unusable_rows(widths, rows, drop=selection.drop_nonfinite))
    if len(bad) == len(codes):
        raise GaedistError("no row is left where both the means and their widths are finite.")
    if len(bad):
        codes, dropped, widths = without_rows(codes, bad), len(bad), widths.without(bad)
    found = latents_of(codes, path, array.name, dropped, array.is_transposed, arrangement, selection)
    return replace(found, widths=widths)


def axes_of(selection: Selection) -> range:
    """Return the numbers of axes of arrays that can be read."""
    return range(2, 3 if selection.layout is None else 65)


def read_array(array: StoredArray, path: str, selection: Selection) -> Latents:
    """Read codes from an array of an open file.

    Raises
    ------
    GaedistError
        As `read_latents`, without the name of the file.
    """
    array, arrangement = arranged(array, selection)
    rows = pick_rows(array.shape[0], selection)
    codes = read_points(array, rows, arrangement, (selection.seed, selection.draw))

    def place(row: int) -> str:
        item, position = divmod(row, arrangement.per_item)
        return arrangement.place(int(rows[item]), position)

    codes, dropped = usable(codes, place, selection)
    return latents_of(codes, path, array.name, dropped, array.is_transposed, arrangement, selection)


def latents_of(
    codes: Array,
    path: str,
    dataset: str | None,
    dropped: int,
    is_transposed: bool,
    arrangement: Arrangement,
    selection: Selection,
    stacked: int | None = None,
) -> Latents:
    """Return checked codes, with what a row of results says of how they were read."""
    by_layout = arrangement if arrangement.layout else None
    seed = selection.seed if arrangement.is_random else None
    return Latents(codes, path, dataset, dropped, is_transposed, by_layout, seed, stacked)


def arranged(array: StoredArray, selection: Selection) -> tuple[StoredArray, Arrangement]:
    """Return an array, transposed if that is selected, and how it becomes points.

    Raises
    ------
    ShapeError
        If it needs a layout.
    GaedistError
        If it cannot be read as codes for another reason.
    """
    if array.fault:
        raise GaedistError(f"{array.title} is {array.fault}.")
    if selection.layout is None:
        if array.shape and len(array.shape) != 2:
            raise ShapeError(array.title, array.shape)
        if fault := shape_fault(array.shape):
            raise GaedistError(f"{array.title} is {fault}.")
    if selection.transpose:
        if len(array.shape) != 2:
            raise GaedistError(f"{array.title} has {len(array.shape)} axes; --transpose is for two.")
        array = transposed(array)
    return array, arrangement_of(array.shape, selection.layout, selection.channels, selection.positions)


Codes = ArrayLike | Latents | os.PathLike[str]
"""A sample: an array or tensor of any library, a frame, codes from a file, or the name of the file, as on the
command line."""


def as_codes(codes: Codes) -> Array:
    """Return a sample as a C-contiguous (n, D) array of double, without a copy if it is one already.

    `Latents` were checked when they were read; their codes are returned as they are. A path, which may be
    ``path::dataset``, is read by `read_latents`.

    Raises
    ------
    GaedistError
        If the sample is not a finite, real 2-D array with at least one row and one column.
    """
    if isinstance(codes, str | os.PathLike):
        codes = read_latents(os.fspath(codes))
    if isinstance(codes, Latents):
        return codes.codes
    array = as_array(codes)
    fault = dtype_fault(array.dtype) or shape_fault(array.shape)
    if fault:
        raise GaedistError(f"the codes are {fault}.")
    checked: Array = np.require(array, np.float64, "C")
    if len(bad := nonfinite_rows(checked)):
        found = all_bad(checked) if len(bad) == len(checked) else first_bad(checked, bad, "row {}".format)
        raise GaedistError(f"the codes are not finite: {found}")
    return checked


def dependence(codes: Codes) -> str | None:
    """Return why the points of a sample are not independent; None if nothing says so."""
    return codes.dependence if isinstance(codes, Latents) else None


def points_per_item(codes: Codes) -> int:
    """Return how many points come from one item, and are not independent."""
    return codes.per_item if isinstance(codes, Latents) else 1
