"""The array of an .npy file, whose header is checked before memory is allocated. Nothing is unpickled."""

import io
import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError
from gaedist.files import stored_array
from gaedist.files.format import Format, starts_with
from gaedist.files.stored_array import Block, StoredArray, dtype_fault, row_blocks
from gaedist.files.streams import Pipe

_MAX_LENGTH = 1 << 62
_MAX_HEADER = 1 << 16  # bytes
_LENGTHS = {(1, 0): "<H", (2, 0): "<I"}  # version → type of the length of the header
_HEADER_ERROR = "damaged: the header of the .npy cannot be read."

ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, struct.error)
"""What `zipfile` raises for a damaged archive."""


@contextmanager
def npy_arrays(stream: BinaryIO | Pipe, size: int) -> Iterator[list[StoredArray]]:
    """List the one array of an .npy of ``size`` bytes, or of an .npy in a pipe."""
    if isinstance(stream, Pipe):
        yield [npy_array(None, stream, None, lambda: stream)]
    else:
        yield [npy_array(None, stream, size, lambda: stream, can_skip=True)]


@dataclass(frozen=True, eq=False)
class NpyData:
    """The data of an .npy, which follow its header.

    Attributes
    ----------
    shape : tuple of int
        Shape of the array.
    fortran : bool
        Whether the first axis varies fastest.
    dtype : numpy.dtype
        Its type.
    offset : int
        Where the data begin.
    size : int, optional
        Size of the .npy; None in a pipe.
    reopen : callable
        Returns the stream to read from.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[np.generic]
    offset: int
    size: int | None
    reopen: Callable[[], BinaryIO | Pipe]

    @property
    def claimed(self) -> int:
        """Bytes of data that the header claims."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def fault(self) -> str | None:
        """Why the data cannot be read, or None if they can."""
        if (fault := dtype_fault(self.dtype)) or self.size is None:
            return fault
        return self._cut_short(self.size - self.offset) if self.claimed > self.size - self.offset else None

    def _cut_short(self, held: int) -> str:
        return f"cut short: its header claims {self.claimed} bytes of data, but there are {held}"

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield rows start … stop − 1, as `StoredArray.blocks`."""
        stream = self.reopen()
        return (self._fortran_blocks if self.fortran else self._c_blocks)(stream, start, stop)

    def runs(self, firsts: NDArray[np.intp], length: int) -> NDArray[np.generic]:
        """Return runs of ``length`` numbers of an array in the order of C, as `StoredArray.runs`."""
        stream = self.reopen()
        return np.stack([self._read(stream, int(first), length) for first in firsts])

    def _c_blocks(self, stream: BinaryIO | Pipe, start: int, stop: int) -> Iterator[Block]:
        """Yield whole rows."""
        dim = math.prod(self.shape[1:])
        row_bytes = dim * self.dtype.itemsize
        for a, b in row_blocks(start, stop, row_bytes):
            data = self._read(stream, a * dim, (b - a) * dim)
            yield slice(a, b), slice(None), data.reshape(b - a, dim)

    def _fortran_blocks(self, stream: BinaryIO | Pipe, start: int, stop: int) -> Iterator[Block]:
        """Yield several whole columns, or parts of one column after the other if they are long."""
        n, rest = self.shape[0], self.shape[1:]
        count = math.prod(rest)
        # columns in the order of the file, where the first of the other axes varies fastest
        places = np.arange(count).reshape(rest).ravel(order="F") if len(rest) > 1 else None
        if n * self.dtype.itemsize > stored_array.BLOCK_BYTES:
            for column in range(count):
                place = column if places is None else int(places[column])
                for a, b in row_blocks(start, stop, self.dtype.itemsize):
                    data = self._read(stream, column * n + a, b - a)
                    yield slice(a, b), slice(place, place + 1), data[:, np.newaxis]
            return
        for first, end in row_blocks(0, count, n * self.dtype.itemsize):
            data = self._read(stream, first * n, (end - first) * n).reshape(end - first, n)
            columns = slice(first, end) if places is None else places[first:end]
            yield slice(start, stop), columns, data[:, start:stop].T

    def _read(self, stream: BinaryIO | Pipe, first: int, count: int) -> NDArray[np.generic]:
        """Read ``count`` numbers from the first one on."""
        try:
            stream.seek(self.offset + first * self.dtype.itemsize)
            data = stream.read(count * self.dtype.itemsize)
        except ZIP_ERRORS as error:
            raise GaedistError(f"damaged: the .npz cannot be unpacked ({error}).") from error
        if len(data) < count * self.dtype.itemsize:
            if self.size is None:
                raise GaedistError(f"{self._cut_short(stream.tell() - self.offset)}.")
            raise GaedistError("the file became shorter while it was being read. Wait until it is complete.")
        return np.frombuffer(data, self.dtype)


def npy_array(
    name: str | None,
    stream: BinaryIO | Pipe,
    size: int | None,
    reopen: Callable[[], BinaryIO | Pipe],
    *,
    can_skip: bool = False,
) -> StoredArray:
    """Describe the array of an .npy of ``size`` bytes; raise `GaedistError` if its header is damaged.

    ``can_skip`` says that reading parts of the stream takes no time for what lies between them.
    """
    shape, fortran, dtype = _npy_header(stream)
    data = NpyData(shape, fortran, dtype, stream.tell(), size, reopen)
    runs = data.runs if can_skip and not fortran else None
    return StoredArray(name, shape, dtype, data.fault, data.blocks, runs=runs)


def _npy_header(stream: BinaryIO | Pipe) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return the shape, whether the order is Fortran's, and the type; NumPy parses a Python literal."""
    header = _header_bytes(stream)
    try:
        version = np.lib.format.read_magic(header)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header written by Python 2 does not concern the user
            if version == (1, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(header)
            else:
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(header)
    except Exception as error:  # random bytes parsed as Python can raise anything
        raise GaedistError(_HEADER_ERROR) from error
    if any(type(length) is not int or not 0 <= length < _MAX_LENGTH for length in shape):
        raise GaedistError("damaged: the header of the .npy gives an impossible length.")
    return shape, fortran, dtype


def _header_bytes(stream: BinaryIO | Pipe) -> BinaryIO:
    """Read the header, and no more; raise `GaedistError` for one that is too long."""
    try:
        start = stream.read(8)
        version = (start[6], start[7])
        if version not in _LENGTHS:
            raise GaedistError(f"an .npy of version {version}, which does not hold a plain array.")
        size = struct.calcsize(_LENGTHS[version])
        (length,) = struct.unpack(_LENGTHS[version], packed := stream.read(size))
        if length > _MAX_HEADER:
            raise GaedistError(
                f"damaged: the header of the .npy claims {length} bytes, more than {_MAX_HEADER}."
            )
        return io.BytesIO(start + packed + stream.read(length))
    except (IndexError, *ZIP_ERRORS) as error:
        raise GaedistError(_HEADER_ERROR) from error


FORMAT = Format(
    name=".npy",
    suffixes=(".npy",),
    holds="one array",
    recognises=starts_with(b"\x93NUMPY"),
    arrays=npy_arrays,
    is_streamed=True,
)
