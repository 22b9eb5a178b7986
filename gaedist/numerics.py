"""The array type, constants, and arithmetic with logarithms, which all other rooms share."""

import math
import sys
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOG2_E = math.log2(math.e)
HALF_LOG2_E = 0.5 * LOG2_E

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


def squared_norms(x: Array) -> Array:
    """Return |x_i|² of each row, (n,)."""
    return np.asarray(np.einsum("ij,ij->i", x, x))


def log_or_minus_inf(value: float) -> float:
    """Return log(value), or −inf for a value of 0 or less."""
    return math.log(value) if value > 0 else -math.inf


def log_of_value(value: float) -> float | None:
    """Return the logarithm that a result reports: −inf for 0, None for a negative value."""
    return None if value < 0 else log_or_minus_inf(value)


def to_linear(log: float) -> float:
    """Return exp(log), or inf where it overflows."""
    return math.exp(log) if log < _LOG_MAX else math.inf


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
