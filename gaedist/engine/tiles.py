"""All compiled code of gaedist: sums over tiles of the matrix of pairs.

``sum_tiles`` is the one entry point. For each tile it makes a Gram matrix: by BLAS, by a loop where there
are few dimensions, or from differences where rounding would tell. The integrand's tile function adds every
row of it to a vector of column totals, which are added last. Such sums are vectorised without being
reordered, so that the same tile has the same bits in every run. A new integrand is a code and a tile
function.

Everything compiled is in this file because Numba's cache notices edits in no other (shared options and
callees included), and nothing is made by a factory because a closure never hits that cache.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])

TILE = 256  # points a side: 512 KiB of doubles stay in a core's second-level cache
FEW = 8  # dimensions up to which a loop of fixed length beats BLAS

WORK_ROWS = 4 + FEW
"""Rows of TILE numbers that each thread needs as scratch: zeros, offsets, totals, a point, and columns."""

GAUSSIAN = 0
"""w_i v_j 2^(−rate |x_i − y_j|²) with params (log2 of the weight,) and constants (rate,)."""

INTEGRANDS = {"gaussian": GAUSSIAN}
"""Name → code of the tile function."""

_MAGIC = 1.5 * 2.0**52  # y + _MAGIC has the integer nearest to y in its last bits
_LOWEST = -1022.0  # the exponent of the least normal double

# 2^f on [−½, ½]: mpmath.chebyfit(lambda f: mpf(2) ** f, [-0.5, 0.5], 12) with 40 digits.
_C0 = 1.0
_C1 = 0.6931471805599453
_C2 = 0.24022650695910158
_C3 = 0.055504108664821625
_C4 = 0.009618129107587256
_C5 = 0.001333355814640647
_C6 = 0.00015403530463724353
_C7 = 1.5252733841556773e-05
_C8 = 1.3215432535912375e-06
_C9 = 1.0178057087733941e-07
_C10 = 7.074194297288521e-09
_C11 = 4.4558179083360645e-10


class _ForgivingCache(FunctionCache):
    """Numba's cache on disk, except that a damaged file or a full disk never stops a run."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # unpickling random bytes can raise anything
            with contextlib.suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)


def _compiled(*, parallel: bool = False, cache: bool = False) -> Callable[[F], F]:
    """Numba's options, in one place.

    Multiplications and additions may fuse, but nothing is reordered: a compiler that is free to reorder a
    sum gives other bits to code from the cache than to the same code just compiled. error_model="numpy"
    leaves out Python's check for division by zero, which keeps loops scalar. Only the entry point is
    cached: what it calls is compiled into it.
    """

    def compile_(function: F) -> F:
        dispatcher = numba.njit(fastmath={"contract"}, parallel=parallel, error_model="numpy")(function)
        if cache:
            with contextlib.suppress(RuntimeError):  # no folder for the cache can be written
                dispatcher._cache = _ForgivingCache(function)
        return cast(F, dispatcher)

    return compile_


@intrinsic
def _bits(_context: Any, value: Any) -> Any:
    """Return the 64 bits of a double as an integer."""

    def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _double(_context: Any, bits: Any) -> Any:
    """Return the double that has these 64 bits."""

    def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@_compiled()
def _exp2(y: float) -> Any:
    """Return 2^y for y < 1024, and 2^−1022 for y below that; relative error at most 2.3e-16."""
    y = max(y, _LOWEST)
    shifted = y + _MAGIC
    f = y - (shifted - _MAGIC)
    p = _C11
    p = p * f + _C10
    p = p * f + _C9
    p = p * f + _C8
    p = p * f + _C7
    p = p * f + _C6
    p = p * f + _C5
    p = p * f + _C4
    p = p * f + _C3
    p = p * f + _C2
    p = p * f + _C1
    p = p * f + _C0
    return _double(_bits(p) + (_bits(shifted) << 52))


@_compiled()
def _gaussian(
    gram: Any,
    norms_x: Any,
    norms_y: Any,
    params_x: Any,
    params_y: Any,
    constants: Any,
    shift: float,
    triangle: bool,
    peak: bool,
    offsets: Any,
    totals: Any,
) -> None:
    """Implements the pair terms of Eqs. (5) and (7) for constant σ, as powers of two."""
    rate = constants[0]
    rows, columns = gram.shape
    for j in range(columns):
        offsets[j] = params_y[0, j] - rate * norms_y[j]
    for i in range(rows):
        start = params_x[0, i] - rate * norms_x[i] + shift
        width = i if triangle else columns
        if peak:
            for j in range(width):
                totals[j] = max(totals[j], (start + offsets[j]) + 2 * rate * gram[i, j])
        else:
            for j in range(width):
                totals[j] += _exp2((start + offsets[j]) + 2 * rate * gram[i, j])


@_compiled()
def _gram_of_few(x: Any, y: Any, gram: Any, point: Any, columns: Any) -> None:
    """Store x_i · y_j of points in at most FEW dimensions, padded to FEW with zeros."""
    dim = x.shape[1]
    point[:FEW] = 0.0
    columns[:] = 0.0
    for d in range(dim):
        for j in range(y.shape[0]):
            columns[d, j] = y[j, d]
    for i in range(x.shape[0]):
        for d in range(dim):
            point[d] = x[i, d]
        for j in range(y.shape[0]):
            product = 0.0
            for d in range(FEW):  # unrolled, so that the loop over j is the one that is vectorised
                product += point[d] * columns[d, j]
            gram[i, j] = product


@_compiled()
def _gram_of_differences(x: Any, y: Any, gram: Any) -> None:
    """Store −|x_i − y_j|²/2, which beside zero norms stands for the Gram matrix without its rounding."""
    columns = y.T.copy()
    gram[:] = 0.0
    for i in range(x.shape[0]):
        for d in range(x.shape[1]):
            for j in range(y.shape[0]):
                difference = x[i, d] - columns[d, j]
                gram[i, j] -= 0.5 * difference * difference


@_compiled()
def _largest(values: Any) -> Any:
    largest = values[0]
    for value in values:
        largest = max(largest, value)
    return largest


@_compiled()
def _sum(values: Any) -> Any:
    total = 0.0
    for value in values:
        total += value
    return total


@_compiled()
def _position(tile: int, symmetric: bool, columns: int) -> tuple[int, int]:
    """Return the row and column of a tile, in the lower triangle if the matrix is symmetric."""
    if not symmetric:
        return tile // columns, tile % columns
    row = int((np.sqrt(8.0 * tile + 1.0) - 1.0) / 2.0)
    while row * (row + 1) // 2 > tile:
        row -= 1
    while (row + 1) * (row + 2) // 2 <= tile:
        row += 1
    return row, tile - row * (row + 1) // 2


@_compiled(parallel=True, cache=True)
def sum_tiles(
    integrand: int,
    x: Any,
    y: Any,
    centered_x: Any,
    centered_y: Any,
    norms_x: Any,
    norms_y: Any,
    params_x: Any,
    params_y: Any,
    constants: Any,
    shift: float,
    gram_limit: float,
    symmetric: bool,
    peak: bool,
    first: int,
    partial: Any,
    gram: Any,
    work: Any,
) -> None:
    """Fill partial[k] with the sum, or the largest exponent, over tile first + k.

    x (n, D), y (m, D), the same about a common center, the squared norms of these (n,), (m,) and the
    parameters (P, n), (P, m); gram (threads, TILE²) and work (threads, WORK_ROWS, TILE) are scratch, zeros
    in the first row of each thread's work. A tile whose largest |x|² + |y|² exceeds gram_limit takes
    differences of x and y instead of the Gram matrix of the centered ones.
    """
    n, m = x.shape[0], y.shape[0]
    columns = (m + TILE - 1) // TILE
    for k in numba.prange(partial.shape[0]):
        row, column = _position(first + k, symmetric, columns)
        i, j = row * TILE, column * TILE
        i_end, j_end = min(i + TILE, n), min(j + TILE, m)
        here = numba.get_thread_id()
        tile = gram[here, : (i_end - i) * (j_end - j)].reshape((i_end - i, j_end - j))
        zeros, offsets, totals = work[here, 0], work[here, 1], work[here, 2, : j_end - j]
        squares_x, squares_y = norms_x[i:i_end], norms_y[j:j_end]
        if _largest(squares_x) + _largest(squares_y) <= gram_limit:
            if x.shape[1] <= FEW:
                _gram_of_few(centered_x[i:i_end], centered_y[j:j_end], tile, work[here, 3], work[here, 4:])
            else:
                np.dot(centered_x[i:i_end], centered_y[j:j_end].T, tile)
        else:
            _gram_of_differences(x[i:i_end], y[j:j_end], tile)
            squares_x, squares_y = zeros[: i_end - i], zeros[: j_end - j]
        totals[:] = -np.inf if peak else 0.0
        if integrand == GAUSSIAN:
            _gaussian(
                tile,
                squares_x,
                squares_y,
                params_x[:, i:i_end],
                params_y[:, j:j_end],
                constants,
                shift,
                symmetric and row == column,
                peak,
                offsets,
                totals,
            )
        partial[k] = _largest(totals) if peak else _sum(totals)
