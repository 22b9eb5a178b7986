"""Tiles that add nothing to a sum of narrow Gaussians are skipped: points near each other share tiles.

Points are put in the order of a k-d tree, whose leaves are the columns of tiles. Where the boxes around the
rows and the columns of a tile are d apart, its terms are at most 2^(w − rate d²), with w from the largest
weights. A tile is skipped where that is below `SKIPPED` T/N, for N pairs and the sum T over one near tile in
each row of tiles. Terms are positive: T is at most the sum, and what is skipped at most `SKIPPED` of it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.engine.run.pair_sum import PairSum
from gaedist.numerics import Array

SKIPPED = 1e-13
"""Largest part of a sum that is skipped."""

_NEAR_DIMS = 8  # as `compiled.gram.FEW`
_MOST_DIMS = 12  # beyond, boxes of so many points are too large
_LEAST_PAIRS = 1 << 33  # beyond which the ordering takes less than 3 % of the time
_DECADES = 45.0  # log2 of the ratio of terms from which tiles might be skipped
_CERTAIN = 1 - 1e-12  # factor of squared distances that are rounded


def may_skip(job: PairSum) -> bool:
    """Return whether tiles of a sum of Gaussians can be far enough from each other, and are many enough."""
    y = job.x if job.y is None else job.y
    if job.x.shape[1] > _MOST_DIMS or len(job.x) * len(y) < _LEAST_PAIRS:
        return False
    sides = np.maximum(job.x.max(axis=0), y.max(axis=0)) - np.minimum(job.x.min(axis=0), y.min(axis=0))
    with np.errstate(over="ignore"):
        return bool(job.steepness * np.square(sides).sum() > _DECADES)


def ordered(job: PairSum) -> PairSum:
    """Return the same sum with the points of each sample in the order of a k-d tree."""
    order_x = _tree_order(job.x)
    found = replace(job, x=job.x[order_x], params_x=job.params_x[:, order_x])
    if job.y is None or job.params_y is None:
        return found
    order_y = _tree_order(job.y)
    return replace(found, y=job.y[order_y], params_y=job.params_y[:, order_y])


def _tree_order(x: Array) -> NDArray[np.intp]:
    """Return the points in an order in which each tile, and each two, lie in a box of few points."""
    order, left = np.arange(len(x)), [(0, len(x))]
    while left:
        start, stop = left.pop()
        if stop - start <= TILE:
            continue
        unit = HEIGHT if stop - start > HEIGHT else TILE
        middle = unit * max(1, (stop - start) // (2 * unit))
        some = x[order[start:stop]]
        along = some[:, np.argmax(some.max(axis=0) - some.min(axis=0))]
        order[start:stop] = order[start:stop][np.argpartition(along, middle)]
        left += [(start, start + middle), (start + middle, stop)]
    return order


@dataclass(frozen=True, eq=False)
class _Boxes:
    """The boxes around points that follow each other, and the largest log2 of their weights."""

    low: Array
    high: Array
    weights: Array

    @classmethod
    def around(cls, x: Array, weights: Array, size: int) -> "_Boxes":
        """Return the boxes of ``size`` points each."""
        starts = np.arange(0, len(x), size)
        low, high = np.minimum.reduceat(x, starts), np.maximum.reduceat(x, starts)
        return cls(low, high, np.maximum.reduceat(weights, starts))


class NearTiles:
    """The tiles of `gaussian_tiles` for a sum whose points are `ordered`.

    Attributes
    ----------
    height : int
        Rows of a tile: fewer where BLAS, which is quicker for many, is not used.
    ends : (rows,) array of int
        Number of tiles up to the end of each row that are not skipped, after `skip`.
    """

    def __init__(self, job: PairSum) -> None:
        y, params_y = (job.x, job.params_x) if job.y is None else (job.y, job.params_y)
        assert params_y is not None
        self.symmetric, self.rate = job.y is None, job.steepness
        self.height = TILE if job.x.shape[1] <= _NEAR_DIMS else HEIGHT
        self.rows = _Boxes.around(job.x, job.params_x[0], self.height)
        self.columns = _Boxes.around(y, params_y[0], TILE)
        self.least = -math.inf
        self.ends: NDArray[np.intp] = np.zeros(0, np.intp)

    def bounds(self, row: int) -> Array:
        """Return a bound of log2 of the terms of each tile in a row."""
        stop = (row + 1) * self.height // TILE if self.symmetric else None
        low, high = self.columns.low[:stop], self.columns.high[:stop]
        apart = np.maximum(low - self.rows.high[row], self.rows.low[row] - high)
        squares = np.square(np.maximum(apart, 0)).sum(axis=1)
        weights = self.rows.weights[row] + self.columns.weights[:stop]
        return np.asarray(weights - self.rate * _CERTAIN * squares)

    def nearest(self) -> NDArray[np.intp]:
        """Return a tile of each row with terms that are large, as positions, (rows, 2)."""
        rows = range(len(self.rows.low))
        if self.symmetric:  # on the diagonal
            return np.array([(row, row * self.height // TILE) for row in rows])
        return np.array([(row, np.argmax(self.bounds(row))) for row in rows])

    def skip(self, log2_sum: float, pairs: float) -> float:
        """Skip tiles, given log2 of a lower bound of the sum over so many pairs; return what part is left."""
        self.least = math.log2(SKIPPED) + log2_sum - math.log2(pairs)
        bounds = map(self.bounds, range(len(self.rows.low)))
        counts = np.array([((row >= self.least).sum(), row.size) for row in bounds])
        self.ends = np.cumsum(counts[:, 0])
        return float(self.ends[-1] / counts[:, 1].sum())

    def positions(self, first: int, count: int) -> NDArray[np.intp]:
        """Return the positions of the tiles from ``first`` on that are not skipped, (count, 2)."""
        found: list[NDArray[np.intp]] = []
        row = int(np.searchsorted(self.ends, first, side="right"))
        left, skipped = count, first - (int(self.ends[row - 1]) if row else 0)
        while left:
            columns = np.flatnonzero(self.bounds(row) >= self.least)[skipped : skipped + left]
            found.append(np.stack([np.full(len(columns), row), columns], axis=1))
            left, skipped, row = left - len(columns), 0, row + 1
        return np.concatenate(found)
