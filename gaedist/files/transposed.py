"""A 2-D array of a file with its rows and columns exchanged."""

from collections.abc import Iterator
from dataclasses import replace

from gaedist.files.stored_array import Block, StoredArray

MATLAB_NOTE = "MATLAB stores arrays transposed: with --transpose, columns are points."
"""What a user of such an array should know."""


def transposed(array: StoredArray) -> StoredArray:
    """Return the transpose of a 2-D array, whose rows are read as columns of it."""
    stored = array.shape[0]

    def blocks(start: int, stop: int) -> Iterator[Block]:
        return _transposed_blocks(array.blocks(0, stored), start, stop)

    return replace(array, shape=array.shape[::-1], blocks=blocks, is_transposed=False, runs=None)


def _transposed_blocks(blocks: Iterator[Block], start: int, stop: int) -> Iterator[Block]:
    for rows, columns, block in blocks:
        assert isinstance(columns, slice)  # as in every 2-D array
        first = columns.start or 0
        a, b = max(start, first), min(stop, first + block.shape[1])
        if a < b:
            yield slice(a, b), rows, block[:, a - first : b - first].T
