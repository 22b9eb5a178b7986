"""Sums over tiles of 2^(−rate |x − y|²), the shortest way, in double or in single precision.

These tiles are twice as high as wide: BLAS runs at 94 % of its best rate, and at 80 % for square ones.
The general tiles write products, exponents and powers one row after the other; these make the exponent of a
pair in registers, from its coordinates if they are few, and add its power at once to a total in double.
Where the norms show that no exponent of a tile is out of range, exponents are not checked.

``gaussian_tiles`` is the entry point. The type of its arrays selects the precision.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import overload

from gaedist.engine.compiled.arithmetic import cell, exp2, exp2_in_range, exp2_single, largest, total
from gaedist.engine.compiled.gram import FEW, gram_of_differences
from gaedist.engine.compiled.jit import OPTIONS, compiled
from gaedist.engine.compiled.sizes import TILE

_TOTALS, _POINT = FEW, FEW + 1
"""Where rows of TILE numbers begin in a thread's scratch, after the coordinates of the columns."""

SCRATCH_ROWS = FEW + 2
"""How many of them there are."""

_STRIPE = 8  # rows of a tile whose powers are added in the precision of the points


def _power(y: Any, deep: bool) -> Any:
    """Return 2^y, or the least normal number where 2^y is less, which happens only in a deep tile."""
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
    """Add the products of two coordinates to an exponent."""
    return exponent + a * columns[cell(d, j)] + b * columns[cell(d + 1, j)]


@compiled()
def _fill_columns(y: Any, work: Any) -> None:
    """Write the coordinates of points in at most FEW dimensions, padded with zeros."""
    for k in range(FEW):
        for j in range(y.shape[0]):
            work[cell(k, j)] = y[j, k] if k < y.shape[1] else 0.0
        work[cell(_POINT, k)] = 0.0


@compiled()
def _add_near(
    x: Any, i: int, width: int, start: Any, offsets_y: Any, factor: Any, deep: bool, work: Any
) -> None:
    """Add the powers of a row, in few dimensions, to the totals of its columns."""
    dim = x.shape[1]
    for k in range(dim):
        work[cell(_POINT, k)] = factor * x[i, k]
    # if the loop read them, LLVM would have to prove that it does not write them
    a, b, c, d = work[cell(_POINT, 0)], work[cell(_POINT, 1)], work[cell(_POINT, 2)], work[cell(_POINT, 3)]
    e, f, g, h = work[cell(_POINT, 4)], work[cell(_POINT, 5)], work[cell(_POINT, 6)], work[cell(_POINT, 7)]
    if dim <= 2:
        for j in range(width):
            exponent = _with_two(start + offsets_y[j], work, 0, j, a, b)
            work[cell(_TOTALS, j)] += _power(exponent, deep)
    elif dim <= 4:
        for j in range(width):
            exponent = _with_two(start + offsets_y[j], work, 0, j, a, b)
            work[cell(_TOTALS, j)] += _power(_with_two(exponent, work, 2, j, c, d), deep)
    else:
        for j in range(width):
            exponent = _with_two(start + offsets_y[j], work, 0, j, a, b)
            exponent = _with_two(exponent, work, 2, j, c, d)
            exponent = _with_two(exponent, work, 4, j, e, f)
            work[cell(_TOTALS, j)] += _power(_with_two(exponent, work, 6, j, g, h), deep)


@compiled()
def _add_products(
    products: Any, i: int, width: int, start: Any, offsets_y: Any, factor: Any, deep: bool, work: Any
) -> None:
    """Add the powers of a row to the totals of its columns."""
    for j in range(width):
        exponent = (start + offsets_y[j]) + factor * products[i, j]
        work[cell(_TOTALS, j)] += _power(exponent, deep)


@compiled()
def _sum_rows(
    x: Any, products: Any, near: bool, offsets_x: Any, offsets_y: Any, factor: Any, below: int, deep: bool,
    work: Any, totals: Any,
) -> None:  # fmt: skip
    """Fill the totals of the columns of a tile; row i has ``below`` + i columns, or all if that is fewer."""
    for j in range(TILE):
        totals[j] = 0.0
    rows, width = products.shape
    for first in range(0, rows, _STRIPE):
        for j in range(width):
            work[cell(_TOTALS, j)] = 0.0
        for i in range(first, min(rows, first + _STRIPE)):
            end = min(width, max(0, below + i))
            if near:
                _add_near(x, i, end, offsets_x[i], offsets_y, factor, deep, work)
            else:
                _add_products(products, i, end, offsets_x[i], offsets_y, factor, deep, work)
        for j in range(width):
            totals[j] += work[cell(_TOTALS, j)]


@compiled(nogil=True, cache=True)
def gaussian_tiles(
    points: Any, symmetric: bool, height: int, positions: Any, partial: Any, scratch: Any
) -> None:
    """Fill partial[k, 0] with the sum over tile k of ``height`` × `TILE` pairs.

    Parameters
    ----------
    points : GaussianPoints
        The points, and all that is the same for every tile.
    symmetric : bool
        Only pairs of a point of x and an earlier point of y count.
    height : int
        At most `HEIGHT`.
    positions : (K, 2) array of int
        Row and column of each tile.
    partial : (K, 1) array
        Sums.
    scratch : GaussianScratch
        Memory of the thread.
    """
    x, y, raw_x, raw_y, offsets_x, offsets_y, weights_x, weights_y, norms_x, norms_y = points[:10]
    factor, gram_limit, deep_limit = points[10:]
    gram, work, totals = scratch
    for k in range(partial.shape[0]):
        top, j = positions[k, 0] * height, positions[k, 1] * TILE
        i = max(top, j) if symmetric else top  # nothing counts above the diagonal
        rows, width = min(top + height, x.shape[0]) - i, min(TILE, y.shape[0] - j)
        left, right = slice(i, i + rows), slice(j, j + width)
        below = i - j if symmetric else width
        norms = largest(norms_x[left]) + largest(norms_y[right])
        exact = norms > gram_limit
        near = x.shape[1] <= FEW and norms <= gram_limit
        products = gram[: rows * width].reshape((rows, width))
        if exact:
            gram_of_differences(raw_x[left], raw_y[right], 1.0, products)
        elif near:
            _fill_columns(y[right], work)
        else:
            np.dot(x[left], y[right].T, products)
        _sum_rows(
            x[left], products, near,
            weights_x[left] if exact else offsets_x[left], weights_y[right] if exact else offsets_y[right],
            factor, below, exact or norms > deep_limit, work, totals,
        )  # fmt: skip
        partial[k, 0] = total(totals, width)
