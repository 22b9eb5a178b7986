"""The integrand of full covariance matrices: a factorisation A = L diag(p) Lᵀ per pair, several side by side.

U = L diag(p) is made four columns at a time: first a block on the diagonal, then the rows below, some at a
time; both stay in registers while products with the columns before are subtracted. x − y is one more row, of
which U has L⁻¹ (x − y).

The scratch holds the parameters of the left points of a block; then, in lanes: U, 1/p, four rows of L column
by column, and A⁻¹.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload

from gaedist.engine.compiled.arithmetic import cell, log2_and_inverse, packed_by, split
from gaedist.engine.compiled.integrands import LargeFull
from gaedist.engine.compiled.jit import PART, compiled
from gaedist.engine.compiled.lanes import FEWER_LANES, LANES, in_lanes, lanes_of, spread_like
from gaedist.numerics import HALF_LOG2_E

_ROWS = 4
"""Rows of a block, which share what is read of the columns while it is in the first-level cache."""


def full_block(kind: Any, tile: Any, i: int, width: int) -> int:
    """Write the exponents of _ROWS rows from i on; return their number."""
    rows = min(_ROWS, tile.rows - i)
    for r in range(rows):
        _copy_own(kind, tile, i + r, r)
    for j in range(0, width, lanes_of(kind)):
        for r in range(rows):
            _fill_exponents(kind, tile, r, j)
    return _ROWS


def full_row(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    """Fill a row for full covariances, by Eq. (3) and the factorisation of A = Σ + Γ.

    The derivatives are the lower triangle of ∂ log N/∂Σ = ½ (z zᵀ − A⁻¹), with z = A⁻¹ (x − y).
    """
    _copy_own(kind, tile, i, 0)
    for j in range(0, width, lanes_of(kind)):
        _fill_exponents(kind, tile, 0, j)
        if gradient:
            memory = _memory(kind, tile)
            _invert(kind.dim, memory)
            _fill_derivatives(kind, memory, tile.out, j)


@compiled(inline=True)
def _memory(kind: Any, tile: Any) -> Any:
    """Return the part of the scratch that is in lanes."""
    return in_lanes(kind, tile.scratch, np.uintp(-(-_ROWS * (1 + _lower(kind.dim, kind.dim)) // 8) * 8))


@compiled(inline=True)
def _lower(row: int, column: int) -> int:
    """Return the index of an element in a lower triangle stored row by row."""
    return row * (row + 1) // 2 + column


@compiled(inline=True)
def _inverse(dim: int) -> int:
    """Return where 1/p is: after U."""
    return _lower(dim + 1, 0)


@compiled(inline=True)
def _scaled(dim: int) -> int:
    """Return where four rows of L are, column by column: after 1/p."""
    return _inverse(dim) + dim


@compiled(inline=True)
def _copy_own(kind: Any, tile: Any, i: int, r: int) -> None:
    """Copy the parameters of left point i, which is that of row r."""
    lanes, count = lanes_of(kind), 1 + _lower(kind.dim, kind.dim)
    for k in range(count):
        tile.scratch[np.uintp(r * count + k)] = tile.params_x[packed_by(lanes, count, k, i)]


@compiled()
def _fill_exponents(kind: Any, tile: Any, r: int, j: int) -> None:
    """Write the exponents of pairs of row r from j on."""
    dim, count = kind.dim, 1 + _lower(kind.dim, kind.dim)
    memory = _memory(kind, tile)
    columns = in_lanes(kind, tile.params_y, packed_by(lanes_of(kind), count, 0, j))
    both, start = (tile.scratch, np.uintp(r * count), columns), 0
    if kind.span >= 3:
        start = dim // 4 * 4
        for c in range(0, start, 4):
            _fill_four_columns(kind, both, memory, c)
    for c in range(start, dim - 1, 2):
        _fill_two_columns(dim, kind.span, both, memory, c)
    if dim % 2:
        _fill_last_column(dim, both, memory)
    log, form = _log_and_form(dim, kind.span, memory)
    exponents = in_lanes(kind, tile.out, cell(r, j))
    exponents[0] = _parameter(both, 0) + 0.5 * (log + kind.log2_typical) - HALF_LOG2_E * form


@compiled(inline=True)
def _parameter(both: Any, k: int) -> Any:
    """Return the sums of parameter k of the left point and of each right point."""
    left, start, columns = both
    return left[start + np.uintp(k)] + columns[k]


@compiled(inline=True)
def _element(both: Any, k: int) -> Any:
    """Return element k of the lower triangle of A, whose row dim is x − y."""
    return _parameter(both, 1 + k)


@compiled(inline=True)
def _two_inverses(p: Any, u: Any, q: Any) -> Any:
    """Return the inverses of the pivots of [[p, u], [u, q]], which share a division."""
    determinant = p * q - u * u
    over = 1.0 / (p * determinant)
    return determinant * over, p * p * over


@compiled(inline=True)
def _fill_four_columns(kind: Any, both: Any, memory: Any, c: int) -> None:
    """Write four columns of U and their 1/p."""
    dim = kind.dim
    inverse, scaled = _inverse(dim), _scaled(dim)
    i0, i1, i2, i3 = _lower(c, 0), _lower(c + 1, 0), _lower(c + 2, 0), _lower(c + 3, 0)
    a0 = _element(both, i0 + c)
    b0, b1 = _element(both, i1 + c), _element(both, i1 + c + 1)
    d0, d1, d2 = _element(both, i2 + c), _element(both, i2 + c + 1), _element(both, i2 + c + 2)
    e0, e1, e2, e3 = _four_elements(both, i3 + c)
    for k in range(c):
        over = memory[inverse + k]
        s, t, v, w = memory[i0 + k], memory[i1 + k], memory[i2 + k], memory[i3 + k]
        z = s * over
        memory[scaled + 4 * k] = z
        a0, b0, d0, e0 = a0 - z * s, b0 - z * t, d0 - z * v, e0 - z * w
        z = t * over
        memory[scaled + 4 * k + 1] = z
        b1, d1, e1 = b1 - z * t, d1 - z * v, e1 - z * w
        z = v * over
        memory[scaled + 4 * k + 2] = z
        d2, e2 = d2 - z * v, e2 - z * w
        z = w * over
        memory[scaled + 4 * k + 3] = z
        e3 = e3 - z * w
    p0, p1 = _two_inverses(a0, b0, b1)
    f10, f20, f30 = b0 * p0, d0 * p0, e0 * p0  # L within the block
    d1, e1 = d1 - d0 * f10, e1 - e0 * f10
    f21, f31 = d1 * p1, e1 * p1
    d2, e2 = d2 - d0 * f20 - d1 * f21, e2 - e0 * f20 - e1 * f21
    e3 = e3 - e0 * f30 - e1 * f31
    p2, p3 = _two_inverses(d2, e2, e3)
    _store_four(memory, inverse + c, (p0, p1, p2, p3))
    memory[i1 + c] = b0  # these are for A⁻¹
    memory[i2 + c] = d0
    memory[i2 + c + 1] = d1
    memory[i3 + c] = e0
    memory[i3 + c + 1] = e1
    memory[i3 + c + 2] = e2
    block = f10, f20, f21, f30, f31, e2 * p2
    r = _fill_rows(kind, both, memory, c, block)
    while r <= dim:
        a = _four_elements(both, _lower(r, c))
        for k in range(c):
            a = _less(a, memory[_lower(r, k)], _four(memory, scaled + 4 * k))
        _finish_row(memory, _lower(r, c), a, block)
        r += 1


def _fill_rows(kind: Any, both: Any, memory: Any, c: int, block: Any) -> int:
    """Write rows of four columns of U, as many together as stay in registers; return the row after them."""
    return 0


def _fill_twos(kind: Any, both: Any, memory: Any, c: int, block: Any) -> int:
    scaled, r = _scaled(kind.dim), c + 4
    while r < kind.dim:
        i0, i1 = _lower(r, 0), _lower(r + 1, 0)
        a, b = _four_elements(both, i0 + c), _four_elements(both, i1 + c)
        for k in range(c):
            z = _four(memory, scaled + 4 * k)
            a, b = _less(a, memory[i0 + k], z), _less(b, memory[i1 + k], z)
        _finish_row(memory, i0 + c, a, block)
        _finish_row(memory, i1 + c, b, block)
        r += 2
    return r


def _fill_fours(kind: Any, both: Any, memory: Any, c: int, block: Any) -> int:
    scaled, r = _scaled(kind.dim), c + 4
    while r + 2 < kind.dim:
        i0, i1, i2, i3 = _lower(r, 0), _lower(r + 1, 0), _lower(r + 2, 0), _lower(r + 3, 0)
        a, b = _four_elements(both, i0 + c), _four_elements(both, i1 + c)
        d, e = _four_elements(both, i2 + c), _four_elements(both, i3 + c)
        for k in range(c):
            z = _four(memory, scaled + 4 * k)
            a, b = _less(a, memory[i0 + k], z), _less(b, memory[i1 + k], z)
            d, e = _less(d, memory[i2 + k], z), _less(e, memory[i3 + k], z)
        _finish_row(memory, i0 + c, a, block)
        _finish_row(memory, i1 + c, b, block)
        _finish_row(memory, i2 + c, d, block)
        _finish_row(memory, i3 + c, e, block)
        r += 4
    return r


@overload(_fill_rows, jit_options=PART)
def _fill_rows_of(kind: Any, both: Any, memory: Any, c: int, block: Any) -> Callable[..., int]:
    fits = getattr(kind, "instance_class", None) is LargeFull and LANES > FEWER_LANES
    return _fill_fours if fits else _fill_twos


@compiled(inline=True)
def _less(row: Any, u: Any, factors: Any) -> Any:
    """Return four numbers of a row, less products with one column."""
    (a, b, d, e), (w, x, y, z) = row, factors
    return a - w * u, b - x * u, d - y * u, e - z * u


@compiled(inline=True)
def _finish_row(memory: Any, k: int, row: Any, block: Any) -> None:
    """Write four numbers of a row, less products with those before within the block."""
    (a, b, d, e), (f10, f20, f21, f30, f31, f32) = row, block
    b = b - a * f10
    d = d - a * f20 - b * f21
    _store_four(memory, k, (a, b, d, e - a * f30 - b * f31 - d * f32))


@compiled(inline=True)
def _four_elements(both: Any, k: int) -> Any:
    """Return elements k to k + 3 of the lower triangle of A."""
    return _element(both, k), _element(both, k + 1), _element(both, k + 2), _element(both, k + 3)


@compiled(inline=True)
def _four(memory: Any, k: int) -> Any:
    """Return four numbers that are one after the other."""
    return memory[k], memory[k + 1], memory[k + 2], memory[k + 3]


@compiled(inline=True)
def _store_four(memory: Any, k: int, row: Any) -> None:
    """Write four numbers one after the other."""
    memory[k], memory[k + 1], memory[k + 2], memory[k + 3] = row


@compiled(inline=True)
def _fill_two_columns(dim: int, span: int, both: Any, memory: Any, c: int) -> None:
    """Write two columns of U and their 1/p."""
    inverse, i0, i1 = _inverse(dim), _lower(c, 0), _lower(c + 1, 0)
    p, u, q = _element(both, i0 + c), _element(both, i1 + c), _element(both, i1 + c + 1)
    for k in range(c):
        s, t, over = memory[i0 + k], memory[i1 + k], memory[inverse + k]
        x = s * over
        p, u, q = p - s * x, u - t * x, q - t * (t * over)
    if span >= 3:
        x, y = _two_inverses(p, u, q)
    else:
        x = 1.0 / p
        y = 1.0 / (q - u * (u * x))
    memory[inverse + c] = x
    memory[inverse + c + 1] = y
    memory[i1 + c] = u  # which A⁻¹ needs
    u = u * x
    for r in range(c + 2, dim + 1):
        low = _lower(r, 0)
        a, b = _element(both, low + c), _element(both, low + c + 1)
        for k in range(c):
            s = memory[low + k] * memory[inverse + k]
            a, b = a - s * memory[i0 + k], b - s * memory[i1 + k]
        memory[low + c] = a
        memory[low + c + 1] = b - a * u


@compiled(inline=True)
def _fill_last_column(dim: int, both: Any, memory: Any) -> None:
    """Write the last column of U, and its 1/p."""
    inverse, c = _inverse(dim), dim - 1
    i0, i1 = _lower(c, 0), _lower(dim, 0)
    p, u = _element(both, i0 + c), _element(both, i1 + c)
    for k in range(c):
        s = memory[i0 + k]
        x = s * memory[inverse + k]
        p, u = p - s * x, u - memory[i1 + k] * x
    memory[inverse + c] = 1.0 / p
    memory[i1 + c] = u


@compiled(inline=True)
def _log_and_form(dim: int, span: int, memory: Any) -> Any:
    """Return −log2 |A|, and (x − y)ᵀ A⁻¹ (x − y)."""
    inverse, last = _inverse(dim), _lower(dim, 0)
    product, log = spread_like(1.0, memory[inverse]), spread_like(0.0, memory[inverse])
    form = log
    for start in range(0, dim, span):
        if start > 0:
            product, more = split(product)
            log = log + more
        for k in range(start, min(start + span, dim)):
            over, u = memory[inverse + k], memory[last + k]
            product, form = product * over, form + u * u * over
    return log + log2_and_inverse(product)[0], form


@compiled()
def _invert(dim: int, memory: Any) -> None:
    """Replace the last row of U by z = A⁻¹ (x − y), and write A⁻¹ after all.

    The upper triangle of Lᵀ A⁻¹ = diag(p)⁻¹ L⁻¹ is known: 1/p on the diagonal, 0 above. It gives the rows of
    A⁻¹ from the last to the first.
    """
    last, inverse = _lower(dim, 0), _inverse(dim)
    found = _scaled(dim) + 4 * dim
    for c in range(dim - 1, -1, -1):
        over = memory[inverse + c]
        for r in range(dim - 1, c, -1):
            a = spread_like(0.0, over)
            for k in range(c + 1, r):
                a = a - memory[_lower(k, c)] * memory[found + _lower(r, k)]
            for k in range(r, dim):
                a = a - memory[_lower(k, c)] * memory[found + _lower(k, r)]
            memory[found + _lower(r, c)] = a * over
        z, a = memory[last + c], spread_like(1.0, over)
        for k in range(c + 1, dim):
            u = memory[_lower(k, c)]
            z, a = z - u * memory[last + k], a - u * memory[found + _lower(k, c)]
        memory[last + c] = z * over
        memory[found + _lower(c, c)] = a * over


@compiled()
def _fill_derivatives(kind: Any, memory: Any, out: Any, j: int) -> None:
    """Write the lower triangle of ½ (z zᵀ − A⁻¹)."""
    dim = kind.dim
    last, inverse = _lower(dim, 0), _scaled(dim) + 4 * dim
    for r in range(dim):
        z = memory[last + r]
        for c in range(r + 1):
            k = _lower(r, c)
            row = in_lanes(kind, out, cell(1 + k, j))
            row[0] = 0.5 * (z * memory[last + c] - memory[inverse + k])
