"""Tiles of points so far from the origin that |x|² + |y|² − 2x·y would lose digits, in double precision.

Such a tile is seen from its own center. Where that is not near enough, strips of its rows have a center each
if most of them lie in clusters. Where that is not enough either, exponents come from differences, and rows
whose terms are all negligible take no powers.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import overload

from gaedist.engine.compiled.arithmetic import NEGLIGIBLE, cell, exp2, largest
from gaedist.engine.compiled.gaussian_rows import FARTHER, POINT, ROW, add_tile, fill_columns
from gaedist.engine.compiled.gram import FEW, fill_mean, largest_norm, square_apart
from gaedist.engine.compiled.jit import ARRAY_PART, compiled
from gaedist.engine.compiled.sizes import STRIP

_UNIT = 2.0**-52


@compiled()
def _see_columns(y: Any, weights: Any, half: float, center: Any, work: Any, offsets: Any) -> Any:
    """Write the coordinates of such points seen from a center, and offsets; return the largest |y|²."""
    fill_columns(y, work)
    for j in range(y.shape[0]):
        work[cell(ROW, j)] = 0.0
    for k in range(y.shape[1]):
        for j in range(y.shape[0]):
            work[cell(k, j)] = apart = work[cell(k, j)] - center[k]
            work[cell(ROW, j)] += apart * apart
    for j in range(y.shape[0]):
        offsets[j] = weights[j] - half * work[cell(ROW, j)]
    return largest(work[cell(ROW, 0) : cell(ROW, 0) + y.shape[0]])


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
        work[cell(POINT, k)] = x[i, k]
    a, b, c, d = work[cell(POINT, 0)], work[cell(POINT, 1)], work[cell(POINT, 2)], work[cell(POINT, 3)]
    e, f, g, h = work[cell(POINT, 4)], work[cell(POINT, 5)], work[cell(POINT, 6)], work[cell(POINT, 7)]
    if dim <= 2:
        for j in range(width):
            square = _less_two(work, 0, j, a, b)
            work[cell(ROW, j)] = exponent = weights_y[j] - half * square
            matter += np.intp(exponent > cutoff)
    elif dim <= 4:
        for j in range(width):
            square = _less_two(work, 0, j, a, b) + _less_two(work, 2, j, c, d)
            work[cell(ROW, j)] = exponent = weights_y[j] - half * square
            matter += np.intp(exponent > cutoff)
    else:
        for j in range(width):
            square = _less_two(work, 0, j, a, b) + _less_two(work, 2, j, c, d)
            square += _less_two(work, 4, j, e, f) + _less_two(work, 6, j, g, h)
            work[cell(ROW, j)] = exponent = weights_y[j] - half * square
            matter += np.intp(exponent > cutoff)
    return matter


@compiled()
def _fill_many(
    x: Any, y: Any, products: Any, i: int, width: int, offset: float, offsets_y: Any, weights_y: Any,
    half: float, cutoff: float, slack: float, reach: float, norms_y: Any, work: Any,
) -> Any:  # fmt: skip
    """Write the exponents of a row, from differences where they matter; return how many matter.

    Products show which may matter, within ``slack``; they may also be NaN or −inf, after an overflow. They
    are good enough where |y|² is at most ``reach``.
    """
    matter, rough = np.intp(0), np.intp(0)
    for j in range(width):
        work[cell(ROW, j)] = exponent = (offset + offsets_y[j]) + 2 * half * products[i, j]
        may = not exponent < cutoff - slack
        matter += np.intp(may)
        rough += np.intp(may and not norms_y[j] <= reach)
    if rough:
        for j in range(width):
            if not norms_y[j] <= reach and not work[cell(ROW, j)] < cutoff - slack:
                work[cell(ROW, j)] = weights_y[j] - half * square_apart(x, i, y, j)
    return matter


@compiled()
def see(points: Any, weights: Any, half: float, center: Any, moved: Any, norms: Any, offsets: Any) -> Any:
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
def see_rows(points: Any, left: Any, around: Any, scratch: Any) -> Any:
    """Write rows, their |x|² and their offsets as seen from the mean of some points; return the largest."""
    center, sizes = scratch.center, scratch.sizes
    fill_mean(around, center[0])
    x, weights = points.raw_x[left], points.weights_x[left]
    return see(x, weights, points.half, center, scratch.rows, sizes[0], sizes[1])


@compiled()
def _all_far(size: float, norms_y: Any, dim: int, reach: float) -> bool:
    """Return whether all pairs are farther apart than ``reach``, squared, where |x|² is at most ``size``."""
    least = norms_y[0]
    for norm in norms_y:
        least = min(least, norm)
    farther, nearer = math.sqrt(least), math.sqrt(size)
    gap = farther - nearer - (dim + 8) * _UNIT * (farther + nearer)  # both are rounded
    return gap > 0 and gap * gap > FARTHER * reach


@compiled()
def fill_row(
    points: Any, x: Any, y: Any, i: int, width: int, weight: float, weights_y: Any, cutoff: float,
    slack: float, products: Any, scratch: Any,
) -> Any:  # fmt: skip
    """Write the exponents of a row, less its weight, so that those above ``cutoff`` are right; count these.

    In few dimensions ``scratch`` holds the coordinates of the columns, otherwise points seen from a center.
    """
    half, work, sizes = points.half, scratch.work, scratch.sizes
    if x.shape[1] <= FEW:
        return _fill_few(x, i, width, weights_y, half, cutoff - weight, work)
    return _fill_many(
        x, y, products, i, width, sizes[1, i] - weight, sizes[3], weights_y, half, cutoff - weight, slack,
        points.gram_limit - sizes[0, i], sizes[2], work,
    )  # fmt: skip


@compiled()
def slack_of(dim: int, half: float, norms: float) -> Any:
    """Return by how much an exponent from products may be off, where |x|² + |y|² is at most ``norms``."""
    return 1 + (dim + 8) * _UNIT * (half * norms)  # infinite where exponents are


@compiled(arrays=True)
def _add_seen(points: Any, left: Any, right: Any, below: int, reach: float, scratch: Any) -> None:
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
        norms += see(y, weights_y, half, center, near_y, sizes[2], sizes[3])
        if not norms <= limit and _all_far(size, sizes[2, :width], dim, reach):
            return
    elif norms <= limit:
        norms += _see_columns(y, weights_y, half, center[0], work, sizes[3])
    if norms <= limit:
        add_tile(
            near_x, near_y, sizes[1, :rows], sizes[3, :width], points.factor, below, norms,
            points.deep_limit, reach, True, products, work, totals,
        )  # fmt: skip
        return
    slack = slack_of(dim, half, norms)
    if dim <= FEW:
        fill_columns(y, work)
    else:
        np.dot(near_x, near_y.T, products)
    cutoff = points.cutoff
    for i in range(rows):
        end, weight = min(width, max(0, below + i)), weights_x[i]
        if fill_row(points, x, y, i, end, weight, weights_y, cutoff, slack, products, scratch):
            if dim > FEW:
                cutoff = max(cutoff, weight + largest(work[cell(ROW, 0) : cell(ROW, 0) + end]) - NEGLIGIBLE)
            for j in range(end):
                totals[j] += exp2(weight + work[cell(ROW, j)])


@compiled()
def _lies_in_clusters(x: Any, centers: Any, limit: float) -> bool:
    """Return whether |x|² is at most ``limit`` in most strips of rows, seen from their means."""
    balance = 0
    for i in range(0, x.shape[0], STRIP):
        strip = x[i : i + STRIP]
        fill_mean(strip, centers[0])
        balance += 1 if largest_norm(strip, centers, limit) <= limit else -1
    return balance >= 0


def add_far(points: Any, left: Any, right: Any, below: int, reach: float, scratch: Any) -> None:
    """Add the powers of a tile of points whose norms are too large, in double precision."""


def _add_double(points: Any, left: Any, right: Any, below: int, reach: float, scratch: Any) -> None:
    first, end, limit, x = left.start, left.stop, points.gram_limit, points.raw_x
    if scratch.last[0] != first or scratch.last[1] != end:  # not the rows of the tile before
        see_rows(points, left, x[left], scratch)
    scratch.last[0], scratch.last[1], step = first, end, end - first
    whole = x.shape[1] <= FEW or largest(scratch.sizes[0, :step]) <= limit
    whole = whole or not _lies_in_clusters(x[left], scratch.columns, limit)
    if not whole:
        scratch.last[0], step = -1, STRIP
    for i in range(first, end, step):
        strip = slice(i, min(end, i + step))
        around = x[strip]
        for _ in range(0 if whole else 2):
            if see_rows(points, strip, around, scratch) <= limit:
                break
            around = points.raw_y[right]  # the columns may lie in one
        _add_seen(points, strip, right, below + i - first, reach, scratch)


@overload(add_far, jit_options=ARRAY_PART)
def _choose_far(
    points: Any, left: Any, right: Any, below: int, reach: float, scratch: Any
) -> Callable[..., None]:
    never = points.types[points.fields.index("exact")] == types.none
    return add_far if never else _add_double  # which takes as long to compile as all the rest
