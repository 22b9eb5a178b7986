"""Powers 2^(−rate |x − y|²) of the pairs of a tile, made in registers and added to totals of its columns.

The general tiles write products, exponents and powers one row after the other; these make the exponent of a
pair in registers, from its coordinates if they are few, and add its power at once to a total in double.
Where the norms show that no exponent of a tile is out of range, exponents are not checked. The type of the
arrays selects the precision.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import overload

from gaedist.engine.compiled.arithmetic import (
    HIGHEST_SINGLE,
    cell,
    exp2,
    exp2_in_range,
    exp2_single,
)
from gaedist.engine.compiled.gram import FEW, fill_coordinates
from gaedist.engine.compiled.jit import INLINED_PART, compiled

TOTALS, POINT, ROW, BOX = range(FEW, FEW + 4)
"""Where rows of TILE numbers begin in a thread's scratch, after the coordinates of the columns."""

SCRATCH_ROWS = FEW + 4
"""How many of them there are."""

FARTHER = 1.0001
"""Factor of a squared distance that may be rounded in single precision."""

_STRIPE = 8  # rows of a tile whose powers are added in the precision of the points


def _power(y: Any, deep: bool) -> Any:
    """Return 2^y, or the least normal number where 2^y is less, which happens only in a deep tile.

    In single precision it is limited to a number whose sums do not overflow.
    """
    return 2.0**y


def _double_power(y: Any, deep: bool) -> Any:
    return exp2(y) if deep else exp2_in_range(y)


def _single_power(y: Any, deep: bool) -> Any:
    return exp2_single(min(y, HIGHEST_SINGLE))


@overload(_power, jit_options=INLINED_PART)
def _choose_power(y: Any, deep: bool) -> Callable[[Any, bool], Any]:
    return _single_power if y == types.float32 else _double_power


@compiled(inline=True)
def _with_two(exponent: Any, columns: Any, d: int, j: int, a: Any, b: Any) -> Any:
    """Add the products of two coordinates to an exponent."""
    return exponent + a * columns[cell(d, j)] + b * columns[cell(d + 1, j)]


@compiled()
def fill_columns(y: Any, work: Any) -> None:
    """Write the coordinates of points in at most FEW dimensions, and zeros for those of a row."""
    fill_coordinates(y, work)
    for k in range(FEW):
        work[cell(POINT, k)] = 0.0


@compiled()
def _add_near(
    x: Any, i: int, width: int, start: Any, offsets_y: Any, factor: Any, deep: bool, work: Any
) -> None:
    """Add the powers of a row, in few dimensions, to the totals of its columns."""
    dim = x.shape[1]
    for k in range(dim):
        work[cell(POINT, k)] = factor * x[i, k]
    # if the loop read them, LLVM would have to prove that it does not write them
    a, b, c, d = work[cell(POINT, 0)], work[cell(POINT, 1)], work[cell(POINT, 2)], work[cell(POINT, 3)]
    e, f, g, h = work[cell(POINT, 4)], work[cell(POINT, 5)], work[cell(POINT, 6)], work[cell(POINT, 7)]
    if dim <= 2:
        for j in range(width):
            exponent = _with_two(start + offsets_y[j], work, 0, j, a, b)
            work[cell(TOTALS, j)] += _power(exponent, deep)
    elif dim <= 4:
        for j in range(width):
            exponent = _with_two(start + offsets_y[j], work, 0, j, a, b)
            work[cell(TOTALS, j)] += _power(_with_two(exponent, work, 2, j, c, d), deep)
    else:
        for j in range(width):
            exponent = _with_two(start + offsets_y[j], work, 0, j, a, b)
            exponent = _with_two(exponent, work, 2, j, c, d)
            exponent = _with_two(exponent, work, 4, j, e, f)
            work[cell(TOTALS, j)] += _power(_with_two(exponent, work, 6, j, g, h), deep)


@compiled()
def _add_products(
    products: Any, i: int, width: int, start: Any, offsets_y: Any, factor: Any, deep: bool, work: Any
) -> None:
    """Add the powers of a row to the totals of its columns."""
    for j in range(width):
        exponent = (start + offsets_y[j]) + factor * products[i, j]
        work[cell(TOTALS, j)] += _power(exponent, deep)


@compiled()
def _fill_box(dim: int, width: int, work: Any) -> None:
    """Write the box around the columns of a tile, in few dimensions."""
    for k in range(dim):
        low = high = work[cell(k, 0)]
        for j in range(width):
            low = min(low, work[cell(k, j)])
            high = max(high, work[cell(k, j)])
        work[cell(BOX, k)] = low
        work[cell(BOX, FEW + k)] = high


@compiled()
def _is_far(x: Any, i: int, reach: float, work: Any) -> bool:
    """Return whether the squared distance of a point from the box exceeds ``reach``."""
    square = 0.0
    for k in range(x.shape[1]):
        apart = max(work[cell(BOX, k)] - x[i, k], x[i, k] - work[cell(BOX, FEW + k)])
        if apart > 0:
            square += apart * apart
    return square > FARTHER * reach


@compiled()
def _add_rows(
    x: Any, products: Any, near: bool, offsets_x: Any, offsets_y: Any, factor: Any, below: int, deep: bool,
    reach: float, work: Any, totals: Any,
) -> None:  # fmt: skip
    """Add a tile to the totals of its columns; row i has ``below`` + i columns, or all if that is fewer.

    Rows farther than ``reach``, a squared distance, from the box around the columns are left out.
    """
    rows, width = products.shape
    for first in range(0, rows, _STRIPE):
        for j in range(width):
            work[cell(TOTALS, j)] = 0.0
        for i in range(first, min(rows, first + _STRIPE)):
            end = min(width, max(0, below + i))
            if near and reach < np.inf and _is_far(x, i, reach, work):
                continue
            if near:
                _add_near(x, i, end, offsets_x[i], offsets_y, factor, deep, work)
            else:
                _add_products(products, i, end, offsets_x[i], offsets_y, factor, deep, work)
        for j in range(width):
            totals[j] += work[cell(TOTALS, j)]


@compiled(arrays=True)
def add_tile(
    x: Any, y: Any, offsets_x: Any, offsets_y: Any, factor: Any, below: int, norms: float, deep_limit: float,
    reach: float, filled: bool, products: Any, work: Any, totals: Any,
) -> None:  # fmt: skip
    """Add the powers of a tile to the totals of its columns, by products of coordinates.

    With ``filled``, work holds the coordinates of the columns already. ``norms`` is the largest |x|² + |y|².
    """
    few, deep = x.shape[1] <= FEW, norms > deep_limit
    if 2 * norms <= reach:  # |x − y|² ≤ 2 |x|² + 2 |y|²
        reach = np.inf
    if few:
        if not filled:
            fill_columns(y, work)
        if reach < np.inf:
            _fill_box(x.shape[1], y.shape[0], work)
    else:
        np.dot(x, y.T, products)
    _add_rows(x, products, few, offsets_x, offsets_y, factor, below, deep, reach, work, totals)
