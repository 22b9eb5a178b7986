"""Logarithms of sums over tiles of 2^(−rate |x − y|²) whose terms may all be out of the range of a double.

Powers are taken relative to the largest so far, and only in rows with terms that are not negligible compared
with it: few, where exponents spread so far.

``faint_tiles`` is the entry point, with the arguments of `gaussian_tiles.gaussian_tiles`.
"""

from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import NEGLIGIBLE, add_relative, cell, largest, total
from gaedist.engine.compiled.far_tiles import fill_row, see, see_rows, slack_of
from gaedist.engine.compiled.gaussian_rows import ROW, fill_columns
from gaedist.engine.compiled.gram import FEW
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.sizes import TILE


@compiled(nogil=True, cache=True)
def faint_tiles(
    points: Any, symmetric: bool, height: int, positions: Any, partial: Any, scratch: Any
) -> None:
    """Fill partial[k, 0] with log2 of the sum over tile k, as `gaussian_tiles.gaussian_tiles` the sum."""
    half, dim = points.half, points.raw_x.shape[1]
    work, totals, center, sizes = scratch.work, scratch.totals, scratch.center, scratch.sizes
    for k in range(partial.shape[0]):
        top, j = positions[k, 0] * height, positions[k, 1] * TILE
        i = max(top, j) if symmetric else top
        rows, width = min(top + height, points.raw_x.shape[0]) - i, min(TILE, points.raw_y.shape[0] - j)
        left, right = slice(i, i + rows), slice(j, j + width)
        below = i - j if symmetric else width
        x, y = points.raw_x[left], points.raw_y[right]
        weights_x, weights_y = points.weights_x[left], points.weights_y[right]
        near_x, near_y = scratch.rows[:rows], scratch.columns[:width]
        products = scratch.gram[: rows * width].reshape((rows, width))
        slack = 0.0
        if dim <= FEW:
            fill_columns(y, work)
        else:
            see_rows(points, left, x, scratch)
            norms = largest(sizes[0, :rows]) + see(y, weights_y, half, center, near_y, sizes[2], sizes[3])
            slack = slack_of(dim, half, norms)
            np.dot(near_x, near_y.T, products)
        for column in range(TILE):
            totals[column] = 0.0
        peak = -np.inf
        for row in range(rows):
            end, weight = min(width, max(0, below + row)), weights_x[row]
            cutoff = peak - NEGLIGIBLE
            if fill_row(points, x, y, row, end, weight, weights_y, cutoff, slack, products, scratch):
                peak = add_relative(work, cell(ROW, 0), end, 1.0, weight, peak, totals, 0)
        partial[k, 0] = peak + np.log2(total(totals, width)) if peak > -np.inf else peak
