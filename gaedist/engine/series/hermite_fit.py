"""How many terms a sum by Mehler's formula takes: the choice of origin, t and degrees."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaedist.engine.compiled.sizes import BLOCK
from gaedist.engine.series.hermite_bounds import FAR, least_mean, mean_roots, ratio_of, remainders
from gaedist.numerics import Array

LARGEST = 1 << 22
"""Terms, at most: 32 MiB of them."""

_SINGLE = 2 * (BLOCK + 5) * 2.0**-24
_DEGREES = 128  # at most, so that functions that underflow are below 1e-150


@dataclass(frozen=True, eq=False)
class Expansion:
    """The terms of a kernel exp(−c |x − y|²), in the notation of `hermite`.

    Attributes
    ----------
    centre : (D,) array
        What counts as the origin.
    log_rate : float
        c.
    ratio : float
        t.
    degree : int
        p, the greatest that is kept.
    single : int
        q, the least that is multiplied in single precision: the error of each product is then at most
        γ = (BLOCK + 5) 2^−24 of it, and changes a sum over n × m pairs by 2γ T_x T_y n m at most, T the mean
        of √R(x, x) if p = q − 1.
    """

    centre: Array
    log_rate: float
    ratio: float
    degree: int
    single: int

    @property
    def dim(self) -> int:
        """D."""
        return len(self.centre)

    @property
    def count(self) -> int:
        """The number of terms, C(p + D, D)."""
        return math.comb(self.degree + self.dim, self.dim)


def fit(samples: Sequence[Array], c: float, error: float) -> tuple[Expansion, list[float]]:
    """Return the expansion for some samples, (n, D) each, and its remainders, as in `Basis`.

    The product of a sample's remainder with itself is at most ``error`` of the mean over its pairs, those
    i = j counted as 0. A lower bound stands in for that, of `least_mean`. Raises `ValueError` if more than
    `LARGEST` terms are needed.
    """
    dim = samples[0].shape[1]
    centre = np.array([np.median(np.concatenate([x[:, d] for x in samples])) for d in range(dim)])
    moved = [np.clip(x - centre, -FAR, FAR) for x in samples]
    goals = np.array([[error * least_mean(x, c)] for x in moved])
    too_many = ValueError(f"the codes spread so far beside σ that it takes more than {LARGEST:.1g} terms")
    if not goals.min() > 0:
        raise too_many
    radii = [np.sqrt(np.square(x).sum(axis=1)) for x in moved]
    few = [_strata(np.sort(r)) for r in radii]
    most = max(p for p in range(_DEGREES + 1) if math.comb(p + dim, dim) <= LARGEST)

    def excess(log_v: float) -> Array:
        """Return by degree the logarithm of the error, about, over what is asked for but for a margin."""
        t = ratio_of(c, math.exp(log_v))
        means = [np.sqrt(remainders(r, c, t, dim, range(most + 1))) @ parts for r, parts in few]
        return np.asarray(np.log(np.square(means) / (0.7 * goals)).max(axis=0))

    def needed(log_v: float) -> float:
        """Return the degree at which it is 0, between whole ones."""
        left = excess(log_v)
        p = int(np.argmax(left <= 0))
        if left[p] > 0:
            return most + float(left[-1])
        return p - float(left[p] / (left[p] - left[p - 1])) if p else 0.0

    best = math.log(max(max(float(np.median(r)) ** 2 for r in radii) / dim, 1e-6 / c)) + 0.5
    for step in (0.5, 0.1):
        best = min(best + step * np.arange(-5, 6), key=needed)
    left, t = excess(best), ratio_of(c, math.exp(best))
    if left.min() > 0:
        raise too_many
    first, last = int(np.argmax(left <= -math.log(4 * _SINGLE))), int(np.argmax(left <= 0))
    degrees = range(max(0, first - 1), min(last + 2, most) + 1)
    means = np.array([mean_roots(r, c, t, dim, degrees) for r in radii])
    worst = (np.square(means) / goals).max(axis=0)
    kept, single = np.flatnonzero(worst <= 0.75), np.flatnonzero(_SINGLE * worst <= 0.25)
    if not kept.size:
        raise too_many
    found = np.sqrt(np.square(means[:, kept[0]]) + _SINGLE * np.square(means[:, single[0]]))
    p, q = degrees[kept[0]], degrees[single[0]] + 1
    return Expansion(centre, c, t, p, q), found.tolist()


def _strata(radii: Array) -> tuple[Array, Array]:
    """Return the largest of 16 radii in each octave of ranks, and what part of all each stands for."""
    n = len(radii)
    ranks = np.unique(np.minimum(n, 2 ** (np.arange(16 * (n.bit_length() + 1)) / 16)).astype(int))
    ranks = np.concatenate([[0], ranks])
    return radii[n - 1 - ranks[:-1]], np.diff(ranks) / n
