"""The driver of `labels`: sums over the pairs of one sample for many ways to label its points.

A sum by labels is that of both ends of a pair, by a product of matrices, and that of either end, which needs
no more than the sum of each point over all others.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.integrands import Profile
from gaedist.engine.tiling import Tiling, aligned, count_tiles, place_of
from gaedist.numerics import Array

Bits = NDArray[np.uint8]
"""Labels of 0 and 1, (n, R/8): each byte holds those of a point in eight labellings, as np.packbits does."""

_SUMS = 1 << 20  # numbers of tiles that are kept before they are added
_BLOCK = 256  # points and bytes that are unpacked at once
_SLACK = 4.0  # by how much |x|² + |y|² − 2x·y may be less precise than a rounding of its terms
_CANCELLED = 1024.0  # by how much that may be larger than the |x − y|² of a profile


@dataclass(frozen=True, eq=False)
class LabelSums:
    """Sums over the pairs i > j of one sample, by the labels b of the points, each over exp(log_unit).

    Attributes
    ----------
    both, either : (R,) arrays
        Σ b_i K_ij b_j and Σ (b_i + b_j) K_ij for each labelling.
    total : float
        Σ K_ij.
    rounding : float
        Bound of the relative error of two of these that differ by labels of points that are the same.
    """

    both: Array
    either: Array
    total: float
    rounding: float


def add_labels(tiling: Tiling, labels: Bits, log_unit: float) -> LabelSums:
    """Return the sums of a job over one sample for each labelling.

    Tiles are added in their order. Their numbers, each the end of 2 TILE additions, are added with
    compensation, so that the rounding hardly grows with n.
    """
    from gaedist.engine.compiled.label_tiles import DENSE, label_tiles
    from gaedist.engine.compiled.sizes import TILE

    job, work, columns = tiling.job, tiling.work, 8 * labels.shape[1]
    n, dim = job.x.shape
    bits = np.require(labels, np.uint8, ["C", "W"])
    shift = (job.log_scale - log_unit) / math.log(2)
    dense = aligned(work.threads, DENSE)
    section = work.section(job, labels=hashlib.sha256(bits.data).hexdigest(), shift=shift)
    both, of_points = _Sum(columns), np.zeros(n)
    if section.state:
        both.high, both.low, of_points = (section.state[name] for name in ("high", "low", "points"))
    tiles, known = count_tiles(job), section.done
    most = max(work.threads, _SUMS // (columns + 2 * TILE))
    for begin, end in work.ranges(dim + columns, tiles - known, most):
        start, stop = known + begin, known + end
        sums, totals = np.empty((stop - start, columns)), np.empty((2, stop - start, TILE))
        label_tiles(
            job.integrand.numbers if isinstance(job.integrand, Profile) else job.integrand,
            tiling.needs.products,
            tiling.needs.sines,
            *tiling.points,
            shift,
            bits,
            start,
            sums,
            totals[0],
            totals[1],
            tiling.gram,
            tiling.scratch,
            dense,
        )
        for k in range(start, stop):
            both.add(sums[k - start])
            for place, part in zip(place_of(k, True, 0), totals[:, k - start], strict=True):
                piece = of_points[place * TILE : (place + 1) * TILE]
                piece += part[: len(piece)]
        section.keep(stop, {"high": both.high, "low": both.low, "points": of_points})
    norms, limit = tiling.points[4], tiling.points[8]
    largest = min(2 * float(norms.max()), limit)  # beyond that, tiles take differences
    # that many roundings move an exponent of a term that counts
    exponents = dim + abs(shift) + _SLACK * job.steepness * largest
    if isinstance(job.integrand, Profile):
        exponents += _SLACK * _CANCELLED
    additions = TILE + n / TILE
    return LabelSums(
        both.value,
        times_labels(of_points, bits),
        math.fsum(of_points) / 2,
        float(np.finfo(float).eps) * (additions + exponents),
    )


class _Sum:
    """A sum of vectors, whose roundings are added up beside it."""

    def __init__(self, size: int) -> None:
        self.high, self.low = np.zeros(size), np.zeros(size)

    def add(self, term: Array) -> None:
        """Add a vector."""
        high = self.high + term
        added = high - self.high
        self.low += (self.high - (high - added)) + (term - added)
        self.high = high

    @property
    def value(self) -> Array:
        """The sum."""
        return self.high + self.low


def times_labels(values: Array, labels: Bits) -> Array:
    """Return Σ_i values_i b_i for each labelling, in blocks of points and of labellings."""
    found = np.empty(8 * labels.shape[1])
    for first in range(0, labels.shape[1], _BLOCK):
        some = labels[:, first : first + _BLOCK]
        part = _Sum(8 * some.shape[1])
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            # not by BLAS, whose order of additions depends on its threads
            part.add(np.einsum("i,ir->r", values[rows], np.unpackbits(some[rows], axis=1).astype(float)))
        found[8 * first : 8 * (first + _BLOCK)] = part.value
    return found
