"""Logarithms of sums over tiles of 2^(−rate |x − y|²) whose terms may all be out of the range of a double.

The exponents of a tile are written over its Gram matrix. Powers are taken relative to the largest of them,
and only in rows with terms that are not negligible compared with it: few, where exponents spread so far.

``faint_tiles`` is the entry point, with the arguments of `gaussian_tiles.gaussian_tiles`.
"""

from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import exp2, largest, total
from gaedist.engine.compiled.gram import FEW, fill_negative_squares, good_center, seen_from, square_apart
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.sizes import TILE

_NEGLIGIBLE = 80.0  # log2 of the largest term of a tile over terms that are left out
_UNIT = 2.0**-52


@compiled()
def _add_offsets(
    products: Any, i: int, width: int, offset: float, offsets_y: Any, factor: float, peaks: Any
) -> None:
    """Turn a row of products into exponents, and raise the largest of each column."""
    for j in range(width):
        products[i, j] = exponent = (offset + offsets_y[j]) + factor * products[i, j]
        peaks[j] = max(peaks[j], exponent)


@compiled()
def _count_above(exponents: Any, i: int, width: int, least: float) -> Any:
    """Return how many exponents of a row are not below a limit, or not a number."""
    found = np.intp(0)
    for j in range(width):
        found += np.intp(not exponents[i, j] < least)
    return found


@compiled()
def _write_exact(
    x: Any, y: Any, weights_x: Any, weights_y: Any, half: float, below: int, least: float, exponents: Any
) -> Any:
    """Replace the exponents that are not below a limit by those of differences; return the largest."""
    peak = -np.inf
    for i in range(x.shape[0]):
        end = min(y.shape[0], max(0, below + i))
        if _count_above(exponents, i, end, least):
            for j in range(end):
                if not exponents[i, j] < least:
                    square = square_apart(x, i, y, j)
                    exponents[i, j] = (weights_x[i] + weights_y[j]) - half * square
                    peak = max(peak, exponents[i, j])
    return peak


@compiled()
def _log2_sum(rows: int, width: int, below: int, exponents: Any, peak: float, totals: Any) -> Any:
    """Return log2 of the sum of the powers of a tile whose largest exponent is ``peak``."""
    for j in range(TILE):
        totals[j] = 0.0
    for i in range(rows):
        end = min(width, max(0, below + i))
        if _count_above(exponents, i, end, peak - _NEGLIGIBLE):
            for j in range(end):
                totals[j] += exp2(exponents[i, j] - peak)
    return peak + np.log2(total(totals, width))


@compiled(nogil=True, cache=True)
def faint_tiles(
    points: Any, symmetric: bool, height: int, positions: Any, partial: Any, scratch: Any
) -> None:
    """Fill partial[k, 0] with log2 of the sum over tile k, as `gaussian_tiles.gaussian_tiles` the sum."""
    raw_x, raw_y, half, gram_limit = points.raw_x, points.raw_y, points.half, points.gram_limit
    dim, few = raw_x.shape[1], raw_x.shape[1] <= FEW
    gram, work, totals = scratch.gram, scratch.work, scratch.totals
    for k in range(partial.shape[0]):
        top, j = positions[k, 0] * height, positions[k, 1] * TILE
        i = max(top, j) if symmetric else top
        rows, width = min(top + height, raw_x.shape[0]) - i, min(TILE, raw_y.shape[0] - j)
        left, right = slice(i, i + rows), slice(j, j + width)
        below = i - j if symmetric else width
        weights_x, weights_y = points.weights_x[left], points.weights_y[right]
        exponents = gram[: rows * width].reshape((rows, width))
        for column in range(TILE):
            totals[column] = -np.inf
        norms = 0.0
        if few:
            columns = work[: FEW * TILE].reshape((FEW, TILE))
            fill_negative_squares(raw_x[left], raw_y[right], exponents, columns)
            offsets_x, offsets_y = weights_x, weights_y
        else:
            x, y = points.x[left], points.y[right]
            norms_x, norms_y = points.norms_x[left], points.norms_y[right]
            if not largest(norms_x) + largest(norms_y) <= gram_limit:
                center, good = good_center(raw_x[left], raw_y[right], gram_limit)
                if good:
                    x, norms_x = seen_from(raw_x[left], center)
                    y, norms_y = seen_from(raw_y[right], center)
            norms = largest(norms_x) + largest(norms_y)
            offsets_x, offsets_y = weights_x - half * norms_x, weights_y - half * norms_y
            np.dot(x, y.T, exponents)
        for row in range(rows):
            end = min(width, max(0, below + row))
            _add_offsets(exponents, row, end, offsets_x[row], offsets_y, 2 * half, totals)
        peak = largest(totals[:width])
        if not norms <= gram_limit:
            slack = 1 + 2 * (dim + 8) * _UNIT * half * norms
            least = peak - _NEGLIGIBLE - 2 * slack
            peak = _write_exact(
                raw_x[left], raw_y[right], weights_x, weights_y, half, below, least, exponents
            )
        partial[k, 0] = _log2_sum(rows, width, below, exponents, peak, totals) if peak > -np.inf else peak
