"""An unbiased estimate of a sum over the pairs of one sample, from some of the pairs, with a standard error.

The points are assigned at random to B blocks. Stratum s holds the pairs of blocks (I, I + s mod B) for all I,
so each block is in it twice: what a point adds to all its pairs alike, the linear part of the sum, is equal
in all strata and leaves their variance unchanged. Strata are drawn without replacement, and their variance
gives the standard error of the sum over all: 0 once all are drawn.
"""

import math

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.engine.gaussian_pass import GaussianPass
from gaedist.engine.gaussian_tiling import GaussianTiling
from gaedist.engine.run.pair_sum import PairSum, PairTotal, Provenance
from gaedist.engine.run.run import Run
from gaedist.engine.tiling import Positions, pair_count
from gaedist.engine.work import Work
from gaedist.errors import GaedistError
from gaedist.numerics import Array, Stream

_FIRST = 16  # strata for a first estimate of their variance
_LARGEST = 700.0  # the logarithm of a number in the range of a double


def sampled_total(job: PairSum, work: Work, run: Run, log_error: float) -> PairTotal | None:
    """Return the logarithm of the sum, with a standard error of at most exp(log_error), over exp(log_scale).

    None if there are so few points that a sum over all pairs is as fast.

    Raises
    ------
    GaedistError
        If all powers underflow.
    """
    n = len(job.x)
    blocks = -(-n // HEIGHT)
    strata = (blocks - 1) // 2
    if strata <= _FIRST:
        return None
    rng = np.random.default_rng((run.seed, Stream.SAMPLED_PAIRS))
    order = rng.permutation(n)
    shuffled = PairSum(
        job.integrand, job.x[order], None, job.params_x[:, order], None, job.log_scale, job.steepness
    )
    tiling, shifts = GaussianTiling(shuffled, work), 1 + rng.permutation(strata)
    for attempt in tiling.passes(run.precision):
        if total := _estimate(attempt, tiling, blocks, shifts, log_error, work):
            return total
    raise GaedistError(
        "method sample is not available here: σ is so small that nearly all terms underflow. Use "
        "--method pairs (method=)."
    )


def _estimate(
    attempt: GaussianPass,
    tiling: GaussianTiling,
    blocks: int,
    shifts: NDArray[np.intp],
    log_error: float,
    work: Work,
) -> PairTotal | None:
    """Add strata in the order of their shifts until the error is small enough; None if powers underflow."""
    unit = attempt.log2_unit * math.log(2)
    wanted, count = math.exp(min(log_error - unit, _LARGEST)), len(shifts)
    record = work.record(tiling.job, precision=attempt.provenance.precision, shifts=shifts[:_FIRST].tolist())
    found = np.empty(0)  # two that are always made, then strata
    if record.state:
        found = record.state.get("strata", found)
        record.resume(0, strata=(min(found.size, 2 + count),))

    def add(pairs: Positions, *, symmetric: bool = False) -> None:
        nonlocal found
        found = np.append(found, _sum(attempt, tiling, pairs, symmetric, work))
        record.update(0, {"strata": found})

    whole = np.arange(blocks)
    if not len(found):
        add(np.stack([whole, whole], axis=1), symmetric=True)
    if len(found) == 1:
        half = whole[: blocks // 2] if blocks % 2 == 0 else whole[:0]
        add(np.stack([half, half + blocks // 2], axis=1))
    needed = _FIRST
    while True:
        work.total = max(work.total, work.done + (needed + 2 - len(found)) * 2 * blocks)
        for shift in shifts[len(found) - 2 : needed]:
            add(np.stack([whole, (whole + shift) % blocks], axis=1))
        drawn = found[2 : 2 + needed]
        variance = float(drawn.var(ddof=1)) * count**2
        error = math.sqrt((1 / needed - 1 / count) * variance)
        if error <= wanted:
            break
        needed = min(count, max(needed + 1, math.ceil(variance / (wanted**2 + variance / count))))
    total = attempt.total(float(found[0] + found[1] + count * drawn.mean()), pair_count(tiling.job))
    if total is None:
        return None
    log_found = math.log(error) + unit if error > 0 else -math.inf
    return PairTotal(
        total.log, Provenance("sample", total.provenance.precision, total.provenance.rounding), log_found
    )


def _sum(
    attempt: GaussianPass, tiling: GaussianTiling, pairs: Positions, symmetric: bool, work: Work
) -> float:
    """Return the sum over pairs of blocks, of two tiles each; below the diagonal only if symmetric."""
    tiles = np.repeat(pairs, 2, axis=0)
    tiles[:, 1] *= 2
    tiles[1::2, 1] += 1
    tiles = tiles[tiles[:, 1] * TILE < len(tiling.job.x)]
    found = np.empty((len(tiles), 1))

    def sum_range(thread: int, first: int, sums: Array) -> None:
        attempt.fill(thread, tiles[first : first + len(sums)], sums, symmetric=symmetric)

    for start, stop in work.ranges(tiling.job.x.shape[1], len(tiles), len(tiles)):
        work.fill(sum_range, start, found[start:stop])
    return math.fsum(found[:, 0])
