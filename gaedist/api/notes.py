"""Notes on codes that can be used, but may not be what their user takes them for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaedist.files.row_hashes import row_hashes
from gaedist.numerics import Array

Counts = NDArray[np.intp]
"""How often each distinct row occurs."""

_ROUNDING = 1e-6
"""Largest relative asymmetry of an array that is taken for a covariance matrix in single precision."""

_SERIES_DIM = 10
"""Up to this dimension a score may take linear time."""

_MOST_COUNTED = 1_000_000
"""Rows of codes in few dimensions beyond which `scores` does not look for repeated rows."""

_TOLERATED_PAIRS = 1 / 20
"""Pairs of equal rows per point that change a score by a small part of its standard deviation."""


def notes_on(codes: Array) -> tuple[str, ...]:
    """Return what a user of these codes should know, one sentence each.

    Repeated rows are looked for unless that would take a good part of the time of a score: beyond a million
    rows in at most ten dimensions.

    Parameters
    ----------
    codes : (n, D) array of double
        The codes, all finite.
    """
    counted = len(codes) <= _MOST_COUNTED or codes.shape[1] > _SERIES_DIM
    return notes_given(codes, counts_of_rows(codes) if counted else None)


def notes_given(codes: Array, counts: Counts | None) -> tuple[str, ...]:
    """Return the same, given how often each distinct row occurs, if that is known."""
    n, dim = codes.shape
    notes = []
    if n < dim:
        notes.append(f"{n} point{'s' if n > 1 else ''} of {dim} dimensions: is the array transposed?")
    if n == dim > 1 and _is_covariance(codes):
        notes.append(
            f"a symmetric {n} × {n} array: it looks like a covariance matrix, such as sigma in a file of FID "
            "statistics, and is read as codes."
        )
    if counts is not None and float((counts * (counts - 1)).sum()) / 2 > _TOLERATED_PAIRS * n:
        distinct = f"{len(counts)} distinct point{'s' if len(counts) > 1 else ''}"
        notes.append(f"{n} rows hold only {distinct}. No p-value holds where rows are copies or padding.")
    return tuple(notes)


def counts_of_rows(codes: Array) -> Counts:
    """Return how often each distinct row occurs, in no order; rows are told apart by `row_hashes`."""
    hashes = row_hashes(codes)
    hashes.sort()
    ends = np.flatnonzero(np.append(hashes[1:] != hashes[:-1], True))
    return np.diff(ends, prepend=-1)


def _is_covariance(square: Array) -> bool:
    """Return whether a square array is symmetric and has a positive diagonal."""
    diagonal = square.diagonal()
    return bool((diagonal > 0).all() and (np.abs(square - square.T) <= _ROUNDING * diagonal.max()).all())
