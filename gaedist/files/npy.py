"""The arrays of .npy and .npz files, listed before any of them is read.

Every header is checked against the size of the file before memory is allocated for it, and nothing is ever
unpickled.
"""

import math
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError
from gaedist.files.stored_array import (
    MAX_DEFLATE_RATIO,
    Block,
    StoredArray,
    dtype_fault,
    no_blocks,
    row_blocks,
)

_MAX_LENGTH = 1 << 62
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, NotImplementedError)


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
    """Describe one member of an .npz of ``size`` bytes; a fault says why it cannot be read."""
    name = info.filename.removesuffix(".npy")
    fault = None
    if info.flag_bits & 1:
        fault = "encrypted; write it again with numpy.savez"
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        fault = "compressed by a method that numpy.savez does not use"
    elif info.file_size > min(info.compress_size, size) * MAX_DEFLATE_RATIO:
        fault = f"damaged: its header claims {info.file_size} bytes in a file of {size}"
    if fault:
        return StoredArray(name, (), None, fault, no_blocks)
    try:
        return _npy_array(cast(BinaryIO, archive.open(info)), info.file_size, name)
    except GaedistError as error:
        return StoredArray(name, (), None, str(error).rstrip("."), no_blocks)


def _npy_array(stream: BinaryIO, size: int, name: str | None) -> StoredArray:
    """Describe the array of an .npy of ``size`` bytes, whose data follow the header."""
    shape, fortran, dtype = _npy_header(stream)
    offset = stream.tell()
    claimed, held = math.prod(shape) * dtype.itemsize, size - offset
    fault = dtype_fault(dtype)
    if not fault and claimed > held:
        fault = f"cut short: its header claims {claimed} bytes of data, but there are {held}"
    read = _fortran_blocks if fortran else _c_blocks
    return StoredArray(name, shape, dtype, fault, lambda a, b: read(stream, offset, shape, dtype, a, b))


def _npy_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return the shape, whether the order is Fortran's, and the type; NumPy parses a Python literal."""
    try:
        version = np.lib.format.read_magic(stream)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header written by Python 2 does not concern the user
            if version == (1, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            elif version == (2, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
            else:
                raise GaedistError(f"an .npy of version {version}, which does not hold a plain array.")
        if any(type(length) is not int or not 0 <= length < _MAX_LENGTH for length in shape):
            raise GaedistError("damaged: the header of the .npy gives an impossible length.")
    except GaedistError:
        raise
    except Exception as error:  # random bytes parsed as Python can raise anything
        raise GaedistError("damaged: the header of the .npy cannot be read.") from error
    return shape, fortran, dtype


def _c_blocks(
    stream: BinaryIO, offset: int, shape: tuple[int, ...], dtype: np.dtype[np.generic], start: int, stop: int
) -> Iterator[Block]:
    """Yield whole rows; ``offset`` is where the data begin."""
    dim = math.prod(shape[1:])
    row_bytes = dim * dtype.itemsize
    stream.seek(offset + start * row_bytes)
    for a, b in row_blocks(start, stop, row_bytes):
        yield slice(a, b), slice(None), _read(stream, (b - a) * dim, dtype).reshape(b - a, dim)


def _fortran_blocks(
    stream: BinaryIO, offset: int, shape: tuple[int, ...], dtype: np.dtype[np.generic], start: int, stop: int
) -> Iterator[Block]:
    """Yield parts of one column after the other; ``offset`` is where the data begin."""
    n, *rest = shape
    for place, index in enumerate(np.ndindex(*reversed(rest))):  # of these axes the first varies fastest
        column = int(np.ravel_multi_index(index[::-1], tuple(rest))) if rest else 0
        stream.seek(offset + (place * n + start) * dtype.itemsize)
        for a, b in row_blocks(start, stop, dtype.itemsize):
            yield slice(a, b), slice(column, column + 1), _read(stream, b - a, dtype)[:, np.newaxis]


def _read(stream: BinaryIO, count: int, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Read the next ``count`` numbers."""
    try:
        data = stream.read(count * dtype.itemsize)
    except _ZIP_ERRORS as error:
        raise GaedistError(f"damaged: the .npz cannot be unpacked ({error}).") from error
    if len(data) < count * dtype.itemsize:
        raise GaedistError("the file became shorter while it was being read. Wait until it is complete.")
    return np.frombuffer(data, dtype)
