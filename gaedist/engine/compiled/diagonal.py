"""The integrand of diagonal covariances: one division and one logarithm per pair, whatever the dimension.

With v = s + t and e = x − y on each axis, |Σ + Γ| is the product P of the v, and Σ e²/v is a fraction N/P. An
axis turns P into v P and N into v N + e² P: all terms are positive, so nothing cancels. Up to eight axes are
put together first. P and N are divided by a power of two before they could leave the range of a double.
"""

from typing import Any

from gaedist.engine.compiled.arithmetic import cell, log2_and_inverse, power_of_two, split
from gaedist.engine.compiled.jit import compiled
from gaedist.numerics import HALF_LOG2_E

_P, _N, _LOG = range(3)
"""Rows of the scratch: P, N, and log2 of the power of two that both have been divided by."""


def diagonal_row(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    """Fill a row for diagonal covariances; the derivatives are ½ (e²/v − 1)/v on each axis."""
    for j in range(width):
        tile.scratch[cell(_P, j)] = 1.0
        tile.scratch[cell(_N, j)] = 0.0
        tile.scratch[cell(_LOG, j)] = 0.0
    d, fresh = 0, 0
    while d < kind.axes:
        step = 1 if kind.span < 8 else 4 if gradient or d + 8 > kind.axes else 8
        if fresh + step > kind.span:
            _rescale(tile.scratch, width)
            fresh = 0
        if step == 8:
            _add_eight(kind.axes, tile, i, d, width)
        elif step == 4:
            _add_four(kind.axes, tile, i, d, width, gradient)
        else:
            _add_axis(kind.axes, tile, i, d, width, gradient)
        d += step
        fresh += step
    weight = tile.params_x[i]
    for j in range(width):
        log, inverse = log2_and_inverse(tile.scratch[cell(_P, j)])
        tile.out[j] = (
            (weight + tile.params_y[j])
            - 0.5 * ((tile.scratch[cell(_LOG, j)] + log) - kind.log2_typical)
            - HALF_LOG2_E * (tile.scratch[cell(_N, j)] * inverse)
        )


@compiled()
def _rescale(scratch: Any, width: int) -> None:
    """Divide P and N by the power of two that brings P to [√½, √2)."""
    for j in range(width):
        product, k = split(scratch[cell(_P, j)])
        scratch[cell(_P, j)] = product
        scratch[cell(_N, j)] *= power_of_two(-k)
        scratch[cell(_LOG, j)] += k


@compiled(inline=True)
def _add_group(scratch: Any, j: int, p: float, n: float) -> None:
    """Add axes with the product p and the fraction n/p."""
    scratch[cell(_N, j)] = scratch[cell(_N, j)] * p + n * scratch[cell(_P, j)]
    scratch[cell(_P, j)] *= p


@compiled(inline=True)
def _fraction(v0: float, e0: float, v1: float, e1: float, v2: float, e2: float, v3: float, e3: float) -> Any:
    """Return P and N of four axes."""
    p, q = v0 * v1, v2 * v3
    n, m = e0 * e0 * v1 + e1 * e1 * v0, e2 * e2 * v3 + e3 * e3 * v2
    return p * q, n * q + m * p


@compiled()
def _add_axis(axes: int, tile: Any, i: int, d: int, width: int, gradient: bool) -> None:
    """Add one axis, with variances of any size."""
    s, x = tile.params_x[cell(1 + d, i)], tile.params_x[cell(1 + axes + d, i)]
    for j in range(width):
        v, e = s + tile.params_y[cell(1 + d, j)], x - tile.params_y[cell(1 + axes + d, j)]
        _add_group(tile.scratch, j, v, e * e)
    if gradient:
        for j in range(width):
            inverse = 1.0 / (s + tile.params_y[cell(1 + d, j)])
            e = x - tile.params_y[cell(1 + axes + d, j)]
            tile.out[cell(1 + d, j)] = 0.5 * inverse * (e * e * inverse - 1.0)


@compiled()
def _add_four(axes: int, tile: Any, i: int, d: int, width: int, gradient: bool) -> None:
    """Add four axes; their derivatives share a division."""
    a, b = 1 + d, 1 + axes + d
    s0, s1 = tile.params_x[cell(a, i)], tile.params_x[cell(a + 1, i)]
    s2, s3 = tile.params_x[cell(a + 2, i)], tile.params_x[cell(a + 3, i)]
    x0, x1 = tile.params_x[cell(b, i)], tile.params_x[cell(b + 1, i)]
    x2, x3 = tile.params_x[cell(b + 2, i)], tile.params_x[cell(b + 3, i)]
    for j in range(width):
        p, n = _fraction(
            s0 + tile.params_y[cell(a, j)], x0 - tile.params_y[cell(b, j)],
            s1 + tile.params_y[cell(a + 1, j)], x1 - tile.params_y[cell(b + 1, j)],
            s2 + tile.params_y[cell(a + 2, j)], x2 - tile.params_y[cell(b + 2, j)],
            s3 + tile.params_y[cell(a + 3, j)], x3 - tile.params_y[cell(b + 3, j)],
        )  # fmt: skip
        _add_group(tile.scratch, j, p, n)
    if gradient:
        for j in range(width):
            v0, e0 = s0 + tile.params_y[cell(a, j)], x0 - tile.params_y[cell(b, j)]
            v1, e1 = s1 + tile.params_y[cell(a + 1, j)], x1 - tile.params_y[cell(b + 1, j)]
            v2, e2 = s2 + tile.params_y[cell(a + 2, j)], x2 - tile.params_y[cell(b + 2, j)]
            v3, e3 = s3 + tile.params_y[cell(a + 3, j)], x3 - tile.params_y[cell(b + 3, j)]
            p, q = v0 * v1, v2 * v3
            inverse = 1.0 / (p * q)
            over_p, over_q = q * inverse, p * inverse
            tile.out[cell(a, j)] = _derivative(e0, v1 * over_p)
            tile.out[cell(a + 1, j)] = _derivative(e1, v0 * over_p)
            tile.out[cell(a + 2, j)] = _derivative(e2, v3 * over_q)
            tile.out[cell(a + 3, j)] = _derivative(e3, v2 * over_q)


@compiled(inline=True)
def _derivative(e: float, inverse: float) -> float:
    """Return the derivative of −½ (log v + e²/v) by v, given 1/v."""
    return 0.5 * inverse * (e * e * inverse - 1.0)


@compiled()
def _add_eight(axes: int, tile: Any, i: int, d: int, width: int) -> None:
    """Add eight axes."""
    a, b = 1 + d, 1 + axes + d
    s0, s1 = tile.params_x[cell(a, i)], tile.params_x[cell(a + 1, i)]
    s2, s3 = tile.params_x[cell(a + 2, i)], tile.params_x[cell(a + 3, i)]
    s4, s5 = tile.params_x[cell(a + 4, i)], tile.params_x[cell(a + 5, i)]
    s6, s7 = tile.params_x[cell(a + 6, i)], tile.params_x[cell(a + 7, i)]
    x0, x1 = tile.params_x[cell(b, i)], tile.params_x[cell(b + 1, i)]
    x2, x3 = tile.params_x[cell(b + 2, i)], tile.params_x[cell(b + 3, i)]
    x4, x5 = tile.params_x[cell(b + 4, i)], tile.params_x[cell(b + 5, i)]
    x6, x7 = tile.params_x[cell(b + 6, i)], tile.params_x[cell(b + 7, i)]
    for j in range(width):
        p, n = _fraction(
            s0 + tile.params_y[cell(a, j)], x0 - tile.params_y[cell(b, j)],
            s1 + tile.params_y[cell(a + 1, j)], x1 - tile.params_y[cell(b + 1, j)],
            s2 + tile.params_y[cell(a + 2, j)], x2 - tile.params_y[cell(b + 2, j)],
            s3 + tile.params_y[cell(a + 3, j)], x3 - tile.params_y[cell(b + 3, j)],
        )  # fmt: skip
        q, m = _fraction(
            s4 + tile.params_y[cell(a + 4, j)], x4 - tile.params_y[cell(b + 4, j)],
            s5 + tile.params_y[cell(a + 5, j)], x5 - tile.params_y[cell(b + 5, j)],
            s6 + tile.params_y[cell(a + 6, j)], x6 - tile.params_y[cell(b + 6, j)],
            s7 + tile.params_y[cell(a + 7, j)], x7 - tile.params_y[cell(b + 7, j)],
        )  # fmt: skip
        _add_group(tile.scratch, j, p * q, n * q + m * p)
