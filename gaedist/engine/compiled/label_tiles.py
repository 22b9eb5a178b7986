"""Sums over tiles of the matrix of pairs, for many ways to label the points with 0 and 1 at once.

The terms of a tile make a dense matrix K, in place of its Gram matrix, and BLAS multiplies it by the labels
of the tile's columns, which are unpacked from bits for `CHUNK` labellings at a time. That product takes nine
tenths of the time, so this runs near the rate of dgemm, and K is never larger than a tile.

``label_tiles`` is the entry point, beside those of `tiles`.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from gaedist.engine.compiled.arithmetic import exp2, total
from gaedist.engine.compiled.exponents import fill_row
from gaedist.engine.compiled.integrands import ProfileNumbers
from gaedist.engine.compiled.jit import OPTIONS, compiled
from gaedist.engine.compiled.radial_tiles import add_profile, fill_squares
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.compiled.tiles import HIGHEST, open_tile, position

CHUNK = 256  # labellings a product: their operands stay in the second-level cache

_POINT = 2 * TILE * CHUNK
"""Where the labels of one point begin in a thread's scratch, after those of the columns and the product."""

DENSE = _POINT + CHUNK
"""How many numbers of scratch each thread needs for the labels and the product."""


@compiled(inline=True)
def _unpack(bits: Any, point: int, start: int, count: int, target: Any, offset: int) -> None:
    """Write the labels of a point from byte ``start`` on as doubles, ``count`` of them."""
    for k in range(count // 8):
        byte = bits[point, start + k]
        for s in range(8):
            target[np.uintp(offset + 8 * k + s)] = float((byte >> (7 - s)) & 1)


def _fill_terms(kind: Any, tile: Any, i: int, width: int, exact: bool, shift: float) -> None:
    """Write the terms of a row, times 2^shift."""


def _powers(kind: Any, tile: Any, i: int, width: int, exact: bool, shift: float) -> None:
    fill_row(kind, tile, i, width, exact, False)
    for j in range(width):
        tile.out[j] = exp2(min(tile.out[j] + shift, HIGHEST))


def _profile(kind: Any, tile: Any, i: int, width: int, exact: bool, shift: float) -> None:
    unit = 2.0**shift
    fill_squares(tile, i, width, exact, tile.scratch)
    for j in range(width):
        tile.out[j] = 0.0
    add_profile(kind.code, kind.numbers, 0, width, tile.scratch, tile.out, 0)
    for j in range(width):
        tile.out[j] *= unit


@overload(_fill_terms, jit_options=OPTIONS)
def _choose_terms(kind: Any, tile: Any, i: int, width: int, exact: bool, shift: float) -> Callable[..., None]:
    return _profile if getattr(kind, "instance_class", None) is ProfileNumbers else _powers


@compiled()
def _fill_matrix(
    kind: Any,
    tile: Any,
    rows: int,
    width: int,
    triangle: bool,
    exact: bool,
    shift: float,
    totals_x: Any,
    totals_y: Any,
) -> None:
    """Write the terms over the products, 0 where a pair does not count, and their sums by row and column."""
    for j in range(width):
        totals_y[j] = 0.0
    for i in range(rows):
        end = i if triangle else width
        _fill_terms(kind, tile, i, end, exact, shift)
        for j in range(end):
            tile.products[i, j] = tile.out[j]
            totals_y[j] += tile.out[j]
        for j in range(end, width):
            tile.products[i, j] = 0.0
        totals_x[i] = total(tile.out, end)


@compiled()
def _multiply(matrix: Any, bits: Any, i: int, j: int, sums: Any, own: Any) -> None:
    """Fill sums with Σ b_i K_ij b_j for each labelling b, for the points from i and from j on."""
    rows, width = matrix.shape
    for start in range(0, sums.size, CHUNK):
        count = min(CHUNK, sums.size - start)
        labels = own[: width * count].reshape((width, count))
        product = own[TILE * CHUNK : TILE * CHUNK + rows * count].reshape((rows, count))
        point = own[_POINT : _POINT + count]
        for b in range(width):
            _unpack(bits, j + b, start // 8, count, own, b * count)
        np.dot(matrix, labels, product)
        for r in range(count):
            sums[start + r] = 0.0
        for a in range(rows):
            _unpack(bits, i + a, start // 8, count, point, 0)
            for r in range(count):
                sums[start + r] += point[r] * product[a, r]


@compiled(parallel=True, cache=True)
def label_tiles(
    kind: Any,
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
    shift: float,
    bits: Any,
    first: int,
    sums: Any,
    totals_x: Any,
    totals_y: Any,
    gram: Any,
    work: Any,
    dense: Any,
) -> None:
    """Fill sums[k], (R,), and the totals of each point, (TILE,), over tile first + k of the pairs i > j.

    bits (n, R/8) holds eight labellings a byte. The points are given as to `tiles.sum_tiles`, with y = x;
    gram, work and dense (threads, DENSE) are scratch.
    """
    for k in numba.prange(sums.shape[0]):
        row, column = position(first + k, True, 0)
        tile, exact, rows, width = open_tile(
            reads_products, reads_sines, x, y, centered_x, centered_y, norms_x, norms_y, params_x, params_y,
            gram_limit, row * TILE, column * TILE, gram[numba.get_thread_id()], work[numba.get_thread_id()],
        )  # fmt: skip
        _fill_matrix(kind, tile, rows, width, row == column, exact, shift, totals_x[k], totals_y[k])
        _multiply(tile.products, bits, row * TILE, column * TILE, sums[k], dense[numba.get_thread_id()])
