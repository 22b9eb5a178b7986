"""Sums over tiles of the matrix of pairs, and their derivatives.

For each tile a Gram matrix is made: by BLAS, by a loop in few dimensions, or from differences where rounding
would matter. The integrand turns it into exponents, row by row, and the powers of every row are added to a
vector of column totals, which are added last. Such sums are vectorised without being reordered, so that the
same tile has the same bits in every run.

``sum_tiles`` and ``differentiate_tiles`` are the entry points. Closures over compiled functions never hit
Numba's cache, so nothing is made by a factory: the type of an integrand selects its function.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload

from gaedist.engine.compiled.arithmetic import HIGHEST, add_relative, cell, exp2, largest, packed_by, total
from gaedist.engine.compiled.exponents import BLOCKS, Tile, fill_block, fill_row
from gaedist.engine.compiled.gram import (
    FEW,
    are_apart,
    fill_sines,
    good_center,
    gram_of_differences,
    gram_of_few,
    negative_squares_from_products,
    negative_squares_of_few,
    seen_from,
    units,
)
from gaedist.engine.compiled.jit import ARRAY_PART, PART, compiled
from gaedist.engine.compiled.lanes import at_most, in_lanes, lanes_of
from gaedist.engine.compiled.sizes import TILE

_ZEROS, _POWERS, _COLUMNS = range(3)
_PARAMS = _COLUMNS + FEW
"""Where rows of TILE numbers begin in a thread's scratch; parameters, exponents and totals come last."""


def work_rows(params: int, sums: int = 1) -> int:
    """Return how many rows of TILE numbers each thread needs for so many parameters of a point, and sums."""
    return _PARAMS + 5 * params + 13 + sums


@compiled()
def _copy(source: Any, start: int, width: int, target: Any) -> None:
    """Copy columns of an array (P, n) into rows of TILE numbers."""
    for k in range(source.shape[0]):
        for j in range(width):
            target[cell(k, j)] = source[k, start + j]


@compiled()
def _pack(kind: Any, source: Any, start: int, width: int, negative: int, target: Any) -> None:
    """Copy columns of an array (P, n) for `packed_by`, from row ``negative`` on with the other sign."""
    count, lanes = source.shape[0], lanes_of(kind)
    whole = width // lanes * lanes
    for k in range(count):
        row, sign = source[k, start : start + width], -1.0 if k >= negative else 1.0
        for j in range(0, whole, lanes):
            some = in_lanes(kind, target, packed_by(lanes, count, k, j))
            some[0] = sign * in_lanes(kind, row, np.uintp(j))[0]
        for j in range(whole, width):
            target[packed_by(lanes, count, k, j)] = sign * row[j]


def open_tile(kind: Any, needs: Any, points: Any, i: int, j: int, gram: Any, work: Any) -> Any:
    """Return the `Tile` of the pairs of x_i, x_{i+1}, … with y_j, y_{j+1}, …, with what its integrand needs.

    gram and work are those of a `Scratch`.
    """


def _with_products(kind: Any, needs: Any, points: Any, i: int, j: int, gram: Any, work: Any) -> Any:
    x, y, centered_x, centered_y, norms_x, norms_y, params_x, params_y, gram_limit, near_limit, window = (
        points
    )
    rows, width, size = min(TILE, x.shape[0] - i), min(TILE, y.shape[0] - j), params_x.shape[0] * TILE
    squares_x, squares_y = norms_x[i : i + rows], norms_y[j : j + width]
    products = gram[0, : rows * width].reshape((rows, width))
    sines = gram[-1, : rows * width].reshape((rows, width))
    near_x, near_y = centered_x[i : i + rows], centered_y[j : j + width]
    norms = largest(squares_x) + largest(squares_y)
    exact = not norms <= gram_limit
    if not norms <= near_limit and not needs.sines:
        center, good = good_center(x[i : i + rows], y[j : j + width], near_limit)
        if good or are_apart(x[i : i + rows], y[j : j + width]):
            near_x, squares_x = seen_from(x[i : i + rows], center)
            near_y, squares_y = seen_from(y[j : j + width], center)
            exact = False
    columns = work[_COLUMNS * TILE : _PARAMS * TILE]
    if exact and needs.sines:
        fill_sines(units(x[i : i + rows]), units(y[j : j + width]), sines, products)
    if x.shape[1] <= FEW:
        if exact:
            negative_squares_of_few(x[i : i + rows], y[j : j + width], gram[0], columns)
        else:
            gram_of_few(near_x, near_y, gram[0], columns)
    elif exact and window == np.inf:
        gram_of_differences(x[i : i + rows], y[j : j + width], 1.0, products)
    else:
        np.dot(near_x, near_y.T, products)
        if exact:
            negative_squares_from_products(
                x[i : i + rows], y[j : j + width], squares_x, squares_y, window, products, columns
            )
    if exact:
        squares_x = squares_y = work[_ZEROS * TILE : (_ZEROS + 1) * TILE]
    rest = work[_PARAMS * TILE :]
    tile_params_x, tile_params_y, rest = rest[:size], rest[size : 2 * size], rest[2 * size :]
    _copy(params_x, i, rows, tile_params_x)
    _copy(params_y, j, width, tile_params_y)
    out, scratch = rest[: 2 * size + TILE], rest[2 * size + TILE :]
    return Tile(
        rows, width, exact, products, sines, squares_x, squares_y, x[i : i + rows], y[j : j + width],
        tile_params_x, tile_params_y, out, scratch,
    )  # fmt: skip


def _without_products(kind: Any, needs: Any, points: Any, i: int, j: int, gram: Any, work: Any) -> Any:
    x, y, params_x, params_y = points.x, points.y, points.params_x, points.params_y
    rows, width, size = min(TILE, x.shape[0] - i), min(TILE, y.shape[0] - j), params_x.shape[0] * TILE
    matrix, rest = gram[0, : rows * width].reshape((rows, width)), work[_PARAMS * TILE :]
    tile_params_x, tile_params_y, rest = rest[:size], rest[size : 2 * size], rest[2 * size :]
    count = params_x.shape[0]
    _pack(kind, params_x, i, rows, count, tile_params_x)
    _pack(kind, params_y, j, width, count - x.shape[1], tile_params_y)
    out, scratch = rest[: 2 * size + TILE], rest[2 * size + TILE :]
    return Tile(
        rows, width, False, matrix, matrix, points.norms_x, points.norms_y, x, y, tile_params_x,
        tile_params_y, out, scratch,
    )  # fmt: skip


@overload(open_tile, jit_options=ARRAY_PART)
def _open_tile(
    kind: Any, needs: Any, points: Any, i: int, j: int, gram: Any, work: Any
) -> Callable[..., Any]:
    return _without_products if getattr(kind, "instance_class", None) in BLOCKS else _with_products


@compiled()
def _add_powers(
    r: int, width: int, exponents: Any, factors: Any, capped: bool, relative: bool, totals: Any, peaks: Any
) -> None:
    """Add the powers of a row to the totals of its columns, or over 2^peak, which is raised."""
    for q in range(factors.size):
        factor = factors[q]
        if relative:
            peaks[q] = add_relative(exponents, cell(r, 0), width, factor, 0.0, peaks[q], totals, cell(q, 0))
        elif capped:
            for j in range(width):
                totals[cell(q, j)] += exp2(at_most(factor * exponents[cell(r, j)], HIGHEST))
        else:
            for j in range(width):
                totals[cell(q, j)] += exp2(factor * exponents[cell(r, j)])


def _add_tile(
    kind: Any, tile: Any, triangle: bool, factors: Any, capped: bool, relative: bool, totals: Any, peaks: Any
) -> None:  # fmt: skip
    """Add the powers of a tile, or of the part of it below the diagonal, to the totals of its columns."""


def _add_rows(
    kind: Any, tile: Any, triangle: bool, factors: Any, capped: bool, relative: bool, totals: Any, peaks: Any
) -> None:  # fmt: skip
    for i in range(tile.rows):
        end = i if triangle else tile.width
        fill_row(kind, tile, i, end, False)
        _add_powers(0, end, tile.out, factors, capped, relative, totals, peaks)


def _add_blocks(
    kind: Any, tile: Any, triangle: bool, factors: Any, capped: bool, relative: bool, totals: Any, peaks: Any
) -> None:  # fmt: skip
    i = 0
    while i < tile.rows:
        width = min(i + 3, tile.width) if triangle else tile.width
        rows = fill_block(kind, tile, i, width)
        for r in range(min(rows, tile.rows - i)):
            end = i + r if triangle else tile.width
            _add_powers(r, end, tile.out, factors, capped, relative, totals, peaks)
        i += rows


@overload(_add_tile, jit_options=PART)
def _choose_way(
    kind: Any, tile: Any, triangle: bool, factors: Any, capped: bool, relative: bool, totals: Any, peaks: Any
) -> Callable[..., None]:  # fmt: skip
    return _add_blocks if getattr(kind, "instance_class", None) in BLOCKS else _add_rows


@compiled()
def _sum_tile(
    kind: Any, tile: Any, triangle: bool, factors: Any, capped: bool, relative: bool, totals: Any, sums: Any
) -> None:
    """Store the sums over a tile or the part of it below the diagonal, or their log2 if ``relative``."""
    for j in range(totals.size):
        totals[j] = 0.0
    for q in range(factors.size):
        sums[q] = -np.inf  # largest exponents so far
    _add_tile(kind, tile, triangle, factors, capped, relative, totals, sums)
    for q in range(factors.size):
        found = total(totals[q * TILE : q * TILE + tile.width], tile.width)
        if not relative:
            sums[q] = found
        elif sums[q] > -np.inf:
            sums[q] += np.log2(found)


@compiled(nogil=True, cache=True)
def sum_tiles(
    kind: Any, needs: Any, points: Any, symmetric: bool, factors: Any, relative: bool, positions: Any,
    partial: Any, scratch: Any,
) -> None:  # fmt: skip
    """Fill partial[k, q] with Σ 2^(factors[q] exponent) over tile k, or its log2 if ``relative``.

    ``kind`` is an integrand, with its `Needs`; the others are `Points`, row and column of each tile, and the
    `Scratch` of a thread. Where the integrand needs a cap, terms count for 2^HIGHEST at most; not those that
    are ``relative``, over the largest of the tile.
    """
    totals = scratch.work[scratch.work.size - factors.size * TILE :]
    for k in range(partial.shape[0]):
        row, column = positions[k, 0], positions[k, 1]
        tile = open_tile(kind, needs, points, row * TILE, column * TILE, scratch.gram, scratch.work)
        triangle = symmetric and row == column
        _sum_tile(kind, tile, triangle, factors, needs.capped, relative, totals, partial[k])


@compiled()
def _fill_powers(width: int, exponents: Any, shift: float, powers: Any, totals: Any) -> None:
    for j in range(width):
        powers[j] = exp2(at_most(exponents[j] + shift, HIGHEST))
        totals[j] += powers[j]


@compiled()
def _weight_derivatives(width: int, row: int, other: int, powers: Any, out: Any, totals: Any) -> Any:
    """Multiply a row of derivatives by the powers, in place; add powers times the other row to its totals."""
    for j in range(width):
        totals[cell(row, j)] += powers[j] * out[cell(other, j)]
        out[cell(row, j)] *= powers[j]


@compiled()
def _differentiate_rows(
    kind: Any, tile: Any, triangle: bool, shift: float, sided: bool, powers: Any, totals_x: Any, totals_y: Any
) -> None:
    """Sum over a tile, for each point, the powers, and the powers times each derivative."""
    count = totals_x.size // TILE - 1
    for j in range(totals_x.size):
        totals_x[j] = 0.0
        totals_y[j] = 0.0
    for i in range(tile.rows):
        end = i if triangle else tile.width
        fill_row(kind, tile, i, end, True)
        _fill_powers(end, tile.out, shift, powers, totals_y)
        totals_x[i] = total(powers, end)
        for k in range(1, count + 1):
            _weight_derivatives(end, k, k + count if sided else k, powers, tile.out, totals_y)
            totals_x[cell(k, i)] = total(tile.out[k * TILE : (k + 1) * TILE], end)


@compiled(nogil=True, cache=True)
def differentiate_tiles(
    kind: Any, needs: Any, points: Any, symmetric: bool, shift: float, positions: Any, totals_x: Any,
    totals_y: Any, scratch: Any,
) -> None:  # fmt: skip
    """Fill totals_x[k] and totals_y[k], ((1 + Q) TILE,), over tile k; arguments as of `sum_tiles`.

    Row 0 of each holds the sum of the terms of each point, row q the sum of their derivatives by its
    parameter q.
    """
    powers = scratch.work[_POWERS * TILE : (_POWERS + 1) * TILE]
    for k in range(totals_x.shape[0]):
        row, column = positions[k, 0], positions[k, 1]
        tile = open_tile(kind, needs, points, row * TILE, column * TILE, scratch.gram, scratch.work)
        _differentiate_rows(
            kind, tile, symmetric and row == column, shift, needs.sided, powers, totals_x[k], totals_y[k]
        )
