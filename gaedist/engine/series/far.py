"""Far points apart: which points a series sums, and the sums over pairs of other points.

Neighbouring shells that a series treats alike are one part. The series sums some pairs of parts. Of the other
pairs of shells, some are summed pair by pair and the rest are left out, with a bound that counts as an error.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np

from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.series.basis import Basis
from gaedist.engine.series.shells import Mask, Places, Shells
from gaedist.numerics import Array

Block = tuple[Places, Places | None]
"""Pairs of some points with others, or the pairs of these points."""


class Parts:
    """The parts of some samples, and what is summed how.

    Attributes
    ----------
    series : (G, G) array of bool
        Which pairs of parts a series sums.
    """

    def __init__(self, shells: Shells, basis: Basis, rate: float) -> None:
        self.shells, self.basis, self.rate = shells, basis, rate
        self.ranges = _runs(basis.split.series)
        firsts = [first for first, _ in self.ranges]
        self.series: Mask = basis.split.series[np.ix_(firsts, firsts)]
        self._samples = {id(x): k for k, x in enumerate(shells.samples)}

    def places(self, x: Array, part: int) -> Places:
        """Return the indices of the points of a sample in a part."""
        return self._places(x, *self.ranges[part])

    def _places(self, x: Array, first: int, last: int) -> Places:
        """Return the indices of the points of a sample in some shells."""
        return self.shells.places(self._samples[id(x)], first, last)

    def selected(self, x: Array, part: int) -> slice | Places:
        """Return the same as an index of arrays, which does not copy if there is one part."""
        return slice(None) if len(self.ranges) == 1 else self.places(x, part)

    @cached_property
    def _left_out(self) -> Array:
        """The largest term of each pair of shells, where it is left out."""
        split = self.basis.split
        return np.where(split.series | split.direct, 0, self.shells.falls(self.rate * np.log(2)))

    def error(self, x: Array, y: Array) -> float:
        """Return a bound of what is left out of a sum with charges 1 over two samples."""
        i, j = self._samples[id(x)], self._samples[id(y)]
        counts, series = self.shells.counts, self.basis.split.series
        cut = sum(float(r[i] @ series @ r[j]) for r in self.basis.remainders)
        return cut + float(counts[i] @ self._left_out @ counts[j])

    def blocks(self, x: Array, y: Array | None) -> list[Block]:
        """Return which points of one or two samples make pairs that are summed one by one."""
        found: list[Block] = []
        other = x if y is None else y
        for first, last in _runs(self.basis.split.direct):
            left, direct = self._places(x, first, last), self.basis.split.direct[first]
            if y is None:
                if direct[first]:
                    found.append((left, None))
                direct = direct & (np.arange(len(direct)) > last)
            if direct.any():
                right = [self._places(other, k, k) for k in np.flatnonzero(direct).tolist()]
                found.append((left, np.concatenate(right)))
        return [
            (left, right)
            for left, right in found
            if (len(left) > 1 if right is None else len(left) and len(right))
        ]

    def jobs(self, job: PairSum) -> list[PairSum]:
        """Return the sums over the pairs that are summed one by one."""
        other = job.x if job.y is None else job.y
        params = job.params_x if job.params_y is None else job.params_y
        return [
            replace(
                job,
                x=job.x[left],
                params_x=job.params_x[:, left],
                y=None if right is None else other[right],
                params_y=None if right is None else params[:, right],
            )
            for left, right in self.blocks(job.x, job.y)
        ]


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """Return the first and last of equal rows that follow each other."""
    firsts = [0, *(1 + np.flatnonzero((mask[1:] != mask[:-1]).any(axis=1))).tolist()]
    return list(zip(firsts, [*(k - 1 for k in firsts[1:]), len(mask) - 1], strict=True))
