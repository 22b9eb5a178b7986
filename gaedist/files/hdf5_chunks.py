"""Rows of a dataset of an HDF5 file, block by block, after a check that they were written.

HDF5 gives fill values for chunks that are not in the file, so the list of chunks says which rows there are.
Chunks that gzip packed are unpacked by `hdf5_inflate`; those that other filters packed as well are measured.
"""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError
from gaedist.files.hdf5_inflate import GzipChunk, inflated, is_plain_gzip, side_by_side
from gaedist.files.hdf5_storage import DEFLATE, FLETCHER32, SHUFFLE, filter_codes, reason
from gaedist.files.stored_array import BLOCK_BYTES, MAX_DEFLATE_RATIO, Block, row_blocks

if TYPE_CHECKING:
    import h5py

_OVERHEAD = 4096  # bytes by which a filter may enlarge a chunk
_KEEP_SIZE = {DEFLATE, SHUFFLE, FLETCHER32}  # filters that make nothing smaller, but for deflate
_SMALL_CACHE, _SLOTS = 1 << 20, 521  # bytes and places for chunks, as HDF5 has them by default
_FINER = 16  # so that blocks of narrow chunks fit a cache
_SHOWN = 3  # ranges of rows in a message


def reader(file: "h5py.File", path: str, size: int) -> Callable[[int, int], Iterator[Block]]:
    """Return the function ``blocks(start, stop)`` of a dataset, which checks the rows when it is called."""

    def blocks(start: int, stop: int) -> Iterator[Block]:
        try:
            dataset = _Rows(file, path, size)
            dataset.check(start, stop)
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise _damaged(path, error) from error
        return dataset.blocks(start, stop)

    return blocks


def _damaged(path: str, error: Exception, row: int | None = None) -> GaedistError:
    where = "" if row is None else f" in the chunk at row {row}"
    return GaedistError(f"{path} is damaged{where} ({reason(error)}).")


class _Rows:
    """A dataset whose rows are read, and its chunks."""

    def __init__(self, file: "h5py.File", path: str, size: int) -> None:
        self.file, self.path, self.size = file, path, size
        dataset = file[path]
        self.shape, self.chunks = dataset.shape, dataset.chunks
        self.itemsize = max(int(dataset.id.get_type().get_size()), dataset.dtype.itemsize)
        self.filters = filter_codes(dataset)
        self.stored = [] if self.chunks is None else _stored_chunks(dataset)
        self.is_plain_gzip = is_plain_gzip(dataset)
        self.deflated: dict[int, list[tuple[int, ...]]] = {}  # first row → offsets of chunks

    def check(self, start: int, stop: int) -> None:
        """Raise `GaedistError` if a chunk of these rows is missing, or any cannot be what it claims."""
        if self.chunks is None:
            return
        self._check_written(start, stop)
        whole = math.prod(self.chunks) * self.itemsize
        largest = whole + whole // 16 + _OVERHEAD  # packing makes nothing much larger
        total = sum(length for *_, length in self.stored)
        for offset, mask, place, length in self.stored:
            deflated = DEFLATE in self.filters and not mask >> self.filters.index(DEFLATE) & 1
            ratio = MAX_DEFLATE_RATIO if deflated else 1
            too_small = _KEEP_SIZE.issuperset(self.filters) and length * ratio < whole
            if too_small or not 0 < length <= largest or max(total, place + length) > self.size:
                raise GaedistError(
                    f"{self.path} is damaged: {length} bytes cannot be the chunk at row {offset[0]}."
                )
            if DEFLATE in self.filters:
                self.deflated.setdefault(offset[0], []).append(offset)

    def _check_written(self, start: int, stop: int) -> None:
        """Raise `GaedistError` if a chunk of rows start … stop − 1 is not in the file."""
        n, height = self.shape[0], self.chunks[0]
        across = math.prod(-(-m // k) for m, k in zip(self.shape[1:], self.chunks[1:], strict=True))
        offsets = {offset for offset, *_ in self.stored if all(map(int.__lt__, offset, self.shape))}
        bands, counts = np.unique(
            np.array([offset[0] // height for offset in offsets], np.int64), return_counts=True
        )
        complete = bands[counts == across]
        first, last = start // height, -(-stop // height)
        if ((complete >= first) & (complete < last)).sum() == last - first:
            return
        ranges = [(a * height, min(n, b * height)) for a, b in _runs(complete)]
        if not ranges:
            raise GaedistError(f"{self.path} has no data: none of its {n} rows was written.")
        listing = ", ".join(f"{a}:{b}" for a, b in ranges[:_SHOWN])
        more = f" and {len(ranges) - _SHOWN} more ranges" if len(ranges) > _SHOWN else ""
        a, b = max(ranges, key=lambda rows: rows[1] - rows[0])
        raise GaedistError(
            f"{self.path} is incomplete: of its {n} rows only {listing}{more} were written. "
            f"Read them with --rows {a}:{b}."
        )

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield the rows; at most one chunk is in memory besides a block."""
        return self._gzip_blocks(start, stop) if self.is_plain_gzip else self._hdf5_blocks(start, stop)

    def _gzip_blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield rows of chunks that are unpacked here, of several side by side if they are small."""
        dataset = self.file[self.path]
        (_, columns), (height, width) = self.shape, self.chunks
        for row in range(start - start % height, stop, height):
            first, last = max(start, row), min(stop, row + height)
            beside = sorted(set(self.deflated[row]))
            together = max(1, BLOCK_BYTES // (height * width * self.itemsize))
            for k in range(0, len(beside), together):
                offsets = beside[k : k + together]
                try:
                    chunks = [GzipChunk(dataset, offset) for offset in offsets]
                except (OSError, RuntimeError, ValueError) as error:
                    raise _damaged(self.path, error, row) from error
                c, d = offsets[0][1], min(columns, offsets[-1][1] + width)
                for a, b in row_blocks(first, last, (d - c) * self.itemsize * _FINER):
                    block = side_by_side([chunk.rows(a, b) for chunk in chunks])
                    yield slice(a, b), slice(c, d), block[:, : d - c]

    def _hdf5_blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield rows that HDF5 unpacks."""
        columns = math.prod(self.shape[1:])
        multiple = 1 if self.chunks is None or len(self.shape) == 2 else self.chunks[0]
        for rows, across in self._tiles(start, stop, columns):
            try:
                dataset = self._open()
                self._measure(dataset, rows, across)
                row_bytes = (across.stop - across.start) * self.itemsize
                for a, b in row_blocks(rows.start, rows.stop, row_bytes, multiple):
                    place = (slice(a, b), across)[: len(self.shape)] if len(self.shape) < 3 else slice(a, b)
                    block = dataset[place]
                    yield slice(a, b), across, block.reshape(b - a, across.stop - across.start)
            except (OSError, RuntimeError, ValueError, KeyError) as error:  # a damaged chunk
                raise _damaged(self.path, error) from error

    def _tiles(self, start: int, stop: int, columns: int) -> Iterator[tuple[slice, slice]]:
        """Cut the rows at borders of chunks, and across if the chunks of these rows are large."""
        height = self.chunks[0] if self.chunks else 1
        wide = len(self.shape) == 2 and self.chunks and height * columns * self.itemsize > BLOCK_BYTES
        step = self.chunks[1] if wide else columns
        for a, b in row_blocks(start, stop, step * self.itemsize, height):
            for c in range(0, columns, step):
                yield slice(a, b), slice(c, min(columns, c + step))

    def _open(self) -> "h5py.Dataset":
        """Open the dataset anew, with room for one chunk: the last one leaves the memory."""
        import h5py

        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        if self.chunks:  # chunks that are not packed are read in part
            chunk = math.prod(self.chunks) * self.itemsize if self.filters else 0
            access.set_chunk_cache(_SLOTS, max(_SMALL_CACHE, chunk), 1.0)
        return h5py.Dataset(h5py.h5d.open(self.file.id, self.path.encode(), access))

    def _measure(self, dataset: "h5py.Dataset", rows: slice, across: slice) -> None:
        """Raise `ValueError` if a deflated chunk of this tile does not expand to what HDF5 expects."""
        if not self.deflated:
            return
        size, height = math.prod(self.chunks) * self.itemsize, self.chunks[0]
        least = size if _KEEP_SIZE.issuperset(self.filters) else 0
        for row in range(rows.start - rows.start % height, rows.stop, height):
            for offset in self.deflated[row]:
                if len(offset) == 2 and not across.start <= offset[1] < across.stop:
                    continue
                mask, data = dataset.id.read_direct_chunk(offset)
                if not mask >> self.filters.index(DEFLATE) & 1:
                    inflated(data, least, size + _OVERHEAD - least)


def _stored_chunks(dataset: "h5py.Dataset") -> list[tuple[tuple[int, ...], int, int, int]]:
    """Return offset, mask of skipped filters, place in the file and length of every chunk in the file."""
    found: list[tuple[tuple[int, ...], int, int, int]] = []
    dataset.id.chunk_iter(
        lambda chunk: found.append((chunk.chunk_offset, chunk.filter_mask, chunk.byte_offset, chunk.size))
    )
    return found


def _runs(numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return first and last + 1 of each run of consecutive numbers, which increase."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(numbers, breaks) if len(run)]
