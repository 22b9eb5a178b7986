"""The integrand of full covariance matrices: a Cholesky factorisation for each pair, many side by side."""

from typing import Any

from gaedist.engine.compiled.arithmetic import cell, log2_and_inverse, split
from gaedist.engine.compiled.jit import compiled
from gaedist.numerics import HALF_LOG2_E

LANES = 64  # matrices factored at once; element k of each of them is in row k of the scratch


@compiled()
def _at(row: int, column: int) -> int:
    """Return the index of an element in a lower triangle stored row by row."""
    return row * (row + 1) // 2 + column


def full_row(kind: Any, tile: Any, i: int, width: int, gradient: bool) -> None:
    """Fill a row for full covariances, by Eq. (3) and a factorisation A = L diag(p) Lᵀ of A = Σ + Γ per pair.

    The derivatives are the lower triangle of ∂ log N/∂Σ = ½ (z zᵀ − A⁻¹), with z = A⁻¹ (x − y).
    """
    dim = kind.dim
    size = dim * (dim + 1) // 2
    z, log_m, log_k, form = size, size + 2 * dim, size + 2 * dim + 1, size + 2 * dim + 2
    inverse = form + 1
    lanes = tile.scratch[: (inverse + size) * LANES].reshape((inverse + size, LANES))
    for start in range(0, width, LANES):
        count = min(LANES, width - start)
        for k in range(size):
            for j in range(count):
                lanes[k, j] = tile.params_x[cell(1 + k, i)] + tile.params_y[cell(1 + k, start + j)]
        for d in range(dim):
            x = tile.params_x[cell(1 + size + d, i)]
            for j in range(count):
                lanes[z + d, j] = x - tile.params_y[cell(1 + size + d, start + j)]
        _factor(dim, size, count, lanes)
        for j in range(count):
            log_determinant = lanes[log_k, j] + log2_and_inverse(lanes[log_m, j])[0]
            tile.out[cell(0, start + j)] = (
                (tile.params_x[i] + tile.params_y[cell(0, start + j)])
                - 0.5 * (log_determinant - kind.log2_typical)
                - HALF_LOG2_E * lanes[form, j]
            )
        if gradient:
            _invert(dim, size, count, lanes)
            for r in range(dim):
                for c in range(r + 1):
                    k = _at(r, c)
                    for j in range(count):
                        product = lanes[z + r, j] * lanes[z + c, j]
                        tile.out[cell(1 + k, start + j)] = 0.5 * (product - lanes[inverse + k, j])


@compiled()
def _factor(dim: int, size: int, count: int, lanes: Any) -> None:
    """Replace A by L without its unit diagonal and z by L⁻¹ z; store 1/p, |A| as m 2^k, and zᵀ A⁻¹ z."""
    z, pivots = size, size + dim
    log_m, log_k, form = size + 2 * dim, size + 2 * dim + 1, size + 2 * dim + 2
    for j in range(count):
        lanes[log_m, j] = 1.0
        lanes[log_k, j] = 0.0
        lanes[form, j] = 0.0
    for c in range(dim):
        pivot = _at(c, c)
        for j in range(count):
            m, k = split(lanes[pivot, j])
            m, more = split(lanes[log_m, j] * m)
            inverse = 1.0 / lanes[pivot, j]
            lanes[log_m, j] = m
            lanes[log_k, j] += k + more
            lanes[pivots + c, j] = inverse
            lanes[form, j] += lanes[z + c, j] * lanes[z + c, j] * inverse
        for r in range(c + 1, dim):
            row = _at(r, 0)
            for k in range(c + 1, r):  # their factors are already divided by the pivot
                other = _at(k, c)
                for j in range(count):
                    lanes[row + k, j] -= lanes[row + c, j] * lanes[other, j]
            for j in range(count):
                factor = lanes[row + c, j] * lanes[pivots + c, j]
                lanes[row + r, j] -= lanes[row + c, j] * factor
                lanes[z + r, j] -= factor * lanes[z + c, j]
                lanes[row + c, j] = factor


@compiled()
def _invert(dim: int, size: int, count: int, lanes: Any) -> None:
    """Replace z = L⁻¹ x by A⁻¹ x, and store A⁻¹.

    The upper triangle of Lᵀ A⁻¹ = diag(p)⁻¹ L⁻¹ is known: 1/p on the diagonal, 0 above. It gives the rows of
    A⁻¹ from the last to the first.
    """
    z, pivots, inverse = size, size + dim, size + 2 * dim + 3
    for c in range(dim - 1, -1, -1):
        for j in range(count):
            lanes[z + c, j] *= lanes[pivots + c, j]
        for k in range(c + 1, dim):
            factor = _at(k, c)
            for j in range(count):
                lanes[z + c, j] -= lanes[factor, j] * lanes[z + k, j]
        for r in range(dim - 1, c - 1, -1):
            target = inverse + _at(r, c)
            for j in range(count):
                lanes[target, j] = lanes[pivots + c, j] if r == c else 0.0
            for k in range(c + 1, dim):
                factor, other = _at(k, c), inverse + _at(max(r, k), min(r, k))
                for j in range(count):
                    lanes[target, j] -= lanes[factor, j] * lanes[other, j]
