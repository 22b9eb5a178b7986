"""Sums over tiles of the matrix of pairs, and their derivatives.

For each tile a Gram matrix is made: by BLAS, by a loop where there are few dimensions, or from differences
where rounding would tell. The integrand turns it into exponents, row by row, and every row's powers are
added to a vector of column totals, which are added last. Such sums are vectorised without being reordered,
so that the same tile has the same bits in every run.

``sum_tiles`` and ``differentiate_tiles`` are the entry points. Closures over compiled
functions never hit Numba's cache, so nothing here is made by a factory: an integrand is a code and a
function.
"""

from typing import Any

import numba
import numpy as np

from gaedist.engine.compiled.arithmetic import cell, exp2, largest, total
from gaedist.engine.compiled.exponents import Tile, fill_row
from gaedist.engine.compiled.gram import FEW, fill_sines, gram_of_differences, gram_of_few, units
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.sizes import TILE

HIGHEST = 500.0  # an exponent whose power is far from overflow, also times a slope

_ZEROS, _TOTALS, _POINT, _COLUMNS = range(4)
_PARAMS = _COLUMNS + FEW
"""Where rows of TILE numbers begin in a thread's scratch; parameters, slopes and more come last."""


def work_rows(params: int, sums: int = 1) -> int:
    """Return how many rows of TILE numbers each thread needs for so many parameters of a point, and sums."""
    return _PARAMS + 5 * params + 4 + sums


@compiled()
def position(tile: int, symmetric: bool, columns: int) -> tuple[int, int]:
    """Return the row and column of a tile, in the lower triangle if the matrix is symmetric."""
    if not symmetric:
        return tile // columns, tile % columns
    row = int((np.sqrt(8.0 * tile + 1.0) - 1.0) / 2.0)
    while row * (row + 1) // 2 > tile:
        row -= 1
    while (row + 1) * (row + 2) // 2 <= tile:
        row += 1
    return row, tile - row * (row + 1) // 2


@compiled()
def _copy(source: Any, start: int, width: int, target: Any) -> None:
    """Put a part of the rows of an array into rows of TILE numbers."""
    for k in range(source.shape[0]):
        for j in range(width):
            target[cell(k, j)] = source[k, start + j]


@compiled()
def open_tile(
    reads_products: bool,
    reads_sines: bool,
    x: Any,
    y: Any,
    centered_x: Any,
    centered_y: Any,
    norms_x: Any,
    norms_y: Any,
    params_x: Any,
    params_y: Any,
    gram_limit: float,
    i: int,
    j: int,
    gram: Any,
    work: Any,
) -> Any:
    """Fill what the integrand reads at the pairs of x_i, …, x_{i + rows} with y_j, …; return that and more.

    Scratch: gram (1 or 2, TILE²) and work ((_PARAMS + 4 P + …) TILE,).
    """
    rows, width, size = min(TILE, x.shape[0] - i), min(TILE, y.shape[0] - j), params_x.shape[0] * TILE
    squares_x, squares_y = norms_x[i : i + rows], norms_y[j : j + width]
    exact = reads_products and largest(squares_x) + largest(squares_y) > gram_limit
    products = gram[0, : rows * width].reshape((rows, width))
    sines = gram[-1, : rows * width].reshape((rows, width))
    if exact:
        squares_x = squares_y = work[_ZEROS * TILE : (_ZEROS + 1) * TILE]
        if reads_sines:
            fill_sines(units(x[i : i + rows]), units(y[j : j + width]), sines, products)
        gram_of_differences(x[i : i + rows], y[j : j + width], 1.0, products)
    elif reads_products and x.shape[1] <= FEW:
        columns = work[_COLUMNS * TILE : _PARAMS * TILE].reshape((FEW, TILE))
        gram_of_few(
            centered_x[i : i + rows], centered_y[j : j + width], products, work[_POINT * TILE :], columns
        )
    elif reads_products:
        np.dot(centered_x[i : i + rows], centered_y[j : j + width].T, products)
    here, there = (
        work[_PARAMS * TILE : _PARAMS * TILE + size],
        work[_PARAMS * TILE + size : _PARAMS * TILE + 2 * size],
    )
    _copy(params_x, i, rows, here)
    _copy(params_y, j, width, there)
    rest = work[_PARAMS * TILE + 2 * size :]
    out, scratch = rest[: 2 * size + TILE], rest[2 * size + TILE :]
    near, far = x[i : i + rows], y[j : j + width]
    return (
        Tile(products, sines, squares_x, squares_y, near, far, here, there, out, scratch),
        exact,
        rows,
        width,
    )


@compiled()
def _add_powers(
    width: int, exponents: Any, factor: float, shift: float, capped: bool, row: int, totals: Any
) -> None:
    if capped:
        for j in range(width):
            totals[cell(row, j)] += exp2(min(factor * exponents[j] + shift, HIGHEST))
    else:
        for j in range(width):
            totals[cell(row, j)] += exp2(factor * exponents[j] + shift)


@compiled()
def _raise_peaks(width: int, exponents: Any, factor: float, row: int, peaks: Any) -> None:
    for j in range(width):
        peaks[cell(row, j)] = max(peaks[cell(row, j)], factor * exponents[j])


@compiled()
def _sum_rows(
    kind: Any,
    tile: Any,
    rows: int,
    width: int,
    triangle: bool,
    exact: bool,
    factors: Any,
    shifts: Any,
    capped: bool,
    peak: bool,
    totals: Any,
    sums: Any,
) -> None:
    """Store the sums, or the largest exponents, over a tile or the part of it below the diagonal."""
    for j in range(totals.size):
        totals[j] = -np.inf if peak else 0.0
    for i in range(rows):
        end = i if triangle else width
        fill_row(kind, tile, i, end, exact, False)
        for q in range(factors.size):
            if peak:
                _raise_peaks(end, tile.out, factors[q], q, totals)
            else:
                _add_powers(end, tile.out, factors[q], shifts[q], capped, q, totals)
    for q in range(factors.size):
        own = totals[q * TILE : (q + 1) * TILE]
        sums[q] = largest(own) + shifts[q] if peak else total(own, width)


@compiled(parallel=True, cache=True)
def sum_tiles(
    kind: Any,
    reads_products: bool,
    reads_sines: bool,
    capped: bool,
    x: Any,
    y: Any,
    centered_x: Any,
    centered_y: Any,
    norms_x: Any,
    norms_y: Any,
    params_x: Any,
    params_y: Any,
    gram_limit: float,
    symmetric: bool,
    factors: Any,
    shifts: Any,
    peak: bool,
    first: int,
    partial: Any,
    gram: Any,
    work: Any,
) -> None:
    """Fill partial[k, q] with Σ 2^(factors[q] exponent + shifts[q]), or its peak, over tile first + k.

    x (n, D), y (m, D), the same about a common center, the squared norms of these (n,), (m,) and the
    parameters (P, n), (P, m); gram (threads, 1 or 2, TILE²) and work (threads, rows TILE) are scratch,
    zeros in the first row of each thread's work. A tile whose largest |x|² + |y|² exceeds gram_limit takes
    differences of x and y instead of the Gram matrix of the centered ones. Where ``capped``, terms count
    for 2^HIGHEST at most.
    """
    columns = (y.shape[0] + TILE - 1) // TILE
    for k in numba.prange(partial.shape[0]):
        row, column = position(first + k, symmetric, columns)
        own = work[numba.get_thread_id()]
        tile, exact, rows, width = open_tile(
            reads_products, reads_sines, x, y, centered_x, centered_y, norms_x, norms_y, params_x, params_y,
            gram_limit, row * TILE, column * TILE, gram[numba.get_thread_id()], own,
        )  # fmt: skip
        totals = own[own.size - factors.size * TILE :]
        _sum_rows(
            kind, tile, rows, width, symmetric and row == column, exact, factors, shifts, capped, peak,
            totals, partial[k],
        )  # fmt: skip


@compiled()
def _fill_powers(width: int, exponents: Any, shift: float, powers: Any, totals: Any) -> None:
    for j in range(width):
        powers[j] = exp2(min(exponents[j] + shift, HIGHEST))
        totals[j] += powers[j]


@compiled()
def _weigh_slopes(width: int, row: int, other: int, powers: Any, out: Any, totals: Any) -> Any:
    """Multiply a row of slopes by the powers, in place; add the other row so weighed to its totals."""
    for j in range(width):
        totals[cell(row, j)] += powers[j] * out[cell(other, j)]
        out[cell(row, j)] *= powers[j]


@compiled()
def _differentiate_rows(
    kind: Any,
    tile: Any,
    rows: int,
    width: int,
    triangle: bool,
    exact: bool,
    shift: float,
    sided: bool,
    powers: Any,
    totals_x: Any,
    totals_y: Any,
) -> None:
    """Sum over a tile, for each point, the powers, and the powers times each slope."""
    slopes = totals_x.size // TILE - 1
    for j in range(totals_x.size):
        totals_x[j] = 0.0
        totals_y[j] = 0.0
    for i in range(rows):
        end = i if triangle else width
        fill_row(kind, tile, i, end, exact, True)
        _fill_powers(end, tile.out, shift, powers, totals_y)
        totals_x[i] = total(powers, end)
        for k in range(1, slopes + 1):
            _weigh_slopes(end, k, k + slopes if sided else k, powers, tile.out, totals_y)
            totals_x[cell(k, i)] = total(tile.out[k * TILE : (k + 1) * TILE], end)


@compiled(parallel=True, cache=True)
def differentiate_tiles(
    kind: Any,
    reads_products: bool,
    reads_sines: bool,
    sided: bool,
    x: Any,
    y: Any,
    centered_x: Any,
    centered_y: Any,
    norms_x: Any,
    norms_y: Any,
    params_x: Any,
    params_y: Any,
    gram_limit: float,
    symmetric: bool,
    shift: float,
    first: int,
    totals_x: Any,
    totals_y: Any,
    gram: Any,
    work: Any,
) -> None:
    """Fill totals_x[k] and totals_y[k], ((1 + Q) TILE,), over tile first + k, as `sum_tiles` does.

    Row 0 of each is the sum of the terms of each point, the others those of its derivatives.
    """
    columns = (y.shape[0] + TILE - 1) // TILE
    for k in numba.prange(totals_x.shape[0]):
        row, column = position(first + k, symmetric, columns)
        own = work[numba.get_thread_id()]
        tile, exact, rows, width = open_tile(
            reads_products, reads_sines, x, y, centered_x, centered_y, norms_x, norms_y, params_x, params_y,
            gram_limit, row * TILE, column * TILE, gram[numba.get_thread_id()], own,
        )  # fmt: skip
        powers = own[_TOTALS * TILE : (_TOTALS + 1) * TILE]
        _differentiate_rows(
            kind, tile, rows, width, symmetric and row == column, exact, shift, sided, powers,
            totals_x[k], totals_y[k],
        )  # fmt: skip
