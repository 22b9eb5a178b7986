"""Sums over tiles of 2^(−rate |x − y|²), the shortest way, in double or in single precision.

These tiles are twice as high as wide: BLAS runs at 94 % of its best rate, and at 80 % for square ones.
The general tiles write products, exponents and powers one row after the other; these make the exponent of a
pair in registers, from its coordinates if they are few, and add its power at once to a total in double.
Where the norms show that no exponent of a tile is out of range, exponents are not checked.

Where the norms are so large that |x|² + |y|² − 2x·y would lose digits, a tile is seen from its own center. If
they still are, because its rows lie in several clusters, strips of them have a center each. Where that is not
enough, exponents come from differences, and rows whose terms are all negligible take no powers.

``gaussian_tiles`` is the entry point. The type of its arrays selects the precision.
"""

import math
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
    largest,
    total,
)
from gaedist.engine.compiled.gram import FEW, fill_mean, square_apart
from gaedist.engine.compiled.jit import ARRAY_PART, INLINED_PART, compiled
from gaedist.engine.compiled.sizes import TILE

_TOTALS, _POINT, _ROW, _BOX = range(FEW, FEW + 4)
"""Where rows of TILE numbers begin in a thread's scratch, after the coordinates of the columns."""

SCRATCH_ROWS = FEW + 4
"""How many of them there are."""

_UNIT = 2.0**-52
_FARTHER = 1.0001  # factor of a squared distance that may be rounded in single precision
_STRIP = 64  # rows of a tile that are seen from a center of their own if those of the tile lie far apart
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
def _fill_columns(y: Any, work: Any) -> None:
    """Write the coordinates of points in at most FEW dimensions, padded with zeros."""
    for k in range(FEW):
        for j in range(y.shape[0]):
            work[cell(k, j)] = y[j, k] if k < y.shape[1] else 0.0
        work[cell(_POINT, k)] = 0.0


@compiled()
def _see_columns(y: Any, weights: Any, half: float, center: Any, work: Any, offsets: Any) -> Any:
    """Write the coordinates of such points seen from a center, and offsets; return the largest |y|²."""
    _fill_columns(y, work)
    for j in range(y.shape[0]):
        work[cell(_ROW, j)] = 0.0
    for k in range(y.shape[1]):
        for j in range(y.shape[0]):
            work[cell(k, j)] = apart = work[cell(k, j)] - center[k]
            work[cell(_ROW, j)] += apart * apart
    for j in range(y.shape[0]):
        offsets[j] = weights[j] - half * work[cell(_ROW, j)]
    return largest(work[cell(_ROW, 0) : cell(_ROW, 0) + y.shape[0]])


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
def _fill_box(dim: int, width: int, work: Any) -> None:
    """Write the box around the columns of a tile, in few dimensions."""
    for k in range(dim):
        low = high = work[cell(k, 0)]
        for j in range(width):
            low = min(low, work[cell(k, j)])
            high = max(high, work[cell(k, j)])
        work[cell(_BOX, k)] = low
        work[cell(_BOX, FEW + k)] = high


@compiled()
def _is_far(x: Any, i: int, reach: float, work: Any) -> bool:
    """Return whether the squared distance of a point from the box exceeds ``reach``."""
    square = 0.0
    for k in range(x.shape[1]):
        apart = max(work[cell(_BOX, k)] - x[i, k], x[i, k] - work[cell(_BOX, FEW + k)])
        if apart > 0:
            square += apart * apart
    return square > _FARTHER * reach


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
            work[cell(_TOTALS, j)] = 0.0
        for i in range(first, min(rows, first + _STRIPE)):
            end = min(width, max(0, below + i))
            if near and reach < np.inf and _is_far(x, i, reach, work):
                continue
            if near:
                _add_near(x, i, end, offsets_x[i], offsets_y, factor, deep, work)
            else:
                _add_products(products, i, end, offsets_x[i], offsets_y, factor, deep, work)
        for j in range(width):
            totals[j] += work[cell(_TOTALS, j)]


@compiled(arrays=True)
def _add_tile(
    x: Any, y: Any, offsets_x: Any, offsets_y: Any, factor: Any, below: int, norms: float, deep_limit: float,
    reach: float, filled: bool, products: Any, work: Any, totals: Any,
) -> None:  # fmt: skip
    """Add the powers of a tile to the totals of its columns, by products of coordinates.

    ``filled`` tells that work holds those of the columns; ``norms`` is the largest |x|² + |y|².
    """
    few, deep = x.shape[1] <= FEW, norms > deep_limit
    if 2 * norms <= reach:  # |x − y|² ≤ 2 |x|² + 2 |y|²
        reach = np.inf
    if few:
        if not filled:
            _fill_columns(y, work)
        if reach < np.inf:
            _fill_box(x.shape[1], y.shape[0], work)
    else:
        np.dot(x, y.T, products)
    _add_rows(x, products, few, offsets_x, offsets_y, factor, below, deep, reach, work, totals)


@compiled(inline=True)
def _less_two(columns: Any, d: int, j: int, a: float, b: float) -> Any:
    """Return the square of the distance on two axes."""
    p, q = a - columns[cell(d, j)], b - columns[cell(d + 1, j)]
    return p * p + q * q


@compiled()
def _fill_few(x: Any, i: int, width: int, weights_y: Any, half: float, cutoff: float, work: Any) -> Any:
    """Write the exponents of a row in few dimensions from differences; return how many matter."""
    dim, matter = x.shape[1], np.intp(0)
    for k in range(dim):
        work[cell(_POINT, k)] = x[i, k]
    a, b, c, d = work[cell(_POINT, 0)], work[cell(_POINT, 1)], work[cell(_POINT, 2)], work[cell(_POINT, 3)]
    e, f, g, h = work[cell(_POINT, 4)], work[cell(_POINT, 5)], work[cell(_POINT, 6)], work[cell(_POINT, 7)]
    if dim <= 2:
        for j in range(width):
            square = _less_two(work, 0, j, a, b)
            work[cell(_ROW, j)] = exponent = weights_y[j] - half * square
            matter += np.intp(exponent > cutoff)
    elif dim <= 4:
        for j in range(width):
            square = _less_two(work, 0, j, a, b) + _less_two(work, 2, j, c, d)
            work[cell(_ROW, j)] = exponent = weights_y[j] - half * square
            matter += np.intp(exponent > cutoff)
    else:
        for j in range(width):
            square = _less_two(work, 0, j, a, b) + _less_two(work, 2, j, c, d)
            square += _less_two(work, 4, j, e, f) + _less_two(work, 6, j, g, h)
            work[cell(_ROW, j)] = exponent = weights_y[j] - half * square
            matter += np.intp(exponent > cutoff)
    return matter


@compiled()
def _fill_many(
    x: Any, y: Any, products: Any, i: int, width: int, offset: float, offsets_y: Any, weights_y: Any,
    half: float, cutoff: float, slack: float, reach: float, norms_y: Any, work: Any,
) -> Any:  # fmt: skip
    """Write the exponents of a row, from differences where they matter; return how many matter.

    Products show which may matter, within ``slack``; they may also be NaN, after an overflow. They are good
    enough where |y|² is at most ``reach``.
    """
    matter, rough = np.intp(0), np.intp(0)
    for j in range(width):
        work[cell(_ROW, j)] = exponent = (offset + offsets_y[j]) + 2 * half * products[i, j]
        may = not exponent <= cutoff - slack
        matter += np.intp(may)
        rough += np.intp(may and not norms_y[j] <= reach)
    if rough:
        for j in range(width):
            if not norms_y[j] <= reach and not work[cell(_ROW, j)] <= cutoff - slack:
                work[cell(_ROW, j)] = weights_y[j] - half * square_apart(x, i, y, j)
    return matter


@compiled()
def _see(points: Any, weights: Any, half: float, center: Any, moved: Any, norms: Any, offsets: Any) -> Any:
    """Write points seen from a center, |x|² and the offsets; return the largest |x|²."""
    origin, found = center[1:], 0.0
    for i in range(points.shape[0]):
        for d in range(points.shape[1]):
            moved[i, d] = points[i, d] - center[0, d]
        norms[i] = square = square_apart(moved, i, origin, 0)
        offsets[i] = weights[i] - half * square
        found = found if square <= found else square  # also NaN
    return found


@compiled()
def _see_rows(points: Any, left: Any, around: Any, scratch: Any) -> Any:
    """Write rows, their |x|² and their offsets as seen from the mean of some points; return the largest."""
    center, sizes = scratch.center, scratch.sizes
    fill_mean(around, center[0])
    x, weights = points.raw_x[left], points.weights_x[left]
    return _see(x, weights, points.half, center, scratch.rows, sizes[0], sizes[1])


@compiled()
def _all_far(size: float, norms_y: Any, reach: float) -> bool:
    """Return whether points of |x|² up to ``size`` are farther than ``reach``, squared, from all others."""
    least = norms_y[0]
    for norm in norms_y:
        least = min(least, norm)
    gap = math.sqrt(least) - math.sqrt(size)
    return gap > 0 and gap * gap > _FARTHER * reach


@compiled(arrays=True)
def _add_exact(points: Any, left: Any, right: Any, below: int, reach: float, scratch: Any) -> None:
    """Add the powers of rows, which are seen from a center already, to the totals of the columns."""
    work, totals, center, sizes = scratch.work, scratch.totals, scratch.center, scratch.sizes
    x, y, dim = points.raw_x[left], points.raw_y[right], points.x.shape[1]
    half, limit = points.half, points.gram_limit
    weights_x, weights_y = points.weights_x[left], points.weights_y[right]
    rows, width = x.shape[0], y.shape[0]
    products = scratch.gram[: rows * width].reshape((rows, width))
    near_x, near_y = scratch.rows[:rows], scratch.columns[:width]
    norms = largest(sizes[0, :rows])
    if dim > FEW:
        size = norms
        norms += _see(y, weights_y, half, center, near_y, sizes[2], sizes[3])
        if not norms <= limit and _all_far(size, sizes[2, :width], reach):
            return
    elif norms <= limit:
        norms += _see_columns(y, weights_y, half, center[0], work, sizes[3])
    if norms <= limit:
        _add_tile(
            near_x, near_y, sizes[1, :rows], sizes[3, :width], points.factor, below, norms,
            points.deep_limit, reach, True, products, work, totals,
        )  # fmt: skip
        return
    slack = 1 + (dim + 8) * _UNIT * half * norms
    if dim <= FEW:
        _fill_columns(y, work)
    else:
        np.dot(near_x, near_y.T, products)
    for i in range(rows):
        end, weight = min(width, max(0, below + i)), weights_x[i]
        if dim <= FEW:
            matter = _fill_few(x, i, end, weights_y, half, points.cutoff - weight, work)
        else:
            matter = _fill_many(
                x, y, products, i, end, sizes[1, i] - weight, sizes[3], weights_y, half,
                points.cutoff - weight, slack, limit - sizes[0, i], sizes[2], work,
            )  # fmt: skip
        if matter:
            for j in range(end):
                totals[j] += exp2(weight + work[cell(_ROW, j)])


def _sum_exact(points: Any, left: Any, right: Any, below: int, reach: float, scratch: Any) -> None:
    """Add the powers of a tile of points whose norms are too large, in double precision."""


def _sum_exact_double(points: Any, left: Any, right: Any, below: int, reach: float, scratch: Any) -> None:
    first, end, limit, x = left.start, left.stop, points.gram_limit, points.raw_x
    if scratch.last[0] != first or scratch.last[1] != end:  # those of the tile before may be the same
        _see_rows(points, left, x[left], scratch)
    scratch.last[0], scratch.last[1], step = first, end, end - first
    whole = x.shape[1] <= FEW or largest(scratch.sizes[0, :step]) <= limit
    if not whole:
        scratch.last[0], step = -1, _STRIP  # rows in several clusters: most strips lie in one
    for i in range(first, end, step):
        strip = slice(i, min(end, i + step))
        around = x[strip]
        for _ in range(0 if whole else 2):
            if _see_rows(points, strip, around, scratch) <= limit:
                break
            around = points.raw_y[right]  # the columns may lie in one
        _add_exact(points, strip, right, below + i - first, reach, scratch)


@overload(_sum_exact, jit_options=ARRAY_PART)
def _choose_exact(
    points: Any, left: Any, right: Any, below: int, reach: float, scratch: Any
) -> Callable[..., None]:
    never = points.types[points.fields.index("exact")] == types.none
    return _sum_exact if never else _sum_exact_double  # which takes as long to compile as all the rest


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
    x, y, offsets_x, offsets_y = points.x, points.y, points.offsets_x, points.offsets_y
    gram, work, totals = scratch.gram, scratch.work, scratch.totals
    for k in range(partial.shape[0]):
        top, j = positions[k, 0] * height, positions[k, 1] * TILE
        i = max(top, j) if symmetric else top  # nothing counts above the diagonal
        rows, width = min(top + height, x.shape[0]) - i, min(TILE, y.shape[0] - j)
        left, right = slice(i, i + rows), slice(j, j + width)
        below = i - j if symmetric else width
        norms = largest(points.norms_x[left]) + largest(points.norms_y[right])
        reach = np.inf
        if points.boxed:
            room = largest(points.weights_x[left]) + largest(points.weights_y[right]) - points.cutoff
            reach = max(0.0, room) / points.half
        for column in range(TILE):
            totals[column] = 0.0
        if norms <= points.gram_limit:
            _add_tile(
                x[left], y[right], offsets_x[left], offsets_y[right], points.factor, below, norms,
                points.deep_limit, reach, False, gram[: rows * width].reshape((rows, width)), work, totals,
            )  # fmt: skip
        else:
            _sum_exact(points, left, right, below, reach, scratch)
        partial[k, 0] = total(totals, width)
