"""Rows that two samples have in common, which make them closer than independent samples are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaedist.files.stored_array import row_blocks
from gaedist.numerics import Array

_MOST_COMPARED = 1_000_000
"""Rows in few dimensions beyond which only equal samples are noticed: a distance takes linear time there."""

_FEW_DIMENSIONS = 10


def shared_rows_note(x: Array, y: Array) -> str | None:
    """Return a note if two samples are the same, or share rows; None if not, or if dimensions differ.

    Parameters
    ----------
    x, y : (n, D) and (m, D) arrays of double
        The samples.
    """
    if x.shape == y.shape and np.array_equal(x, y):
        return "both samples are the same: their distance is 0 but for rounding, and says nothing."
    n, m = len(x), len(y)
    if x.shape[1] != y.shape[1]:
        return None
    if n + m > _MOST_COMPARED and x.shape[1] <= _FEW_DIMENSIONS:
        return None
    shared = int(np.isin(row_hashes(x), row_hashes(y)).sum())
    if not shared:
        return None
    return (
        f"{shared} of {n} rows of the first sample are rows of the second: no p-value holds for samples that "
        "are not independent."
    )


def row_hashes(codes: Array) -> NDArray[np.uint64]:
    """Return a hash of 64 bits of each row, (n,): equal for equal rows, and hardly ever else.

    It is Σ w_k m(x_k) modulo 2^64 with random odd w_k, where m carries the high bits of a double to its low
    bits: doubles of few digits, such as whole numbers, differ in their high bits only.
    """
    n, dim = codes.shape
    weights = np.random.default_rng(0).integers(1 << 63, size=dim, dtype=np.uint64)
    weights = weights * np.uint64(2) + np.uint64(1)
    hashes = np.empty(n, np.uint64)
    for a, b in row_blocks(0, n, dim * codes.itemsize):
        bits = (codes[a:b] + 0.0).view(np.uint64)  # −0 becomes 0
        bits ^= bits >> np.uint64(32)
        bits ^= bits >> np.uint64(52)
        hashes[a:b] = np.einsum("ij,j->i", bits, weights)
    return hashes
