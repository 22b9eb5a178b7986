"""Sums over the pairs of one sample for many labelings of its points, by `label_tiles`.

Pairs with both points labeled are summed by a product of matrices. The sum over pairs with either point
labeled needs only the sum of each point over all others. Tiles that add next to nothing are skipped.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gaedist.engine.compiled.integrands import Profile
from gaedist.engine.compiled.sizes import NEAR, TILE
from gaedist.engine.near_tiles import SKIPPED
from gaedist.engine.near_tiling import near_tiling
from gaedist.engine.run.costs import LABEL_SECONDS
from gaedist.engine.run.executors import Output
from gaedist.engine.run.labels import Bits, CompensatedSum, LabelSums, times_labels
from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.tiling import Tiling, aligned, count_tiles
from gaedist.engine.work import Work
from gaedist.numerics import Array

_SUMS = 1 << 20  # numbers of tiles that are stored before they are added
_SLACK = 4.0  # error of |x|² + |y|² − 2x·y, in roundings of its terms
_SKIPPED = SKIPPED / 100  # part of the sum; sums by labels may be a small part of it
_CANCELLED = 1 / NEAR  # most that these terms may exceed |x − y|² in a profile


def add_labels(job: PairSum, work: Work, labels: Bits, log_unit: float) -> LabelSums:
    """Return the sums of a job over one sample for each labeling.

    Tiles are added in their order. The number of a tile is the result of 2 TILE additions; numbers of tiles
    are added with compensation, so that rounding hardly grows with n.
    """
    profiles = [job.integrand] if isinstance(job.integrand, Profile) else []
    near = near_tiling(Tiling, job, work, Tiling.least_sums, profiles=profiles, part=_SKIPPED)
    if near:
        work.total += near.count - count_tiles(job)
        labels = labels[work.orders[id(job.x)]]
    tiling = near or Tiling(job, work, profiles=profiles)
    job, columns = tiling.job, 8 * labels.shape[1]
    n, dim = job.x.shape
    bits = np.require(labels, np.uint8, ["C", "W"])
    shift = (job.log_scale - log_unit) / math.log(2)
    record = work.record(job, labels=hashlib.sha256(bits.data).hexdigest(), shift=shift)
    both, of_points = CompensatedSum(columns), np.zeros(n)
    tiles, known = tiling.count, record.done
    if record.state:
        state = record.resume(min(known, tiles), high=(columns,), low=(columns,), points=(n,))
        both.high, both.low, of_points = state["high"], state["low"], state["points"]
    else:
        record.resume(0)
    size, seconds = 8 * (columns + 2 * TILE), TILE**2 * columns * LABEL_SECONDS
    outputs = tiling.outputs(_Labels(bits, shift), known, tiles, size=size, seconds=seconds)
    for start, stop, (sums, totals) in outputs:
        for k, row_and_column in enumerate(tiling.positions(start, stop - start)):
            both.add(sums[k])
            for position, part in zip(row_and_column, totals[:, k], strict=True):
                piece = of_points[position * TILE : (position + 1) * TILE]
                piece += part[: len(piece)]
        record.update(stop, {"high": both.high, "low": both.low, "points": of_points})
    points = tiling.points
    largest = min(2 * float(points.norms_x.max()), points.gram_limit)  # beyond it, tiles take differences
    # the error of an exponent of a term that matters, in roundings
    exponents = dim + abs(shift) + _SLACK * job.steepness * largest
    if isinstance(job.integrand, Profile):
        exponents += _SLACK * _CANCELLED
    additions = TILE + n / TILE
    found, either, total = both.value, times_labels(of_points, bits), math.fsum(of_points) / 2
    rounding = float(np.finfo(float).eps) * (additions + exponents)
    if near:  # identical points may be in different tiles
        parts = (found + either)[either > 0]
        rounding += _SKIPPED * total / float(parts.min(initial=total))
    return LabelSums(found, either, total, rounding)


@dataclass(frozen=True, eq=False)
class _Labels:
    """Yields the sums of tiles by labels, and of their points, in ranges of about 0.2 s."""

    bits: Bits
    shift: float

    def __call__(self, tiling: Tiling, start: int, stop: int) -> Iterator[Output]:
        from gaedist.engine.compiled.label_tiles import DENSE, label_tiles

        job, work, columns = tiling.job, tiling.work, 8 * self.bits.shape[1]
        dense = [aligned(DENSE) for _ in range(work.threads)]
        most = max(work.threads, _SUMS // (columns + 2 * TILE))

        def fill(thread: int, first: int, sums: Array, totals_x: Array, totals_y: Array) -> None:
            label_tiles(
                job.integrand.numbers if isinstance(job.integrand, Profile) else job.integrand,
                tiling.needs,
                tiling.points,
                self.shift,
                self.bits,
                tiling.positions(first, len(sums)),
                sums,
                totals_x,
                totals_y,
                tiling.scratch[thread],
                dense[thread],
            )

        for first, last in work.ranges(job.x.shape[1] + columns, stop - start, most):
            sums, totals = np.empty((last - first, columns)), np.empty((2, last - first, TILE))
            work.fill(fill, start + first, sums, *totals)
            yield Output(start + first, start + last, (sums, totals))
