"""Rows that two samples have in common, which make them closer than independent samples are."""

from __future__ import annotations

import numpy as np

from gaedist.files.row_hashes import row_hashes
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
