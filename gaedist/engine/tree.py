"""The order of a k-d tree, in which points that are near each other follow each other."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.engine.run.pair_sum import PairSum
from gaedist.numerics import Array

_SEEN = 2048  # points that show along which axis many are spread
_WIDE = 16  # axes from which NumPy reduces rows faster than blocks of them

Order = NDArray[np.intp]
"""Indices of points."""


def ordered(job: PairSum, orders: dict[int, Order] | None = None, *, leaf: int = TILE) -> PairSum:
    """Return the same sum with the points of each sample in the order of a k-d tree; orders are kept."""
    orders = {} if orders is None else orders

    def order_of(x: Array) -> Order:
        if id(x) not in orders:
            orders[id(x)] = _tree_order(x, leaf)
        return orders[id(x)]

    order_x = order_of(job.x)
    found = replace(job, x=job.x[order_x], params_x=job.params_x[:, order_x])
    if job.y is None or job.params_y is None:
        return found
    order_y = order_of(job.y)
    return replace(found, y=job.y[order_y], params_y=job.params_y[:, order_y])


def _longest_side(x: Array, order: Order) -> int:
    """Return the axis along which the box around some points, of many a part, is longest."""
    some = x[order[:: -(-len(order) // _SEEN)]]
    sides = extremes(np.maximum, some, len(some))[0] - extremes(np.minimum, some, len(some))[0]
    return int(np.argmax(sides))


def _tree_order(x: Array, leaf: int) -> Order:
    """Return the points in an order in which each ``leaf`` of them, and each two, lie in a small box."""
    order, left, pair = np.arange(len(x)), [(0, len(x))], leaf * (HEIGHT // TILE)
    while left:
        start, stop = left.pop()
        along = x[order[start:stop], _longest_side(x, order[start:stop])]
        if stop - start <= leaf:  # parts of a leaf, too, lie in small boxes
            order[start:stop] = order[start:stop][np.argsort(along)]
            continue
        unit = pair if stop - start > pair else leaf
        middle = unit * max(1, (stop - start) // (2 * unit))
        order[start:stop] = order[start:stop][np.argpartition(along, middle)]
        left += [(start, start + middle), (start + middle, stop)]
    return order


def extremes(function: np.ufunc, x: Array, size: int) -> Array:
    """Return the least or the largest numbers of blocks of rows, (blocks, …)."""
    if x.ndim == 1 or x.shape[1] < _WIDE:
        return np.asarray(function.reduceat(x, np.arange(0, len(x), size)))
    whole = len(x) - len(x) % size
    found = [function.reduce(x[:whole].reshape(-1, size, x.shape[1]), axis=1)]
    if whole < len(x):
        found.append(function.reduce(x[whole:], axis=0, keepdims=True))
    return np.concatenate(found)
