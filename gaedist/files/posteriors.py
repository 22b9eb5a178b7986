"""Reading the widths of posteriors for the rows of their means, from the same file or from another."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, short_name, some_of
from gaedist.files.arrays import Rows, described, exists, find_array, open_arrays, read_rows, split_name
from gaedist.files.stored_array import Listed, StoredArray, no_blocks
from gaedist.files.transposed import transposed
from gaedist.files.widths import (
    MEANS,
    WIDTHS,
    WidthName,
    Widths,
    arrangement,
    check_widths,
    group_of,
    plain_name,
)


def find_means(arrays: Sequence[Listed], dataset: str | None, width: WidthName | None) -> StoredArray:
    """Return the array of the codes; beside widths and without a name, the one that holds their means."""
    if dataset is not None or width is None:
        return find_array(arrays, dataset)
    own = _own(arrays, width)
    others = [
        array
        for array in described(arrays)
        if len(array.shape) == 2 and not array.is_sigma and not (own and array.name == own.name)
    ]
    group = [array for array in others if own is None or group_of(array.name) == group_of(own.name)]
    for chosen in (others, [array for array in group if plain_name(array.name) in MEANS], group):
        if len(chosen) == 1:
            return chosen[0]
    return find_array(others or arrays, None)


def read_widths(
    arrays: Sequence[Listed], path: str, width: WidthName, means: StoredArray, rows: Rows, *, transpose: bool
) -> Widths:
    """Read the widths of the posteriors whose means are some rows of an array.

    Parameters
    ----------
    arrays : sequence of Listed
        The arrays of the file of the means.
    path : str
        Its name.
    width : WidthName
        Which array of it, or which other file.
    means : StoredArray
        The means, (n, D).
    rows : range or array of int
        The rows that are read of them.
    transpose : bool
        Exchange rows and columns of a 2-D array first, as was done with the means.

    Raises
    ------
    GaedistError
        If there is no such array, or its shape does not fit the means.
    """
    n, dim = means.shape
    with _holding(arrays, path, width, means) as (name, array):
        if array.fault:
            raise GaedistError(f"{array.title} is {array.fault}.")
        if transpose and len(array.shape) == 2:
            array = transposed(array)
        title = array.title if array.name else width.option
        if not array.shape:
            raise GaedistError(f"{title} is one number. Save one for each point or axis.")
        shape = arrangement(array.shape, n, dim, title)
        per_point = array.shape[0] == shape[0] == n
        values = read_rows(array, rows if per_point else range(array.shape[0]))
        widths = Widths(width.kind, name, values if per_point else values.reshape(shape))
        check_widths(widths, title, rows if per_point else None)
        return widths


def read_for_means(width: WidthName, n: int, dim: int) -> Widths:
    """Read the widths of all of n posteriors in D dimensions, whose means are in memory, from a file."""
    if not exists(split_name(width.name)[0]):
        raise GaedistError(f"{width.kind}: there is no file {short_name(width.name)}.")
    means = StoredArray("means", (n, dim), np.dtype(np.float64), None, no_blocks)
    widths = read_widths((), "", width, means, range(n), transpose=False)
    unusable_rows(widths, range(n), drop=False)
    return widths


def unusable_rows(widths: Widths, rows: Rows, *, drop: bool) -> NDArray[np.intp]:
    """Return the indices of rows whose widths are NaN or infinite; raise `GaedistError` unless to drop."""
    mask = widths.unusable
    bad = np.flatnonzero(mask.any(axis=1))
    per_point = len(mask) > 1 or len(rows) == 1
    if len(bad) and not (drop and per_point):
        column = int(np.flatnonzero(mask[bad[0]])[0])
        value = f"{widths.values[bad[0], column]:g} in column {column}"
        what = f"{WIDTHS[widths.kind].about} {widths.name}"
        if not per_point:
            raise GaedistError(f"the {what} have {value}: every point would be without a width.")
        raise GaedistError(
            f"row {rows[bad[0]]} of the {what} has {value}; {len(bad)} of {len(mask)} rows are not finite. "
            "Drop them with --drop-nonfinite."
        )
    return bad


def _own(arrays: Sequence[Listed], width: WidthName) -> StoredArray | None:
    """Return the array of the same file that the widths are, or None if they are another file."""
    wanted = width.name.removeprefix("::").strip("/")
    for array in arrays:
        if wanted in {name.strip("/") for name in array.names if name}:
            return array.described()
    return None


def _likely(arrays: Sequence[Listed], width: WidthName) -> str | None:
    """Return the name of the only array of a file that has a usual name of widths, or None."""
    usual = WIDTHS[width.kind].names
    found = [name for array in arrays for name in array.names[:1] if name and plain_name(name) in usual]
    return found[0] if len(found) == 1 else None


@contextmanager
def _holding(
    arrays: Sequence[Listed], path: str, width: WidthName, means: StoredArray
) -> Iterator[tuple[str, StoredArray]]:
    """Find the array of the widths, in the same file or in another."""
    own = _own(arrays, width)
    if own is not None:
        if own.name == means.name:
            about = WIDTHS[width.kind].about
            raise GaedistError(f"{own.title} is given for both the means and the {about}. Name two arrays.")
        yield f"{path}::{own.name}", own
        return
    other, dataset = split_name(width.name)
    if width.name.startswith("::") or not exists(other):
        held = some_of((array.described().summary for array in arrays), len(arrays)) or "no arrays"
        raise GaedistError(
            f"{width.option} is neither an array of this file, which holds {held}, nor another file."
            f"{width.hint}"
        )
    with open_arrays(other) as others:
        array = find_array(others, dataset or _likely(others, width))
        yield (f"{other}::{array.name}" if array.name else other), array
