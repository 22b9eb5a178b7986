"""The choice of the terms of an expansion in Hermite functions: origin, t and degrees, for a given error."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaedist.engine.compiled.sizes import BLOCK
from gaedist.engine.series.hermite_bounds import FAR, least_mean, mean_roots, ratio_of, remainders
from gaedist.numerics import Array

MAX_TERMS = 1 << 22
"""Largest number of terms, which take 32 MiB."""

_SINGLE_ERROR = 2 * (BLOCK + 5) * 2.0**-24  # 2γ, as in `Expansion.single`
_MAX_DEGREE = 128  # so that functions that underflow are below 1e-150


@dataclass(frozen=True, eq=False)
class Expansion:
    """The terms of a kernel exp(−c |x − y|²), in the notation of `hermite`.

    Attributes
    ----------
    center : (D,) array
        The point that is subtracted from all points.
    log_rate : float
        c.
    ratio : float
        t.
    degree : int
        p, the largest degree.
    single : int
        q, the smallest degree whose terms are computed in single precision. The relative error of products
        is then at most γ = (BLOCK + 5) 2^−24, which changes a sum over n × m pairs by at most 2γ T_x T_y n m,
        where T is the mean of √R(x, x) over a sample for the degree p = q − 1.
    """

    center: Array
    log_rate: float
    ratio: float
    degree: int
    single: int

    @property
    def dim(self) -> int:
        """The dimension D of the points."""
        return len(self.center)

    @property
    def count(self) -> int:
        """The number of terms, C(p + D, D)."""
        return math.comb(self.degree + self.dim, self.dim)


def fit(samples: Sequence[Array], c: float, error: float) -> tuple[Expansion, list[float]]:
    """Return the expansion for some samples, (n, D) each, and its remainders as in `Basis`.

    The square of the remainder of a sample is at most ``error`` times `least_mean`, a lower bound of the sum
    over its pairs i ≠ j divided by n². Raises `ValueError` if more than `MAX_TERMS` terms are needed.
    """
    dim = samples[0].shape[1]
    center = np.array([np.median(np.concatenate([x[:, d] for x in samples])) for d in range(dim)])
    moved = [np.clip(x - center, -FAR, FAR) for x in samples]
    goals = np.array([[error * least_mean(x, c)] for x in moved])
    too_many = ValueError(
        f"the codes spread too far compared with σ; the series needs more than {MAX_TERMS:.1g} terms"
    )
    if not goals.min() > 0:
        raise too_many
    radii = [np.sqrt(np.square(x).sum(axis=1)) for x in moved]
    samplings = [_strata(np.sort(r)) for r in radii]
    most = max(p for p in range(_MAX_DEGREE + 1) if math.comb(p + dim, dim) <= MAX_TERMS)

    def excess(log_v: float) -> Array:
        """Return, by degree, about the logarithm of the error over 0.7 times the allowed error."""
        t = ratio_of(c, math.exp(log_v))
        means = [np.sqrt(remainders(r, c, t, dim, range(most + 1))) @ parts for r, parts in samplings]
        return np.asarray(np.log(np.square(means) / (0.7 * goals)).max(axis=0))

    def needed(log_v: float) -> float:
        """Return the degree, interpolated, at which the excess is 0."""
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
    first, last = int(np.argmax(left <= -math.log(4 * _SINGLE_ERROR))), int(np.argmax(left <= 0))
    degrees = range(max(0, first - 1), min(last + 2, most) + 1)
    means = np.array([mean_roots(r, c, t, dim, degrees) for r in radii])
    worst = (np.square(means) / goals).max(axis=0)
    enough, single = np.flatnonzero(worst <= 0.75), np.flatnonzero(_SINGLE_ERROR * worst <= 0.25)
    if not enough.size:
        raise too_many
    found = np.sqrt(np.square(means[:, enough[0]]) + _SINGLE_ERROR * np.square(means[:, single[0]]))
    p, q = degrees[enough[0]], degrees[single[0]] + 1
    return Expansion(center, c, t, p, q), found.tolist()


def _strata(radii: Array) -> tuple[Array, Array]:
    """Return 16 of the sorted radii in each octave of ranks, from the largest, and the part each represents.

    Each radius is the largest of its part, so that means over them are upper bounds.
    """
    n = len(radii)
    ranks = np.unique(np.minimum(n, 2 ** (np.arange(16 * (n.bit_length() + 1)) / 16)).astype(int))
    ranks = np.concatenate([[0], ranks])
    return radii[n - 1 - ranks[:-1]], np.diff(ranks) / n
