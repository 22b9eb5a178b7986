"""Hashes of rows, by which equal ones are found in linear time."""

import numpy as np
from numpy.typing import NDArray

from gaedist.files.stored_array import row_blocks
from gaedist.numerics import Array


def row_hashes(codes: Array) -> NDArray[np.uint64]:
    """Return a hash of 64 bits of each row, (n,): equal for equal rows, and hardly ever else.

    It is Σ w_k m(x_k) modulo 2^64 with odd w_k, where m carries the high bits of a double to its low bits:
    doubles of few digits, such as whole numbers, differ in their high bits only.
    """
    n, dim = codes.shape
    weights = _odd_weights(dim)
    hashes = np.empty(n, np.uint64)
    for a, b in row_blocks(0, n, dim * codes.itemsize):
        bits = (codes[a:b] + 0.0).view(np.uint64)  # −0 becomes 0
        bits ^= bits >> np.uint64(32)
        bits ^= bits >> np.uint64(52)
        hashes[a:b] = np.einsum("ij,j->i", bits, weights)
    return hashes


def _odd_weights(count: int) -> NDArray[np.uint64]:
    """Return odd numbers as if drawn at random, by SplitMix64 (Steele, Lea and Flood, 2014).

    NumPy's generators would do, but take longer to import than a small file to inspect.
    """
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) | np.uint64(1)
