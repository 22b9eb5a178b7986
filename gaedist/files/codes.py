"""Reading latent codes and checking them.

``read_latents`` finds the one array meant, allocates the (n, D) result once and fills it block by block:
no second copy of the codes is made. ``as_codes`` checks what a caller of the library passes.
"""

import io
import math
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaedist.errors import GaedistError
from gaedist.files.hdf5 import hdf5_arrays
from gaedist.files.npy import StoredArray, dtype_fault, npy_arrays, npz_arrays, row_blocks
from gaedist.numerics import Array

Rows = range | NDArray[np.intp]

FORMATS = {
    b"\x93NUMPY": npy_arrays,
    b"PK\x03\x04": npz_arrays,
    b"PK\x05\x06": npz_arrays,
    b"\x89HDF\r\n\x1a\n": hdf5_arrays,
}
"""First bytes of a file → lister of its arrays. The name of the file does not matter."""

_LARGEST = 1e150  # the square of a larger number may overflow in a sum


@dataclass(frozen=True)
class Selection:
    """What to read of a file.

    Attributes
    ----------
    dataset : str, optional
        Name of the array, for files that do not give it after ``::``.
    rows : tuple of (int or None), optional
        First row and the row after the last, as in a Python slice.
    subsample : int, optional
        Keep this many rows, drawn without replacement, in their order; all if there are fewer.
    seed : int
        Seed of the draw.
    drop_nonfinite : bool
        Leave out rows with NaN or infinity instead of refusing the file.
    """

    dataset: str | None = None
    rows: tuple[int | None, int | None] | None = None
    subsample: int | None = None
    seed: int = 0
    drop_nonfinite: bool = False


@dataclass(frozen=True, eq=False)
class Latents:
    """Latent codes from a file.

    Attributes
    ----------
    codes : (n, D) array of double
        All finite.
    file : str
        The file as it was named, without the dataset.
    dataset : str, optional
        The array's name in the file.
    dropped : int
        Rows left out because they were not finite.
    """

    codes: Array
    file: str
    dataset: str | None
    dropped: int

    @property
    def name(self) -> str:
        """The file and the dataset, as on the command line."""
        return f"{self.file}::{self.dataset}" if self.dataset else self.file


def parse_rows(text: str | None) -> tuple[int | None, int | None] | None:
    """Parse ``A:B``; either may be left out."""
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
        An .npy, .npz or HDF5 file, recognised by its first bytes.
    selection : Selection, optional
        Which array and rows; by default the only 2-D array, and all of its rows.

    Raises
    ------
    GaedistError
        If there is no such file, array or row, or it holds no finite real 2-D array.
    """
    selection = selection or Selection()
    path, dataset = split_name(name)
    with open_arrays(path) as arrays:
        array = find_array(arrays, dataset or selection.dataset)
        if fault := array.fault or shape_fault(array.shape):
            raise GaedistError(f"{array.name or 'the array'} is {fault}.")
        rows = _pick_rows(array.shape[0], selection)
        codes, dropped = read_rows(array, rows), 0
        if len(bad := nonfinite_rows(codes)):
            if not selection.drop_nonfinite:
                raise GaedistError(f"{_first_bad(codes, bad, rows)} Drop them with --drop-nonfinite.")
            if len(bad) == len(codes):
                raise GaedistError(f"none of its {len(codes)} rows is finite.")
            codes, dropped = without_rows(codes, bad), len(bad)
    return Latents(codes, path, array.name, dropped)


def as_codes(codes: ArrayLike) -> Array:
    """Return a sample as a C-contiguous (n, D) array of double, without a copy where it is one.

    Raises
    ------
    GaedistError
        If it is no non-empty, finite, real 2-D array.
    """
    if np.ma.is_masked(codes):
        raise GaedistError("the codes have masked elements. Drop those rows, or fill them.")
    try:
        array = np.asarray(codes)
    except ValueError as error:
        raise GaedistError("the codes are no array: their rows differ in length.") from error
    fault = dtype_fault(array.dtype) or shape_fault(array.shape)
    if fault:
        raise GaedistError(f"the codes are {fault}.")
    array = np.require(array, np.float64, "C")
    if len(bad := nonfinite_rows(array)):
        raise GaedistError(f"the codes are not finite: {_first_bad(array, bad, range(len(array)))}")
    return array


def shape_fault(shape: tuple[int, ...]) -> str | None:
    """Return why an array of this shape holds no latent codes, or None if it can."""
    if len(shape) != 2:
        return f"an array with {len(shape)} axes; latent codes have two, (points, dimensions)"
    if 0 in shape:
        return f"empty: {shape[0]} points of {shape[1]} dimensions"
    return None


def split_name(name: str) -> tuple[str, str | None]:
    """Split ``path::dataset``; a file that has such a name is meant whole."""
    path, separator, dataset = name.rpartition("::")
    if not separator or Path(name).exists():
        return name, None
    return path, dataset


@contextmanager
def open_arrays(path: str) -> Iterator[list[StoredArray]]:
    """List the arrays of a file, or of standard input if the path is ``-``; errors name the file."""
    try:
        with _open(path) as (stream, size):
            magic = stream.read(8)
            stream.seek(0)
            lister = next((FORMATS[start] for start in FORMATS if magic.startswith(start)), None)
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
    """Open a file for reading; a pipe cannot seek, so read it whole."""
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
    """Return the array of this name, or the only one that can be meant."""
    listing = ", ".join(array.summary for array in arrays) or "no array"
    if dataset is not None:
        wanted = dataset.strip("/")
        chosen = [
            array
            for array in arrays
            if wanted in {name.strip("/") for name in (array.name, *array.aliases) if name}
        ]
        if not chosen:
            raise GaedistError(f"no array {dataset!r} in it. It holds: {listing}.")
    elif len(arrays) == 1:
        chosen = arrays
    else:
        chosen = [array for array in arrays if len(array.shape) == 2 and not array.is_sigma]
    if not chosen:
        raise GaedistError(f"no 2-D array in it. It holds: {listing}.")
    if len(chosen) > 1:
        raise GaedistError(
            f"several 2-D arrays; name one as PATH::NAME or with --dataset. It holds: {listing}."
        )
    return chosen[0]


def _pick_rows(n: int, selection: Selection) -> Rows:
    """Return the increasing indices of the rows to keep."""
    rows = range(n)[slice(*(selection.rows or (None, None)))]
    if not rows:
        raise GaedistError(f"rows {rows.start}:{rows.stop} select nothing of its {n} rows.")
    if selection.subsample is None or selection.subsample >= len(rows):
        return rows
    if selection.subsample < 1:
        raise GaedistError(f"subsample must be at least 1; got {selection.subsample}.")
    rng = np.random.default_rng(selection.seed)
    return np.sort(rows.start + rng.choice(len(rows), selection.subsample, replace=False))


def read_rows(array: StoredArray, picked: Rows) -> Array:
    """Read the picked rows, given in increasing order, into a new array of double, (rows, columns)."""
    shape = (len(picked), math.prod(array.shape[1:]))
    try:
        codes = np.empty(shape)
    except MemoryError as error:
        size = shape[0] * shape[1] * 8 / 2**30
        raise GaedistError(f"needs {size:.1f} GiB of memory. Use --rows or --subsample.") from error
    for rows, columns, block in array.blocks(int(picked[0]), int(picked[-1]) + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite or NaN is refused below
            if isinstance(picked, range):
                codes[rows.start - picked.start : rows.stop - picked.start, columns] = block
            else:
                first, last = np.searchsorted(picked, (rows.start, rows.stop))
                codes[first:last, columns] = block[picked[first:last] - rows.start]
    return codes


def without_rows(codes: Array, bad: NDArray[np.intp]) -> Array:
    """Move the other rows together, in place, and return the part of the array that they fill."""
    kept = int(bad[0])
    for start, end in zip(bad + 1, [*bad[1:], len(codes)], strict=True):
        for a, b in row_blocks(int(start), int(end), codes.shape[1] * codes.itemsize):
            codes[kept : kept + b - a] = codes[a:b]
            kept += b - a
    return codes[:kept]


def _first_bad(codes: Array, bad: NDArray[np.intp], rows: Rows) -> str:
    """Say where the first number stands that cannot be used, and in how many rows there are any."""
    row = codes[bad[0]]
    column = int(np.flatnonzero(~(np.abs(row) < _LARGEST))[0])
    beyond = f" or beyond {_LARGEST:g}" if np.isfinite(row[column]) else ""
    return (
        f"row {rows[bad[0]]} has {row[column]} in column {column}; "
        f"{len(bad)} of {len(codes)} rows are not finite{beyond}."
    )


def nonfinite_rows(codes: Array) -> NDArray[np.intp]:
    """Return the indices of rows with NaN, infinity, or numbers too large to be squared."""
    return np.concatenate(
        [
            a + np.flatnonzero(~(np.abs(codes[a:b]) < _LARGEST).all(axis=1))
            for a, b in row_blocks(0, len(codes), codes.shape[1] * codes.itemsize)
        ]
    )
