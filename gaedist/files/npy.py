"""The arrays that a file holds, listed before any of them is read: .npy and .npz here, HDF5 in `hdf5`.

Every header is checked against what the file can hold before memory is allocated for it, and nothing is
ever unpickled.
"""

import math
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError

Block = tuple[slice, slice, NDArray[np.generic]]
"""Rows and columns of the array, and what stands there."""

BLOCK_BYTES = 1 << 22
_LONGEST = 1 << 62
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, NotImplementedError)
MOST_DEFLATED = 1032
"""Deflate makes data at most this many times smaller; a file that claims more is lying."""


@dataclass(frozen=True, eq=False)
class StoredArray:
    """One array inside a file, not yet read.

    Attributes
    ----------
    name : str, optional
        Its name in the file; None in an .npy.
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype, optional
        Its type; None if NumPy has none for it.
    fault : str, optional
        Why it cannot be read.
    blocks : callable
        ``blocks(start, stop)`` yields rows start … stop − 1 in the order of the file. All axes but the
        first count as columns.
    aliases : tuple of str
        Other names of the same array.
    is_sigma : bool
        `gaedist sigma` wrote it, so that it is not meant where codes are.
    """

    name: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic] | None
    fault: str | None
    blocks: Callable[[int, int], Iterator[Block]]
    aliases: tuple[str, ...] = ()
    is_sigma: bool = False

    @property
    def summary(self) -> str:
        """Name, shape and type in a few words."""
        shape = " × ".join(str(length) for length in self.shape) or "scalar"
        return f"{self.name or 'array'} ({shape} {self.dtype or 'of unknown type'})"


def dtype_fault(dtype: np.dtype[np.generic]) -> str | None:
    """Return why numbers of this type are no latent codes, or None if they can be."""
    if dtype.hasobject:
        return "an object array, which is never unpickled; save it as a plain array of numbers"
    if dtype.names is not None:
        return "a structured array; save its fields as the columns of a plain array"
    if dtype.kind == "c":
        return "complex; save real and imaginary parts as columns"
    if dtype.kind not in "fiu":
        return f"of type {dtype}; latent codes are real numbers"
    return None


def row_blocks(start: int, stop: int, row_bytes: int, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """Cut start … stop into pieces of about `BLOCK_BYTES`, and whole multiples of so many rows."""
    step = max(1, BLOCK_BYTES // max(1, row_bytes * multiple)) * multiple
    while start < stop:
        end = min(stop, start - start % multiple + step)
        yield start, end
        start = end


@contextmanager
def npy_arrays(stream: BinaryIO, size: int) -> Iterator[list[StoredArray]]:
    """List the one array of an .npy of ``size`` bytes."""
    yield [_npy_array(stream, size, None)]


@contextmanager
def npz_arrays(stream: BinaryIO, size: int) -> Iterator[list[StoredArray]]:
    """List the arrays of an .npz of ``size`` bytes."""
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            yield [_npz_array(archive, info, size) for info in members]
    except _ZIP_ERRORS as error:
        raise GaedistError(f"not a readable .npz file ({error}). Write it again with numpy.savez.") from error


def _npz_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> StoredArray:
    name = info.filename.removesuffix(".npy")
    fault = None
    if info.flag_bits & 1:
        fault = "encrypted; write it again with numpy.savez"
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        fault = "compressed by a method that numpy.savez does not use"
    elif info.file_size > min(info.compress_size, size) * MOST_DEFLATED:
        fault = f"a header that claims {info.file_size} bytes in a file of {size}"
    if fault:
        return StoredArray(name, (), None, fault, nothing)
    try:
        return _npy_array(cast(BinaryIO, archive.open(info)), info.file_size, name)
    except GaedistError as error:
        return StoredArray(name, (), None, str(error).rstrip("."), nothing)


def _npy_array(stream: BinaryIO, size: int, name: str | None) -> StoredArray:
    shape, fortran, dtype = _npy_header(stream)
    offset = stream.tell()
    claimed, held = math.prod(shape) * dtype.itemsize, size - offset
    fault = dtype_fault(dtype)
    if not fault and claimed > held:
        fault = f"cut short: its header claims {claimed} bytes of data and {held} are there"
    read = _fortran_blocks if fortran else _c_blocks
    return StoredArray(name, shape, dtype, fault, lambda a, b: read(stream, offset, shape, dtype, a, b))


def _npy_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return shape, Fortran order and type, which NumPy reads from a Python literal."""
    try:
        version = np.lib.format.read_magic(stream)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header of Python 2 is no news to a user
            if version == (1, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            elif version == (2, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
            else:
                raise GaedistError(f"an .npy of version {version}, which holds no plain array.")
        if any(type(length) is not int or not 0 <= length < _LONGEST for length in shape):
            raise GaedistError("damaged: the header of the .npy has a length that no array has.")
    except GaedistError:
        raise
    except Exception as error:  # random bytes parsed as Python can raise anything
        raise GaedistError("damaged: the header of the .npy cannot be read.") from error
    return shape, fortran, dtype


def _c_blocks(
    stream: BinaryIO, offset: int, shape: tuple[int, ...], dtype: np.dtype[np.generic], start: int, stop: int
) -> Iterator[Block]:
    dim = math.prod(shape[1:])
    row_bytes = dim * dtype.itemsize
    stream.seek(offset + start * row_bytes)
    for a, b in row_blocks(start, stop, row_bytes):
        yield slice(a, b), slice(None), _read(stream, (b - a) * dim, dtype).reshape(b - a, dim)


def _fortran_blocks(
    stream: BinaryIO, offset: int, shape: tuple[int, ...], dtype: np.dtype[np.generic], start: int, stop: int
) -> Iterator[Block]:
    n, *rest = shape
    for place, index in enumerate(np.ndindex(*reversed(rest))):  # the first of these axes runs fastest
        column = int(np.ravel_multi_index(index[::-1], tuple(rest))) if rest else 0
        stream.seek(offset + (place * n + start) * dtype.itemsize)
        for a, b in row_blocks(start, stop, dtype.itemsize):
            yield slice(a, b), slice(column, column + 1), _read(stream, b - a, dtype)[:, np.newaxis]


def _read(stream: BinaryIO, count: int, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    try:
        data = stream.read(count * dtype.itemsize)
    except _ZIP_ERRORS as error:
        raise GaedistError(f"damaged: the .npz cannot be unpacked ({error}).") from error
    if len(data) < count * dtype.itemsize:
        raise GaedistError("the file became shorter while it was read. Wait until it is written.")
    return np.frombuffer(data, dtype)


def nothing(_start: int, _stop: int) -> Iterator[Block]:
    """Yield no block: what an array with a fault holds for us."""
    return iter(())
