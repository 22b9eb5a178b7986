"""Opening a file, finding one of its arrays by name, and reading rows of it."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, short_name, some_of
from gaedist.files.formats import listed
from gaedist.files.layouts import LAST, Arrangement, Positions
from gaedist.files.memory import check_fits
from gaedist.files.sandbox import sandbox_in_use
from gaedist.files.stored_array import Block, Columns, Listed, Runs, StoredArray, row_blocks
from gaedist.files.streams import opened
from gaedist.files.widths import posterior_advice
from gaedist.numerics import Array

Rows = range | NDArray[np.intp]
"""Increasing indices of rows."""

MOST_DESCRIBED = 4000  # arrays of a file, of which none is named


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


def is_folder(path: str) -> bool:
    """Return whether there is such a folder, under the same conditions."""
    with suppress(OSError, ValueError):
        return Path(path).is_dir()
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


def find_array(arrays: Sequence[Listed], dataset: str | None, axes: range = range(2, 3)) -> StoredArray:
    """Return the array of this name; without a name the only array, or the only one with two axes.

    Arrays that hold σ are left out. If no array has two axes, the only one with more is returned; ``axes``
    is another range of numbers of axes that may be read.

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
    codes = [array for array in found if not array.is_sigma]
    chosen = [array for array in codes if len(array.shape) in axes]
    chosen = chosen or [array for array in codes if len(array.shape) > 2]
    if not chosen:
        raise GaedistError(f"no 2-D array in this file. It holds: {_listing(arrays)}.")
    if (advice := posterior_advice(found)) is not None:
        raise GaedistError(advice)
    if len(chosen) > 1:
        kind = "2-D arrays" if all(len(array.shape) == 2 for array in chosen) else "arrays"
        raise GaedistError(
            f"several {kind}; choose one with PATH::NAME or --dataset. The file holds: {_listing(arrays)}."
        )
    return chosen[0]


def described(arrays: Sequence[Listed]) -> list[StoredArray]:
    """Describe all arrays of a file; raise `GaedistError` if they are too many."""
    if len(arrays) > MOST_DESCRIBED:
        raise GaedistError(
            f"{len(arrays)} arrays in this file; choose one with PATH::NAME or --dataset. "
            f"It holds: {_listing(arrays)}."
        )
    return [array.described() for array in arrays]


def _listing(arrays: Sequence[Listed]) -> str:
    return some_of((array.described().summary for array in arrays), len(arrays)) or "no arrays"


def read_rows(array: StoredArray, picked: Rows) -> Array:
    """Read rows into a new array of double, (rows, columns), block by block."""
    return read_points(array, picked, Arrangement(None, math.prod(array.shape[1:])))


def read_points(
    array: StoredArray, picked: Rows, arrangement: Arrangement, entropy: Sequence[int] = (0,)
) -> Array:
    """Read the points of some rows into a new array of double, (rows · per_item, dim), block by block.

    ``entropy`` is the seed of the positions that are drawn, and what tells this draw from others.
    """
    blocks = selected_blocks(array, picked, arrangement, entropy)  # may refuse, before memory is taken
    codes = new_codes(len(picked) * arrangement.per_item, arrangement.dim)
    fill(codes, blocks, arrangement)
    return codes


def new_codes(n: int, dim: int) -> Array:
    """Allocate an array of double; raise `GaedistError` if there is no memory for it."""
    check_fits(n * dim * 8)
    try:
        return np.empty((n, dim))
    except (MemoryError, ValueError) as error:  # ValueError for more than any computer could address
        size = n * dim * 8 / 2**30
        raise GaedistError(f"needs {size:.1f} GiB of memory. Use --rows or --subsample.") from error


Selected = Iterator[tuple[slice, Columns, NDArray[np.generic], Positions | None]]
"""Places among the selected rows, columns of a block, its values, and the position to keep of each row."""


def selected_blocks(
    array: StoredArray, picked: Rows, arrangement: Arrangement, entropy: Sequence[int]
) -> Selected:
    """Return the blocks of the selected rows; raise `GaedistError` if they cannot be read."""
    chosen = arrangement.chosen(int(picked[-1]) + 1, entropy)
    if chosen is not None and array.runs and arrangement.channels == LAST:
        return _chosen_runs(array.runs, picked, arrangement, chosen)
    return _blocks_of(array.blocks(int(picked[0]), int(picked[-1]) + 1), picked, chosen)


def _blocks_of(blocks: Iterator[Block], picked: Rows, chosen: Positions | None) -> Selected:
    for rows, columns, block in blocks:
        if isinstance(picked, range):
            places = slice(rows.start - picked.start, rows.stop - picked.start)
            items: slice | NDArray[np.intp] = rows
        else:
            places = slice(*map(int, np.searchsorted(picked, (rows.start, rows.stop))))
            items = picked[places]
            block = block[items - rows.start]
        yield places, columns, block, None if chosen is None else chosen[items]
        del block  # or it stays while the next one is read


def _chosen_runs(runs: Runs, picked: Rows, arrangement: Arrangement, chosen: Positions) -> Selected:
    """Read one position of each row, which is a run of numbers, and nothing else."""
    for a, b in row_blocks(0, len(picked), arrangement.dim * 8):
        items = np.asarray(picked[a:b])
        firsts = (items * arrangement.positions + chosen[items].astype(np.intp)) * arrangement.dim
        yield slice(a, b), slice(None), runs(firsts, arrangement.dim), None


def fill(codes: Array, blocks: Selected, arrangement: Arrangement) -> None:
    """Copy the points of selected rows to their places in codes."""
    points = codes.reshape(-1, arrangement.per_item, arrangement.dim)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller refuses what becomes infinite or NaN
        for places, columns, block, chosen in blocks:
            if arrangement.per_item == 1 and chosen is None:
                codes[places, columns] = block
            else:
                arrangement.fill(points[places], block, columns, chosen)
