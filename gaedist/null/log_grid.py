"""Distributions of positive numbers of any magnitude, on a grid of equal steps in the logarithm.

Sums of independent variables whose logarithms spread over hundreds of e-folds, of which the few largest are
nearly all, have no transform that can be inverted in double precision. Here their distribution is computed
from masses on the grid alone: no term is negative, so that small probabilities keep their relative precision.
The logarithm of a sum exceeds that of the larger term by log(1 + e^(−difference)), which is the same along
each diagonal of the table of pairs; n equal variables take about 2 log₂ n such convolutions.
"""

import math
from dataclasses import dataclass

import numpy as np

from gaedist.numerics import Array, log_or_minus_inf

_NEGLIGIBLE = 38.0  # e-folds between two terms of which the smaller changes no digit of their sum
_LEAST_BELOW = 1e-22  # probability of the smallest values, which are moved up to one node
_LEAST = 1e-305  # masses of the largest values that are left out


@dataclass(frozen=True, eq=False)
class LogGrid:
    """The distribution of a positive number, which has masses on values exp(step · (first + k)).

    Attributes
    ----------
    step : float
        Distance of the nodes, in e-folds.
    first : int
        Index of the first node.
    masses : (K,) array
        Probabilities; the first and the last are not 0.
    """

    step: float
    first: int
    masses: Array

    @classmethod
    def of(cls, logs: Array, weights: Array, step: float) -> "LogGrid":
        """Return the distribution with these weights on values of these logarithms.

        Each weight is divided between the two next nodes so that the mean does not change.
        """
        nodes = np.floor(logs / step)
        upper = np.expm1(logs - step * nodes) / math.expm1(step)
        first, places = int(nodes.min()), (nodes - nodes.min()).astype(np.int64)
        size = int(places.max()) + 2
        masses = np.zeros(size)
        np.add.at(masses, places, (1 - upper) * weights)
        np.add.at(masses, places + 1, upper * weights)
        return _trimmed(step, first, masses)

    @property
    def logs(self) -> Array:
        """The logarithms of the values, (K,)."""
        return self.step * np.arange(self.first, self.first + len(self.masses), dtype=float)

    @property
    def log_spread(self) -> float:
        """The logarithm of the difference between the quantiles 0.9 and 0.1."""
        low, high = self.step * (self.first + np.searchsorted(np.cumsum(self.masses), [0.1, 0.9]))
        return float(high + log_or_minus_inf(-math.expm1(low - high)))

    def plus(self, other: "LogGrid") -> "LogGrid":
        """Return the distribution of the sum with an independent variable on a grid of the same step."""
        step, first = self.step, min(self.first, other.first)
        size = max(grid.first + len(grid.masses) for grid in (self, other)) - first
        p, q = np.zeros((2, size))
        for masses, grid in ((p, self), (q, other)):
            start = grid.first - first
            masses[start : start + len(grid.masses)] = grid.masses
        found, reach = np.zeros(size + int(math.log(2) / step) + 2), min(size, int(_NEGLIGIBLE / step) + 1)
        for gap in range(reach):
            both = p[gap:] * q[: size - gap]
            if gap:
                both += q[gap:] * p[: size - gap]
            rise = math.log1p(math.exp(-step * gap))
            nodes = int(rise / step)
            upper = math.expm1(rise - step * nodes) / math.expm1(step)
            place = gap + nodes
            found[place : place + len(both)] += (1 - upper) * both
            found[place + 1 : place + 1 + len(both)] += upper * both
        found[reach:size] += p[reach:] * np.cumsum(q)[: size - reach]
        found[reach:size] += q[reach:] * np.cumsum(p)[: size - reach]
        return _trimmed(step, first, found)

    def sum_of(self, count: int) -> "LogGrid":
        """Return the distribution of the sum of so many independent variables, at least one."""
        doubled, total = self, None
        while True:
            if count & 1:
                total = doubled if total is None else total.plus(doubled)
            count >>= 1
            if total is not None and not count:
                return total
            doubled = doubled.plus(doubled)

    def tails(self, logs: Array) -> tuple[Array, Array]:
        """Return the probabilities below and above values of these logarithms.

        Half of the mass of a node is on either side of it; between nodes the logarithms of the probabilities
        are interpolated. Values below the grid have the least probability that is resolved, those above it
        none.
        """
        half = self.masses / 2
        below = np.log(np.cumsum(self.masses) - half)
        above = np.log(np.cumsum(self.masses[::-1])[::-1] - half)
        return (
            np.exp(np.interp(logs, self.logs, below, right=0.0)),
            np.exp(np.interp(logs, self.logs, above, left=0.0, right=-math.inf)),
        )


def _trimmed(step: float, first: int, masses: Array) -> LogGrid:
    """Return the distribution without nodes of negligible mass at both ends."""
    totals = np.cumsum(masses)
    start, stop = int(np.searchsorted(totals, _LEAST_BELOW)), int(np.flatnonzero(masses > _LEAST)[-1]) + 1
    kept = masses[start:stop].copy()
    kept[0] = totals[start]
    return LogGrid(step, first + start, kept)
