"""The tensors of a .safetensors file, whose header its package checks; rows are read as those of an .npy.

The package holds the offsets against each other and against the size of the file. Its own way to the numbers
is not taken: NumPy has no bfloat16, and memory that maps a file crashes the process if that becomes shorter.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, one_line
from gaedist.files.format import Format, Source
from gaedist.files.npy import NpyData
from gaedist.files.stored_array import Block, StoredArray, dtype_fault, no_blocks
from gaedist.files.streams import name_of

_LENGTH = 8  # bytes of the length of the header
_MAX_HEADER = 100_000_000  # bytes, as in the package
_METADATA = "__metadata__"
_BFLOAT16 = np.dtype("<u2")  # the upper half of a float32
_TYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<f4", "BOOL": "|b1", "C64": "<c8"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1"},
}
"""Type of a tensor → the type of its numbers once they are read."""


def _is_safetensors(source: Source) -> bool:
    start = source.start(_LENGTH + 1)
    return start[_LENGTH:] == b"{" and int.from_bytes(start[:_LENGTH], "little") <= _MAX_HEADER


@contextmanager
def safetensors_arrays(stream: BinaryIO, size: int) -> Iterator[list[StoredArray]]:
    """List the tensors of a .safetensors file of ``size`` bytes."""
    _check(stream)
    stream.seek(0)
    length = int.from_bytes(stream.read(_LENGTH), "little")
    tensors: dict[str, Any] = json.loads(stream.read(length))
    tensors.pop(_METADATA, None)
    yield [_tensor(name, row, stream, size, _LENGTH + length) for name, row in tensors.items()]


def _check(stream: BinaryIO) -> None:
    """Raise `GaedistError` if the header is damaged, or does not fit the size of the file."""
    import safetensors

    try:
        if isinstance(stream, BytesIO):
            safetensors.deserialize(stream.getvalue())  # type: ignore[no-untyped-call,unused-ignore]
        elif name := name_of(stream):
            with safetensors.safe_open(name, framework="numpy"):
                pass
    except (safetensors.SafetensorError, ValueError, OverflowError) as error:
        what = one_line(str(error).removeprefix("Error while deserializing header: "), 200)
        raise GaedistError(f"cut short or damaged: not a readable .safetensors file ({what}).") from error


def _tensor(name: str, row: dict[str, Any], stream: BinaryIO, size: int, data_start: int) -> StoredArray:
    """Describe a tensor that the header lists."""
    shape, kind = tuple(row["shape"]), str(row["dtype"])
    if kind not in _TYPES:
        fault = f"of type {one_line(kind, 20)}, which NumPy does not have; save the codes as float32"
        return StoredArray(name, shape, None, fault, no_blocks)
    dtype = np.dtype(_TYPES[kind])
    stored = _BFLOAT16 if kind == "BF16" else dtype
    data = NpyData(shape, False, stored, data_start + int(row["data_offsets"][0]), size, lambda: stream)
    unusable = dtype_fault(dtype) or data.fault

    def widened(start: int, stop: int) -> Iterator[Block]:
        return ((rows, columns, _float32(block)) for rows, columns, block in data.blocks(start, stop))

    return StoredArray(name, shape, dtype, unusable, widened if kind == "BF16" else data.blocks)


def _float32(bits: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return numbers whose upper halves, the bits of bfloat16, are given."""
    return (bits.astype("<u4") << 16).view("<f4")


FORMAT = Format(
    name="safetensors",
    suffixes=(".safetensors",),
    holds="a tensor by its name; bfloat16 becomes float32",
    recognises=_is_safetensors,
    arrays=safetensors_arrays,
    package="safetensors",
    extra="safetensors",
)
