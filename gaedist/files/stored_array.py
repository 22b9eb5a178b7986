"""An array in a file that has not been read yet, and what every file format shares in reading it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import one_line, short_name

Columns = slice | NDArray[np.intp]
Block = tuple[slice, Columns, NDArray[np.generic]]
"""Rows and columns of a part of an array, and its values."""

Runs = Callable[[NDArray[np.intp], int], NDArray[np.generic]]
"""From the places of the first numbers, in the order of C, and a length to runs of so many numbers."""

BLOCK_BYTES = 1 << 22
"""Size of the parts in which arrays are read."""

MAX_DEFLATE_RATIO = 1032
"""Deflate makes data at most this many times smaller; a file that claims more is damaged or malicious."""

_MAX_SHAPE, _MAX_DTYPE = 40, 30  # characters of a shape and a type in a message


class Listed(Protocol):
    """An array as a file lists it, which is opened when its description is needed."""

    @property
    def names(self) -> tuple[str | None, ...]:
        """Its name, and other names of the same array."""

    def described(self) -> "StoredArray":
        """Return its description."""


@dataclass(frozen=True, eq=False)
class StoredArray:
    """One array of a file, not read yet.

    Attributes
    ----------
    name : str, optional
        Its name in the file; None in an .npy.
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype, optional
        Its type; None if NumPy has no such type.
    fault : str, optional
        Why it cannot be read, as the end of a sentence that begins with "NAME is".
    blocks : callable
        ``blocks(start, stop)`` yields rows start … stop − 1 in the order of the file. All axes but the
        first are flattened to columns.
    aliases : tuple of str
        Other names of the same array.
    is_sigma : bool
        `gaedist sigma` wrote it, so it does not hold codes.
    is_transposed : bool
        It is a 2-D array of MATLAB, which stores arrays transposed.
    runs : callable, optional
        Reads parts of rows without the rest, where a file allows that.
    """

    name: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic] | None
    fault: str | None
    blocks: Callable[[int, int], Iterator[Block]]
    aliases: tuple[str, ...] = ()
    is_sigma: bool = False
    is_transposed: bool = False
    runs: Runs | None = None

    @property
    def names(self) -> tuple[str | None, ...]:
        """Its name, and its aliases."""
        return self.name, *self.aliases

    def described(self) -> "StoredArray":
        """Return itself."""
        return self

    @property
    def title(self) -> str:
        """Its name, as a message quotes it."""
        return short_name(self.name) if self.name else "the array"

    @property
    def summary(self) -> str:
        """Name, shape and type, such as ``codes (1000 × 8 float64)``."""
        name = short_name(self.name) if self.name else "array"
        if self.fault and not self.shape and self.dtype is None:
            return f"{name} (not readable)"
        return f"{name} ({shape_text(self.shape) or 'scalar'} {dtype_text(self.dtype)})"


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape such as ``1000 × 8``."""
    return one_line(" × ".join(str(length) for length in shape), _MAX_SHAPE)


def dtype_text(dtype: np.dtype[np.generic] | None) -> str:
    """Return the name of a type, whose fields may have any name."""
    return "of unknown type" if dtype is None else one_line(str(dtype), _MAX_DTYPE)


def no_blocks(_start: int, _stop: int) -> Iterator[Block]:
    """Yield nothing: the blocks of an array that cannot be read."""
    return iter(())


def row_blocks(start: int, stop: int, row_bytes: int, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """Cut start … stop into ranges of about `BLOCK_BYTES`, at multiples of ``multiple`` rows."""
    step = max(1, BLOCK_BYTES // max(1, row_bytes * multiple)) * multiple
    while start < stop:
        end = min(stop, start - start % multiple + step)
        yield start, end
        start = end


def dtype_fault(dtype: np.dtype[np.generic]) -> str | None:
    """Return why an array of this type cannot hold latent codes, or None if it can."""
    if dtype.hasobject:
        return "an object array, which is never unpickled; save it as a plain array of numbers"
    if dtype.names is not None:
        return "a structured array; save its fields as the columns of a plain array"
    if dtype.kind == "c":
        return "complex; save real and imaginary parts as columns"
    if dtype.kind == "V" and dtype.itemsize <= 2 and dtype.subdtype is None:
        likely = "bfloat16" if dtype.itemsize == 2 else "float8"
        return f"of type {dtype_text(dtype)}: {likely}? NumPy has no such type; save the codes as float32"
    if dtype.kind not in "fiu":
        return f"of type {dtype_text(dtype)}; latent codes are real numbers"
    return None


def shape_fault(shape: tuple[int, ...]) -> str | None:
    """Return why an array of this shape cannot hold latent codes, or None if it can."""
    if len(shape) > 2:
        return (
            f"an array with {len(shape)} axes, {shape_text(shape)}; latent codes have two, "
            "(points, dimensions). Save x.reshape(len(x), -1), or x.reshape(-1, x.shape[-1]) "
            "if each position is a point"
        )
    if len(shape) < 2:
        axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
        return f"an array with {axes}; latent codes have two, (points, dimensions)"
    if 0 in shape:
        return f"empty: {shape[0]} points of {shape[1]} dimensions"
    return None
