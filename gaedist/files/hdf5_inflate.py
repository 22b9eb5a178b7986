"""Chunks that gzip packed, unpacked without HDF5: once, and to no more than a chunk.

HDF5 itself expands a chunk to whatever it holds, and reads beyond its end if that is too little.
"""

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gaedist.files.hdf5_storage import DEFLATE, SHUFFLE, filter_codes

if TYPE_CHECKING:
    import h5py

_PIECE = 1 << 16  # bytes that are inflated at once, to 68 MB at most
_NARROW = 8  # columns


def is_plain_gzip(dataset: "h5py.Dataset") -> bool:
    """Return whether the dataset is 2-D, of a type of NumPy, and packed by gzip alone or after a shuffle."""
    import h5py

    codes = filter_codes(dataset)
    if codes == [SHUFFLE, DEFLATE]:
        element = dataset.id.get_create_plist().get_filter(0)[2]
        known = element[:1] == (dataset.dtype.itemsize,)
    else:
        known = codes == [DEFLATE]
    return bool(
        known and len(dataset.shape) == 2 and dataset.id.get_type().equal(h5py.h5t.py_create(dataset.dtype))
    )


class GzipChunk:
    """A chunk of a dataset for which `is_plain_gzip` holds, unpacked.

    Raises
    ------
    ValueError
        If it is damaged, or does not expand to a chunk.
    """

    def __init__(self, dataset: "h5py.Dataset", offset: tuple[int, ...]) -> None:
        (height, self._width), self._dtype = dataset.chunks, dataset.dtype
        self._first = offset[0]
        codes, size = filter_codes(dataset), height * self._width * self._dtype.itemsize
        mask, data = dataset.id.read_direct_chunk(offset)
        done = {code for index, code in enumerate(codes) if not mask >> index & 1}
        self._is_shuffled = SHUFFLE in done
        self._octets = np.frombuffer(inflated(data, size) if DEFLATE in done else data, np.uint8, size)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows start … stop − 1 of the dataset, as far as they are in this chunk."""
        size = self._dtype.itemsize
        first, last = (start - self._first) * self._width, (stop - self._first) * self._width
        if self._is_shuffled:  # all first bytes, then all second bytes, …
            part = np.ascontiguousarray(self._octets.reshape(size, -1)[:, first:last].T)
        else:
            part = self._octets[first * size : last * size]
        numbers: NDArray[Any] = part.reshape(-1).view(self._dtype)
        return numbers.reshape(stop - start, self._width)


def side_by_side(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays of the same shape next to each other, as one array."""
    height, width = parts[0].shape
    if len(parts) == 1 or width >= _NARROW:
        return np.concatenate(parts, axis=1)
    whole = np.empty((height, len(parts) * width), parts[0].dtype)
    for j in range(width):  # NumPy copies short rows slowly, and long columns fast
        for k, part in enumerate(parts):
            whole[:, k * width + j] = part[:, j]
    return whole


def inflated(data: bytes, size: int, more: int = 0) -> bytes | bytearray:
    """Return what deflated data expand to, in no more memory than that.

    Raises
    ------
    ValueError
        If that is not between ``size`` and ``size + more`` bytes.
    """
    inflater, expanded = zlib.decompressobj(), bytearray()
    for start in range(0, len(data), _PIECE):
        try:
            expanded += inflater.decompress(data[start : start + _PIECE], size + more + 1 - len(expanded))
        except zlib.error as error:
            raise ValueError("inflate() failed") from error
        if len(expanded) > size + more:
            raise ValueError(f"it expands to more than a chunk of {size} bytes")
        if inflater.eof:
            break
    if len(expanded) < size:
        raise ValueError(f"it expands to less than a chunk of {size} bytes")
    return expanded
