"""The driver of `labels`: sums over the pairs of one sample for many ways to label its points.

A sum by labels is that of both ends of a pair, by a product of matrices, and that of either end, which needs
no more than the sum of each point over all others.
"""

import hashlib
import math

import numpy as np

from gaedist.engine.compiled.integrands import Profile
from gaedist.engine.compiled.positions import tile_position
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.run.labels import Bits, CompensatedSum, LabelSums, times_labels
from gaedist.engine.tiling import Tiling, aligned, count_tiles

_SUMS = 1 << 20  # numbers of tiles that are kept before they are added
_SLACK = 4.0  # by how much |x|² + |y|² − 2x·y may be less precise than a rounding of its terms
_CANCELLED = 1024.0  # by how much that may be larger than the |x − y|² of a profile


def add_labels(tiling: Tiling, labels: Bits, log_unit: float) -> LabelSums:
    """Return the sums of a job over one sample for each labelling.

    Tiles are added in their order. Their numbers, each the end of 2 TILE additions, are added with
    compensation, so that the rounding hardly grows with n.
    """
    from gaedist.engine.compiled.label_tiles import DENSE, label_tiles

    job, work, columns = tiling.job, tiling.work, 8 * labels.shape[1]
    n, dim = job.x.shape
    bits = np.require(labels, np.uint8, ["C", "W"])
    shift = (job.log_scale - log_unit) / math.log(2)
    dense = aligned(work.threads, DENSE)
    section = work.section(job, labels=hashlib.sha256(bits.data).hexdigest(), shift=shift)
    both, of_points = CompensatedSum(columns), np.zeros(n)
    if section.state:
        both.high, both.low, of_points = (section.state[name] for name in ("high", "low", "points"))
    tiles, known = count_tiles(job), section.done
    most = max(work.threads, _SUMS // (columns + 2 * TILE))
    for begin, end in work.ranges(dim + columns, tiles - known, most):
        start, stop = known + begin, known + end
        sums, totals = np.empty((stop - start, columns)), np.empty((2, stop - start, TILE))
        label_tiles(
            job.integrand.numbers if isinstance(job.integrand, Profile) else job.integrand,
            tiling.needs,
            tiling.points,
            shift,
            bits,
            start,
            sums,
            totals[0],
            totals[1],
            tiling.scratch,
            dense,
        )
        for k in range(start, stop):
            both.add(sums[k - start])
            for place, part in zip(tile_position(k, True, 0), totals[:, k - start], strict=True):
                piece = of_points[place * TILE : (place + 1) * TILE]
                piece += part[: len(piece)]
        section.update(stop, {"high": both.high, "low": both.low, "points": of_points})
    points = tiling.points
    largest = min(2 * float(points.norms_x.max()), points.gram_limit)  # beyond it, tiles take differences
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
