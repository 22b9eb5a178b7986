"""What departures the panel finds at a given n, so that its silence can be read."""

import math
from dataclasses import dataclass

_POWER = 0.9
_PARTS = 2  # of the checks of location, scale and dependence, about


@dataclass(frozen=True)
class Detectable:
    """Departures that are found with 90 % probability at this n, D and alpha.

    Attributes
    ----------
    shift : float
        Mean of one axis.
    sd_low, sd_high : float
        Standard deviation of one axis, below 1 and above 1.
    correlation : float, optional
        Correlation of two axes; None where there is no pair or too few points.
    power : float
        That probability.
    """

    shift: float
    sd_low: float | None
    sd_high: float | None
    correlation: float | None
    power: float


def detectable(n: int, dim: int, alpha: float, checks: int) -> Detectable:
    """Return what is found on one axis, or pair, with adjusted p ≤ alpha, by the laws of the checks."""
    from scipy.special import gammainccinv, gammaincinv, ndtri

    level = alpha / checks / _PARTS
    beyond = float(ndtri(_POWER))

    def reach(count: float) -> float:
        return beyond - float(ndtri(level / (2 * count)))

    low = high = correlation = None
    if n > 1:
        half, tail = (n - 1) / 2, level / (2 * dim)
        low = math.sqrt(float(gammaincinv(half, tail) / gammaincinv(half, _POWER)))
        high = math.sqrt(float(gammainccinv(half, tail) / gammainccinv(half, _POWER)))
    if n > 4 and dim > 1:
        correlation = math.tanh(reach(dim * (dim - 1) / 2) / math.sqrt(n - 3))
    return Detectable(reach(dim) / math.sqrt(n), low, high, correlation, _POWER)
