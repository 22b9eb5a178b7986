"""The integrand of full covariance matrices: a factorisation A = L diag(p) Lᵀ per pair, LANES side by side.

U = L diag(p) is made four columns at a time: first a block on the diagonal, then the rows below, two at a
time; both stay in registers while products with the columns before are subtracted. x − y is one more row, of
which U has L⁻¹ (x − y). Each number of these pairs is in consecutive numbers of the scratch.
"""

from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import cell, log2_and_inverse, packed, split
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.lanes import LANES, at, load, spread, store
from gaedist.numerics import HALF_LOG2_E

_ROWS = 4
"""Rows of a block, which share what is read of the columns while it is in the first-level cache."""


def full_block(kind: Any, tile: Any, i: int, width: int) -> int:
    """Write the exponents of _ROWS rows from i on; return their number."""
    rows = min(_ROWS, tile.rows - i)
    for r in range(rows):
        _copy_own(kind.dim, tile, i + r, r)
    for j in range(0, width, LANES):
        for r in range(rows):
            _fill_exponents(kind, tile, r, j)
    return _ROWS


def full_row(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    """Fill a row for full covariances, by Eq. (3) and the factorisation of A = Σ + Γ.

    The derivatives are the lower triangle of ∂ log N/∂Σ = ½ (z zᵀ − A⁻¹), with z = A⁻¹ (x − y).
    """
    _copy_own(kind.dim, tile, i, 0)
    for j in range(0, width, LANES):
        _fill_exponents(kind, tile, 0, j)
        if gradient:
            _invert(kind.dim, tile.scratch)
            _fill_derivatives(kind.dim, tile.scratch, tile.out, j)


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
def _own(dim: int, r: int) -> Any:
    """Return where the parameters of the left point of row r begin: after A⁻¹, which comes after L."""
    return at(_scaled(dim) + 4 * dim + _lower(dim, 0)) + np.uintp(r * (1 + _lower(dim, dim)))


@compiled(inline=True)
def _copy_own(dim: int, tile: Any, i: int, r: int) -> None:
    """Copy the parameters of left point i, which is that of row r."""
    count, own = 1 + _lower(dim, dim), _own(dim, r)
    for k in range(count):
        tile.scratch[own + np.uintp(k)] = tile.params_x[packed(count, k, i)]


@compiled()
def _fill_exponents(kind: Any, tile: Any, r: int, j: int) -> None:
    """Write the exponents of LANES pairs of row r."""
    dim, own, start = kind.dim, _own(kind.dim, r), 0
    if kind.span >= 3:
        start = dim // 4 * 4
        for c in range(0, start, 4):
            _fill_four_columns(dim, tile, own, j, c)
    for c in range(start, dim - 1, 2):
        _fill_two_columns(dim, kind.span, tile, own, j, c)
    if dim % 2:
        _fill_last_column(dim, tile, own, j)
    log, form = _log_and_form(dim, kind.span, tile.scratch)
    weight = tile.scratch[own] + load(tile.params_y, packed(1 + _lower(dim, dim), 0, j))
    store(tile.out, cell(r, j), weight + 0.5 * (log + kind.log2_typical) - HALF_LOG2_E * form)


@compiled(inline=True)
def _element(dim: int, tile: Any, own: Any, j: int, k: int) -> Any:
    """Return element k of the lower triangle of A, whose row dim is x − y."""
    count = 1 + _lower(dim, dim)
    return tile.scratch[own + np.uintp(1 + k)] + load(tile.params_y, packed(count, 1 + k, j))


@compiled(inline=True)
def _two_inverses(p: Any, u: Any, q: Any) -> Any:
    """Return the inverses of the pivots of [[p, u], [u, q]], which share a division."""
    determinant = p * q - u * u
    over = 1.0 / (p * determinant)
    return determinant * over, p * p * over


@compiled(inline=True)
def _fill_four_columns(dim: int, tile: Any, own: Any, j: int, c: int) -> None:
    """Write four columns of U and their 1/p."""
    memory, inverse, scaled = tile.scratch, _inverse(dim), _scaled(dim)
    i0, i1, i2, i3 = _lower(c, 0), _lower(c + 1, 0), _lower(c + 2, 0), _lower(c + 3, 0)
    a0 = _element(dim, tile, own, j, i0 + c)
    b0, b1 = _element(dim, tile, own, j, i1 + c), _element(dim, tile, own, j, i1 + c + 1)
    d0, d1 = _element(dim, tile, own, j, i2 + c), _element(dim, tile, own, j, i2 + c + 1)
    d2 = _element(dim, tile, own, j, i2 + c + 2)
    e0, e1, e2, e3 = _four_elements(dim, tile, own, j, i3 + c)
    for k in range(c):
        over = load(memory, at(inverse + k))
        s, t = load(memory, at(i0 + k)), load(memory, at(i1 + k))
        v, w = load(memory, at(i2 + k)), load(memory, at(i3 + k))
        z = s * over
        store(memory, at(scaled + 4 * k), z)
        a0, b0, d0, e0 = a0 - z * s, b0 - z * t, d0 - z * v, e0 - z * w
        z = t * over
        store(memory, at(scaled + 4 * k + 1), z)
        b1, d1, e1 = b1 - z * t, d1 - z * v, e1 - z * w
        z = v * over
        store(memory, at(scaled + 4 * k + 2), z)
        d2, e2 = d2 - z * v, e2 - z * w
        z = w * over
        store(memory, at(scaled + 4 * k + 3), z)
        e3 = e3 - z * w
    p0, p1 = _two_inverses(a0, b0, b1)
    f10, f20, f30 = b0 * p0, d0 * p0, e0 * p0  # L within the block
    d1, e1 = d1 - d0 * f10, e1 - e0 * f10
    f21, f31 = d1 * p1, e1 * p1
    d2, e2 = d2 - d0 * f20 - d1 * f21, e2 - e0 * f20 - e1 * f21
    e3 = e3 - e0 * f30 - e1 * f31
    p2, p3 = _two_inverses(d2, e2, e3)
    f32 = e2 * p2
    _store_four(memory, inverse + c, p0, p1, p2, p3)
    store(memory, at(i1 + c), b0)  # these are for A⁻¹
    store(memory, at(i2 + c), d0)
    store(memory, at(i2 + c + 1), d1)
    store(memory, at(i3 + c), e0)
    store(memory, at(i3 + c + 1), e1)
    store(memory, at(i3 + c + 2), e2)
    for r in range(c + 4, dim, 2):
        i0, i1 = _lower(r, 0), _lower(r + 1, 0)
        a0, a1, a2, a3 = _four_elements(dim, tile, own, j, i0 + c)
        b0, b1, b2, b3 = _four_elements(dim, tile, own, j, i1 + c)
        for k in range(c):
            s, t = load(memory, at(i0 + k)), load(memory, at(i1 + k))
            z = load(memory, at(scaled + 4 * k))
            a0, b0 = a0 - z * s, b0 - z * t
            z = load(memory, at(scaled + 4 * k + 1))
            a1, b1 = a1 - z * s, b1 - z * t
            z = load(memory, at(scaled + 4 * k + 2))
            a2, b2 = a2 - z * s, b2 - z * t
            z = load(memory, at(scaled + 4 * k + 3))
            a3, b3 = a3 - z * s, b3 - z * t
        a1, b1 = a1 - a0 * f10, b1 - b0 * f10
        a2, b2 = a2 - a0 * f20 - a1 * f21, b2 - b0 * f20 - b1 * f21
        a3, b3 = a3 - a0 * f30 - a1 * f31 - a2 * f32, b3 - b0 * f30 - b1 * f31 - b2 * f32
        _store_four(memory, i0 + c, a0, a1, a2, a3)
        _store_four(memory, i1 + c, b0, b1, b2, b3)
    if dim % 2 == 0:
        i0 = _lower(dim, 0)
        a0, a1, a2, a3 = _four_elements(dim, tile, own, j, i0 + c)
        for k in range(c):
            s = load(memory, at(i0 + k))
            a0 = a0 - s * load(memory, at(scaled + 4 * k))
            a1 = a1 - s * load(memory, at(scaled + 4 * k + 1))
            a2 = a2 - s * load(memory, at(scaled + 4 * k + 2))
            a3 = a3 - s * load(memory, at(scaled + 4 * k + 3))
        a1 = a1 - a0 * f10
        a2 = a2 - a0 * f20 - a1 * f21
        _store_four(memory, i0 + c, a0, a1, a2, a3 - a0 * f30 - a1 * f31 - a2 * f32)


@compiled(inline=True)
def _four_elements(dim: int, tile: Any, own: Any, j: int, k: int) -> Any:
    """Return elements k to k + 3 of the lower triangle of A."""
    return (
        _element(dim, tile, own, j, k),
        _element(dim, tile, own, j, k + 1),
        _element(dim, tile, own, j, k + 2),
        _element(dim, tile, own, j, k + 3),
    )


@compiled(inline=True)
def _store_four(memory: Any, k: int, a: Any, b: Any, d: Any, e: Any) -> None:
    """Write four numbers one after the other."""
    store(memory, at(k), a)
    store(memory, at(k + 1), b)
    store(memory, at(k + 2), d)
    store(memory, at(k + 3), e)


@compiled(inline=True)
def _fill_two_columns(dim: int, span: int, tile: Any, own: Any, j: int, c: int) -> None:
    """Write two columns of U and their 1/p."""
    memory, inverse = tile.scratch, _inverse(dim)
    i0, i1 = _lower(c, 0), _lower(c + 1, 0)
    p, u = _element(dim, tile, own, j, i0 + c), _element(dim, tile, own, j, i1 + c)
    q = _element(dim, tile, own, j, i1 + c + 1)
    for k in range(c):
        s, t = load(memory, at(i0 + k)), load(memory, at(i1 + k))
        over = load(memory, at(inverse + k))
        x = s * over
        p, u, q = p - s * x, u - t * x, q - t * (t * over)
    if span >= 3:
        x, y = _two_inverses(p, u, q)
    else:
        x = 1.0 / p
        y = 1.0 / (q - u * (u * x))
    store(memory, at(inverse + c), x)
    store(memory, at(inverse + c + 1), y)
    store(memory, at(i1 + c), u)  # which A⁻¹ needs
    u = u * x
    for r in range(c + 2, dim + 1):
        low = _lower(r, 0)
        a, b = _element(dim, tile, own, j, low + c), _element(dim, tile, own, j, low + c + 1)
        for k in range(c):
            s = load(memory, at(low + k)) * load(memory, at(inverse + k))
            a, b = a - s * load(memory, at(i0 + k)), b - s * load(memory, at(i1 + k))
        store(memory, at(low + c), a)
        store(memory, at(low + c + 1), b - a * u)


@compiled(inline=True)
def _fill_last_column(dim: int, tile: Any, own: Any, j: int) -> None:
    """Write the last column of U, and its 1/p."""
    memory, inverse, c = tile.scratch, _inverse(dim), dim - 1
    i0, i1 = _lower(c, 0), _lower(dim, 0)
    p, u = _element(dim, tile, own, j, i0 + c), _element(dim, tile, own, j, i1 + c)
    for k in range(c):
        s = load(memory, at(i0 + k))
        x = s * load(memory, at(inverse + k))
        p, u = p - s * x, u - load(memory, at(i1 + k)) * x
    store(memory, at(inverse + c), 1.0 / p)
    store(memory, at(i1 + c), u)


@compiled(inline=True)
def _log_and_form(dim: int, span: int, memory: Any) -> Any:
    """Return −log2 |A|, and (x − y)ᵀ A⁻¹ (x − y)."""
    inverse, last = _inverse(dim), _lower(dim, 0)
    product, log, form = spread(1.0), spread(0.0), spread(0.0)
    for start in range(0, dim, span):
        if start > 0:
            product, more = split(product)
            log = log + more
        for k in range(start, min(start + span, dim)):
            over, u = load(memory, at(inverse + k)), load(memory, at(last + k))
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
        over = load(memory, at(inverse + c))
        for r in range(dim - 1, c, -1):
            a = spread(0.0)
            for k in range(c + 1, r):
                a = a - load(memory, at(_lower(k, c))) * load(memory, at(found + _lower(r, k)))
            for k in range(r, dim):
                a = a - load(memory, at(_lower(k, c))) * load(memory, at(found + _lower(k, r)))
            store(memory, at(found + _lower(r, c)), a * over)
        z, a = load(memory, at(last + c)), spread(1.0)
        for k in range(c + 1, dim):
            u = load(memory, at(_lower(k, c)))
            z, a = z - u * load(memory, at(last + k)), a - u * load(memory, at(found + _lower(k, c)))
        store(memory, at(last + c), z * over)
        store(memory, at(found + _lower(c, c)), a * over)


@compiled()
def _fill_derivatives(dim: int, memory: Any, out: Any, j: int) -> None:
    """Write the lower triangle of ½ (z zᵀ − A⁻¹)."""
    last, inverse = _lower(dim, 0), _scaled(dim) + 4 * dim
    for r in range(dim):
        z = load(memory, at(last + r))
        for c in range(r + 1):
            k = _lower(r, c)
            product = z * load(memory, at(last + c))
            store(out, cell(1 + k, j), 0.5 * (product - load(memory, at(inverse + k))))
