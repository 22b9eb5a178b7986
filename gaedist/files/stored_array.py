"""An array in a file that has not been read yet, and what every file format shares in reading it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Block = tuple[slice, slice, NDArray[np.generic]]
"""Rows and columns of a part of an array, and its values."""

BLOCK_BYTES = 1 << 22
"""Size of the parts in which arrays are read."""

MAX_DEFLATE_RATIO = 1032
"""Deflate makes data at most this many times smaller; a file that claims more is damaged or malicious."""


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
    """

    name: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic] | None
    fault: str | None
    blocks: Callable[[int, int], Iterator[Block]]
    aliases: tuple[str, ...] = ()
    is_sigma: bool = False
    is_transposed: bool = False

    @property
    def summary(self) -> str:
        """Name, shape and type, such as ``codes (1000 × 8 float64)``."""
        shape = " × ".join(str(length) for length in self.shape) or "scalar"
        return f"{self.name or 'array'} ({shape} {self.dtype or 'of unknown type'})"


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
    if dtype.kind not in "fiu":
        return f"of type {dtype}; latent codes are real numbers"
    return None


def shape_fault(shape: tuple[int, ...]) -> str | None:
    """Return why an array of this shape cannot hold latent codes, or None if it can."""
    if len(shape) != 2:
        axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
        return f"an array with {axes}; latent codes have two, (points, dimensions)"
    if 0 in shape:
        return f"empty: {shape[0]} points of {shape[1]} dimensions"
    return None
