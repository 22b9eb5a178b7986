"""Arguments of the kernels that travel together, as named tuples, which Numba passes as one argument each.

x and y are the left and the right points of the pairs, n and m of them; for the pairs of one sample y is x.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gaedist.numerics import Array


class Points(NamedTuple):
    """Points as the general tiles take them, in double precision and C order.

    Attributes
    ----------
    x, y : (n, D) and (m, D) arrays
        The points as they are, whose differences are taken.
    centered_x, centered_y : (n, D) and (m, D) arrays
        The same, or the same about a common center, for the Gram matrix.
    norms_x, norms_y : (n,) and (m,) arrays
        Squared norms of the centered points.
    params_x, params_y : (P, n) and (P, m) arrays
        Parameters of each point, log2 of its weight first.
    gram_limit : float
        A tile whose largest |x|² + |y|² exceeds this takes differences instead of the Gram matrix.
    near_limit : float
        A tile whose largest |x|² + |y|² exceeds this is first seen from its own center, if that is nearer.
    window : float
        Terms are negligible where |x − y|² exceeds the least of a tile by more than this.
    """

    x: Array
    y: Array
    centered_x: Array
    centered_y: Array
    norms_x: Array
    norms_y: Array
    params_x: Array
    params_y: Array
    gram_limit: float
    near_limit: float
    window: float


class Scratch(NamedTuple):
    """Memory of one thread for the general tiles.

    Attributes
    ----------
    gram : (1 or 2, TILE²) array
        The Gram matrix, and the sines of angles for an integrand that reads them.
    work : (R TILE,) array
        `tiles.work_rows` rows; the first must be zeros.
    """

    gram: Array
    work: Array


class GaussianPoints(NamedTuple):
    """Points as `gaussian_tiles` takes them; arrays without a type have its precision.

    Attributes
    ----------
    x, y : (n, D) and (m, D) arrays
        The points, seen from near their mean.
    raw_x, raw_y : (n, D) and (m, D) arrays of double
        The points as they are, whose differences are taken.
    offsets_x, offsets_y : (n,) and (m,) arrays
        log2 of the weights, less rate |x|².
    weights_x, weights_y : (n,) and (m,) arrays
        log2 of the weights.
    norms_x, norms_y : (n,) and (m,) arrays of double
        |x|² and |y|².
    factor, half : float
        2 rate and rate, as scalars of this precision.
    gram_limit, deep_limit : float
        Of the largest |x|² + |y|² of a tile: above the first, exponents lose digits; above the second, they
        may be out of range.
    cutoff : float
        Exponent below which terms are negligible, even if all are.
    exact : bool, optional
        None if no tile exceeds the first of these limits.
    boxed : bool
        Whether rows of a tile are left out by the distance from the box around its columns.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    raw_x: Array
    raw_y: Array
    offsets_x: NDArray[Any]
    offsets_y: NDArray[Any]
    weights_x: NDArray[Any]
    weights_y: NDArray[Any]
    norms_x: Array
    norms_y: Array
    factor: Any
    half: Any
    gram_limit: float
    deep_limit: float
    cutoff: float
    exact: bool | None
    boxed: bool


class GaussianScratch(NamedTuple):
    """Memory of one thread for `gaussian_tiles`.

    Attributes
    ----------
    gram, work : (HEIGHT TILE,) and (R TILE,) arrays
        Of the precision of the points, with R = `gaussian_rows.SCRATCH_ROWS`.
    totals : (TILE,) array of double
    rows, columns : (HEIGHT, D) and (TILE, D) arrays of double
        The points of a tile, seen from a center, such as the mean of its rows.
    center : (2, D) array of double
        This center, and the origin.
    sizes : (4, HEIGHT) array of double
        The |x|² of these rows, their offsets, and the same of the columns.
    last : (2,) array of int
        The first of the rows that are seen from their mean, and the one after the last; or −1.
    """

    gram: NDArray[Any]
    work: NDArray[Any]
    totals: Array
    rows: Array
    columns: Array
    center: Array
    sizes: Array
    last: NDArray[np.intp]
