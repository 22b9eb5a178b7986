"""The integrand of full covariance matrices: a factorisation A = L diag(p) Lᵀ per pair, eight side by side.

U = L diag(p) is made two columns at a time, in blocks of two rows that stay in registers while products with
the columns before are subtracted; the rows do not wait for each other. x − y is one more row, of which U has
L⁻¹ (x − y). Each number of the eight pairs is in eight consecutive numbers of the scratch.
"""

from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import cell, log2_and_inverse, packed, split
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.lanes import at, load, spread, store
from gaedist.engine.compiled.sizes import LANES
from gaedist.numerics import HALF_LOG2_E


def full_row(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    """Fill a row for full covariances, by Eq. (3) and the factorisation of A = Σ + Γ.

    The derivatives are the lower triangle of ∂ log N/∂Σ = ½ (z zᵀ − A⁻¹), with z = A⁻¹ (x − y).
    """
    dim, memory = kind.dim, tile.scratch
    count, own = 1 + _lower(dim, dim), _own(dim)
    for k in range(count):
        memory[own + np.uintp(k)] = tile.params_x[packed(count, k, i)]
    for j in range(0, width, LANES):
        product, log, form = _factor(dim, kind.span, tile, j)
        log = log + log2_and_inverse(product)[0]
        weight = memory[own] + load(tile.params_y, packed(count, 0, j))
        store(tile.out, cell(0, j), weight - 0.5 * (log - kind.log2_typical) - HALF_LOG2_E * form)
        if gradient:
            _invert(dim, memory)
            _fill_derivatives(dim, memory, tile.out, j)


@compiled(inline=True)
def _lower(row: int, column: int) -> int:
    """Return the index of an element in a lower triangle stored row by row."""
    return row * (row + 1) // 2 + column


@compiled(inline=True)
def _own(dim: int) -> Any:
    """Return where the parameters of the left point begin in the scratch, one after the other."""
    return at(_lower(dim + 1, 0) + 3 * dim + _lower(dim, 0))


@compiled(inline=True)
def _element(dim: int, tile: Any, j: int, k: int) -> Any:
    """Return element k of the lower triangle of A, whose row dim is x − y."""
    own, count = _own(dim), 1 + _lower(dim, dim)
    return tile.scratch[own + np.uintp(1 + k)] + load(tile.params_y, packed(count, 1 + k, j))


@compiled(inline=True)
def _factor(dim: int, span: int, tile: Any, j: int) -> Any:
    """Write U, and 1/p after it; return |A| as a product and log2 of the rest, and (x − y)ᵀ A⁻¹ (x − y).

    The last two rows are computed twice where the number of rows is odd.
    """
    memory, inverse = tile.scratch, _lower(dim + 1, 0)
    first, second = inverse + dim, inverse + 2 * dim
    product, log, fresh = spread(1.0), spread(0.0), 0
    for c in range(0, dim - 1, 2):
        upper, lower = _lower(c, 0), _lower(c + 1, 0)
        p, u = _element(dim, tile, j, upper + c), _element(dim, tile, j, lower + c)
        q = _element(dim, tile, j, lower + c + 1)
        for k in range(c):
            a, b = load(memory, at(upper + k)), load(memory, at(lower + k))
            over = load(memory, at(inverse + k))
            y, z = a * over, b * over
            store(memory, at(first + k), y)
            store(memory, at(second + k), z)
            p, u, q = p - a * y, u - b * y, q - b * z
        if span >= 3:  # one division for both
            determinant = p * q - u * u
            over = 1.0 / (p * determinant)
            over_p, over_q = determinant * over, p * p * over
            q = determinant * over_p
        else:
            over_p = 1.0 / p
            q = q - u * (u * over_p)
            over_q = 1.0 / q
        store(memory, at(lower + c), u)  # which the inverse needs
        store(memory, at(inverse + c), over_p)
        store(memory, at(inverse + c + 1), over_q)
        factor = u * over_p
        for below in range(c + 2, dim + 1, 2):
            r = min(below, dim - 1)
            upper, lower = _lower(r, 0), _lower(r + 1, 0)
            a, b = _element(dim, tile, j, upper + c), _element(dim, tile, j, upper + c + 1)
            u, v = _element(dim, tile, j, lower + c), _element(dim, tile, j, lower + c + 1)
            for k in range(c):
                w, x = load(memory, at(upper + k)), load(memory, at(lower + k))
                y, z = load(memory, at(first + k)), load(memory, at(second + k))
                a, b, u, v = a - w * y, b - w * z, u - x * y, v - x * z
            store(memory, at(upper + c), a)
            store(memory, at(upper + c + 1), b - a * factor)
            store(memory, at(lower + c), u)
            store(memory, at(lower + c + 1), v - u * factor)
        if fresh + 2 > span:
            product, more = split(product)
            log, fresh = log + more, 0
        product, fresh = product * p * q, fresh + 2
    last = _lower(dim, 0)
    if dim % 2:
        c, upper = dim - 1, _lower(dim - 1, 0)
        p, u = _element(dim, tile, j, upper + c), _element(dim, tile, j, last + c)
        for k in range(c):
            a = load(memory, at(upper + k))
            y = a * load(memory, at(inverse + k))
            p, u = p - a * y, u - load(memory, at(last + k)) * y
        store(memory, at(inverse + c), 1.0 / p)
        store(memory, at(last + c), u)
        product, more = split(product)
        product, log = product * p, log + more
    form = spread(0.0)
    for k in range(dim):
        u = load(memory, at(last + k))
        form = form + u * u * load(memory, at(inverse + k))
    return product, log, form


@compiled()
def _invert(dim: int, memory: Any) -> None:
    """Replace the last row of U by z = A⁻¹ (x − y), and write A⁻¹ after all.

    The upper triangle of Lᵀ A⁻¹ = diag(p)⁻¹ L⁻¹ is known: 1/p on the diagonal, 0 above. It gives the rows of
    A⁻¹ from the last to the first.
    """
    last, inverse = _lower(dim, 0), _lower(dim + 1, 0)
    found = inverse + 3 * dim
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
    last, inverse = _lower(dim, 0), _lower(dim + 1, 0) + 3 * dim
    for r in range(dim):
        z = load(memory, at(last + r))
        for c in range(r + 1):
            k = _lower(r, c)
            product = z * load(memory, at(last + c))
            store(out, cell(1 + k, j), 0.5 * (product - load(memory, at(inverse + k))))
