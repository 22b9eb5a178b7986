"""Sums over tiles of 2^(−rate |x − y|²), the shortest way, in double or in single precision.

These tiles are twice as high as wide, for which BLAS runs at 94 % of its best rate, and 80 % for square ones.
Where the general tiles write products, exponents and powers one row after the other, here the exponent of a
pair is made in registers, from its coordinates if they are few, and its power is added at once, in double.
Where norms say that no exponent of a tile is out of range, none is looked at.

``gaussian_tiles`` is the entry point, beside those of `tiles`. The type of its arrays tells the precision.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import overload

from gaedist.engine.compiled.arithmetic import cell, exp2, exp2_in_range, exp2_single, largest, total
from gaedist.engine.compiled.gram import FEW, gram_of_differences
from gaedist.engine.compiled.jit import OPTIONS, compiled
from gaedist.engine.compiled.sizes import HEIGHT, TILE

_TOTALS, _POINT = FEW, FEW + 1
"""Where rows of TILE numbers begin in a thread's scratch, after the coordinates of the columns."""

ROWS = FEW + 2
"""How many of them there are."""

_STRIPE = 8  # rows of a tile whose powers are added in the precision of the points


def _power(y: Any, deep: bool) -> Any:
    """Return 2^y; the least normal number for y below its exponent, which only a deep tile has."""
    return 2.0**y


def _double_power(y: Any, deep: bool) -> Any:
    return exp2(y) if deep else exp2_in_range(y)


def _single_power(y: Any, deep: bool) -> Any:
    return exp2_single(y)


@overload(_power, jit_options={**OPTIONS, "forceinline": True})
def _choose_power(y: Any, deep: bool) -> Callable[[Any, bool], Any]:
    return _single_power if y == types.float32 else _double_power


@compiled(inline=True)
def _with_two(exponent: Any, columns: Any, d: int, j: int, a: Any, b: Any) -> Any:
    """Add two coordinates' products to an exponent."""
    return exponent + a * columns[cell(d, j)] + b * columns[cell(d + 1, j)]


@compiled()
def _fill_columns(y: Any, work: Any) -> None:
    """Write the coordinates of points in at most FEW dimensions, padded with zeros."""
    for k in range(FEW):
        for j in range(y.shape[0]):
            work[cell(k, j)] = y[j, k] if k < y.shape[1] else 0.0
        work[cell(_POINT, k)] = 0.0


@compiled()
def _add_near(x: Any, i: int, width: int, start: Any, there: Any, factor: Any, deep: bool, work: Any) -> None:
    """Add the powers of a row, in few dimensions, to the totals of its columns."""
    dim = x.shape[1]
    for k in range(dim):
        work[cell(_POINT, k)] = factor * x[i, k]
    # numbers read in the loop would have to be proved to be none that it writes
    a, b, c, d = work[cell(_POINT, 0)], work[cell(_POINT, 1)], work[cell(_POINT, 2)], work[cell(_POINT, 3)]
    e, f, g, h = work[cell(_POINT, 4)], work[cell(_POINT, 5)], work[cell(_POINT, 6)], work[cell(_POINT, 7)]
    if dim <= 2:
        for j in range(width):
            exponent = _with_two(start + there[j], work, 0, j, a, b)
            work[cell(_TOTALS, j)] += _power(exponent, deep)
    elif dim <= 4:
        for j in range(width):
            exponent = _with_two(start + there[j], work, 0, j, a, b)
            work[cell(_TOTALS, j)] += _power(_with_two(exponent, work, 2, j, c, d), deep)
    else:
        for j in range(width):
            exponent = _with_two(start + there[j], work, 0, j, a, b)
            exponent = _with_two(exponent, work, 2, j, c, d)
            exponent = _with_two(exponent, work, 4, j, e, f)
            work[cell(_TOTALS, j)] += _power(_with_two(exponent, work, 6, j, g, h), deep)


@compiled()
def _add_products(
    products: Any, i: int, width: int, start: Any, there: Any, factor: Any, deep: bool, work: Any
) -> None:
    """Add the powers of a row to the totals of its columns."""
    for j in range(width):
        exponent = (start + there[j]) + factor * products[i, j]
        work[cell(_TOTALS, j)] += _power(exponent, deep)


@compiled()
def _sum_rows(
    x: Any, products: Any, near: bool, here: Any, there: Any, factor: Any, below: int, deep: bool, work: Any,
    totals: Any,
) -> None:  # fmt: skip
    """Fill the totals of the columns of a tile, whose row i has ``below`` + i columns if it has not all."""
    for j in range(TILE):
        totals[j] = 0.0
    rows, width = products.shape
    for first in range(0, rows, _STRIPE):
        for j in range(width):
            work[cell(_TOTALS, j)] = 0.0
        for i in range(first, min(rows, first + _STRIPE)):
            end = min(width, max(0, below + i))
            if near:
                _add_near(x, i, end, here[i], there, factor, deep, work)
            else:
                _add_products(products, i, end, here[i], there, factor, deep, work)
        for j in range(width):
            totals[j] += work[cell(_TOTALS, j)]


@compiled(parallel=True, cache=True)
def gaussian_tiles(
    x: Any,
    y: Any,
    raw_x: Any,
    raw_y: Any,
    here: Any,
    there: Any,
    weights_x: Any,
    weights_y: Any,
    norms_x: Any,
    norms_y: Any,
    factor: Any,
    gram_limit: float,
    deep_limit: float,
    symmetric: bool,
    places: Any,
    partial: Any,
    gram: Any,
    work: Any,
    totals: Any,
) -> None:
    """Fill partial[k, 0] with the sum over tile k of `HEIGHT` × `TILE` points, as `tiles.sum_tiles` does.

    Parameters
    ----------
    x, y : (n, D) and (m, D) arrays
        The points, seen from near their mean.
    raw_x, raw_y : (n, D) and (m, D) arrays of double
        The points as they are, for differences.
    here, there : (n,) and (m,) arrays
        log2 of the weights, less rate |x|².
    weights_x, weights_y : (n,) and (m,) arrays
        log2 of the weights.
    norms_x, norms_y : (n,) and (m,) arrays of double
        |x|².
    factor : float
        2 rate, of the type of the points.
    gram_limit, deep_limit : float
        Of |x|² + |y|² in a tile: above the one its exponents come from differences, above the other they may
        be out of range.
    symmetric : bool
        Only pairs of a point of x and one before it in y count.
    places : (K, 2) array of int
        Row and column of each tile.
    gram, work, totals
        Scratch of each thread: `HEIGHT` `TILE` and `ROWS` TILE numbers of the type of the points, and TILE
        doubles.
    """
    for k in numba.prange(partial.shape[0]):
        top, j = places[k, 0] * HEIGHT, places[k, 1] * TILE
        i = max(top, j) if symmetric else top  # above the diagonal is nothing
        rows, width = min(top + HEIGHT, x.shape[0]) - i, min(TILE, y.shape[0] - j)
        left, right = slice(i, i + rows), slice(j, j + width)
        own, below = work[numba.get_thread_id()], i - j if symmetric else width
        norms = largest(norms_x[left]) + largest(norms_y[right])
        exact, near = norms > gram_limit, x.shape[1] <= FEW and norms <= gram_limit
        products = gram[numba.get_thread_id(), : rows * width].reshape((rows, width))
        if exact:
            gram_of_differences(raw_x[left], raw_y[right], 1.0, products)
        elif near:
            _fill_columns(y[right], own)
        else:
            np.dot(x[left], y[right].T, products)
        _sum_rows(
            x[left], products, near,
            weights_x[left] if exact else here[left], weights_y[right] if exact else there[right],
            factor, below, exact or norms > deep_limit, own, totals[numba.get_thread_id()],
        )  # fmt: skip
        partial[k, 0] = total(totals[numba.get_thread_id()], width)
