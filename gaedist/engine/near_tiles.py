"""Tiles that add next to nothing to a sum are skipped: points near each other share tiles.

Points are put in the order of a k-d tree, whose leaves are the columns of tiles. The terms of a tile are
bounded (`falls`) by the distance between the boxes around its rows and its columns, and by the largest
weights and variances there. A tile is skipped where they are below `SKIPPED` T/N, for N pairs and the sum T
over one near tile in each row of tiles. Terms are positive: T is at most the sum, and what is skipped at most
`SKIPPED` of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.integrands import Profile
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.falls import Fall, falls_of, widths_of
from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.tree import extremes, ordered
from gaedist.numerics import Array, squared_distances

SKIPPED = 1e-13
"""Largest part of a sum that is skipped."""

WORTH_SKIPPING = 0.9
"""Part of the tiles that may be left."""

_LEAST_PAIRS = 1 << 28  # from which looking for far tiles takes less than 3 % of the time
_DECADES = 45.0  # log2 of the ratio of terms from which tiles might be skipped
_PAIRED = 64  # points, of whose pairs some must be far
_PROBED, _PROBE = 1 << 10, 16  # points, or one in so many of them, that show whether it is worth it
_ROWS = 32  # of their tiles that are looked at
_PROMISING = 0.8  # part of the tiles that may be left then
_CERTAIN = 1 - 1e-12  # factor of squared distances that are rounded
_GROUP = 16  # boxes around which there is one box, which shows at once that all are far
_AT_ONCE, _MOST = (
    1 << 17,
    32,
)  # coordinates of boxes of columns, and rows of tiles, that are looked at together
_SLACK = 1e-9  # of the other terms of a bound
_KEPT = 1 << 24  # tiles that are left whose columns are kept, not found again


def may_skip(
    job: PairSum, factors: Sequence[float] = (1.0,), profiles: Sequence[Profile] = (), height: int = TILE
) -> bool:
    """Return whether some points show that tiles of a height are many, and far enough from each other."""
    y = job.x if job.y is None else job.y
    falls = falls_of(job, factors, profiles)
    if len(job.x) * len(y) < _LEAST_PAIRS or not falls:
        return False
    samples = [job.x] if job.y is None else [job.x, y]
    sides = np.max([x.max(axis=0) for x in samples], axis=0) - np.min(
        [x.min(axis=0) for x in samples], axis=0
    )
    with np.errstate(over="ignore"):
        farthest = float(np.square(sides).sum())
    widths = widths_of(job, job.params_x)
    width = 1.0 if widths is None else 2 * float(widths[0].min())
    if any(fall.rate * (farthest**0.5 if fall.root else farthest) / width < _DECADES for fall in falls):
        return False
    if _near_pairs(_every(job, max(1, min(len(job.x), len(y)) // _PAIRED)), falls) > _PROMISING:
        return False
    step = max(1, min(_PROBE, min(len(job.x), len(y)) // _PROBED))
    leaf = TILE // step
    tiles = NearTiles(ordered(_every(job, step), leaf=leaf), falls, height // step, leaf)
    return tiles.guessed_part(_ROWS) < _PROMISING


def _near_pairs(job: PairSum, falls: Sequence[Fall]) -> float:
    """Return what part of the pairs, which are few, add more than next to nothing."""
    y, params_y = (job.x, job.params_x) if job.y is None else (job.y, job.params_y)
    assert params_y is not None
    widths_x, widths_y = widths_of(job, job.params_x), widths_of(job, params_y)
    with np.errstate(over="ignore"):
        squares = squared_distances(job.x, y)
    widths = None
    if widths_x is not None and widths_y is not None:
        widths = tuple(np.add.outer(a, b) for a, b in zip(widths_x, widths_y, strict=True))
    bounds = _bounds(falls, squares, np.add.outer(job.params_x[0], params_y[0]), widths, job.x.shape[1])
    return _part(bounds[:, np.tri(len(y), dtype=bool)] if job.y is None else bounds.reshape(len(falls), -1))


def _bounds(
    falls: Sequence[Fall], squares: Array, weights: Array, widths: tuple[Array, ...] | None, dim: int
) -> Array:
    """Return bounds of log2 of the terms of each sum at some squared distances, (sums, …)."""
    if widths is not None:
        squares, weights = squares / widths[0], weights - dim / 2 * np.log2(widths[1])
    return np.stack([
        weights + fall.constant - fall.rate * (np.sqrt(squares) if fall.root else squares) for fall in falls
    ])  # fmt: skip


def _part(bounds: Array) -> float:
    """Return what part of (sums, K) would be left if mean terms were as large as these bounds."""
    peaks = bounds.max(axis=1, keepdims=True)
    with np.errstate(under="ignore"):
        means = peaks + np.log2(np.exp2(bounds - peaks).mean(axis=1, keepdims=True))
    return float((bounds >= means + math.log2(SKIPPED)).any(axis=0).mean())


def _every(job: PairSum, step: int) -> PairSum:
    """Return the same sum over one in ``step`` points."""
    return replace(
        job,
        x=job.x[::step],
        params_x=job.params_x[:, ::step],
        y=None if job.y is None else job.y[::step],
        params_y=None if job.params_y is None else job.params_y[:, ::step],
    )


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Boxes around points that follow each other, their largest log2 weights and v, and their least δ."""

    low: Array
    high: Array
    weights: Array
    widest: Array | None
    least: Array | None

    @classmethod
    def around(cls, job: PairSum, x: Array, params: Array, size: int) -> "_Boxes":
        """Return the boxes of ``size`` points each."""
        widths = widths_of(job, params)
        return cls(
            extremes(np.minimum, x, size),
            extremes(np.maximum, x, size),
            extremes(np.maximum, params[0], size),
            None if widths is None else extremes(np.maximum, widths[0], size),
            None if widths is None else extremes(np.minimum, widths[1], size),
        )

    def some(self, which: slice | NDArray[np.intp] | tuple[slice, None]) -> "_Boxes":
        """Return some of the boxes, or all with another axis."""
        return _Boxes(
            self.low[which],
            self.high[which],
            self.weights[which],
            None if self.widest is None else self.widest[which],
            None if self.least is None else self.least[which],
        )

    def merged(self, count: int) -> "_Boxes":
        """Return the boxes around ``count`` boxes each."""
        return _Boxes(
            extremes(np.minimum, self.low, count),
            extremes(np.maximum, self.high, count),
            extremes(np.maximum, self.weights, count),
            None if self.widest is None else extremes(np.maximum, self.widest, count),
            None if self.least is None else extremes(np.minimum, self.least, count),
        )


class NearTiles:
    """Tiles of a sum whose points are `ordered`: at first a near one of each row, after `skip` all near ones.

    Parameters
    ----------
    job : PairSum
        The sum.
    falls : list of Fall
        Bounds of the terms of each sum that a pass over the tiles makes.
    height, width : int
        Rows and columns of a tile.

    Attributes
    ----------
    count : int
        Number of tiles.
    least : (sums,) array
        Exponents below which terms are skipped, after `skip`.
    """

    def __init__(self, job: PairSum, falls: Sequence[Fall], height: int = TILE, width: int = TILE) -> None:
        y, params_y = (job.x, job.params_x) if job.y is None else (job.y, job.params_y)
        assert params_y is not None
        self.symmetric, self.falls, self.height, self.width = job.y is None, falls, height, width
        self.columns = _Boxes.around(job, y, params_y, width)
        self.groups = self.columns.merged(_GROUP)
        if self.symmetric and not height % width:
            self.rows = self.columns.merged(height // width)
        else:
            self.rows = _Boxes.around(job, job.x, job.params_x, height)
        self._nearest: NDArray[np.intp] | None = None
        self.least = np.full(len(falls), -math.inf)
        self._ends: NDArray[np.intp] = np.zeros(0, np.intp)
        self._found: list[NDArray[np.int32]] = []

    @property
    def count(self) -> int:
        """Number of tiles."""
        return int(self._ends[-1]) if len(self._ends) else len(self.rows.low)

    def _columns_of(self, row: int) -> int:
        """Return how many columns a row of tiles has."""
        columns = len(self.columns.low)
        return min(columns, (row + 1) * self.height // self.width) if self.symmetric else columns

    def bounds(self, row: int) -> Array:
        """Return bounds of log2 of the terms of each sum and each tile of a row, (sums, columns)."""
        rows = self.rows.some(slice(row, row + 1))
        return self._bounds_of(rows, self.columns.some(slice(self._columns_of(row))))

    def _bounds_of(self, rows: _Boxes, boxes: _Boxes) -> Array:
        """Return the same bounds of boxes around rows and boxes around columns, (sums, ...)."""
        apart = np.maximum(boxes.low - rows.high, rows.low - boxes.high)
        np.maximum(apart, 0, out=apart)
        with np.errstate(over="ignore"):
            squares = _CERTAIN * np.einsum("...i,...i->...", apart, apart)
        weights = rows.weights + boxes.weights + _SLACK
        widths = None
        if rows.widest is not None and boxes.widest is not None:
            assert rows.least is not None
            assert boxes.least is not None
            widths = rows.widest + boxes.widest, rows.least + boxes.least
        return _bounds(self.falls, squares, weights, widths, apart.shape[-1])

    def _near_one_of_each(self) -> NDArray[np.intp]:
        """Return a tile of each row with terms that are large, as positions, (rows, 2)."""
        rows = range(len(self.rows.low))
        if self.symmetric:  # on the diagonal
            return np.array([(row, row * self.height // self.width) for row in rows])
        return np.array([(row, np.argmax(self.bounds(row)[0])) for row in rows])

    def guessed_part(self, rows: int) -> float:
        """Return what part would be left, from about so many rows, if mean terms were as large as bounds."""
        step = max(1, len(self.rows.low) // rows)
        return _part(np.concatenate([self.bounds(k) for k in range(0, len(self.rows.low), step)], axis=1))

    def skip(self, log2_sums: Array, pairs: float, part: float = SKIPPED) -> float:
        """Skip tiles, given log2 of lower bounds of the sums over so many pairs; return what part is left."""
        self.least = math.log2(part) + log2_sums - math.log2(pairs)
        rows, (columns, dim) = len(self.rows.low), self.columns.low.shape
        found: list[NDArray[np.int32]] = []
        counts: list[int] = []
        kept, step = 0, min(_MOST, 1 + _AT_ONCE // (columns * dim))
        for start in range(0, rows, step):
            near = self._find_near(start, min(rows, start + step))
            counts += map(len, near)
            kept += sum(map(len, near))
            if kept <= _KEPT:
                found += [some.astype(np.int32) for some in near]
        self._ends, self._found = np.cumsum(counts), found
        return float(self._ends[-1] / sum(map(self._columns_of, range(rows))))

    def _near(self, row: int) -> NDArray[Any]:
        """Return the columns of the tiles of a row that are not skipped."""
        return self._found[row] if row < len(self._found) else self._find_near(row, row + 1)[0]

    def _find_near(self, start: int, stop: int) -> list[NDArray[np.intp]]:
        """Find the columns of the tiles of some rows that are not skipped.

        First come groups of columns near the box around all these rows, then those near each row, and then
        their columns.
        """
        rows, counts = self.rows.some(slice(start, stop)), [self._columns_of(k) for k in range(start, stop)]
        groups = np.flatnonzero(
            self._is_near(rows.merged(len(counts)), self.groups.some(slice(-(-counts[-1] // _GROUP))))
        )
        some = self._is_near(rows.some(np.s_[:, None]), self.groups.some(groups))
        row, group = np.nonzero(some)
        columns = np.add.outer(_GROUP * groups[group], np.arange(_GROUP))
        row, columns = np.repeat(row, _GROUP), columns.ravel()
        exists = columns < np.take(counts, row)
        row, columns = row[exists], columns[exists]
        near = self._is_near(rows.some(row), self.columns.some(columns))
        return np.split(columns[near], np.searchsorted(row[near], np.arange(1, len(counts))))

    def _is_near(self, rows: _Boxes, boxes: _Boxes) -> NDArray[np.bool_]:
        """Return which boxes around columns are so near to those around rows that their tiles are kept."""
        bounds = self._bounds_of(rows, boxes)
        return np.asarray((bounds >= self.least.reshape(-1, *(1,) * (bounds.ndim - 1))).any(axis=0))

    def positions(self, first: int, count: int) -> NDArray[np.intp]:
        """Return the positions of the tiles from ``first`` on, (count, 2)."""
        if not len(self._ends):
            if self._nearest is None:
                self._nearest = self._near_one_of_each()
            return self._nearest[first : first + count]
        rows = np.searchsorted(self._ends, np.arange(first, first + count), side="right")
        columns = np.concatenate([self._near(row) for row in range(rows[0], rows[-1] + 1)])
        skipped = first - (self._ends[rows[0] - 1] if rows[0] else 0)
        return np.stack([rows, columns[skipped : skipped + count]], axis=1)
