"""The array type, constants, and arithmetic with logarithms, which all other rooms share."""

import math
import sys
from collections.abc import Callable, Iterable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOG2_E = math.log2(math.e)
HALF_LOG2_E = 0.5 * LOG2_E

_STEPS = 100  # of a search for a root
_CACHED = 1 << 14  # numbers that stay in a core's second-level cache, with others

_LOG_MAX = math.log(sys.float_info.max)


class Stream(IntEnum):
    """What random numbers are drawn for; entropy beside the seed, so that different draws are independent.

    Results depend on these numbers. There is no 0: default_rng((seed, 0)) is the same as default_rng(seed),
    which may have made the codes themselves.
    """

    SIMULATED_SAMPLES = 1
    BANDWIDTH_POINTS = 2
    PERMUTATIONS = 3
    DIRECTIONS = 4
    SAMPLED_PAIRS = 5
    HALVES = 6
    NEIGHBOURS = 7
    POSTERIORS = 8
    POSITIONS = 9
    MUTUAL_INFORMATION = 10
    PRIOR_SAMPLES = 12


def spaced_rows(n: int, count: int = 2000) -> NDArray[np.intp]:
    """Return at most so many of n rows, equally spaced."""
    return np.arange(n) if n <= count else np.linspace(0, n - 1, count).round().astype(np.intp)


def squared_norms(x: Array) -> Array:
    """Return |x_i|² of each row, (n,)."""
    return np.asarray(np.einsum("ij,ij->i", x, x))


def squared_distances(x: Array, y: Array) -> Array:
    """Return |x_i − y_j|², (n, m), by differences of coordinates."""
    squares, columns = np.zeros((len(x), len(y))), np.ascontiguousarray(y.T)
    step = max(1, _CACHED // max(1, len(y)))
    apart = np.empty((step, len(y)))
    for i in range(0, len(x), step):
        some = squares[i : i + step]
        for a, b in zip(x[i : i + step].T, columns, strict=True):
            np.subtract(a[:, np.newaxis], b, out=apart[: len(some)])
            some += np.square(apart[: len(some)], out=apart[: len(some)])
    return squares


def log2_of_sum(log2_parts: Iterable[float]) -> float:
    """Return log2 of a sum, given those of its parts."""
    parts = np.asarray(log2_parts)
    peak = float(parts.max())
    return peak + math.log2(math.fsum(np.exp2(parts - peak))) if math.isfinite(peak) else peak


def log_or_minus_inf(value: float) -> float:
    """Return log(value), or −inf for a value of 0 or less."""
    return math.log(value) if value > 0 else -math.inf


def log_ratio(a: float, b: float) -> float:
    """Return log(a/b) of two positive numbers, with its digits where they are nearly equal."""
    return math.log1p((a - b) / b) if b / 2 < a < 2 * b else math.log(a / b)


def log_of_value(value: float) -> float | None:
    """Return the logarithm that a result reports: −inf for 0, None for a negative value."""
    return None if value < 0 else log_or_minus_inf(value)


def to_linear(log: float) -> float:
    """Return exp(log), or inf where it overflows."""
    return math.exp(log) if log < _LOG_MAX else math.inf


def root(
    function: Callable[[float], float],
    low: float,
    high: float,
    *,
    xtol: float = 2e-12,
    rtol: float = 4 * sys.float_info.epsilon,
) -> float:
    """Return where a function with values of different sign at both ends is 0, by Brent's method.

    Takes the steps of `scipy.optimize.brentq`, to the last bit: that module takes long to load.
    """
    before, now, other = low, high, 0.0
    f_before, f_now, f_other = function(before), function(now), 0.0
    step = last_step = 0.0
    if f_before == 0:
        return before
    assert f_now == 0 or (f_before < 0) != (f_now < 0)
    for _ in range(_STEPS):
        if f_now != 0 and (f_before < 0) != (f_now < 0):
            other, f_other = before, f_before
            last_step = step = now - before
        if abs(f_other) < abs(f_now):
            before, now, other = now, other, now
            f_before, f_now, f_other = f_now, f_other, f_now
        delta, half = (xtol + rtol * abs(now)) / 2, (other - now) / 2
        if f_now == 0 or abs(half) < delta:
            return now
        trial = math.inf
        if abs(last_step) > delta and abs(f_now) < abs(f_before):
            if before == other:  # secant
                trial = -f_now * (now - before) / (f_now - f_before)
            elif f_other != f_before:  # inverse quadratic
                by, to = (f_before - f_now) / (before - now), (f_other - f_now) / (other - now)
                trial = -f_now * (f_other * to - f_before * by) / (to * by * (f_other - f_before))
        if 2 * abs(trial) < min(abs(last_step), 3 * abs(half) - delta):
            last_step, step = step, trial
        else:
            last_step = step = half
        before, f_before = now, f_now
        now += step if abs(step) > delta else math.copysign(delta, half)
        f_now = function(now)
    return now


def signed_sum(*terms: tuple[float, float]) -> tuple[int, float]:
    """Return the sign and the logarithm of |Σ factor · exp(log)| over terms (factor, log); (0, −inf) for 0.

    The sum does not overflow or underflow, and adds no rounding to that of its terms.
    """
    shift = max(log for _, log in terms)
    if shift == -math.inf:
        return 0, -math.inf
    total = math.fsum(factor * math.exp(log - shift) for factor, log in terms)
    if total == 0:
        return 0, -math.inf
    return (1 if total > 0 else -1), shift + math.log(abs(total))
