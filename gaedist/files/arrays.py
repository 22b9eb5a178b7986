"""Opening a file by its first bytes, finding one of its arrays by name, and reading rows of it."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, short_name, some_of
from gaedist.files.hdf5 import SIGNATURE, hdf5_arrays, is_behind_user_block
from gaedist.files.memory import check_fits
from gaedist.files.npy import npy_arrays
from gaedist.files.npz import PYTORCH, npz_arrays
from gaedist.files.sandbox import sandbox_in_use
from gaedist.files.stored_array import Listed, StoredArray
from gaedist.files.streams import Pipe, opened
from gaedist.files.widths import posterior_advice
from gaedist.numerics import Array

Rows = range | NDArray[np.intp]
"""Increasing indices of rows."""

FORMATS: dict[bytes, Callable[[Any, int], AbstractContextManager[Sequence[Listed]]]] = {
    b"\x93NUMPY": npy_arrays,
    b"PK\x03\x04": npz_arrays,
    b"PK\x05\x06": npz_arrays,
    SIGNATURE: hdf5_arrays,
}
"""First bytes of a file → function that lists its arrays. The name of the file does not matter."""

_OTHER_FORMATS = {
    b"\x80\x02\x8a\x0al\xfc\x9cF": PYTORCH,  # before PyTorch 1.6
    b"\x80": "a pickle, which is never unpickled. Save the codes with numpy.save.",
    b"\x1f\x8b": "packed by gzip. Unpack it with gunzip.",
}
"""First bytes of a file that is not read → what it is, and what to do."""

_MAGIC = 8  # bytes that tell the formats apart
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
            with sandbox.arrays(stream.fileno(), size) if sandbox else listed(stream, size) as arrays:
                yield arrays
    except GaedistError as error:
        raise GaedistError(f"{path}: {error}") from error
    except OSError as error:
        raise GaedistError(f"{path}: {error.strerror or error}.") from error


@contextmanager
def listed(stream: BinaryIO | Pipe, size: int) -> Iterator[Sequence[Listed]]:
    """List the arrays of a stream of ``size`` bytes, whose first bytes say what it is."""
    if isinstance(stream, Pipe):
        magic = stream.peek(_MAGIC)
    else:
        magic = stream.read(_MAGIC)
        stream.seek(0)
    lister = next((FORMATS[start] for start in FORMATS if magic.startswith(start)), None)
    if lister is None and is_behind_user_block(stream, size):
        lister = hdf5_arrays
    if lister is None:
        raise GaedistError(_unknown(magic))
    if lister is not npy_arrays and isinstance(stream, Pipe):
        stream, size = stream.whole()
    with lister(stream, size) as arrays:
        yield arrays


def _unknown(magic: bytes) -> str:
    """Say what a file is that begins with these bytes."""
    for start, message in _OTHER_FORMATS.items():
        if magic.startswith(start):
            return message
    found = f"it starts with {magic!r}" if magic else "it is empty"
    return f"not an .npy, .npz or HDF5 file: {found}."


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
    if (advice := posterior_advice(found)) is not None:
        raise GaedistError(advice)
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
