"""The integrand of diagonal covariances: one division and one logarithm per pair, whatever the dimension.

With v = s + t and e = x − y on each axis, |Σ + Γ| is the product P of the v, and Σ e²/v is a fraction N/P. An
axis turns P into v P and N into v N + e² P: all terms are positive, so nothing cancels. P and N stay in
registers for all axes; they are divided by a power of two before they could leave the range of a double.

A sum takes four rows at once, which share what is read of the columns. Logarithms are taken row by row after
that: each waits long for its own operations, and a processor must see many to do others meanwhile.
"""

from typing import Any

from gaedist.engine.compiled.arithmetic import cell, log2_and_inverse, packed, power_of_two, split
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.lanes import LANES, load, spread, store
from gaedist.numerics import HALF_LOG2_E

_P, _N, _K = range(0, 12, 4)
"""Rows of the scratch where those of P, N and k of four rows of pairs begin."""


def diagonal_block(kind: Any, tile: Any, i: int, width: int) -> int:
    """Write the exponents of four rows from i on; return 4."""
    axes, params_x, params_y, memory = kind.axes, tile.params_x, tile.params_y, tile.scratch
    count = 1 + 2 * axes
    for j in range(0, width, LANES):
        p0 = p1 = p2 = p3 = spread(1.0)
        n0 = n1 = n2 = n3 = k0 = k1 = k2 = k3 = spread(0.0)
        for start in range(0, axes, kind.span):
            if start > 0:
                p0, n0, k0 = _rescaled(p0, n0, k0)
                p1, n1, k1 = _rescaled(p1, n1, k1)
                p2, n2, k2 = _rescaled(p2, n2, k2)
                p3, n3, k3 = _rescaled(p3, n3, k3)
            for d in range(start, min(start + kind.span, axes)):
                a, b = packed(count, 1 + d, i), packed(count, 1 + axes + d, i)
                t, y = load(params_y, packed(count, 1 + d, j)), load(params_y, packed(count, 1 + axes + d, j))
                p0, n0 = _with_axis(p0, n0, params_x[a] + t, params_x[b] + y)
                p1, n1 = _with_axis(p1, n1, params_x[a + 1] + t, params_x[b + 1] + y)
                p2, n2 = _with_axis(p2, n2, params_x[a + 2] + t, params_x[b + 2] + y)
                p3, n3 = _with_axis(p3, n3, params_x[a + 3] + t, params_x[b + 3] + y)
        _keep(memory, 0, j, p0, n0, k0)
        _keep(memory, 1, j, p1, n1, k1)
        _keep(memory, 2, j, p2, n2, k2)
        _keep(memory, 3, j, p3, n3, k3)
    for r in range(4):
        own = params_x[packed(count, 0, i + r)]
        for j in range(0, width, LANES):
            p, n = load(memory, cell(_P + r, j)), load(memory, cell(_N + r, j))
            k = load(memory, cell(_K + r, j))
            weight = own + load(params_y, packed(count, 0, j))
            store(tile.out, cell(r, j), _exponent(kind, weight, p, n, k))
    return 4


@compiled(inline=True)
def _keep(memory: Any, r: int, j: int, p: Any, n: Any, k: Any) -> None:
    """Write P, N and k of row r."""
    store(memory, cell(_P + r, j), p)
    store(memory, cell(_N + r, j), n)
    store(memory, cell(_K + r, j), k)


def diagonal_row(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    """Fill a row for diagonal covariances; the derivatives are ½ (e²/v − 1)/v on each axis."""
    axes, count = kind.axes, 1 + 2 * kind.axes
    for j in range(0, width, LANES):
        p, n, k = spread(1.0), spread(0.0), spread(0.0)
        for start in range(0, axes, kind.span):
            if start > 0:
                p, n, k = _rescaled(p, n, k)
            for d in range(start, min(start + kind.span, axes)):
                v, e = _sum_and_difference(axes, d, tile, i, j)
                p, n = _with_axis(p, n, v, e)
        weight = tile.params_x[packed(count, 0, i)] + load(tile.params_y, packed(count, 0, j))
        store(tile.out, cell(0, j), _exponent(kind, weight, p, n, k))
    if gradient:
        shared = axes // 4 * 4 if kind.span >= 4 else 0
        for d in range(0, shared, 4):
            _fill_four_derivatives(axes, d, tile, i, width)
        for d in range(shared, axes):
            _fill_derivatives(axes, d, tile, i, width)


@compiled(inline=True)
def _with_axis(p: Any, n: Any, v: Any, e: Any) -> Any:
    """Return P and N with one axis more."""
    return p * v, n * v + e * e * p


@compiled(inline=True)
def _rescaled(p: Any, n: Any, k: Any) -> Any:
    """Return P in [√½, √2) and N, both divided by the same power of two, whose log2 is added to k."""
    m, more = split(p)
    return m, n * power_of_two(0.0 - more), k + more


@compiled(inline=True)
def _exponent(kind: Any, weight: Any, p: Any, n: Any, k: Any) -> Any:
    """Return the exponent of a pair, given log2 of its weight."""
    log, inverse = log2_and_inverse(p)
    return weight - 0.5 * ((k + log) - kind.log2_typical) - HALF_LOG2_E * (n * inverse)


@compiled(inline=True)
def _sum_and_difference(axes: int, d: int, tile: Any, i: int, j: int) -> Any:
    """Return v = s + t and e = x − y of one axis."""
    a, b, count = 1 + d, 1 + axes + d, 1 + 2 * axes
    v = tile.params_x[packed(count, a, i)] + load(tile.params_y, packed(count, a, j))
    return v, tile.params_x[packed(count, b, i)] + load(tile.params_y, packed(count, b, j))


@compiled(inline=True)
def _derivative(e: Any, inverse: Any) -> Any:
    """Return the derivative of −½ (log v + e²/v) by v, given 1/v."""
    return 0.5 * inverse * (e * e * inverse - 1.0)


@compiled()
def _fill_derivatives(axes: int, d: int, tile: Any, i: int, width: int) -> None:
    """Write the derivatives by one variance."""
    for j in range(0, width, LANES):
        v, e = _sum_and_difference(axes, d, tile, i, j)
        store(tile.out, cell(1 + d, j), _derivative(e, 1.0 / v))


@compiled()
def _fill_four_derivatives(axes: int, d: int, tile: Any, i: int, width: int) -> None:
    """Write the derivatives by four variances, which share a division."""
    for j in range(0, width, LANES):
        v0, e0 = _sum_and_difference(axes, d, tile, i, j)
        v1, e1 = _sum_and_difference(axes, d + 1, tile, i, j)
        v2, e2 = _sum_and_difference(axes, d + 2, tile, i, j)
        v3, e3 = _sum_and_difference(axes, d + 3, tile, i, j)
        p, q = v0 * v1, v2 * v3
        inverse = 1.0 / (p * q)
        over_p, over_q = q * inverse, p * inverse
        store(tile.out, cell(1 + d, j), _derivative(e0, v1 * over_p))
        store(tile.out, cell(2 + d, j), _derivative(e1, v0 * over_p))
        store(tile.out, cell(3 + d, j), _derivative(e2, v3 * over_q))
        store(tile.out, cell(4 + d, j), _derivative(e3, v2 * over_q))
