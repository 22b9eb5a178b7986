"""Rows that can be used: those of finite numbers whose squares do not overflow."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError
from gaedist.files.selection import Selection
from gaedist.files.stored_array import row_blocks
from gaedist.numerics import Array

_LARGEST = 1e150  # the square of a larger number may overflow in a sum
_MOST_NAMED = 5  # columns in a message


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
        raise GaedistError(all_bad(codes))
    if len(bad) and not selection.drop_nonfinite:
        raise GaedistError(f"{first_bad(codes, bad, place)} Drop them with --drop-nonfinite.")
    return bad


def without_rows(codes: Array, bad: NDArray[np.intp]) -> Array:
    """Move the rows that are not bad together, in place, and return the part of the array they fill."""
    kept = int(bad[0])
    for start, end in zip(bad + 1, [*bad[1:], len(codes)], strict=True):
        for a, b in row_blocks(int(start), int(end), codes.shape[1] * codes.itemsize):
            codes[kept : kept + b - a] = codes[a:b]
            kept += b - a
    return codes[:kept]


def first_bad(codes: Array, bad: NDArray[np.intp], place: Callable[[int], str]) -> str:
    """Say where the first number is that cannot be used, and how many rows have one."""
    row = codes[bad[0]]
    column = int(np.flatnonzero(~(np.abs(row) < _LARGEST))[0])
    value = "NaN" if np.isnan(row[column]) else row[column]
    beyond = f" or beyond {_LARGEST:g}" if np.isfinite(row[column]) else ""
    return (
        f"{place(int(bad[0]))} has {value} in column {column}; "
        f"{len(bad)} of {len(codes)} rows are not finite{beyond}."
    )


def all_bad(codes: Array) -> str:
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
