"""Opening a file, finding one of its arrays by name, and reading rows of it."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, short_name, some_of
from gaedist.files.formats import listed
from gaedist.files.memory import check_fits
from gaedist.files.sandbox import sandbox_in_use
from gaedist.files.stored_array import Listed, StoredArray
from gaedist.files.streams import opened
from gaedist.numerics import Array

Rows = range | NDArray[np.intp]
"""Increasing indices of rows."""

_MOST_DESCRIBED = 4000  # arrays of a file, of which none is named


def split_name(name: str) -> tuple[str, str | None]:
    """Split ``path::dataset``; a name under which a file exists is a path as a whole."""
    path, separator, dataset = name.rpartition("::")
    if not separator or exists(name):
        return name, None
    return path, dataset


def exists(path: str) -> bool:
    """Return whether there is such a file; not if its name is too long, or its folder must not be read."""
    with suppress(OSError):
        return Path(path).exists()
    return False


@contextmanager
def open_arrays(path: str) -> Iterator[Sequence[Listed]]:
    """List the arrays of a file, or of standard input if the path is ``-``; errors begin with the path.

    In a block of `sandboxed`, another process lists and reads them.
    """
    try:
        with opened(path) as (stream, size):
            sandbox = sandbox_in_use()
            suffix = Path(path).suffix.lower()
            lent = sandbox.arrays(stream.fileno(), size, suffix) if sandbox else None
            with lent or listed(stream, size, suffix) as arrays:
                yield arrays
    except GaedistError as error:
        raise GaedistError(f"{path}: {error}") from error
    except OSError as error:
        raise GaedistError(f"{path}: {error.strerror or error}.") from error


def find_array(arrays: Sequence[Listed], dataset: str | None) -> StoredArray:
    """Return the array of this name; without a name the only array, or the only 2-D array that is not σ.

    Raises
    ------
    GaedistError
        If there is no such array, or more than one.
    """
    if dataset is not None:
        wanted = dataset.strip("/")
        named = [array for array in arrays if wanted in {name.strip("/") for name in array.names if name}]
        if not named:
            raise GaedistError(
                f"no array '{short_name(dataset)}' in this file. It holds: {_listing(arrays)}."
            )
        if len(named) > 1:
            raise GaedistError(
                f"{len(named)} arrays are named '{short_name(dataset)}'. Write the file again with one."
            )
        return named[0].described()
    found = described(arrays)
    if len(found) == 1:
        return found[0]
    chosen = [array for array in found if len(array.shape) == 2 and not array.is_sigma]
    if not chosen:
        raise GaedistError(f"no 2-D array in this file. It holds: {_listing(arrays)}.")
    if len(chosen) > 1:
        raise GaedistError(
            "several 2-D arrays; choose one with PATH::NAME or --dataset. "
            f"The file holds: {_listing(arrays)}."
        )
    return chosen[0]


def described(arrays: Sequence[Listed]) -> list[StoredArray]:
    """Describe all arrays of a file; raise `GaedistError` if they are too many."""
    if len(arrays) > _MOST_DESCRIBED:
        raise GaedistError(
            f"{len(arrays)} arrays in this file; choose one with PATH::NAME or --dataset. "
            f"It holds: {_listing(arrays)}."
        )
    return [array.described() for array in arrays]


def _listing(arrays: Sequence[Listed]) -> str:
    return some_of((array.described().summary for array in arrays), len(arrays)) or "no arrays"


def read_rows(array: StoredArray, picked: Rows) -> Array:
    """Read rows into a new array of double, (rows, columns), block by block."""
    blocks = array.blocks(int(picked[0]), int(picked[-1]) + 1)  # may refuse, before memory is taken
    shape = (len(picked), math.prod(array.shape[1:]))
    check_fits(math.prod(shape) * 8)
    try:
        codes = np.empty(shape)
    except (MemoryError, ValueError) as error:  # ValueError for more than any computer could address
        size = shape[0] * shape[1] * 8 / 2**30
        raise GaedistError(f"needs {size:.1f} GiB of memory. Use --rows or --subsample.") from error
    for rows, columns, block in blocks:
        with np.errstate(over="ignore", invalid="ignore"):  # the caller refuses what becomes infinite or NaN
            if isinstance(picked, range):
                codes[rows.start - picked.start : rows.stop - picked.start, columns] = block
            else:
                first, last = np.searchsorted(picked, (rows.start, rows.stop))
                codes[first:last, columns] = block[picked[first:last] - rows.start]
    return codes
