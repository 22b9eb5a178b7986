"""The dispatch: each sum over pairs goes to the method that suits it; sums over the same points share passes.

`pair_totals` tries the methods in this order: NumPy for few pairs (`dense`), a series in linear time
(`series`), an estimate if the run asks for one (`sampling`), and tiles of the matrix of pairs
(`gaussian_tiling`, `tiling`). `evaluate` serves the requests of several metrics at once.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar, cast

import numpy as np

from gaedist.engine.compiled.integrands import Gaussian, Profile, Shape
from gaedist.engine.dense import dense_total, is_small, profile_log
from gaedist.engine.derivatives import point_derivatives
from gaedist.engine.device import device_total
from gaedist.engine.directions import slice_values
from gaedist.engine.gathering import gathered
from gaedist.engine.gaussian_tiling import gaussian_part, gaussian_total, tall_tiles
from gaedist.engine.label_tiling import add_labels
from gaedist.engine.near_tiles import SKIPPED
from gaedist.engine.near_tiling import near_tiling
from gaedist.engine.origins import near_limit
from gaedist.engine.request import Request
from gaedist.engine.run.costs import pair_seconds
from gaedist.engine.run.labels import Bits, LabelSums
from gaedist.engine.run.pair_sum import BY_PAIRS, ROUNDING, PairSum, PairTotal, Provenance
from gaedist.engine.run.run import SAMPLE, SINGLE, TOLERANCE, Run
from gaedist.engine.run.threads import in_order, limited_blas, limited_threads
from gaedist.engine.sampling import sampled_total
from gaedist.engine.series.sums import linear_labels, linear_sums
from gaedist.engine.tiling import FAINT, Tiling, count_tiles, pair_count
from gaedist.engine.work import Work
from gaedist.errors import GaedistError
from gaedist.numerics import Array, log_or_minus_inf

_FEW_PAIRS = 1 << 26
_LONG = 2.0  # seconds of work on one thread from which a cluster helps

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")


def log_pair_sums(jobs: Sequence[PairSum], run: Run) -> list[float]:
    """Return the natural logarithm of each sum without its factor exp(log_scale), as `pair_totals` does."""
    return [total.log for total in pair_totals(jobs, run)]


def pair_totals(jobs: Sequence[PairSum], run: Run) -> list[PairTotal]:
    """Return the total of each sum, without its factor exp(log_scale).

    Its logarithm is also right where every term underflows: such a sum is computed relative to its largest
    term. Sums over the same points whose kernels are the same for all pairs share one pass.

    Raises
    ------
    GaedistError
        If the method of the run cannot compute one of the sums.
    """
    if run.method == SAMPLE:
        _check_sampling(jobs)
    totals = {id(job): dense_total(job) for job in jobs if is_small(job, run)}
    if run.device:
        totals |= _device_totals([job for job in jobs if id(job) not in totals], run)
    linear = linear_sums([job for job in jobs if id(job) not in totals], run)
    totals |= {key: found.total for key, found in linear.items()}
    far = []
    for key, found in linear.items():
        for job in found.rest:
            if is_small(job, run):
                totals[key] = _plus(totals[key], dense_total(job).log)
            else:
                far.append((key, job))
    groups = _groups([job for job in jobs if id(job) not in totals], run)
    counts = [(tall_tiles if _is_one_gaussian(group) else count_tiles)(group[0]) for group in groups]
    counts += [tall_tiles(job) for _, job in far]
    with _work(counts, [*(group[0] for group in groups), *(job for _, job in far)], run) as work:
        for key, job in far:
            totals[key] = _plus(totals[key], gaussian_part(job, work))
        for group in groups:
            if _is_one_gaussian(group):
                totals[id(group[0])] = _gaussian_total(group[0], work, run)
            elif any(isinstance(job.integrand, Profile) for job in group):
                totals |= _profile_totals(group, work)
            else:
                totals |= _power_totals(group, work)
    provenances = [replace(total.provenance, rounding=ROUNDING) for total in totals.values()]
    if run.note and run.precision == SINGLE and all(found == BY_PAIRS for found in provenances):
        run.note(
            "computed in double precision: single precision is for one σ for all points that is not too "
            "small compared with their spread."
        )
    return [totals[id(job)] for job in jobs]


def _plus(total: PairTotal, log: float) -> PairTotal:
    """Return a total with a part added, given its logarithm."""
    return total._replace(log=float(np.logaddexp(total.log, log)))


def _device_totals(jobs: Sequence[PairSum], run: Run) -> dict[int, PairTotal]:
    """Return the totals, by id, of the sums that the device of the run makes; a note tells of the others."""
    found = {id(job): total for job in jobs if (total := device_total(job, run))}
    if run.note and len(found) < len(jobs):
        run.note(
            f"some sums are not made on {run.device}: those with other kernels than one σ, or far points."
        )
    return found


def evaluate(requests: Sequence[Request[T]], run: Run) -> list[T]:
    """Return the result of each request; sums over the same points, or projections of them, share a pass."""
    totals = iter(pair_totals([job for request in requests for job in request.pairs], run))
    values = iter(slice_values([job for request in requests for job in request.slices], run))
    return [
        request.finish([next(totals) for _ in request.pairs], [next(values) for _ in request.slices])
        for request in requests
    ]


def in_threads(function: Callable[[U], float], items: Iterable[U], run: Run) -> Iterator[float]:
    """Yield function(item) for each item, in order, computed by threads that each have one thread of BLAS."""
    with limited_threads(1, run.note):
        yield from in_order(function, items, run.used_threads)


def in_numpy_threads(function: Callable[[U], V], items: Iterable[U], run: Run) -> Iterator[V]:
    """Yield the same for functions that use NumPy alone, without loading Numba."""
    with limited_blas():
        yield from in_order(function, items, run.used_threads)


def _groups(jobs: Sequence[PairSum], run: Run) -> list[list[PairSum]]:
    """Group the sums that one pass can compute, the steepest first in each group."""
    groups: dict[tuple[int, ...], list[PairSum]] = {}
    for job in jobs:
        separate = run.precision == SINGLE or run.method == SAMPLE
        shared = (Profile,) if separate else (Gaussian, Profile)
        one_kernel = isinstance(job.integrand, shared) and not (
            job.params_x.any() or (job.params_y is not None and job.params_y.any())
        )
        groups.setdefault((id(job.x), id(job.y)) if one_kernel else (id(job),), []).append(job)
    parts = [
        part
        for group in groups.values()
        for part in ([[job] for job in group] if _is_quicker_apart(group) else [group])
    ]
    return [sorted(part, key=lambda job: -job.steepness) for part in parts]


def _is_quicker_apart(group: Sequence[PairSum]) -> bool:
    """Tell whether passes of `gaussian_tiles` take less time than the pass that two Gaussians could share.

    For few pairs that one takes longer to compile than to run.
    """
    gaussians = all(isinstance(job.integrand, Gaussian) for job in group)
    few = pair_count(group[0]) <= _FEW_PAIRS
    return gaussians and len(group) == 2 and few


def _check_sampling(jobs: Sequence[PairSum]) -> None:
    """Raise `GaedistError` if a sum over many pairs has no known standard deviation under N(0, I)."""
    if any(
        min(len(job.x), len(job.x if job.y is None else job.y)) > 1 and job.log_spread is None for job in jobs
    ):
        raise GaedistError(
            f"method {SAMPLE} needs a score whose standard deviation under N(0, I) is known: gaussian or "
            "bhep with one σ for all points. Use --method auto (method=)."
        )


def _gaussian_total(job: PairSum, work: Work, run: Run) -> PairTotal:
    """Return the sum over all pairs, or the estimate that the run asks for."""
    if run.method == SAMPLE and job.log_spread is not None:
        total = sampled_total(job, work, run, job.log_spread + math.log(run.tolerance or TOLERANCE))
        if total:
            return total
    return gaussian_total(job, work, run.precision)


def _is_one_gaussian(group: Sequence[PairSum]) -> bool:
    """Return whether a group is a single sum of Gaussians, which `gaussian_tiling` computes."""
    return len(group) == 1 and isinstance(group[0].integrand, Gaussian)


def _power_totals(group: Sequence[PairSum], work: Work) -> dict[int, PairTotal]:
    """Return the totals of sums of powers of 2, by id; the sums of a group differ only in their rates."""
    factors = [1.0, *(job.steepness / group[0].steepness for job in group[1:])]
    tiling, provenance = _tiling(group[0], work, factors)
    return {id(job): PairTotal(log, provenance) for job, log in zip(group, tiling.log_sums(), strict=True)}


def _tiling(
    job: PairSum, work: Work, factors: Sequence[float] = (1.0,), profiles: Sequence[Profile] = ()
) -> tuple[Tiling, Provenance]:
    """Return the tiling for a pass, without far tiles if many can be skipped, and how its sums are made."""
    near = near_tiling(Tiling, job, work, Tiling.least_sums, factors, profiles)
    if near is None:
        return Tiling(
            gathered(job, near_limit(job, Tiling.gram_error, profiles)), work, factors, profiles
        ), BY_PAIRS
    work.total += near.count - count_tiles(job)
    return near, replace(BY_PAIRS, rounding=ROUNDING + SKIPPED)


def _profile_totals(group: Sequence[PairSum], work: Work) -> dict[int, PairTotal]:
    """Return the totals of sums of profiles and Gaussians over the same points, by id.

    Sums that may have lost terms to underflow are computed again, relative to their largest term.
    """
    profiles = [
        Profile(Shape.POWER, (job.integrand.rate,)) if isinstance(job.integrand, Gaussian) else job.integrand
        for job in group
    ]
    tiling, provenance = _tiling(group[0], work, profiles=cast(list[Profile], profiles))
    totals, faint = {}, []
    for job, found in zip(group, tiling.profile_sums(), strict=True):
        totals[id(job)] = PairTotal(log_or_minus_inf(found), provenance)
        if not found > 2.0**FAINT:
            if isinstance(job.integrand, Gaussian):
                faint.append(job)
            else:
                totals[id(job)] = PairTotal(profile_log(job))
    if faint:
        work.total += count_tiles(group[0])
        totals |= _power_totals(faint, work)
    return totals


def pair_derivatives(
    jobs: Sequence[PairSum], run: Run, *, log_unit: float = 0.0
) -> list[tuple[Array, Array]]:
    """Return, for each point, the sum of its terms and the derivatives of this sum by its parameters.

    For each job two arrays, (1 + Q, n) for the points x and (1 + Q, m) for the points y, or the same array
    twice for the pairs of one sample. Row 0 holds the sum Σ_j of the terms of point i, row k its derivative
    by parameter k of the point, all divided by exp(log_unit). Terms above 2^500 are replaced by 2^500.
    """
    with _work([count_tiles(job) for job in jobs], jobs, run) as work:
        return [point_derivatives(Tiling(job, work), log_unit) for job in jobs]


def label_sums(job: PairSum, labels: Bits, run: Run, *, log_unit: float = 0.0) -> LabelSums:
    """Return the parts of a sum over the pairs of one sample by the labels of the points.

    Takes O(R) memory in addition to the labels. Terms above 2^500 exp(log_unit) are replaced by that.
    """
    if found := linear_labels(job, labels, run, log_unit):
        return found
    with _work([count_tiles(job)], [job], run, labelings=8 * labels.shape[1]) as work:
        return add_labels(job, work, labels, log_unit)


@contextmanager
def _work(counts: Sequence[int], jobs: Sequence[PairSum], run: Run, *, labelings: int = 0) -> Iterator[Work]:
    """Yield the `Work` for passes over these counts of tiles of jobs, with no more threads than tiles.

    Loads no compiled code if there are no passes; writes the checkpoint on Ctrl-C.
    """
    if not counts:
        yield Work(1, run.progress, 0)
        return
    with limited_threads(min(run.used_threads, max(counts)), run.note) as threads:
        try:
            work = Work(threads, run.progress, sum(counts), checkpoint=run.checkpoint)
            if run.client and _seconds(jobs, labelings) > _LONG:
                work.executor = run.client
            yield work
        except KeyboardInterrupt:
            if run.checkpoint:
                run.checkpoint.try_to_write()
            raise


def _seconds(jobs: Sequence[PairSum], labelings: int) -> float:
    """Return about how long sums, by so many labelings, take on one thread."""
    return sum(pair_count(job) * pair_seconds(job, labelings) for job in jobs)
