"""Sums over tiles of the matrix of pairs for many labelings of the points with 0 and 1 at once.

The terms of a tile make a dense matrix K, in place of its Gram matrix, and BLAS multiplies it by the labels
of the tile's columns, which are unpacked from bits for `CHUNK` labelings at a time. That product takes nine
tenths of the time, so the rate is close to the rate of dgemm, and K is never larger than a tile.

``label_tiles`` is the entry point.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload

from gaedist.engine.compiled.arithmetic import HIGHEST, exp2, total
from gaedist.engine.compiled.exponents import fill_row
from gaedist.engine.compiled.integrands import ProfileNumbers
from gaedist.engine.compiled.jit import PART, compiled
from gaedist.engine.compiled.radial_tiles import add_profile, fill_squares
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.compiled.tiles import open_tile

CHUNK = 256  # labelings in one product, whose operands stay in the second-level cache

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


def _fill_terms(kind: Any, tile: Any, i: int, width: int, shift: float) -> None:
    """Write the terms of a row, times 2^shift."""


def _powers(kind: Any, tile: Any, i: int, width: int, shift: float) -> None:
    fill_row(kind, tile, i, width, False)
    for j in range(width):
        tile.out[j] = exp2(min(tile.out[j] + shift, HIGHEST))


def _profile(kind: Any, tile: Any, i: int, width: int, shift: float) -> None:
    unit = 2.0**shift
    fill_squares(tile, i, width, tile.scratch)
    for j in range(width):
        tile.out[j] = 0.0
    add_profile(kind.code, kind.numbers, 0, width, tile.scratch, tile.out, 0)
    for j in range(width):
        tile.out[j] *= unit


@overload(_fill_terms, jit_options=PART)
def _choose_terms(kind: Any, tile: Any, i: int, width: int, shift: float) -> Callable[..., None]:
    return _profile if getattr(kind, "instance_class", None) is ProfileNumbers else _powers


@compiled()
def _fill_matrix(kind: Any, tile: Any, triangle: bool, shift: float, totals_x: Any, totals_y: Any) -> None:
    """Write the terms over the products, 0 where a pair does not count, and their sums by row and column."""
    for j in range(tile.width):
        totals_y[j] = 0.0
    for i in range(tile.rows):
        end = i if triangle else tile.width
        _fill_terms(kind, tile, i, end, shift)
        for j in range(end):
            tile.products[i, j] = tile.out[j]
            totals_y[j] += tile.out[j]
        for j in range(end, tile.width):
            tile.products[i, j] = 0.0
        totals_x[i] = total(tile.out, end)


@compiled(arrays=True)
def _multiply(matrix: Any, bits: Any, i: int, j: int, sums: Any, own: Any) -> None:
    """Fill sums with Σ b_i K_ij b_j for each labeling b, for the points from i and from j on."""
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


@compiled(nogil=True, cache=True)
def label_tiles(
    kind: Any, needs: Any, points: Any, shift: float, bits: Any, positions: Any, sums: Any, totals_x: Any,
    totals_y: Any, scratch: Any, dense: Any,
) -> None:  # fmt: skip
    """Fill sums[k], (R,), and the totals of each point, (TILE,), over tile k of the pairs i > j.

    bits (n, R/8) holds eight labelings in each byte; dense (DENSE,) is scratch; the rest is as
    in `tiles.sum_tiles`, with y = x.
    """
    for k in range(sums.shape[0]):
        row, column = positions[k, 0], positions[k, 1]
        tile = open_tile(kind, needs, points, row * TILE, column * TILE, scratch.gram, scratch.work)
        _fill_matrix(kind, tile, row == column, shift, totals_x[k], totals_y[k])
        _multiply(tile.products, bits, row * TILE, column * TILE, sums[k], dense)
