"""The shape of a null distribution, from its tail alone: its middle part, and its density.

A tail can take a tenth of a second, so it is computed at few z. Between them its normal score Φ⁻¹(P(larger))
is interpolated, which is nearly a straight line.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from gaedist.null.assessment import NullDistribution
from gaedist.null.distributions import Simulated
from gaedist.null.permutations import Permutations
from gaedist.numerics import Array, root

LEVEL = 0.99
"""Probability of the middle part of a null distribution."""

_FARTHEST = 1e9  # standard deviations
_NODES, _CELLS = 25, 160
_LOST = 0.03  # probability, beyond which z hardly resolves a distribution
_QUARTER = 0.6745  # normal score of a quartile
_NARROWEST = (
    0.02  # part of the whole range that lies between the quartiles, below which nothing is to be seen
)
_FAR = 8.0  # the normal score of a tail of 0, about


def middle(distribution: NullDistribution | None, level: float = LEVEL) -> tuple[float, float] | None:
    """Return between which z a null distribution has a probability; None if its tail is not known.

    The ends are right to about a thousandth, which a picture does not show.
    """
    if isinstance(distribution, Simulated | Permutations):
        low, high = np.quantile(distribution.scores, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)
    if distribution is None or distribution.upper_tail(0.0) is None:
        return None
    score, end = _normal_score(distribution), _of_normal((1 + level) / 2)
    return _where(score, -end), _where(score, end)


def density(distribution: NullDistribution | None) -> tuple[Array, Array] | None:
    """Return z and the density there; None if its tail is not known or too skewed, or is simulated."""
    from scipy.interpolate import CubicSpline

    ends = None if isinstance(distribution, Simulated | Permutations) else middle(distribution, 0.9998)
    if distribution is None or ends is None or not ends[0] < ends[1]:
        return None
    score = _normal_score(distribution)
    low, high = ends
    if _where(score, _QUARTER) - _where(score, -_QUARTER) < _NARROWEST * (high - low):
        return None
    nodes = low + (high - low) * (1 - np.cos(np.linspace(0, np.pi, _NODES))) / 2
    spline = CubicSpline(nodes, [score(float(z)) for z in nodes])
    z = np.linspace(low, high, _CELLS + 1)
    slope = np.maximum(spline(z, 1), 0.0)
    found = slope * np.exp(-(spline(z) ** 2) / 2) / np.sqrt(2 * np.pi)
    return (z, found) if abs(float(np.trapezoid(found, z)) - 1) < _LOST else None


def _of_normal(p: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(p))


def _normal_score(distribution: NullDistribution) -> Callable[[float], float]:
    """Return the rising function −Φ⁻¹(P(larger z)) of z."""

    @cache
    def score(z: float) -> float:
        with np.errstate(over="ignore", invalid="ignore"):  # far out, where a tail is 0
            tail = distribution.upper_tail(z)
        assert tail is not None
        return -min(_FAR, max(-_FAR, _of_normal(tail)))

    return score


def _where(score: Callable[[float], float], wanted: float) -> float:
    """Return the z at which a rising function has a value, or the farthest."""
    low, high = -4.0, 4.0
    while score(low) >= wanted and low > -_FARTHEST:
        low *= 4
    while score(high) < wanted and high < _FARTHEST:
        high *= 4
    if not score(low) < wanted <= score(high):
        return low if score(low) >= wanted else high
    return root(lambda z: score(z) - wanted, low, high, xtol=1e-10, rtol=1e-3)
