"""The codes in a .parquet file: its columns of numbers, or each column of lists of numbers.

The footer of the file says how many rows and numbers there are before any is read. PyArrow reads a few
columns at a time, in batches of rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, lacks_memory, one_line, short_name, some_of
from gaedist.files import stored_array
from gaedist.files.format import Format, starts_with
from gaedist.files.stored_array import Block, StoredArray, no_blocks

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_COLUMNS = 8  # that are read at once: each takes a few MiB
_LARGE = 1 << 26  # bytes of them in a group of rows, beyond which a part is read at once
_BUFFER = 1 << 16  # bytes of this part
_FREE_SIZE = 1 << 27  # bytes of codes to which anything may unpack
_MAX_UNPACKED_RATIO = 100  # beyond that size
_MAX_STRINGS, _MAX_ITEMS = 1 << 24, 1 << 20  # of the footer


@contextmanager
def parquet_arrays(stream: BinaryIO, size: int) -> Iterator[list[StoredArray]]:
    """List the arrays of a .parquet file of ``size`` bytes."""
    import pyarrow.parquet as pq

    with _readable():
        settings = {
            "pre_buffer": False,
            "thrift_string_size_limit": _MAX_STRINGS,
            "thrift_container_size_limit": _MAX_ITEMS,
        }
        file = pq.ParquetFile(stream, **settings)
        metadata = file.metadata
        if _COLUMNS * size > _LARGE * max(1, metadata.num_row_groups) * max(1, metadata.num_columns):
            file = pq.ParquetFile(stream, metadata=metadata, buffer_size=_BUFFER, **settings)
        arrays = _list(file, size)
    yield arrays


@contextmanager
def _readable() -> Iterator[None]:
    """Raise `GaedistError` for whatever PyArrow says of a damaged file."""
    try:
        yield
    except (GaedistError, MemoryError):
        raise
    except Exception as error:  # ArrowException, OSError, ValueError, OverflowError, …
        if lacks_memory(error):
            raise MemoryError from error
        raise GaedistError(f"not a readable Parquet file: damaged ({one_line(str(error), 200)}).") from error


def _list(file: "pq.ParquetFile", size: int) -> list[StoredArray]:
    """List each column of lists; without one, all columns as one array."""
    import pyarrow as pa

    schema = file.schema_arrow
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    fields = [field for field in schema if field.name not in index]
    lists = [field for field in fields if _is_list(field.type)]
    if lists:
        return [_list_column(file, field, size) for field in lists]
    others = [f for f in fields if not (pa.types.is_floating(f.type) or pa.types.is_integer(f.type))]
    shape = file.metadata.num_rows, len(fields)
    if others:
        names = some_of((f"{short_name(f.name)} ({one_line(str(f.type), 40)})" for f in others), len(others))
        fault = f"a table with columns that are not numbers: {names}; write it without them"
        return [StoredArray(None, shape, None, fault, no_blocks)]
    return [_columns(file, fields, shape, size)]


def _is_list(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _columns(
    file: "pq.ParquetFile", fields: list["pa.Field"], shape: tuple[int, int], size: int
) -> StoredArray:
    """Describe columns of numbers as one array."""
    types = {field.type for field in fields}
    dtype = _dtype(types.pop()) if len(types) == 1 else np.dtype(np.float64)

    def blocks(start: int, stop: int) -> Iterator[Block]:
        for left in range(0, shape[1], _COLUMNS):
            names = [field.name for field in fields[left : left + _COLUMNS]]
            for first, batch in _batches(file, names, start, stop, len(names) * 8):
                block = np.empty((batch.num_rows, len(names)), dtype)
                for k, column in enumerate(batch.columns):
                    block[:, k] = column.to_numpy(zero_copy_only=False)
                yield slice(first, first + batch.num_rows), slice(left, left + len(names)), block

    too_large = _unpacked_fault(shape, dtype, size)
    return StoredArray(None, shape, dtype, too_large, no_blocks if too_large else blocks)


def _dtype(kind: "pa.DataType") -> np.dtype[np.generic]:
    """Return the type of an array of such numbers; whole ones may have missing values among them."""
    import pyarrow as pa

    return np.dtype(kind.to_pandas_dtype() if pa.types.is_floating(kind) else np.float64)


def _list_column(file: "pq.ParquetFile", field: "pa.Field", size: int) -> StoredArray:
    """Describe a column of lists, which must be of one length."""
    import pyarrow as pa

    name, inner = field.name, field.type.value_type
    n = file.metadata.num_rows
    if not (pa.types.is_floating(inner) or pa.types.is_integer(inner)):
        fault = f"a column of type {one_line(str(field.type), 40)}; latent codes are real numbers"
        return StoredArray(name, (n,), None, fault, no_blocks)
    length = _length_of_first(file, name)
    dtype, shape = _dtype(inner), (n, length)

    def blocks(start: int, stop: int) -> Iterator[Block]:
        for first, batch in _batches(file, [name], start, stop, length * 8):
            yield (
                slice(first, first + batch.num_rows),
                slice(None),
                _stacked(batch.column(0), first, length, dtype),
            )

    too_large = _unpacked_fault(shape, dtype, size)
    return StoredArray(name, shape, dtype, too_large, no_blocks if too_large else blocks)


def _length_of_first(file: "pq.ParquetFile", name: str) -> int:
    """Return the length of the list in the first row, which all others must have.

    The footer has the number of all numbers, but PyArrow ends the process where that part of it is damaged.
    """
    for _, batch in _batches(file, [name], 0, min(1, file.metadata.num_rows), 1 << 20):
        return len(batch.column(0)[0].as_py() or ())
    return 0


def _stacked(column: Any, first: int, length: int, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Return lists of one length as rows; raise `GaedistError` for one of another length."""
    import pyarrow.compute as pc

    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    if len(other := np.flatnonzero(lengths != length)):
        raise GaedistError(
            f"row {first + other[0]} has a list of {lengths[other[0]]} numbers, and row 0 one of {length}. "
            "All must have the same length."
        )
    values = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype).reshape(-1, length)


def _batches(
    file: "pq.ParquetFile", names: list[str], start: int, stop: int, row_bytes: int
) -> Iterator[tuple[int, Any]]:
    """Yield the first row of each batch of rows start … stop − 1 of some columns, and the batch."""
    metadata, groups, before = file.metadata, [], None
    first = 0
    for group in range(metadata.num_row_groups):
        count = metadata.row_group(group).num_rows
        if first < stop and first + count > start:
            groups.append(group)
            before = first if before is None else before
        first += count
    place = before or 0
    rows = max(1, stored_array.BLOCK_BYTES // max(1, row_bytes))
    with _readable():
        for batch in file.iter_batches(rows, row_groups=groups, columns=names, use_threads=False):
            a, b = max(start, place), min(stop, place + batch.num_rows)
            if a < b:
                yield a, batch.slice(a - place, b - a)
            place += batch.num_rows
        if place < stop:
            raise GaedistError(f"damaged: its footer claims {stop} rows, but there are {place}.")


def _unpacked_fault(shape: tuple[int, int], dtype: np.dtype[np.generic], size: int) -> str | None:
    """Return why an array is not read that becomes much larger than its file, as hardly any codes do."""
    unpacked = shape[0] * shape[1] * dtype.itemsize
    if shape[0] * shape[1] * 8 > _FREE_SIZE and unpacked > size * _MAX_UNPACKED_RATIO:
        return f"not unpacked: a file of {size} bytes claims to hold {unpacked}"
    return None


FORMAT = Format(
    name="Parquet",
    suffixes=(".parquet",),
    holds="all columns, which are numbers, or a column of lists of one length",
    recognises=starts_with(b"PAR1"),
    arrays=parquet_arrays,
    package="pyarrow.parquet",
    extra="parquet",
)
