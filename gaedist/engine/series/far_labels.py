"""Sums by labels over pairs of far points, one block of the kernel matrix after the other."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from gaedist.engine.run.labels import Bits, CompensatedSum
from gaedist.engine.run.threads import in_order
from gaedist.engine.series.far import Block
from gaedist.engine.series.shells import Places
from gaedist.numerics import Array, squared_distances

_ROWS, _COLUMNS = 256, 4096  # of a block
_LABELS = 32  # bytes of labels, of eight labelings each, in one product


class _Piece(NamedTuple):
    """Pairs of points with others or, if these are the same, of each with those before it."""

    rows: Places
    columns: Places
    same: bool


def far_labels(
    x: Array, rate: float, blocks: Sequence[Block], labels: Bits, threads: int
) -> tuple[Array, Array]:
    """Return sums over some pairs of one sample, the same bits for any number of threads.

    Σ b_i K_ij b_j for each labeling, (R,), and Σ_j K_ij for each point i, (n,).
    """
    both, of_points = CompensatedSum(8 * labels.shape[1]), np.zeros(len(x))
    pieces = list(_pieces(blocks))
    found = in_order(partial(_sums, x, rate, labels), pieces, threads)
    for piece, (sums, of_rows, of_columns) in zip(pieces, found, strict=True):
        both.add(sums)
        of_points[piece.rows] += of_rows
        of_points[piece.columns] += of_columns
    return both.value, of_points


def _pieces(blocks: Sequence[Block]) -> Iterator[_Piece]:
    """Yield pieces that fit in the cache."""
    for left, right in blocks:
        for i in range(0, len(left), _ROWS):
            rows, others = left[i : i + _ROWS], left[:i] if right is None else right
            for j in range(0, len(others), _COLUMNS):
                yield _Piece(rows, others[j : j + _COLUMNS], False)
            if right is None:
                yield _Piece(rows, rows, True)


def _sums(x: Array, rate: float, labels: Bits, piece: _Piece) -> tuple[Array, Array, Array]:
    """Return the sums over a piece: by labels, of its rows and of its columns."""
    with np.errstate(over="ignore"):
        terms = np.exp2(-rate * squared_distances(x[piece.rows], x[piece.columns]))
    if piece.same:
        terms *= np.tri(len(terms), k=-1)
    found = np.empty(8 * labels.shape[1])
    for start in range(0, labels.shape[1], _LABELS):
        some = slice(start, start + _LABELS)
        of_rows, of_columns = (
            np.unpackbits(labels[places, some], axis=1).astype(float) for places in piece[:2]
        )
        found[8 * start : 8 * (start + _LABELS)] = np.einsum("ir,ir->r", of_rows, terms @ of_columns)
    return found, terms.sum(axis=1), terms.sum(axis=0)
