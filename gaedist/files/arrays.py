"""Opening a file by its first bytes, finding one of its arrays by name, and reading rows of it."""

import io
import math
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError
from gaedist.files.hdf5 import SIGNATURE, hdf5_arrays, is_behind_user_block
from gaedist.files.npy import npy_arrays, npz_arrays
from gaedist.files.stored_array import StoredArray
from gaedist.numerics import Array

Rows = range | NDArray[np.intp]
"""Increasing indices of rows."""

FORMATS = {
    b"\x93NUMPY": npy_arrays,
    b"PK\x03\x04": npz_arrays,
    b"PK\x05\x06": npz_arrays,
    SIGNATURE: hdf5_arrays,
}
"""First bytes of a file → function that lists its arrays. The name of the file does not matter."""


def split_name(name: str) -> tuple[str, str | None]:
    """Split ``path::dataset``; a name under which a file exists is a path as a whole."""
    path, separator, dataset = name.rpartition("::")
    if not separator or Path(name).exists():
        return name, None
    return path, dataset


@contextmanager
def open_arrays(path: str) -> Iterator[list[StoredArray]]:
    """List the arrays of a file, or of standard input if the path is ``-``; errors begin with the path."""
    try:
        with _open(path) as (stream, size):
            magic = stream.read(8)
            stream.seek(0)
            lister = next((FORMATS[start] for start in FORMATS if magic.startswith(start)), None)
            if lister is None and is_behind_user_block(stream, size):
                lister = hdf5_arrays
            if lister is None:
                found = f"it starts with {magic!r}" if magic else "it is empty"
                raise GaedistError(f"not an .npy, .npz or HDF5 file: {found}.")
            with lister(stream, size) as arrays:
                yield arrays
    except GaedistError as error:
        raise GaedistError(f"{path}: {error}") from error
    except OSError as error:
        raise GaedistError(f"{path}: {error.strerror or error}.") from error


@contextmanager
def _open(path: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file and give its size; a pipe cannot seek, so it is read into memory."""
    if not path:
        raise GaedistError("the name of the file is empty.")
    if path == "-":
        if sys.stdin is None:
            raise GaedistError("standard input is closed.")
        if sys.stdin.isatty():
            raise GaedistError("standard input is a terminal. Pipe an .npy into it, or name a file.")
        data = sys.stdin.buffer.read()
        yield io.BytesIO(data), len(data)
        return
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            yield file, status.st_size
        else:
            data = file.read()
            yield io.BytesIO(data), len(data)


def find_array(arrays: list[StoredArray], dataset: str | None) -> StoredArray:
    """Return the array of this name; without a name the only array, or the only 2-D array that is not σ.

    Raises
    ------
    GaedistError
        If there is no such array, or more than one.
    """
    listing = ", ".join(array.summary for array in arrays) or "no arrays"
    if dataset is not None:
        wanted = dataset.strip("/")
        chosen = [
            array
            for array in arrays
            if wanted in {name.strip("/") for name in (array.name, *array.aliases) if name}
        ]
        if not chosen:
            raise GaedistError(f"no array {dataset!r} in this file. It holds: {listing}.")
    elif len(arrays) == 1:
        chosen = arrays
    else:
        chosen = [array for array in arrays if len(array.shape) == 2 and not array.is_sigma]
    if not chosen:
        raise GaedistError(f"no 2-D array in this file. It holds: {listing}.")
    if len(chosen) > 1:
        raise GaedistError(
            f"several 2-D arrays; choose one with PATH::NAME or --dataset. The file holds: {listing}."
        )
    return chosen[0]


def read_rows(array: StoredArray, picked: Rows) -> Array:
    """Read rows into a new array of double, (rows, columns), block by block."""
    blocks = array.blocks(int(picked[0]), int(picked[-1]) + 1)  # may refuse, before memory is taken
    shape = (len(picked), math.prod(array.shape[1:]))
    try:
        codes = np.empty(shape)
    except MemoryError as error:
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
