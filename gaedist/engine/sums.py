"""Sums over pairs of points in O(n) memory, their logarithms and their derivatives.

A `PairSum` says what is to be summed, over which points; a `Run` how. The `driver` evaluates tiles of the
matrix of pairs in ranges of about a fifth of a second, so that progress is shown and Ctrl-C is heard between
them. Each tile's number is stored and all are added in a fixed order: the same bits for any number of
threads. `relabel` does so for many labellings of the points at once. Statistics along directions (`slices`)
are made by Python's threads, those of two samples also for many labellings (`couplings`). `tiles`,
`profile_tiles`, `labels`, `grams`, `rows`, `profiles`, `matrices`, `waves`, `transport` and `arithmetic` are
compiled.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

from gaedist.engine.compiled.integrands import Gaussian, Profile, Shape
from gaedist.engine.dense import is_small, small_total
from gaedist.engine.directions import (
    slice_values,
)
from gaedist.engine.gaussian_tiling import gaussian_total, tall_tiles
from gaedist.engine.label_tiling import add_labels
from gaedist.engine.plan import Request
from gaedist.engine.run.labels import Bits, LabelSums
from gaedist.engine.run.pair_sum import BY_PAIRS, PairSum, PairTotal
from gaedist.engine.run.run import SAMPLE, SINGLE, TOLERANCE, Run
from gaedist.engine.run.threads import in_order, limited_threads
from gaedist.engine.sampling import sampled_total
from gaedist.engine.series.sums import linear_labels, linear_sums
from gaedist.engine.tiling import FAINT, Tiling, Work, count_tiles
from gaedist.errors import GaedistError
from gaedist.numerics import Array

T = TypeVar("T")
U = TypeVar("U")


def log_pair_sums(jobs: Sequence[PairSum], run: Run) -> list[float]:
    """Return the natural logarithm of each job's sum over exp(log_scale), as `pair_totals`."""
    return [total.log for total in pair_totals(jobs, run)]


def pair_totals(jobs: Sequence[PairSum], run: Run) -> list[PairTotal]:
    """Return the natural logarithm of each job's sum over exp(log_scale); −inf for a sum without terms.

    Right also where every power underflows: such a sum is made relative to its largest term. Jobs that
    differ only in the width of one kernel for all pairs, or in the profile, are made in one pass over the
    points.
    """
    if run.method == SAMPLE:
        _check_known(jobs)
    totals = {id(job): small_total(job) for job in jobs if is_small(job, run)}
    totals |= linear_sums([job for job in jobs if id(job) not in totals], run)
    groups = _sharing([job for job in jobs if id(job) not in totals], run)
    logs: dict[int, float] = {}
    counts = [(tall_tiles if _is_alone(group) else count_tiles)(group[0]) for group in groups]
    with _working(counts, run) as work:
        for group in groups:
            if _is_alone(group):
                totals[id(group[0])] = _gaussian_total(group[0], work, run)
            elif any(isinstance(job.integrand, Profile) for job in group):
                logs |= _profile_logs(group, work)
            else:
                logs |= _power_logs(group, work)
    totals |= {key: PairTotal(log) for key, log in logs.items()}
    if (
        run.note
        and run.precision == SINGLE
        and all(total.provenance == BY_PAIRS for total in totals.values())
    ):
        run.note("made in double: precision single is for one σ for all points, and not too small a one.")
    return [totals[id(job)] for job in jobs]


def evaluate(requests: Sequence[Request[T]], run: Run) -> list[T]:
    """Return the result of each request; sums over the same points, or projections of them, share a pass."""
    totals = iter(pair_totals([job for request in requests for job in request.pairs], run))
    values = iter(slice_values([job for request in requests for job in request.slices], run))
    return [
        request.finish([next(totals) for _ in request.pairs], [next(values) for _ in request.slices])
        for request in requests
    ]


def in_threads(function: Callable[[U], float], items: Iterable[U], run: Run) -> Iterator[float]:
    """Yield function(item) for each item in its order, computed by threads in which BLAS has one."""
    with limited_threads(1, run.note):
        yield from in_order(function, items, run.used_threads)


def _sharing(jobs: Sequence[PairSum], run: Run) -> list[list[PairSum]]:
    """Put jobs together that one pass can do, the steepest first."""
    groups: dict[tuple[int, ...], list[PairSum]] = {}
    for job in jobs:
        apart = run.precision == SINGLE or run.method == SAMPLE
        shared = (Profile,) if apart else (Gaussian, Profile)
        alike = isinstance(job.integrand, shared) and not (
            job.params_x.any() or (job.params_y is not None and job.params_y.any())
        )
        groups.setdefault((id(job.x), id(job.y)) if alike else (id(job),), []).append(job)
    return [sorted(group, key=lambda job: -job.steepness) for group in groups.values()]


def _check_known(jobs: Sequence[PairSum]) -> None:
    """Raise `GaedistError` for a long sum whose standard deviation under N(0, I) is not known."""
    if any(
        min(len(job.x), len(job.x if job.y is None else job.y)) > 1 and job.log_spread is None for job in jobs
    ):
        raise GaedistError(
            f"method {SAMPLE} is for scores by gaussian or bhep with one σ for all points, whose standard "
            "deviation under N(0, I) is known. Take --method auto (method=)."
        )


def _gaussian_total(job: PairSum, work: Work, run: Run) -> PairTotal:
    """Return the sum over all pairs, or an estimate if that is asked for."""
    if run.method == SAMPLE and job.log_spread is not None:
        total = sampled_total(job, work, run, job.log_spread + math.log(run.tolerance or TOLERANCE))
        if total:
            return total
    return gaussian_total(job, work, run.precision)


def _is_alone(group: Sequence[PairSum]) -> bool:
    """Tell whether a group is one Gaussian, for which there are tiles of their own."""
    return len(group) == 1 and isinstance(group[0].integrand, Gaussian)


def _power_logs(group: Sequence[PairSum], work: Work) -> dict[int, float]:
    """Return the logarithms of sums of powers of 2, of which several differ in their rate alone."""
    factors = [1.0, *(job.steepness / group[0].steepness for job in group[1:])]
    return dict(zip(map(id, group), Tiling(group[0], work, factors).log_sums(), strict=True))


def _profile_logs(group: Sequence[PairSum], work: Work) -> dict[int, float]:
    """Return the logarithms of sums of profiles, and of Gaussians beside them that do not underflow."""
    profiles = [
        Profile(Shape.POWER, (job.integrand.rate,)) if isinstance(job.integrand, Gaussian) else job.integrand
        for job in group
    ]
    sums = Tiling(group[0], work, profiles=cast(list[Profile], profiles)).profile_sums()
    logs, faint = {}, []
    for job, found in zip(group, sums, strict=True):
        if isinstance(job.integrand, Gaussian) and not found > 2.0**FAINT:
            faint.append(job)
        logs[id(job)] = math.log(found) if found > 0 else -math.inf
    if faint:
        work.total += count_tiles(group[0])
        logs |= _power_logs(faint, work)
    return logs


def pair_derivatives(
    jobs: Sequence[PairSum], run: Run, *, log_unit: float = 0.0
) -> list[tuple[Array, Array]]:
    """Return, for each job, the terms of each point and their derivatives by its parameters.

    Two arrays a job, (1 + Q, n) for the points x and (1 + Q, m) for the points y, or twice the same one for
    the pairs of one sample. Row 0 holds Σ_j of the terms of point i, row k the sums of their derivatives
    by parameter k of that point, all divided by exp(log_unit). Terms above 2^500 count as that.
    """
    with _working([count_tiles(job) for job in jobs], run) as work:
        return [Tiling(job, work).derivatives(log_unit) for job in jobs]


def label_sums(job: PairSum, labels: Bits, run: Run, *, log_unit: float = 0.0) -> LabelSums:
    """Return the parts of a sum over the pairs of one sample that many labellings of its points single out.

    Takes O(R) memory beside the labels. Terms above 2^500 exp(log_unit) count as that.
    """
    if found := linear_labels(job, labels, run, log_unit):
        return found
    with _working([count_tiles(job)], run) as work:
        return add_labels(Tiling(job, work), labels, log_unit)


@contextmanager
def _working(counts: Sequence[int], run: Run) -> Iterator[Work]:
    """Take as many threads as so many tiles can use; load nothing if there are none."""
    if not counts:
        yield Work(1, run.progress, 0)
        return
    with limited_threads(min(run.used_threads, max(counts)), run.note) as threads:
        try:
            yield Work(threads, run.progress, sum(counts), checkpoint=run.checkpoint)
        except KeyboardInterrupt:
            if run.checkpoint:
                run.checkpoint.try_to_write()
            raise
