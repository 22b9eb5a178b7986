"""Latent codes, read from a file or passed by a caller of the library, and checked once.

`read_latents` allocates the (n, D) result once and fills it block by block, without a second copy of the
codes; `as_codes` checks arrays in memory.
"""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaedist.errors import GaedistError
from gaedist.files.arrays import Rows, open_arrays, read_rows, split_name
from gaedist.files.posteriors import find_means, read_widths, unusable_rows
from gaedist.files.stored_array import dtype_fault, row_blocks, shape_fault
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
    width : WidthName, optional
        The codes are means of posteriors; which array holds their log-variances or standard deviations.
    """

    dataset: str | None = None
    rows: tuple[int | None, int | None] | None = None
    subsample: int | None = None
    seed: int = 0
    drop_nonfinite: bool = False
    transpose: bool = False
    width: WidthName | None = None


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
    widths : Widths, optional
        How wide the posteriors are whose means the codes are.
    """

    codes: Array
    file: str
    dataset: str | None
    dropped: int
    is_transposed: bool = False
    widths: Widths | None = None

    @property
    def name(self) -> str:
        """``file::dataset``, or the file alone."""
        return f"{self.file}::{self.dataset}" if self.dataset else self.file


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
        An .npy, .npz or HDF5 file; its first bytes decide which.
    selection : Selection, optional
        Which array and rows; by default the only 2-D array and all of its rows.

    Raises
    ------
    GaedistError
        If there is no such file, array or row, or the array is not 2-D, real and finite.
    """
    selection = selection or Selection()
    path, dataset = split_name(name)
    with open_arrays(path) as arrays:
        array = find_means(arrays, dataset or selection.dataset, selection.width)
        if fault := array.fault or shape_fault(array.shape):
            raise GaedistError(f"{array.title} is {fault}.")
        if selection.transpose:
            array = transposed(array)
        rows = _pick_rows(array.shape[0], selection)
        codes, dropped, widths = read_rows(array, rows), 0, None
        if selection.width:
            widths = read_widths(arrays, path, selection.width, array, rows, transpose=selection.transpose)
        if len(bad := nonfinite_rows(codes)):
            if len(bad) == len(codes):
                raise GaedistError(_all_bad(codes))
            if not selection.drop_nonfinite:
                raise GaedistError(f"{_first_bad(codes, bad, rows)} Drop them with --drop-nonfinite.")
        if widths:
            bad = np.union1d(bad, unusable_rows(widths, rows, drop=selection.drop_nonfinite))
        if len(bad):
            if len(bad) == len(codes):
                raise GaedistError("no row is left where both the means and their widths are finite.")
            codes, dropped = without_rows(codes, bad), len(bad)
            widths = widths.without(bad) if widths else None
    return Latents(codes, path, array.name, dropped, array.is_transposed, widths)


Codes = ArrayLike | Latents | os.PathLike[str]
"""A sample: an array, codes from a file, or the name of the file, as on the command line."""


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
    if np.ma.is_masked(codes):
        raise GaedistError("the codes have masked elements. Drop those rows, or fill them.")
    try:
        array = np.asarray(codes)
    except ValueError as error:
        raise GaedistError("the codes are not an array: their rows differ in length.") from error
    fault = dtype_fault(array.dtype) or shape_fault(array.shape)
    if fault:
        raise GaedistError(f"the codes are {fault}.")
    array = np.require(array, np.float64, "C")
    if len(bad := nonfinite_rows(array)):
        found = _all_bad(array) if len(bad) == len(array) else _first_bad(array, bad, range(len(array)))
        raise GaedistError(f"the codes are not finite: {found}")
    return array


def _pick_rows(n: int, selection: Selection) -> Rows:
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


def _first_bad(codes: Array, bad: NDArray[np.intp], rows: Rows) -> str:
    """Say where the first number is that cannot be used, and how many rows have one."""
    row = codes[bad[0]]
    column = int(np.flatnonzero(~(np.abs(row) < _LARGEST))[0])
    value = "NaN" if np.isnan(row[column]) else row[column]
    beyond = f" or beyond {_LARGEST:g}" if np.isfinite(row[column]) else ""
    return (
        f"row {rows[bad[0]]} has {value} in column {column}; "
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
