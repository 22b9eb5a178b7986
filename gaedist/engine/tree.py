"""The order of a k-d tree, in which points that are near each other follow each other."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.engine.run.pair_sum import PairSum
from gaedist.numerics import Array

_SEEN = 2048  # points that show along which axis many are spread
_CACHED = 1 << 16  # numbers that stay in a core's second-level cache
_WIDE = 16  # axes from which NumPy reduces rows faster than blocks of them

Order = NDArray[np.intp]
"""Indices of points."""


def ordered(job: PairSum, orders: dict[int, Order] | None = None, *, leaf: int = TILE) -> PairSum:
    """Return the same sum with the points of each sample in the order of a k-d tree; orders are kept."""
    orders = {} if orders is None else orders

    def order_of(x: Array) -> Order:
        if id(x) not in orders:
            orders[id(x)] = tree_order(x, leaf)
        return orders[id(x)]

    order_x = order_of(job.x)
    found = replace(job, x=job.x[order_x], params_x=job.params_x[:, order_x])
    if job.y is None or job.params_y is None:
        return found
    order_y = order_of(job.y)
    return replace(found, y=job.y[order_y], params_y=job.params_y[:, order_y])


def tree_order(x: Array, leaf: int) -> Order:
    """Return the points in an order in which each ``leaf`` of them, and each two, lie in a small box."""
    order, left, pair = np.arange(len(x)), [(0, len(x))], leaf * (HEIGHT // TILE)
    while left:
        start, stop = left.pop()
        if stop - start <= pair:
            continue
        some = order[start : stop : -(-(stop - start) // _SEEN)]
        along = x[order[start:stop], _longest_sides(x[np.newaxis, some])[0]]
        middle = pair * max(1, (stop - start) // (2 * pair))
        order[start:stop] = order[start:stop][np.argpartition(along, middle)]
        left += [(start, start + middle), (start + middle, stop)]
    _arrange(x, order, pair, lambda along: np.argpartition(along, min(leaf, along.shape[1] - 1), axis=1))
    _arrange(x, order, leaf, lambda along: np.argsort(along, axis=1))  # parts, too, lie in small boxes
    return order


def _arrange(x: Array, order: Order, size: int, function: Callable[[Array], Order]) -> None:
    """Order each ``size`` points along the longest side of their box by a function of (blocks, size)."""
    whole = len(order) - len(order) % size
    for some in (order[:whole].reshape(-1, size), order[np.newaxis, whole:]):
        step = max(1, _CACHED // (size * x.shape[1]))
        for start in range(0, len(some) if some.size else 0, step):
            blocks = some[start : start + step]
            points = x[blocks]
            along = np.take_along_axis(points, _longest_sides(points)[:, np.newaxis, np.newaxis], axis=2)
            blocks[:] = np.take_along_axis(blocks, function(along[:, :, 0]), axis=1)


def _longest_sides(points: Array) -> Order:
    """Return the axis along which the box around each block of points, (blocks, size, D), is longest."""
    flat, size = points.reshape(-1, points.shape[2]), points.shape[1]
    sides = extremes(np.maximum, flat, size) - extremes(np.minimum, flat, size)
    return np.asarray(sides.argmax(axis=1))


def extremes(function: np.ufunc, x: Array, size: int) -> Array:
    """Return the least or the largest numbers of blocks of rows, (blocks, …)."""
    if x.ndim == 1 or x.shape[1] < _WIDE:
        return np.asarray(function.reduceat(x, np.arange(0, len(x), size)))
    whole = len(x) - len(x) % size
    found = [function.reduce(x[:whole].reshape(-1, size, x.shape[1]), axis=1)]
    if whole < len(x):
        found.append(function.reduce(x[whole:], axis=0, keepdims=True))
    return np.concatenate(found)
