"""The choice of the terms of an expansion in Hermite functions: origin, t and degrees, for a given error."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from gaedist.engine.compiled.sizes import BLOCK
from gaedist.engine.series.hermite_bounds import ratio_of, remainders, sums_of_roots
from gaedist.engine.series.shells import Mask, Shells, Split, pairs_left
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


class Fit(NamedTuple):
    """An expansion for some shells, and what it sums; the others are as in `Basis`.

    Remainders are those of truncation and of single precision.
    """

    expansion: Expansion
    remainders: Array
    split: Split
    pairs: float


def fit(
    shells: Shells, c: float, error: float, seconds: Callable[[int], float], pair_seconds: float = math.inf
) -> Fit:
    """Return the expansion for some samples that takes the least time, given that by degree and of a pair.

    All errors together are at most ``error`` times a lower bound of the sum over the pairs i ≠ j of each
    sample. Raises `ValueError` if more than `MAX_TERMS` terms are needed.
    """
    dim = len(shells.center)
    too_many = ValueError(
        f"the codes spread too far compared with σ; the series needs more than {MAX_TERMS:.1g} terms"
    )
    goals = shells.goals(c, error)
    if not goals.min() > 0:
        raise too_many
    scales, pairs, falls = np.sqrt(goals)[:, np.newaxis], shells.pairs, shells.falls(c)
    crowds = (shells.counts / scales).max(axis=0)
    left_out = np.outer(crowds, crowds) * falls
    most = max(p for p in range(_MAX_DEGREE + 1) if math.comb(p + dim, dim) <= MAX_TERMS)
    times = np.array([seconds(p) for p in range(most + 1)])
    samplings = [_strata(np.sort(r), shells.low) for r in shells.radii]

    def by_series(sums: Array) -> Array:
        """Return bounds of the errors of the series, (P, L, L), from its remainders, (P, samples, L)."""
        worst = (sums / scales).max(axis=1)
        return np.asarray(worst[:, :, np.newaxis] * worst[:, np.newaxis])

    def time(sums: Array, degrees: Sequence[int], allowed: float) -> tuple[Array, Array, Mask]:
        """Return the seconds for some degrees, and which pairs are summed one by one."""
        counts, direct = pairs_left(np.minimum(by_series(sums), left_out), pairs, allowed)
        spent = np.where(counts > 0, pair_seconds, 0) * np.maximum(counts, 1)
        return times[degrees] + spent, counts, direct

    @cache
    def estimate(log_v: float) -> tuple[tuple[float, float], int, Array]:
        """Return about the least time, and its error; at which degree; and all remainders."""
        t = ratio_of(c, math.exp(log_v))
        parts = [np.sqrt(remainders(r, c, t, dim, range(most + 1))) @ counts for r, counts in samplings]
        sums = np.stack(parts, axis=1)
        spent, _, direct = time(sums, range(most + 1), 0.7)
        p = int(spent.argmin())
        left = np.where(direct[p], 0, np.minimum(by_series(sums[p : p + 1])[0], left_out)).sum()
        return (float(spent[p]), float(left)), p, sums

    best = math.log(max(max(float(np.median(r)) ** 2 for r in shells.radii) / dim, 1e-6 / c)) + 0.5
    for step in (0.5, 0.1):
        best = min(best + step * np.arange(-5, 6), key=lambda log_v: estimate(float(log_v))[0])
    (least, _), p, sums = estimate(float(best))
    if least == math.inf:
        raise too_many
    t = ratio_of(c, math.exp(best))
    kept = shells.split(time(sums[p : p + 1], [p], 0.7)[2][0], by_series(sums[p : p + 1])[0], left_out).series
    q = int(np.argmax(_SINGLE_ERROR * (by_series(sums) * kept).sum(axis=(1, 2)) <= 0.2))
    degrees = sorted({*range(max(0, q - 1), q + 2), *range(max(0, p - 1), min(p + 2, most) + 1)})
    sums = np.stack([_exact(shells, sample, c, t, degrees) for sample in range(len(goals))], axis=1)
    first = degrees.index(max(0, p - 1))
    spent, counts, direct = time(sums[first:], degrees[first:], 0.75)
    if not (least := spent.min()) < math.inf:
        raise too_many
    at = int(spent.argmin())
    errors = by_series(sums)
    split = shells.split(direct[at], errors[first + at], left_out)
    single = int(np.argmax(_SINGLE_ERROR * (errors * split.series).sum(axis=(1, 2)) <= 0.25))
    found = np.stack([sums[first + at], math.sqrt(_SINGLE_ERROR) * sums[single]])
    expansion = Expansion(shells.center, c, t, degrees[first + at], degrees[single] + 1)
    return Fit(expansion, found, split, float(counts[at]))


def _strata(radii: Array, low: Array) -> tuple[Array, Array]:
    """Return 16 of the sorted radii in each octave of ranks, and how many points in each shell they are for.

    Each radius is the largest of its part, so that sums over them are upper bounds.
    """
    n = len(radii)
    ranks = np.unique(np.minimum(n, 2 ** (np.arange(16 * (n.bit_length() + 1)) / 16)).astype(int))
    ranks = np.concatenate([[0], ranks])
    found = radii[n - 1 - ranks[:-1]]
    shell = np.count_nonzero(found[:, np.newaxis] < low[:-1], axis=1)
    return found, np.diff(ranks)[:, np.newaxis] * (shell[:, np.newaxis] == np.arange(len(low)))


def _exact(shells: Shells, sample: int, c: float, t: float, degrees: Sequence[int]) -> Array:
    """Return the remainders of a sample for some degrees, (P, L)."""
    parts = [shells.radii[sample][shells.places(sample, a, a)] for a in range(len(shells.low))]
    return np.stack([sums_of_roots(r, c, t, len(shells.center), degrees) for r in parts], axis=1)
