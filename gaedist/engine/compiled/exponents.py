"""The exponents of two of the pairs in one row of a tile: the compiled side of `integrands`.

``fill_row(kind, tile, i, width, gradient)`` writes the exponents of the pairs of left point i with the first
``width`` right points and, if ``gradient``, the derivatives of their natural logarithm by the parameters that
may vary: those of the left point, then, where they differ, those of the right points.

The rows of its flat arrays begin at constants, so that LLVM sees that they do not overlap: with an array for
each row it does not vectorise loops that read as many as these, which then run eight times slower. Nor are
arrays sliced in these functions, which would cost as much as sixteen pairs.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from numba.extending import overload

from gaedist.engine.compiled.arithmetic import cell, log2_and_inverse
from gaedist.engine.compiled.cholesky import full_block, full_row
from gaedist.engine.compiled.diagonal import diagonal_block, diagonal_row
from gaedist.engine.compiled.integrands import Diagonal, Full, Gaussian, LargeFull, Radial, Spherical
from gaedist.engine.compiled.jit import INLINED_PART, PART, compiled
from gaedist.numerics import HALF_LOG2_E


class Tile(NamedTuple):
    """What a tile reads and writes; T = TILE.

    Attributes
    ----------
    rows, width : int
        Number of left and of right points.
    exact : bool
        Whether differences of points replace the Gram matrix.
    products : (rows, width) array
        x_i · y_j, or −|x_i − y_j|²/2 where ``exact``, with squares 0.
    sines : (rows, width) array
        sin² of the angle between x_i and y_j where ``exact``, if the integrand needs it.
    squares_x, squares_y : (T,) arrays
        |x_i|² and |y_j|².
    x, y : (rows, D) and (width, D) arrays
        The points.
    params_x, params_y : (P T,) arrays
        The parameters of the left and of the right points: log2 of the weight first.
    out : ((1 + Q) T,) array
        Exponents and derivatives.
    scratch : array
        As many rows as the parameters, and twelve more.
    """

    rows: Any
    width: Any
    exact: Any
    products: Any
    sines: Any
    squares_x: Any
    squares_y: Any
    x: Any
    y: Any
    params_x: Any
    params_y: Any
    out: Any
    scratch: Any


def _gaussian(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    start = tile.params_x[i] - kind.rate * tile.squares_x[i]
    for j in range(width):
        offset = tile.params_y[j] - kind.rate * tile.squares_y[j]
        tile.out[j] = (start + offset) + 2 * kind.rate * tile.products[i, j]


@compiled(inline=True)
def _spherical_pair(kind: Any, square: float, s: float) -> Any:
    """Return log2 of N(x − y; 0, s I), and the derivative of its natural logarithm by s."""
    log, inverse = log2_and_inverse(s)
    exponent = -kind.half_dim * (log - kind.log2_typical) - HALF_LOG2_E * square * inverse
    return exponent, inverse * (0.5 * square * inverse - kind.half_dim)


def _spherical(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    weight, s, start = tile.params_x[i], tile.params_x[cell(1, i)], tile.squares_x[i]
    if gradient:
        for j in range(width):
            square = (start + tile.squares_y[j]) - 2 * tile.products[i, j]
            exponent, derivative = _spherical_pair(kind, square, s + tile.params_y[cell(1, j)])
            tile.out[j] = (weight + tile.params_y[j]) + exponent
            tile.out[cell(1, j)] = derivative
    else:
        for j in range(width):
            square = (start + tile.squares_y[j]) - 2 * tile.products[i, j]
            exponent, _ = _spherical_pair(kind, square, s + tile.params_y[cell(1, j)])
            tile.out[j] = (weight + tile.params_y[j]) + exponent


@compiled(inline=True)
def _radial_pair(
    kind: Any,
    square: float,
    sine: float,
    a: float,
    b: float,
    r2: float,
    other_a: float,
    other_b: float,
    other_r2: float,
) -> Any:
    """Return log2 of N(x − y; 0, Σ + Γ), and its derivatives by a − b, a' − b' and b + b'.

    With Σ = b I + α u uᵀ, Γ = b' I + α' v vᵀ, x along the unit vector u and y along v, the quadratic form
    (x − y)ᵀ (Σ + Γ)⁻¹ (x − y) needs only the 2×2 block of Σ + Γ in the plane of x and y, whose adjugate is
    β I + α u⊥u⊥ᵀ + α' v⊥v⊥ᵀ. With β = b + b' and sine = sin² of the angle between x and y,

        |Σ + Γ| = β^(D−2) Δ                   Δ = β (a + a') + α α' sin²
        form = (β |x − y|² + sin² (α |y|² + α' |x|²)) / Δ

    whose terms are positive where α, α' ≥ 0.
    """
    alpha, other, beta, along = a - b, other_a - other_b, b + other_b, a + other_a
    log_beta, inverse_beta = log2_and_inverse(beta)
    log_delta, inverse = log2_and_inverse(beta * along + alpha * other * sine)
    form = (beta * square + sine * (alpha * other_r2 + other * r2)) * inverse
    exponent = (
        -kind.half_rest * (log_beta - kind.log2_typical)
        - 0.5 * (log_delta - 2 * kind.log2_typical)
        - HALF_LOG2_E * form
    )
    by_alpha = -0.5 * inverse * ((beta + other * sine) * (1 - form) + sine * other_r2)
    by_other = -0.5 * inverse * ((beta + alpha * sine) * (1 - form) + sine * r2)
    by_beta = -kind.half_rest * inverse_beta - 0.5 * inverse * ((along + beta) * (1 - form) + square)
    return exponent, by_alpha, by_other, by_beta


def _radial(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    weight, a, b = tile.params_x[i], tile.params_x[cell(1, i)], tile.params_x[cell(2, i)]
    r2, inverse_r, start = tile.params_x[cell(3, i)], tile.params_x[cell(4, i)], tile.squares_x[i]
    for j in range(width):
        tile.scratch[j] = (start + tile.squares_y[j]) - 2 * tile.products[i, j]
    if tile.exact:
        for j in range(width):
            tile.scratch[cell(1, j)] = tile.sines[i, j]
    else:
        for j in range(width):
            cosine = tile.products[i, j] * inverse_r * tile.params_y[cell(4, j)]
            tile.scratch[cell(1, j)] = max(0.0, 1 - cosine * cosine)
    if gradient:
        for j in range(width):
            exponent, by_alpha, by_other, by_beta = _radial_pair(
                kind, tile.scratch[j], tile.scratch[cell(1, j)], a, b, r2,
                tile.params_y[cell(1, j)], tile.params_y[cell(2, j)], tile.params_y[cell(3, j)],
            )  # fmt: skip
            tile.out[j] = (weight + tile.params_y[j]) + exponent
            tile.out[cell(1, j)] = by_alpha
            tile.out[cell(2, j)] = by_beta - by_alpha
            tile.out[cell(3, j)] = by_other
            tile.out[cell(4, j)] = by_beta - by_other
    else:
        for j in range(width):
            exponent, _, _, _ = _radial_pair(
                kind, tile.scratch[j], tile.scratch[cell(1, j)], a, b, r2,
                tile.params_y[cell(1, j)], tile.params_y[cell(2, j)], tile.params_y[cell(3, j)],
            )  # fmt: skip
            tile.out[j] = (weight + tile.params_y[j]) + exponent


ROWS: dict[type, Callable[..., None]] = {
    Gaussian: _gaussian,
    Spherical: _spherical,
    Radial: _radial,
    Diagonal: diagonal_row,
    Full: full_row,
    LargeFull: full_row,
}
"""Integrand → the function that fills a row of its exponents."""


def fill_row(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    """Fill a row by the function of the integrand ``kind``, chosen when compiled."""


@overload(fill_row, jit_options=PART)
def _fill_row(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> Callable[..., None] | None:
    return ROWS.get(getattr(kind, "instance_class", type(None)))


BLOCKS: dict[type, Callable[..., int]] = {
    Diagonal: diagonal_block,
    Full: full_block,
    LargeFull: full_block,
}
"""Integrand → the function that fills a block of its exponents, if it has one."""


def fill_block(kind: Any, tile: Any, i: int, width: int) -> int:
    """Write the exponents of some rows from i on with the first ``width`` columns.

    Returns how many rows, of which some may be beyond the tile.
    """
    return 0


@overload(fill_block, jit_options=INLINED_PART)
def _fill_block(kind: Any, tile: Any, i: int, width: int) -> Callable[..., int] | None:
    return BLOCKS.get(getattr(kind, "instance_class", type(None)))
