"""Shells around the middle of all points: the farthest points rule how long a series is, and they are few.

Each shell has about as many points as all that are farther out, and shells begin where the radius r falls
most, so that a few far points have one of their own. A series sums the pairs of shells a, b with an error of
at most S_a S_b, in the notation of `Basis`. They may be left out instead, which changes the sum by at most

    n_a n_b exp(−c (r_a − r_b)²),

with the least radius of the outer and the largest of the inner shell. Pairs of shells where both errors are
too large are summed pair by pair (`pairs_left`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.series.hermite_bounds import FAR, least_mean
from gaedist.numerics import Array, squared_norms

Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

_MOST = 8  # the innermost shell has all but one in so many points
_SOME = 1 << 13  # points whose medians are the center
_ROUNDED = 1e-12  # relative error of a radius, or less


class Split(NamedTuple):
    """Which pairs of shells a series sums, and which are summed pair by pair, (L, L); others are left out."""

    series: Mask
    direct: Mask


@dataclass(frozen=True, eq=False)
class Shells:
    """Points of some samples by their distance from a center, L shells from the outermost to the innermost.

    Attributes
    ----------
    samples : sequence of (n, D) arrays
        The points.
    center : (D,) array
        About the median on each axis.
    radii : list of (n,) arrays
        Distances from the center, at most `FAR`.
    tails : list of arrays of int
        Indices of the points outside the innermost shell, the farthest first.
    starts : (S, L + 1) array of int
        How many points of each sample are farther out than each shell.
    low, high : (L,) arrays
        Least and largest radius in each shell.
    """

    samples: Sequence[Array]
    center: Array
    radii: list[Array]
    tails: list[Places]
    starts: Places
    low: Array
    high: Array

    @classmethod
    def of(cls, samples: Sequence[Array], *, apart: bool = False) -> Self:
        """Return the shells of some samples; a single one unless far points may be put ``apart``."""
        center = np.median(np.concatenate([x[:: 1 + len(x) // _SOME] for x in samples]), axis=0)
        with np.errstate(over="ignore"):
            radii = [np.minimum(np.sqrt(squared_norms(x - center)), FAR) for x in samples]
        every = np.sort(np.concatenate(radii))[::-1]
        cuts = _cuts(every) if apart else []
        edges = every[cuts]  # the largest radius in each shell but the first
        tails, starts = [], []
        for r in radii:
            tail = np.flatnonzero(r > edges[-1]) if cuts else np.zeros(0, np.intp)
            tail = tail[np.argsort(-r[tail], kind="stable")]
            tails.append(tail)
            starts.append([0, *np.searchsorted(-r[tail], -edges), len(r)])
        ends = [*cuts, len(every)]
        low, high = every[np.array(ends) - 1], every[[0, *cuts]]
        return cls(samples, center, radii, tails, np.array(starts), low, high)

    @property
    def counts(self) -> Places:
        """Number of points of each sample in each shell, (S, L)."""
        return np.diff(self.starts, axis=1)

    @property
    def pairs(self) -> Array:
        """Number of pairs of points in each pair of shells, (L, L)."""
        total = self.counts.sum(axis=0, dtype=float)
        return np.asarray(np.outer(total, total) / (1 + np.eye(len(total))))

    def places(self, sample: int, first: int, last: int) -> Places:
        """Return the indices of the points of a sample in the shells from ``first`` to ``last``."""
        if last < len(self.low) - 1:
            return self.tails[sample][self.starts[sample, first] : self.starts[sample, last + 1]]
        return np.flatnonzero(self.radii[sample] <= self.high[first])

    def goals(self, c: float, error: float) -> Array:
        """Return ``error`` times a lower bound of the sum over pairs i ≠ j of each sample, (S,)."""
        found = []
        for x, r in zip(self.samples, self.radii, strict=True):
            moved = x - self.center
            if self.high[0] >= FAR:
                np.clip(moved, -FAR, FAR, out=moved)
            found.append(error * least_mean(moved, np.square(r), c) * float(len(x)) ** 2)
        return np.array(found)

    def falls(self, c: float) -> Array:
        """Return the largest exp(−c |x − y|²) for points in each pair of shells, (L, L)."""
        apart = np.subtract.outer((1 - _ROUNDED) * self.low, (1 + _ROUNDED) * self.high)
        outer = np.triu(np.maximum(apart, 0), 1)
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.exp(-c * np.square(outer + outer.T)))

    def split(self, direct: Mask, by_series: Array, left_out: Array) -> Split:
        """Return who sums the pairs of each pair of shells, given both errors, (L, L)."""
        return Split(~direct & (by_series <= left_out), direct)


def pairs_left(errors: Array, pairs: Array, allowed: float) -> tuple[Array, Mask]:
    """Return how many pairs are summed one by one, and in which pairs of shells, for each case, (P, L, L).

    These are the ones with the largest error per pair; the errors of all others add up to ``allowed`` or
    less.
    """
    rows, columns = np.triu_indices(len(pairs))
    counts = pairs[rows, columns]
    parts = errors[:, rows, columns] * np.where(rows == columns, 1, 2)
    order = np.argsort(parts / np.maximum(counts, 1), axis=1)
    direct = np.empty(parts.shape, bool)
    left = ~(np.cumsum(np.take_along_axis(parts, order, axis=1), axis=1) <= allowed)
    np.put_along_axis(direct, order, left, axis=1)
    found = np.zeros(errors.shape, bool)
    found[:, rows, columns] = found[:, columns, rows] = direct
    return direct @ counts, found


def _cuts(radii: Array) -> list[int]:
    """Return where shells begin in descending radii: in each octave of ranks where they fall most."""
    cuts, start = [], 1
    while start <= len(radii) // _MOST:
        stop = min(2 * start, len(radii) // _MOST + 1)
        outer, inner = radii[start - 1 : stop - 1], radii[start:stop]
        place = int(np.argmin(inner / np.maximum(outer, 1 / FAR)))
        if inner[place] < outer[place]:
            cuts.append(start + place)
        start = stop
    return cuts
