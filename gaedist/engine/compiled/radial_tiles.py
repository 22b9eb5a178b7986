"""Sums over tiles of functions of |x − y|: the compiled side of `integrands.Profile`.

``radial_tiles``, the entry point, sums several profiles from one look at each tile. A profile is the code of
a `Shape` and a row of numbers: how many rates it is summed over, the rates, and what all of them share.
``add_profile`` adds its terms for a row of squared distances, which ``fill_squares`` writes. Rows begin at
constants, as in `exponents`.
"""

from typing import Any

import numpy as np

from gaedist.engine.compiled.arithmetic import bits, cell, double, exp2, log2_and_inverse, total
from gaedist.engine.compiled.integrands import INTEGRANDS, Profile, Shape
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.sizes import FRACTION_NUMBERS, NEAR, SERIES_BLOCK, TILE
from gaedist.engine.compiled.tiles import open_tile

POWER = int(Shape.POWER)
ROOT = int(Shape.ROOT)
INVERSE = int(Shape.INVERSE)
INVERSE_ROOT = int(Shape.INVERSE_ROOT)
INVERSE_POWER = int(Shape.INVERSE_POWER)
ROOT_POWER = int(Shape.ROOT_POWER)
SERIES = int(Shape.SERIES)

SQUARES, INVERSES, ROOTS, SPARE, MEMORY = range(5)
"""Where rows of TILE numbers begin in the scratch of a profile."""

SCRATCH_ROWS = 5
"""How many of them there are."""

_NEEDS = INTEGRANDS[Profile]
_FARTHEST = 1e40  # u beyond which Σ 1/(1 + u) is its leading term; its powers stay in the range of a double
_MAGIC = 0x5FE6EB50C7B537A9  # minus half the bits of x, these are those of a first guess of 1/√x


@compiled(inline=True)
def _inverse_root(x: float) -> Any:
    """Return 1/√x for normal x > 0 with relative error 1e-15, in half the time of a root and a division.

    A guess with an error of 3.5 % is refined by a step of Halley's method and two of Newton's.
    """
    y = double(_MAGIC - (bits(x) >> 1))
    s = x * y * y
    y = y * (1.875 - s * (1.25 - 0.375 * s))
    half = 0.5 * x
    y = y * (1.5 - half * y * y)
    return y * (1.5 - half * y * y)


@compiled()
def fill_squares(tile: Any, i: int, width: int, work: Any) -> None:
    """Write |x_i − y_j|², also accurate where points are near each other and far from 0."""
    start, near = tile.squares_x[i], np.intp(0)
    work[cell(MEMORY, 0)] = 0.0
    for j in range(width):
        norms = start + tile.squares_y[j]
        square = max(norms - 2 * tile.products[i, j], 0.0)
        work[cell(SQUARES, j)] = square
        near += np.intp(square < NEAR * norms)
    if near and not tile.exact:
        for j in range(width):
            if work[cell(SQUARES, j)] < NEAR * (start + tile.squares_y[j]):
                square = 0.0
                for d in range(tile.x.shape[1]):
                    difference = tile.x[i, d] - tile.y[j, d]
                    square += difference * difference
                work[cell(SQUARES, j)] = square


@compiled()
def _powers(width: int, params: Any, base: int, count: int, work: Any, out: Any, at: int) -> None:
    for s in range(count):
        rate = params[base + 1 + s]
        for j in range(width):
            out[cell(at, j)] += exp2(-rate * work[cell(SQUARES, j)])


@compiled()
def _roots(width: int, work: Any, out: Any, at: int) -> None:
    for j in range(width):
        out[cell(at, j)] += np.sqrt(work[cell(SQUARES, j)])


@compiled()
def _fractions(width: int, params: Any, base: int, count: int, work: Any, out: Any, at: int) -> None:
    """Add Σ 1/(1 + u) as fractions P/Q of polynomials with positive coefficients."""
    first = base + 1
    for k in range(first, first + count * FRACTION_NUMBERS, FRACTION_NUMBERS):
        rate = params[k]
        p0, p1, p2, p3 = params[k + 1], params[k + 2], params[k + 3], params[k + 4]
        p4, p5, p6 = params[k + 5], params[k + 6], params[k + 7]
        q1, q2, q3, q4 = params[k + 8], params[k + 9], params[k + 10], params[k + 11]
        q5, q6, q7 = params[k + 12], params[k + 13], params[k + 14]
        far = np.intp(0)
        for j in range(width):
            u = rate * work[cell(SQUARES, j)]
            far += np.intp(u >= _FARTHEST)
            u = min(u, _FARTHEST)
            p = (((((p6 * u + p5) * u + p4) * u + p3) * u + p2) * u + p1) * u + p0
            q = ((((((q7 * u + q6) * u + q5) * u + q4) * u + q3) * u + q2) * u + q1) * u + 1.0
            out[cell(at, j)] += p / q if u < _FARTHEST else 0.0
        if far:
            for j in range(width):
                u = rate * work[cell(SQUARES, j)]
                if u >= _FARTHEST:
                    out[cell(at, j)] += params[k + FRACTION_NUMBERS - 1] / u


@compiled()
def _fill_roots(width: int, rate: float, work: Any) -> None:
    """Write z = 1/(1 + u) and √z, unless the last profile of this row wrote them for the same rate."""
    if work[cell(MEMORY, 0)] != rate:
        work[cell(MEMORY, 0)] = rate
        for j in range(width):
            root = _inverse_root(1.0 + rate * work[cell(SQUARES, j)])
            work[cell(INVERSES, j)] = root * root
            work[cell(ROOTS, j)] = root


@compiled()
def _inverse_roots(width: int, params: Any, base: int, count: int, work: Any, out: Any, at: int) -> None:
    for s in range(count):
        _fill_roots(width, params[base + 1 + s], work)
        for j in range(width):
            out[cell(at, j)] += work[cell(ROOTS, j)]


@compiled()
def _inverse_powers(width: int, params: Any, base: int, count: int, work: Any, out: Any, at: int) -> None:
    exponent = params[base + 1 + count]
    for s in range(count):
        rate = params[base + 1 + s]
        for j in range(width):
            log, _ = log2_and_inverse(1.0 + rate * work[cell(SQUARES, j)])
            out[cell(at, j)] += exp2(-exponent * log)


@compiled()
def _root_powers(width: int, params: Any, base: int, count: int, work: Any, out: Any, at: int) -> None:
    for s in range(count):
        rate = params[base + 1 + s]
        for j in range(width):
            out[cell(at, j)] += exp2(-rate * np.sqrt(work[cell(SQUARES, j)]))


@compiled()
def _series(width: int, params: Any, base: int, count: int, work: Any, out: Any, at: int) -> None:
    """Add √z P(2z − 1) by Horner's rule, twelve coefficients at a time."""
    blocks = int(params[base + 1 + count])
    for s in range(count):
        _fill_roots(width, params[base + 1 + s], work)
        for j in range(width):
            work[cell(SPARE, j)] = 0.0
        for b in range(blocks):
            k = base + 2 + count + b * SERIES_BLOCK
            a0, a1, a2, a3 = params[k], params[k + 1], params[k + 2], params[k + 3]
            a4, a5, a6, a7 = params[k + 4], params[k + 5], params[k + 6], params[k + 7]
            a8, a9, a10, a11 = params[k + 8], params[k + 9], params[k + 10], params[k + 11]
            for j in range(width):
                v = 2.0 * work[cell(INVERSES, j)] - 1.0
                p = work[cell(SPARE, j)] * v + a0
                p = ((((p * v + a1) * v + a2) * v + a3) * v + a4) * v + a5
                p = (((((p * v + a6) * v + a7) * v + a8) * v + a9) * v + a10) * v + a11
                work[cell(SPARE, j)] = p
        for j in range(width):
            out[cell(at, j)] += work[cell(ROOTS, j)] * work[cell(SPARE, j)]


@compiled()
def add_profile(code: int, params: Any, base: int, width: int, work: Any, out: Any, at: int) -> None:
    """Add the terms of a profile for a row of squared distances to row ``at`` of ``out``.

    ``code`` is the value of its `Shape`. Its numbers begin at ``base``: a slice would take as long as a row.
    """
    count = int(params[base])
    if code == POWER:
        _powers(width, params, base, count, work, out, at)
    elif code == ROOT:
        _roots(width, work, out, at)
    elif code == INVERSE:
        _fractions(width, params, base, count, work, out, at)
    elif code == INVERSE_ROOT:
        _inverse_roots(width, params, base, count, work, out, at)
    elif code == INVERSE_POWER:
        _inverse_powers(width, params, base, count, work, out, at)
    elif code == ROOT_POWER:
        _root_powers(width, params, base, count, work, out, at)
    elif code == SERIES:
        _series(width, params, base, count, work, out, at)


@compiled()
def _sum_profiles(
    codes: Any, numbers: Any, tile: Any, triangle: bool, work: Any, totals: Any, sums: Any
) -> None:
    """Store the sum of each profile over a tile, or the part of it below the diagonal."""
    stride = numbers.size // codes.size
    for j in range(totals.size):
        totals[j] = 0.0
    for i in range(tile.rows):
        end = i if triangle else tile.width
        fill_squares(tile, i, end, work)
        for q in range(codes.size):
            add_profile(codes[q], numbers, q * stride, end, work, totals, q)
    for q in range(codes.size):
        sums[q] = total(totals[q * TILE : (q + 1) * TILE], tile.width)


@compiled(nogil=True, cache=True)
def radial_tiles(
    codes: Any, numbers: Any, points: Any, symmetric: bool, positions: Any, partial: Any, scratch: Any
) -> None:
    """Fill partial[k, q] with the sum of profile q over tile k; arguments as of `tiles.sum_tiles`.

    codes (Q,) are values of `integrands.Shape`; numbers holds the `integrands.ProfileNumbers.numbers` of each
    profile, padded to one length.
    """
    work = scratch.work
    totals = work[work.size - codes.size * TILE :]
    rows = work[work.size - (SCRATCH_ROWS + codes.size) * TILE : work.size - codes.size * TILE]
    for k in range(partial.shape[0]):
        row, column = positions[k, 0], positions[k, 1]
        tile = open_tile(None, _NEEDS, points, row * TILE, column * TILE, scratch.gram, work)
        _sum_profiles(codes, numbers, tile, symmetric and row == column, rows, totals, partial[k])
