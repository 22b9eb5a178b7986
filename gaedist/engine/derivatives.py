"""Sums of the terms of each point, and their derivatives by its parameters, over the general tiles."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.positions import tile_position
from gaedist.engine.run.executors import Output
from gaedist.engine.tiling import Tiling, count_tiles
from gaedist.numerics import Array

_STORED = 1 << 22  # derivatives that are stored before they are added
_GROUP, _GROUPS = 4096, 256  # fewest tiles whose derivatives are added by themselves; most groups of them


def point_derivatives(tiling: Tiling, log_unit: float) -> tuple[Array, Array]:
    """Return the sums of the terms of each point and their derivatives by parameters, over exp(log_unit).

    (1 + varied, n) for the left points and (1 + varied, m) for the right points; for one sample the same
    array twice, with the sums over all other points.
    """
    job = tiling.job
    left = np.zeros((1 + job.varied, len(job.x)))
    right = left if job.y is None else np.zeros((1 + job.varied, len(job.y)))
    tiles = count_tiles(job)
    group = max(_GROUP, -(-tiles // _GROUPS))
    compute = _Groups((job.log_scale - log_unit) / math.log(2), group)
    for _, _, (first, of_left, of_right) in tiling.outputs(compute, 0, -(-tiles // group), tiles=group):
        left[:, first : first + of_left.shape[1]] += of_left
        right[:, : of_right.shape[1]] += of_right
    return left, right


@dataclass(frozen=True, eq=False)
class _Groups:
    """Yields the derivatives of groups of tiles; the groups do not depend on who computes them."""

    shift: float
    group: int

    def __call__(self, tiling: Tiling, start: int, stop: int) -> Iterator[Output]:
        for k in range(start, stop):
            last = min(count_tiles(tiling.job), (k + 1) * self.group)
            yield Output(k, k + 1, _of_tiles(tiling, k * self.group, last, self.shift))


def _of_tiles(tiling: Tiling, first: int, last: int, shift: float) -> tuple[int, Array, Array]:
    """Return what tiles from ``first`` to ``last`` add.

    Where the left points begin, and the parts of the left points, and of the right points from the first.
    """
    from gaedist.engine.compiled.tiles import differentiate_tiles

    job, work, rows = tiling.job, tiling.work, 1 + tiling.job.varied
    symmetric, columns = job.y is None, -(-len(tiling.points.y) // TILE)
    (top, _), (bottom, _) = (tile_position(k, symmetric, columns) for k in (first, last - 1))
    begin, end = int(top) * TILE, min(len(job.x), (int(bottom) + 1) * TILE)
    left = np.zeros((rows, end - begin))
    right = np.zeros((rows, end if symmetric else len(tiling.points.y)))
    most = max(work.threads, _STORED // (2 * rows * TILE))

    def fill(thread: int, start: int, totals_x: Array, totals_y: Array) -> None:
        differentiate_tiles(
            job.integrand,
            tiling.needs,
            tiling.points,
            symmetric,
            shift,
            tiling.positions(start, len(totals_x)),
            totals_x,
            totals_y,
            tiling.scratch[thread],
        )

    for start, stop in work.ranges(job.x.shape[1], last - first, most):
        totals = np.empty((2, stop - start, rows * TILE))
        work.fill(fill, first + start, *totals)
        for k in range(start, stop):
            row, column = tile_position(first + k, symmetric, columns)
            for target, place, part in (
                (left, row - top, totals[0, k - start]),
                (right, column, totals[1, k - start]),
            ):
                piece = target[:, place * TILE : (place + 1) * TILE]
                piece += part.reshape(rows, TILE)[:, : piece.shape[1]]
    return begin, left, right
