"""Sums over tiles of several profiles at once, from one look at each tile.

``profile_tiles`` is the entry point, beside those of `tiles`.
"""

from typing import Any

import numba

from gaedist.engine.compiled.arithmetic import compiled, total
from gaedist.engine.compiled.profiles import ROWS, add_profile, fill_squares
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.compiled.tiles import open_tile, position


@compiled()
def _sum_profiles(
    codes: Any,
    numbers: Any,
    tile: Any,
    rows: int,
    width: int,
    triangle: bool,
    exact: bool,
    work: Any,
    totals: Any,
    sums: Any,
) -> None:
    """Store the sum of each profile over a tile, or the part of it below the diagonal."""
    stride = numbers.size // codes.size
    for j in range(totals.size):
        totals[j] = 0.0
    for i in range(rows):
        end = i if triangle else width
        fill_squares(tile, i, end, exact, work)
        for q in range(codes.size):
            add_profile(codes[q], numbers, q * stride, end, work, totals, q)
    for q in range(codes.size):
        sums[q] = total(totals[q * TILE : (q + 1) * TILE], width)


@compiled(parallel=True, cache=True)
def profile_tiles(
    codes: Any,
    numbers: Any,
    x: Any,
    y: Any,
    centered_x: Any,
    centered_y: Any,
    norms_x: Any,
    norms_y: Any,
    params_x: Any,
    params_y: Any,
    gram_limit: float,
    symmetric: bool,
    first: int,
    partial: Any,
    gram: Any,
    work: Any,
) -> None:
    """Fill partial[k, q] with the sum of profile q over tile first + k, as `sum_tiles` does.

    codes (Q,) are those of `integrands.Shape`, and numbers what `integrands.ProfileNumbers` says, as many for
    each of them.
    """
    columns = (y.shape[0] + TILE - 1) // TILE
    for k in numba.prange(partial.shape[0]):
        row, column = position(first + k, symmetric, columns)
        own = work[numba.get_thread_id()]
        tile, exact, rows, width = open_tile(
            True, False, x, y, centered_x, centered_y, norms_x, norms_y, params_x, params_y,
            gram_limit, row * TILE, column * TILE, gram[numba.get_thread_id()], own,
        )  # fmt: skip
        totals = own[own.size - codes.size * TILE :]
        work_rows = own[own.size - (ROWS + codes.size) * TILE : own.size - codes.size * TILE]
        _sum_profiles(
            codes, numbers, tile, rows, width, symmetric and row == column, exact, work_rows, totals,
            partial[k],
        )  # fmt: skip
