"""The matrices that integrands read of the points of a tile: products, squared distances, angles."""

from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import cell, largest
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.lanes import LANES, load, store

FEW = 8  # dimensions up to which a loop of fixed length beats BLAS
_UNIT = 2.0**-52
_HUGE = 1e290  # a square whose multiples are in the range of a double


@compiled(inline=True)
def _of_two(columns: Any, d: int, j: int, a: float, b: float) -> Any:
    """Return the products of two coordinates."""
    return a * load(columns, cell(d, j)) + b * load(columns, cell(d + 1, j))


@compiled(inline=True)
def _coordinate(x: Any, i: int, d: int) -> float:
    """Return a coordinate, or 0 beyond the last."""
    return x[i, d] if d < x.shape[1] else 0.0


@compiled(inline=True)
def _less_two(columns: Any, d: int, j: int, a: float, b: float) -> Any:
    """Return the squared differences of two coordinates."""
    p, q = a - load(columns, cell(d, j)), b - load(columns, cell(d + 1, j))
    return p * p + q * q


@compiled(inline=True)
def _row_of_few(
    function: Any, factor: float, dim: int, x: Any, i: int, width: int, gram: Any, columns: Any
) -> None:
    """Store a row of a sum over pairs of axes, padded to 2, 4 or FEW of them, times a factor."""
    a, b, c, o = _coordinate(x, i, 0), _coordinate(x, i, 1), _coordinate(x, i, 2), _coordinate(x, i, 3)
    e, f, g, h = _coordinate(x, i, 4), _coordinate(x, i, 5), _coordinate(x, i, 6), _coordinate(x, i, 7)
    if dim <= 2:
        for j in range(0, width, LANES):
            store(gram, np.uintp(i * width + j), factor * function(columns, 0, j, a, b))
    elif dim <= 4:
        for j in range(0, width, LANES):
            found = function(columns, 0, j, a, b) + function(columns, 2, j, c, o)
            store(gram, np.uintp(i * width + j), factor * found)
    else:
        for j in range(0, width, LANES):
            found = function(columns, 0, j, a, b) + function(columns, 2, j, c, o)
            found = found + (function(columns, 4, j, e, f) + function(columns, 6, j, g, h))
            store(gram, np.uintp(i * width + j), factor * found)


@compiled()
def fill_coordinates(y: Any, columns: Any) -> None:
    """Write the coordinates of points in at most FEW dimensions, padded with zeros, a row for each axis."""
    for d in range(FEW):
        for j in range(y.shape[0]):
            columns[cell(d, j)] = _coordinate(y, j, d)


@compiled()
def gram_of_few(x: Any, y: Any, gram: Any, columns: Any) -> None:
    """Store x_i · y_j of points in at most FEW dimensions, padded to 2, 4 or FEW, in a flat array by rows.

    The last lanes of a row may write over the beginning of the next, which follows, or beyond the last.
    """
    fill_coordinates(y, columns)
    for i in range(x.shape[0]):
        _row_of_few(_of_two, 1.0, x.shape[1], x, i, y.shape[0], gram, columns)


@compiled()
def negative_squares_of_few(x: Any, y: Any, gram: Any, columns: Any) -> None:
    """Store −|x_i − y_j|²/2 in the same way."""
    fill_coordinates(y, columns)
    for i in range(x.shape[0]):
        _row_of_few(_less_two, -0.5, x.shape[1], x, i, y.shape[0], gram, columns)


@compiled(inline=True)
def _apart(x: Any, i: int, y: Any, j: int, k: int) -> Any:
    """Return x_ik − y_jk; a signed index may be negative, which takes as long to see as the difference."""
    p = np.uintp(k)
    return x[np.uintp(i), p] - y[np.uintp(j), p]


@compiled()
def square_apart(x: Any, i: int, y: Any, j: int) -> Any:
    """Return |x_i − y_j|², added in eight lanes whose order is fixed."""
    a = b = c = d = e = f = g = h = 0.0
    dim = x.shape[1]
    for k in range(0, dim - 7, 8):
        a += _apart(x, i, y, j, k) ** 2
        b += _apart(x, i, y, j, k + 1) ** 2
        c += _apart(x, i, y, j, k + 2) ** 2
        d += _apart(x, i, y, j, k + 3) ** 2
        e += _apart(x, i, y, j, k + 4) ** 2
        f += _apart(x, i, y, j, k + 5) ** 2
        g += _apart(x, i, y, j, k + 6) ** 2
        h += _apart(x, i, y, j, k + 7) ** 2
    for k in range(dim - dim % 8, dim):
        a += _apart(x, i, y, j, k) ** 2
    return ((a + e) + (b + f)) + ((c + g) + (d + h))


@compiled()
def _add_mean(points: Any, center: Any) -> None:
    """Add nearly half the mean of some points to a center: the last may count more than once."""
    half, last = 0.5 / points.shape[0], points.shape[0] - 1
    for i in range(0, last, 4):
        j, k, m = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        for d in range(points.shape[1]):
            center[d] += half * ((points[i, d] + points[j, d]) + (points[k, d] + points[m, d]))


@compiled()
def fill_mean(points: Any, center: Any) -> None:
    """Write nearly the mean of some points."""
    for d in range(center.size):
        center[d] = 0.0
    for _ in range(2):
        _add_mean(points, center)


@compiled()
def largest_norm(points: Any, center: Any, most: float) -> Any:
    """Return the largest |p − center|², or one that is not at most ``most``."""
    found = 0.0
    for i in range(points.shape[0]):
        found = max(found, square_apart(points, i, center, 0))
        if not found <= most:
            break
    return found


@compiled(arrays=True)
def good_center(x: Any, y: Any, limit: float) -> Any:
    """Return nearly the mean of the means of two sets of points, and whether it is a good origin.

    That is, whether the sum of the largest |x|² and |y|² seen from there is at most ``limit``.
    """
    center = np.zeros((1, x.shape[1]))
    _add_mean(x, center[0])
    _add_mean(y, center[0])
    norm = largest_norm(x, center, limit)
    return center, norm <= limit and norm + largest_norm(y, center, limit - norm) <= limit


@compiled(arrays=True)
def are_apart(x: Any, y: Any) -> bool:
    """Return whether each of two sets of points is within an eighth of the distance between their means.

    Then |x − y|² is at least half of |x|² + |y|² as seen from the middle, so that it has a relative error of
    some roundings from products, too.
    """
    centers = np.zeros((2, x.shape[1]))
    fill_mean(x, centers[0])
    fill_mean(y, centers[1])
    most = square_apart(centers, 0, centers, 1) / 64
    if not most < _HUGE:
        return False
    return bool(largest_norm(x, centers[:1], most) <= most and largest_norm(y, centers[1:], most) <= most)


@compiled(arrays=True)
def seen_from(points: Any, center: Any) -> Any:
    """Return the points about a center, and the squares of their norms."""
    moved, norms, origin = np.empty(points.shape), np.empty(points.shape[0]), np.zeros((1, points.shape[1]))
    for i in range(points.shape[0]):
        for d in range(points.shape[1]):
            moved[i, d] = points[i, d] - center[0, d]
        norms[i] = square_apart(moved, i, origin, 0)
    return moved, norms


@compiled()
def _subtract_norms(
    products: Any, i: int, width: int, half: float, squares_y: Any, most: float, peaks: Any
) -> None:
    """Turn products into −|x_i − y_j|²/2, and raise the largest of each column that are not above a limit."""
    for j in range(width):
        products[i, j] = found = products[i, j] - (half + 0.5 * squares_y[j])
        peaks[j] = max(peaks[j], found if found <= most else -np.inf)


@compiled()
def _count_above(values: Any, i: int, width: int, least: float) -> Any:
    """Return how many numbers of a row are not below a limit, or not a number."""
    found = np.intp(0)
    for j in range(width):
        found += np.intp(not values[i, j] < least)
    return found


@compiled()
def negative_squares_from_products(
    x: Any, y: Any, squares_x: Any, squares_y: Any, window: float, products: Any, peaks: Any
) -> None:
    """Turn x_i · y_j into −|x_i − y_j|²/2, from differences where pairs are near.

    Others have an error of some roundings of |x|² + |y|². Near are pairs whose square exceeds the least by at
    most ``window``, not counting squares that may be 0, such as of a point and itself.
    """
    rows, width = products.shape
    slack = 2 * (x.shape[1] + 8) * _UNIT * (largest(squares_x) + largest(squares_y))
    for j in range(width):
        peaks[j] = -np.inf
    for i in range(rows):
        _subtract_norms(products, i, width, 0.5 * squares_x[i], squares_y, -slack, peaks)
    least = largest(peaks[:width]) - 0.5 * window - 2 * slack
    for i in range(rows):
        if _count_above(products, i, width, least):
            for j in range(width):
                if not products[i, j] < least:
                    products[i, j] = -0.5 * square_apart(x, i, y, j)


@compiled(inline=True)
def _less_square(point: float, column: float) -> float:
    difference = point - column
    return -0.5 * difference * difference


@compiled(arrays=True)
def gram_of_differences(x: Any, y: Any, sign: float, gram: Any) -> None:
    """Store −|x_i ∓ y_j|²/2, which with norms of 0 replaces the Gram matrix and has no cancellation."""
    dim, m = -(-y.shape[1] // 4) * 4, y.shape[0]
    columns, point = np.zeros((dim, m)), np.zeros(dim)
    for j in range(m):
        for d in range(y.shape[1]):
            columns[d, j] = sign * y[j, d]
    for i in range(x.shape[0]):
        for d in range(x.shape[1]):
            point[d] = x[i, d]
        for j in range(m):
            gram[i, j] = 0.0
        for k in range(0, dim, 4):
            a, b, c, d = point[k], point[k + 1], point[k + 2], point[k + 3]
            for j in range(m):
                first = _less_square(a, columns[k, j]) + _less_square(b, columns[k + 1, j])
                second = _less_square(c, columns[k + 2, j]) + _less_square(d, columns[k + 3, j])
                gram[i, j] += first + second


@compiled(arrays=True)
def units(points: Any) -> Any:
    """Return points of length 1 in the same directions, and 0 for 0."""
    found = np.empty(points.shape)
    for i in range(points.shape[0]):
        square = 0.0
        for d in range(points.shape[1]):
            square += points[i, d] * points[i, d]
        for d in range(points.shape[1]):
            found[i, d] = points[i, d] / np.sqrt(square) if square > 0 else 0.0
    return found


@compiled()
def fill_sines(u: Any, v: Any, sines: Any, spare: Any) -> None:
    """Store sin² of the angles, as |u − v|² |u + v|²/4, without the cancellation of 1 − cos²."""
    gram_of_differences(u, v, 1.0, sines)
    gram_of_differences(u, v, -1.0, spare)
    for i in range(u.shape[0]):
        for j in range(v.shape[0]):
            sines[i, j] *= spare[i, j]
