"""An unbiased estimate of a sum over the pairs of one sample, with its standard error, from a part of them.

The points are dealt at random into B blocks, and the pairs of blocks into strata: stratum s holds the pairs
(I, I + s mod B) for all I, so that each block is in it twice. What a point adds on its own to all its pairs,
the linear part of the sum, is then alike in all strata, and does not enter their variance. That of a part of
the strata, drawn without replacement, tells the standard error of the sum over all: 0 once all are drawn.
"""

import math

import numpy as np

from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.engine.gaussian_tiling import GaussianTiling, Places, Powers, pair_count
from gaedist.engine.run.pair_sum import PairSum, PairTotal, Provenance
from gaedist.engine.run.run import Run
from gaedist.engine.tiling import Work
from gaedist.errors import GaedistError
from gaedist.numerics import Stream

_FIRST = 16  # strata that tell how much they vary
_LARGEST = 700.0  # logarithm of a number


def sampled_total(job: PairSum, work: Work, run: Run, log_error: float) -> PairTotal | None:
    """Return the logarithm of the sum, with a standard error of at most exp(log_error), over exp(log_scale).

    None where there are so few points that all pairs are as quick.

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
    dealt = PairSum(
        job.integrand, job.x[order], None, job.params_x[:, order], None, job.log_scale, job.steepness
    )
    tiling, shifts = GaussianTiling(dealt, work), 1 + rng.permutation(strata)
    for powers in tiling.powers(run.precision):
        if total := _estimate(powers, tiling, blocks, shifts, log_error, work):
            return total
    raise GaedistError(
        "method sample needs powers in the range of a double, and nearly all vanish: σ is too small. Take "
        "--method pairs (method=)."
    )


def _estimate(
    powers: Powers, tiling: GaussianTiling, blocks: int, shifts: Places, log_error: float, work: Work
) -> PairTotal | None:
    """Add strata in the order of their shifts until the error is small enough; None if powers vanish."""
    unit = powers.log2_unit * math.log(2)
    wanted, count = math.exp(min(log_error - unit, _LARGEST)), len(shifts)
    section = work.section(tiling.job, precision=powers.provenance.precision, shifts=shifts[:_FIRST].tolist())
    found = section.state.get("strata", np.empty(0))  # the pairs that are not drawn, and then those that are

    def add(pairs: Places, *, symmetric: bool = False) -> None:
        nonlocal found
        found = np.append(found, _sum(powers, tiling, pairs, symmetric, work))
        section.update(0, {"strata": found})

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
    total = powers.total(float(found[0] + found[1] + count * drawn.mean()), pair_count(tiling.job))
    if total is None:
        return None
    log_found = math.log(error) + unit if error > 0 else -math.inf
    return PairTotal(
        total.log, Provenance("sample", total.provenance.precision, total.provenance.rounding), log_found
    )


def _sum(powers: Powers, tiling: GaussianTiling, pairs: Places, symmetric: bool, work: Work) -> float:
    """Return the sum over pairs of blocks, each of two tiles; in blocks with themselves, of what is below."""
    places = np.repeat(pairs, 2, axis=0)
    places[:, 1] *= 2
    places[1::2, 1] += 1
    places = places[places[:, 1] * TILE < len(tiling.job.x)]
    found = np.empty((len(places), 1))
    for start, stop in work.ranges(tiling.job.x.shape[1], len(places), len(places)):
        powers.fill(places[start:stop], found[start:stop], symmetric=symmetric)
    return math.fsum(found[:, 0])
