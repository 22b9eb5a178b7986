"""Latent codes, read from a file or passed by a caller of the library, and checked once.

`read_latents` allocates the (n, D) result once and fills it block by block, without a second copy of the
codes; `as_codes` checks arrays in memory.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaedist.errors import GaedistError
from gaedist.files.arrays import Rows, find_array, open_arrays, read_points, split_name
from gaedist.files.in_memory import as_array
from gaedist.files.layouts import Arrangement, ShapeError, arrangement_of, check_layout
from gaedist.files.posteriors import find_means, read_widths, unusable_rows
from gaedist.files.stored_array import Listed, StoredArray, dtype_fault, row_blocks, shape_fault
from gaedist.files.transposed import transposed
from gaedist.files.widths import WidthName, Widths
from gaedist.numerics import Array

_LARGEST = 1e150  # the square of a larger number may overflow in a sum
_MOST_NAMED = 5  # columns in a message


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which array and which rows of a file to read.

    Attributes
    ----------
    dataset : str, optional
        Name of the array, where the file name has none after ``::``.
    rows : tuple of (int or None), optional
        First row and the row after the last, as in a Python slice.
    subsample : int, optional
        Number of rows to draw without replacement and keep in their order; all if there are fewer.
    seed : int
        Seed of the draw.
    drop_nonfinite : bool
        Leave out rows with NaN or infinity instead of raising an error.
    transpose : bool
        Exchange rows and columns first.
    layout : str, optional
        How an array becomes points, one of `gaedist.files.layouts.LAYOUTS`; without it the array has two
        axes. Rows are indices along the first axis, before the layout.
    channels : str, optional
        Where the axis of channels is, ``first`` or ``last``, for layout ``positions``; by default first in
        arrays with four axes or more, (n, C, H, W), and last in others, (n, T, d).
    positions : str, optional
        For layout ``positions``: ``1``, the default, keeps one random position of each row; ``all`` keeps
        all, which are not independent.
    draw : int
        Tells several draws with one seed apart: positions of a second sample are independent of the first.

    width : WidthName, optional
        The codes are means of posteriors; which array holds their log-variances or standard deviations.

    Raises
    ------
    GaedistError
        For an unknown layout or choice, for a choice that the layout does not take, and for a width with a
        layout.
    """

    dataset: str | tuple[str, ...] | None = None
    rows: tuple[int | None, int | None] | None = None
    subsample: int | None = None
    seed: int = 0
    drop_nonfinite: bool = False
    transpose: bool = False
    layout: str | None = None
    channels: str | None = None
    positions: str | None = None
    draw: int = 0
    width: WidthName | None = None

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a layout or choice that there is not."""
        check_layout(self.layout, self.channels, self.positions)
        if self.width and self.layout:
            raise GaedistError(f"--layout is not for posteriors: leave out {self.width.option} or --layout.")

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names given."""
        return (self.dataset,) if isinstance(self.dataset, str) else self.dataset or ()


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


def parse_rows(text: str | None) -> tuple[int | None, int | None] | None:
    """Return A and B of the text ``A:B``, None for one that is left out."""
    if text is None:
        return None
    try:
        start, stop = (int(part) if part.strip() else None for part in text.split(":"))
    except ValueError as error:
        raise GaedistError(f"--rows must be A:B with whole numbers; got {text!r}.") from error
    return start, stop


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


def usable(codes: Array, place: Callable[[int], str], selection: Selection) -> tuple[Array, int]:
    """Return codes without rows that are not finite, if those are to be dropped, and how many were.

    ``place`` names a row in an error.
    """
    bad = droppable(codes, place, selection)
    return (without_rows(codes, bad), len(bad)) if len(bad) else (codes, 0)


def droppable(codes: Array, place: Callable[[int], str], selection: Selection) -> NDArray[np.intp]:
    """Return the indices of rows that are not finite; raise `GaedistError` unless they are to be dropped."""
    bad = nonfinite_rows(codes)
    if len(bad) == len(codes):
        raise GaedistError(_all_bad(codes))
    if len(bad) and not selection.drop_nonfinite:
        raise GaedistError(f"{_first_bad(codes, bad, place)} Drop them with --drop-nonfinite.")
    return bad


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
        found = _all_bad(checked) if len(bad) == len(checked) else _first_bad(checked, bad, "row {}".format)
        raise GaedistError(f"the codes are not finite: {found}")
    return checked


def dependence(codes: Codes) -> str | None:
    """Return why the points of a sample are not independent; None if nothing says so."""
    return codes.dependence if isinstance(codes, Latents) else None


def points_per_item(codes: Codes) -> int:
    """Return how many points come from one item, and are not independent."""
    return codes.per_item if isinstance(codes, Latents) else 1


def pick_rows(n: int, selection: Selection) -> Rows:
    """Return the rows to read of an array of n rows."""
    rows = range(n)[slice(*(selection.rows or (None, None)))]
    if not rows:
        start, stop = ("" if bound is None else bound for bound in selection.rows or (None, None))
        raise GaedistError(f"rows {start}:{stop} select none of the {n} rows.")
    if selection.subsample is None or selection.subsample >= len(rows):
        return rows
    if selection.subsample < 1:
        raise GaedistError(f"subsample must be at least 1; got {selection.subsample}.")
    rng = np.random.default_rng(selection.seed)
    return np.sort(rows.start + rng.choice(len(rows), selection.subsample, replace=False))


def without_rows(codes: Array, bad: NDArray[np.intp]) -> Array:
    """Move the rows that are not bad together, in place, and return the part of the array they fill."""
    kept = int(bad[0])
    for start, end in zip(bad + 1, [*bad[1:], len(codes)], strict=True):
        for a, b in row_blocks(int(start), int(end), codes.shape[1] * codes.itemsize):
            codes[kept : kept + b - a] = codes[a:b]
            kept += b - a
    return codes[:kept]


def _first_bad(codes: Array, bad: NDArray[np.intp], place: Callable[[int], str]) -> str:
    """Say where the first number is that cannot be used, and how many rows have one."""
    row = codes[bad[0]]
    column = int(np.flatnonzero(~(np.abs(row) < _LARGEST))[0])
    value = "NaN" if np.isnan(row[column]) else row[column]
    beyond = f" or beyond {_LARGEST:g}" if np.isfinite(row[column]) else ""
    return (
        f"{place(int(bad[0]))} has {value} in column {column}; "
        f"{len(bad)} of {len(codes)} rows are not finite{beyond}."
    )


def _all_bad(codes: Array) -> str:
    """Say that no row can be used, and which columns are to blame if no row can be used for their sake."""
    usable = np.zeros(codes.shape[1], bool)
    beyond = False
    for a, b in row_blocks(0, len(codes), codes.shape[1] * codes.itemsize):
        usable |= (np.abs(codes[a:b]) < _LARGEST).any(axis=0)
        beyond = beyond or bool((np.isfinite(codes[a:b]) & ~(np.abs(codes[a:b]) < _LARGEST)).any())
    what = f"NaN, infinity or a number beyond {_LARGEST:g}" if beyond else "NaN or infinity"
    columns = np.flatnonzero(~usable)
    remedy = " Scale the codes down." if beyond else ""
    if len(columns) in (0, len(usable)):
        where = "each has" if len(columns) == 0 else "every column has"
    else:
        names = ", ".join(map(str, columns[:_MOST_NAMED])) + (" …" if len(columns) > _MOST_NAMED else "")
        where = f"column {names} has" if len(columns) == 1 else f"columns {names} have"
        remedy = remedy or f" Leave out {'this column' if len(columns) == 1 else 'these columns'}."
    each = " in each row" if len(columns) else ""
    return f"none of the {len(codes)} rows can be used: {where} {what}{each}.{remedy}"


def nonfinite_rows(codes: Array) -> NDArray[np.intp]:
    """Return the indices of rows with NaN, infinity, or a number too large to be squared."""
    return np.concatenate(
        [
            a + np.flatnonzero(~(np.abs(codes[a:b]) < _LARGEST).all(axis=1))
            for a, b in row_blocks(0, len(codes), codes.shape[1] * codes.itemsize)
        ]
    )
