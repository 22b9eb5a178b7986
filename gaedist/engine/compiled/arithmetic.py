"""Arithmetic in compiled code: 2^y and log2 that LLVM vectorises, bit casts, and sums in a fixed order.

Inner loops call these functions, which are inlined into them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, overload

from gaedist.engine.compiled.jit import PART, compiled
from gaedist.engine.compiled.lanes import LANES, LanesType, at_least, doubles_of, highest, integers_of, load
from gaedist.engine.compiled.sizes import TILE

_MAGIC = 1.5 * 2.0**52  # y + _MAGIC has the integer nearest to y in its last bits
_MAGIC_BITS = 0x4338000000000000
_ONE_BITS = 0x3FF0000000000000
_ROOT_HALF_BITS = 0x3FE6A09E667F3BCD  # √½
LOWEST = -1022.0  # the exponent of the least normal double
NEGLIGIBLE = 80.0  # log2 of the largest term of a tile over terms that are left out
HIGHEST = 500.0  # an exponent whose power is far from overflow, also times a derivative

# 2^f on [−½, ½]: mpmath.chebyfit(lambda f: mpf(2) ** f, [-0.5, 0.5], 12) with 40 digits.
_C0 = 1.0
_C1 = 0.6931471805599453
_C2 = 0.24022650695910158
_C3 = 0.055504108664821625
_C4 = 0.009618129107587256
_C5 = 0.001333355814640647
_C6 = 0.00015403530463724353
_C7 = 1.5252733841556773e-05
_C8 = 1.3215432535912375e-06
_C9 = 1.0178057087733941e-07
_C10 = 7.074194297288521e-09
_C11 = 4.4558179083360645e-10

# The same in single precision, with 7 terms.
_S_MAGIC = np.float32(1.5 * 2.0**23)
_S_LOWEST = np.float32(-126.0)
HIGHEST_SINGLE = np.float32(120.0)  # an exponent of which some powers can be added without overflow
_S0 = np.float32(1.0)
_S1 = np.float32(0.693147206703)
_S2 = np.float32(0.240226509223)
_S3 = np.float32(0.0555032722667)
_S4 = np.float32(0.00961805667852)
_S5 = np.float32(0.00134004281776)
_S6 = np.float32(0.000154614446986)

# log2((1 + f)/(1 − f))/f as a polynomial of f², for (1 + f)/(1 − f) in [√½, √2]: chebyfit with 8 terms.
_L0 = 2.8853900817779268
_L1 = 0.9617966939259898
_L2 = 0.5770780163455203
_L3 = 0.4121985858409005
_L4 = 0.32059853491395984
_L5 = 0.262334352504183
_L6 = 0.2209130842311768
_L7 = 0.2136589569431927


def _bitcast(kind: Any) -> Callable[..., Any]:
    """Return a code generator that reinterprets the bits of a number as another type."""
    return lambda _target, builder, _signature, args: builder.bitcast(args[0], kind)


@intrinsic
def bits(_context: Any, value: Any) -> Any:
    """Return the 64 bits of a double, or of each lane, as an integer."""
    if isinstance(value, LanesType):
        kind = integers_of(value)
        return kind(value), _bitcast(kind.vector)
    return types.int64(types.float64), _bitcast(ir.IntType(64))


@intrinsic
def double(_context: Any, bits: Any) -> Any:
    """Return the double that has these 64 bits, or the lanes that have."""
    if isinstance(bits, LanesType):
        kind = doubles_of(bits)
        return kind(bits), _bitcast(kind.vector)
    return types.float64(types.int64), _bitcast(ir.DoubleType())


@intrinsic
def bits_of_single(_context: Any, value: Any) -> Any:
    """Return the 32 bits of a single as an integer."""
    return types.int32(types.float32), _bitcast(ir.IntType(32))


@intrinsic
def single(_context: Any, bits: Any) -> Any:
    """Return the single that has these 32 bits."""
    return types.float32(types.int32), _bitcast(ir.FloatType())


@intrinsic
def cell(_context: Any, row: Any, j: Any) -> Any:
    """Return the flat index of element j of a row of TILE numbers, unsigned so that no sign is checked."""

    def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.add(builder.mul(args[0], ir.IntType(64)(TILE)), args[1])

    return types.uint64(types.int64, types.int64), generate


@intrinsic
def packed_by(_context: Any, lanes: Any, count: Any, k: Any, i: Any) -> Any:
    """Return the flat index of parameter k of point i, where ``lanes`` points have all ``count`` together.

    Rows of TILE numbers would begin in one of two sets of the first-level cache, so that few stay in it.
    """

    def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        lanes, count, k, i = args
        lane = builder.urem(i, lanes)
        start = builder.mul(builder.sub(i, lane), count)
        return builder.add(builder.add(start, builder.mul(k, lanes)), lane)

    return types.uint64(types.int64, types.int64, types.int64, types.int64), generate


@compiled(inline=True)
def packed(count: int, k: int, i: int) -> Any:
    """Return the same for LANES points."""
    return packed_by(LANES, count, k, i)


@compiled(inline=True)
def exp2_in_range(y: Any) -> Any:
    """Return 2^y for y from −1022 to 1024."""
    shifted = y + _MAGIC
    f = y - (shifted - _MAGIC)
    p = _C11
    p = p * f + _C10
    p = p * f + _C9
    p = p * f + _C8
    p = p * f + _C7
    p = p * f + _C6
    p = p * f + _C5
    p = p * f + _C4
    p = p * f + _C3
    p = p * f + _C2
    p = p * f + _C1
    p = p * f + _C0
    return double(bits(p) + (bits(shifted) << 52))


@compiled(inline=True)
def exp2(y: Any) -> Any:
    """Return 2^y for y < 1024, and 2^−1022 for smaller y; relative error at most 2.3e-16."""
    return exp2_in_range(at_least(y, LOWEST))


@compiled(inline=True)
def exp2_single(y: Any) -> Any:
    """Return 2^y, a single, for y < 128, and 2^−126 for smaller y; relative error at most 1.2e-7."""
    y = max(y, _S_LOWEST)
    shifted = y + _S_MAGIC
    f = y - (shifted - _S_MAGIC)
    p = _S6
    p = p * f + _S5
    p = p * f + _S4
    p = p * f + _S3
    p = p * f + _S2
    p = p * f + _S1
    p = p * f + _S0
    return single(bits_of_single(p) + (bits_of_single(shifted) << np.int32(23)))


@compiled(inline=True)
def split(x: Any) -> Any:
    """Return m in [√½, √2) and an integer k, both as doubles, with x = m 2^k, for positive normal x."""
    k = (bits(x) - _ROOT_HALF_BITS) >> 52
    return double(bits(x) - (k << 52)), double(k + _MAGIC_BITS) - _MAGIC


@compiled(inline=True)
def power_of_two(k: Any) -> Any:
    """Return 2^k for an integer k from −1022 to 1023, as a double."""
    return double((bits(k + _MAGIC) << 52) + _ONE_BITS)


@compiled(inline=True)
def log2_and_inverse(x: Any) -> Any:
    """Return log2(x) and 1/x for x from 2^−1021 to 2^1022, with a single division.

    The absolute error of the logarithm is at most half a unit in its last place plus 4e-16 times the
    smaller of its size and ½ |x − 1|; the relative error of the inverse is at most 4e-16.
    """
    k = (bits(x) - _ROOT_HALF_BITS) >> 52
    m = double(bits(x) - (k << 52))
    both = 1.0 / (m * (m + 1.0))
    f = (m - 1.0) * m * both
    z = f * f
    p = _L7
    p = p * z + _L6
    p = p * z + _L5
    p = p * z + _L4
    p = p * z + _L3
    p = p * z + _L2
    p = p * z + _L1
    p = p * z + _L0
    log = (double(k + _MAGIC_BITS) - _MAGIC) + f * p
    return log, (m + 1.0) * both * double((1023 - k) << 52)


@compiled()
def add_relative(
    exponents: Any, start: int, width: int, factor: float, weight: float, peak: float, totals: Any, at: int
) -> Any:
    """Add 2^(weight + factor e − peak) of exponents e to totals of their columns; return the peak.

    Before, it is raised to the largest of these weight + factor e, and the TILE totals are divided by as
    much. If all terms are negligible compared with 2^peak, nothing is added.
    """
    least, matter = peak - NEGLIGIBLE - weight, np.intp(0)
    for j in range(width):
        matter += np.intp(factor * exponents[np.uintp(start + j)] > least)
    if not matter:
        return peak
    highest = weight + factor * largest(exponents[start : start + width])
    if highest > peak:
        scale = exp2(peak - highest)
        for j in range(TILE):
            totals[np.uintp(at + j)] *= scale
        peak = highest
    for j in range(width):
        totals[np.uintp(at + j)] += exp2((weight + factor * exponents[np.uintp(start + j)]) - peak)
    return peak


@compiled()
def total(values: Any, count: int) -> Any:
    """Return the sum of the first ``count`` numbers of a vector, in eight lanes whose order is fixed."""
    a = b = c = d = e = f = g = h = 0.0
    for k in range(0, count - 7, 8):
        a += values[k]
        b += values[k + 1]
        c += values[k + 2]
        d += values[k + 3]
        e += values[k + 4]
        f += values[k + 5]
        g += values[k + 6]
        h += values[k + 7]
    rest = 0.0
    for k in range(count - count % 8, count):
        rest += values[k]
    return (((a + e) + (b + f)) + ((c + g) + (d + h))) + rest


def largest(values: Any) -> Any:
    """Return the largest number of a vector without gaps."""


def _largest_double(values: Any) -> Any:
    found, whole = values[0], values.size - values.size % LANES
    if whole:
        lanes = load(values, np.uintp(0))
        for k in range(LANES, whole, LANES):
            lanes = at_least(lanes, load(values, np.uintp(k)))
        found = highest(lanes)
    for k in range(whole, values.size):
        found = max(found, values[k])
    return found


def _largest_single(values: Any) -> Any:
    found = values[0]
    for value in values:
        found = max(found, value)
    return found


@overload(largest, jit_options=PART)
def _choose_largest(values: Any) -> Callable[[Any], Any]:
    return _largest_single if values.dtype == types.float32 else _largest_double
