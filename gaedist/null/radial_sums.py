"""The distribution under N(0, I) of d² to N(0, I) in many dimensions, where its moments say nothing.

With one σ, s = σ², and h = −D/2, d² is a constant plus

    V = (2/n²) Σ_{i<j} k(x_i, x_j) − (2/n) Σ_i c(x_i),     k = s^h e^(−|x−y|²/(4s)), c = c₀ e^(−|x|²/(2(1+s)))

In many dimensions the few points nearest to 0 are nearly all of Σ c, and its mean and variance are those of
samples with much nearer points than there ever are. So the distribution is computed from those of c and k:

- the |x_i|² are independent χ²_D;
- the |x_i − x_j|²/2 are χ²_D too, and taken as independent, which rare overlaps nearly are;
- what pairs have in common by their points is E[k | x], Hoeffding's projection, which goes to the sum over
  points: f = c − ω (1 − 1/n) E[k | x], minus the constant that keeps the mean of V.

ω is the share of E k that pairs of a sample contribute. The pairs that are nearer than any of the sample,
which can be nearly all of E k, contribute to no E[k | x] either. The two sums are formed on logarithmic grids
(`gaedist.null.log_grid`), and are independent.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gaedist.null.log_grid import LogGrid
from gaedist.numerics import Array, log_or_minus_inf, signed_sum

FEWEST_AXES = 12
"""Fewest dimensions for which these distributions were found calibrated."""

_MOST_OF_PAIRS = 0.75  # spread of the sum over pairs, in that of the sum over points
_RARE = 0.04  # expected number of pairs that are nearer than those that count for ω
_STEPS, _PAIR_STEPS = 60.0, 120.0  # steps of a grid in a standard deviation of log c, and of log k
_FINEST, _COARSEST = 0.01, 0.25  # bounds of a step
_FINE = 0.01  # times the standard deviation of log |x|²: between nodes for |x|²
_LOWEST = -740.0  # logarithm of the least weight of a node for |x|²
_HIGHEST = 14.0  # standard deviations of |x|² above the mean, beyond which there are no nodes
_DEEPEST = 2000.0  # e-folds below the largest overlap of two points beyond which others are as good as 0


@dataclass(frozen=True, eq=False)
class RadialSum:
    """The distribution of V.

    Attributes
    ----------
    n : int
        Number of points.
    points : LogGrid
        Σ max(f, 0).
    pairs : LogGrid, optional
        Σ_{i<j} k; None for a single point.
    shift : tuple of int and float
        Sign and logarithm of the constant that is subtracted from −V n/2.
    """

    n: int
    points: LogGrid
    pairs: LogGrid | None
    shift: tuple[int, float]

    @property
    def is_calibrated(self) -> bool:
        """The sum over pairs varies too little, next to that over points, for their dependence to matter."""
        if self.pairs is None:
            return True
        log_share = self.pairs.log_spread - math.log(self.n) - self.points.log_spread
        return log_share < math.log(_MOST_OF_PAIRS)

    def tails(self, log_pairs: float, log_cross: float) -> tuple[float, float]:
        """Return the probabilities of a smaller and of a larger V.

        Parameters
        ----------
        log_pairs, log_cross : float
            Logarithms of the pair term, (2/n²) Σ k, and of the cross term, (1/n) Σ c.
        """
        n, (sign, log_shift) = self.n, self.shift
        # V n/2 is a constant − Σ max(f, 0) + (1/n) Σ k
        above, log_rest = signed_sum((n, log_cross), (-n / 2, log_pairs), (-sign, log_shift))
        if self.pairs is None:
            return _tails(self.points, np.array([log_rest]), np.ones(1))
        log_pairs_n = self.pairs.logs - math.log(n)
        if above >= 0:
            return _tails(self.points, np.logaddexp(log_rest, log_pairs_n), self.pairs.masses)
        larger = np.logaddexp(log_rest, self.points.logs) + math.log(n)
        return _tails(self.pairs, larger, self.points.masses)[::-1]


@lru_cache(maxsize=16)
def radial_sum(n: int, dim: int, variance: float) -> RadialSum:
    """Return the distribution of V for n points in D dimensions and σ²."""
    s, h, count = variance, -dim / 2, n * (n - 1) // 2
    squares, weights = _squared_norms(dim)
    log_c = h * math.log((1 + s) / 2) - squares / (2 * (1 + s))
    log_share = log_or_minus_inf(_share_of_pairs(count, dim, s) * (1 - 1 / n))
    log_about = log_share + h * math.log(s + 0.5) - squares / (4 * s + 2)  # ω (1 − 1/n) E[k|x]
    positive = log_c > log_about
    log_sizes = np.maximum(log_c, log_about) + np.log(-np.expm1(-np.abs(log_c - log_about)))  # of f
    negatives = zip(weights[~positive], log_sizes[~positive], strict=True)
    shift = signed_sum((n, log_share + h * math.log1p(s)), *((-n * weight, log) for weight, log in negatives))
    step = min(_COARSEST, max(_FINEST, math.sqrt(2 * dim) / (2 * (1 + s)) / _STEPS))
    pair_step = min(_COARSEST, max(step, math.sqrt(2 * dim) / (2 * s) / _PAIR_STEPS))
    return RadialSum(
        n,
        _of_values(log_sizes[positive], weights[positive], step).sum_of(n),
        _of_values(h * math.log(s) - squares / (2 * s), weights, pair_step).sum_of(count) if count else None,
        shift,
    )


def _tails(grid: LogGrid, logs: Array, weights: Array) -> tuple[float, float]:
    """Return the mean probabilities above and below values of these logarithms and weights."""
    below, above = grid.tails(logs)
    return float(weights @ above), float(weights @ below)


def _of_values(logs: Array, weights: Array, step: float) -> LogGrid:
    """Return a distribution whose total is 1, the smallest values being as good as 0."""
    return LogGrid.of(np.maximum(logs, logs.max() - _DEEPEST), weights / weights.sum(), step)


def _share_of_pairs(count: int, dim: int, s: float) -> float:
    """Return ω: the part of E k that is due to pairs as far apart as those of a sample."""
    from scipy.special import gammaincc, gammaincinv

    if count < 2:
        return 0.0
    nearest = float(gammaincinv(dim / 2, _RARE / count))  # |x − y|²/4
    return float(gammaincc(dim / 2, nearest * (1 + 1 / s)))


def _squared_norms(dim: int) -> tuple[Array, Array]:
    """Return nodes and weights of a quadrature rule for functions of a χ² variable of D degrees of freedom.

    The nodes are equally spaced in its logarithm. They reach so far down that the least weight is at the
    limit of a double, since small norms decide how improbable a value is.
    """
    deviation = math.sqrt(2 / dim)
    highest = math.log1p(_HIGHEST * deviation + _HIGHEST**2 / dim)
    logs = np.arange(2 * _LOWEST / dim - 2, highest, _FINE * deviation)
    raw = dim / 2 * logs - dim / 2 * np.exp(logs)
    raw -= raw.max() + math.log(float(np.exp(raw - raw.max()).sum()))
    kept = raw > _LOWEST
    return dim * np.exp(logs[kept]), np.exp(raw[kept])
