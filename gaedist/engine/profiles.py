"""Functions of |x − y| other than a power of 2: the compiled side of `integrands.Profile`.

``fill_profile`` turns a row of squared distances into terms. A profile is a code and a row of numbers: how many
scales it is summed over, those scales, and what all of them share. Rows begin at constants, as in `rows`.
"""

from typing import Any

import numpy as np

from gaedist.engine.arithmetic import cell, compiled, exp2, log2_and_inverse
from gaedist.engine.integrands import Shape

POWER = int(Shape.POWER)
ROOT = int(Shape.ROOT)
INVERSE = int(Shape.INVERSE)
INVERSE_ROOT = int(Shape.INVERSE_ROOT)
INVERSE_POWER = int(Shape.INVERSE_POWER)
ROOT_POWER = int(Shape.ROOT_POWER)
SERIES = int(Shape.SERIES)

NEAR = 2.0**-10  # |x − y|² below this part of |x|² + |y|² has lost digits to cancellation

SQUARES, TERMS, INVERSES, ROOTS, SPARE, MEMORY = range(6)
"""Where rows of TILE numbers begin in the scratch of a profile."""

ROWS = 6

_TOGETHER = 7  # scales whose 1/(1 + u) share a division: as many as the kernel of the Wasserstein auto-encoder has
_FARTHEST = 1e40  # u beyond which such a term is nothing, and whose powers stay in a double
_BLOCK = 8  # coefficients that are in registers at once


@compiled()
def fill_squares(tile: Any, i: int, width: int, exact: bool, work: Any) -> None:
    """Write |x_i − y_j|² with all its digits, also where points are near each other and far from 0."""
    start, near = tile.squares_x[i], 0
    work[cell(MEMORY, 0)] = 0.0
    for j in range(width):
        norms = start + tile.squares_y[j]
        square = max(norms - 2 * tile.products[i, j], 0.0)
        work[cell(SQUARES, j)] = square
        near += np.intp(square < NEAR * norms)
    if near and not exact:
        for j in range(width):
            if work[cell(SQUARES, j)] < NEAR * (start + tile.squares_y[j]):
                square = 0.0
                for d in range(tile.x.shape[1]):
                    difference = tile.x[i, d] - tile.y[j, d]
                    square += difference * difference
                work[cell(SQUARES, j)] = square


@compiled()
def _powers(width: int, params: Any, count: int, work: Any) -> None:
    for s in range(count):
        rate = params[1 + s]
        for j in range(width):
            work[cell(TERMS, j)] += exp2(-rate * work[cell(SQUARES, j)])


@compiled()
def _roots(width: int, work: Any) -> None:
    for j in range(width):
        work[cell(TERMS, j)] = np.sqrt(work[cell(SQUARES, j)])


@compiled()
def _inverses(width: int, params: Any, count: int, work: Any) -> None:
    """Add 1/(1 + u) for each scale, of seven as one fraction of sums and products of positive numbers."""
    together = count - count % _TOGETHER
    for k in range(1, 1 + together, _TOGETHER):
        a0, a1, a2, a3 = params[k], params[k + 1], params[k + 2], params[k + 3]
        a4, a5, a6 = params[k + 4], params[k + 5], params[k + 6]
        farthest = _FARTHEST / max(a0, a1, a2, a3, a4, a5, a6)
        for j in range(width):
            square = min(work[cell(SQUARES, j)], farthest)
            b, c, d, e = 1.0 + a0 * square, 1.0 + a1 * square, 1.0 + a2 * square, 1.0 + a3 * square
            f, g, h = 1.0 + a4 * square, 1.0 + a5 * square, 1.0 + a6 * square
            bc, de, fg = b * c, d * e, f * g
            four, three = (b + c) * de + (d + e) * bc, (f + g) * h + fg
            fgh, bcde = fg * h, bc * de
            work[cell(TERMS, j)] += (four * fgh + three * bcde) / (bcde * fgh)
    for s in range(together, count):
        rate = params[1 + s]
        for j in range(width):
            work[cell(TERMS, j)] += 1.0 / (1.0 + rate * work[cell(SQUARES, j)])


@compiled()
def _fill_roots(width: int, rate: float, work: Any) -> None:
    """Write z = 1/(1 + u) and √z, unless they are there from the last profile of this row."""
    if work[cell(MEMORY, 0)] != rate:
        work[cell(MEMORY, 0)] = rate
        for j in range(width):
            z = 1.0 / (1.0 + rate * work[cell(SQUARES, j)])
            work[cell(INVERSES, j)] = z
            work[cell(ROOTS, j)] = np.sqrt(z)


@compiled()
def _inverse_roots(width: int, params: Any, count: int, work: Any) -> None:
    for s in range(count):
        _fill_roots(width, params[1 + s], work)
        for j in range(width):
            work[cell(TERMS, j)] += work[cell(ROOTS, j)]


@compiled()
def _inverse_powers(width: int, params: Any, count: int, work: Any) -> None:
    exponent = params[1 + count]
    for s in range(count):
        rate = params[1 + s]
        for j in range(width):
            log, _ = log2_and_inverse(1.0 + rate * work[cell(SQUARES, j)])
            work[cell(TERMS, j)] += exp2(-exponent * log)


@compiled()
def _root_powers(width: int, params: Any, count: int, work: Any) -> None:
    for s in range(count):
        rate = params[1 + s]
        for j in range(width):
            work[cell(TERMS, j)] += exp2(-rate * np.sqrt(work[cell(SQUARES, j)]))


@compiled()
def _series(width: int, params: Any, count: int, work: Any) -> None:
    """Add √z P(2z − 1) by Horner's rule, eight coefficients at a time."""
    blocks = int(params[1 + count])
    for s in range(count):
        _fill_roots(width, params[1 + s], work)
        for b in range(blocks):
            k = 2 + count + b * _BLOCK
            a0, a1, a2, a3 = params[k], params[k + 1], params[k + 2], params[k + 3]
            a4, a5, a6, a7 = params[k + 4], params[k + 5], params[k + 6], params[k + 7]
            for j in range(width):
                v = 2.0 * work[cell(INVERSES, j)] - 1.0
                p = work[cell(SPARE, j)] * v + a0 if b else a0
                p = p * v + a1
                p = p * v + a2
                p = p * v + a3
                p = p * v + a4
                p = p * v + a5
                p = p * v + a6
                work[cell(SPARE, j)] = p * v + a7
        for j in range(width):
            work[cell(TERMS, j)] += work[cell(ROOTS, j)] * work[cell(SPARE, j)]


@compiled()
def fill_profile(code: int, params: Any, width: int, work: Any) -> None:
    """Write the terms of a row of squared distances, by the code of a `Shape`."""
    for j in range(width):
        work[cell(TERMS, j)] = 0.0
    count = int(params[0])
    if code == POWER:
        _powers(width, params, count, work)
    elif code == ROOT:
        _roots(width, work)
    elif code == INVERSE:
        _inverses(width, params, count, work)
    elif code == INVERSE_ROOT:
        _inverse_roots(width, params, count, work)
    elif code == INVERSE_POWER:
        _inverse_powers(width, params, count, work)
    elif code == ROOT_POWER:
        _root_powers(width, params, count, work)
    elif code == SERIES:
        _series(width, params, count, work)
