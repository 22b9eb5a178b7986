"""Sums over pairs of points in O(n) memory, their logarithms and their derivatives.

A `PairSum` says what is to be summed, over which points; a `Run` how. The `driver` evaluates tiles of the
matrix of pairs in ranges of about a fifth of a second, so that progress is shown and Ctrl-C is heard between
them. Each tile's number is stored and all are added in a fixed order: the same bits for any number of
threads. `relabel` does so for many labellings of the points at once. `tiles`, `labels`, `grams`, `rows`,
`matrices` and `arithmetic` are compiled.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gaedist.engine.driver import Tiling, Work, count_tiles
from gaedist.engine.integrands import Gaussian
from gaedist.engine.jobs import METHODS, PRECISIONS, Array, PairSum, Run, available_threads
from gaedist.engine.relabel import Bits, LabelSums, add_labels, times_labels
from gaedist.engine.threads import limited_threads

__all__ = [
    "METHODS",
    "PRECISIONS",
    "Array",
    "Bits",
    "LabelSums",
    "PairSum",
    "Run",
    "available_threads",
    "label_sums",
    "log_pair_sums",
    "pair_derivatives",
    "times_labels",
]


def log_pair_sums(jobs: Sequence[PairSum], run: Run) -> list[float]:
    """Return the natural logarithm of each job's sum over exp(log_scale); −inf for a sum without terms.

    Right also where every term underflows: such a sum is made relative to its largest term. Jobs that
    differ only in the width of one kernel for all pairs are made in one pass over the points.
    """
    groups = list(_sharing(jobs))
    logs: dict[int, float] = {}
    with _working([group[0] for group, _ in groups], run) as work:
        for group, factors in groups:
            logs |= zip(map(id, group), Tiling(group[0], work, factors).log_sums(), strict=True)
    return [logs[id(job)] for job in jobs]


def _sharing(jobs: Sequence[PairSum]) -> Iterator[tuple[list[PairSum], list[float]]]:
    """Put jobs together that one pass can do, the steepest first, with the ratios of their exponents."""
    groups: dict[tuple[int, ...], list[PairSum]] = {}
    for job in jobs:
        alike = isinstance(job.integrand, Gaussian) and not (
            job.params_x.any() or (job.params_y is not None and job.params_y.any())
        )
        groups.setdefault((id(job.x), id(job.y)) if alike else (id(job),), []).append(job)
    for group in groups.values():
        group.sort(key=lambda job: -job.steepness)
        yield group, [1.0, *(job.steepness / group[0].steepness for job in group[1:])]


def pair_derivatives(
    jobs: Sequence[PairSum], run: Run, *, log_unit: float = 0.0
) -> list[tuple[Array, Array]]:
    """Return, for each job, the terms of each point and their derivatives by its parameters.

    Two arrays a job, (1 + Q, n) for the points x and (1 + Q, m) for the points y, or twice the same one for
    the pairs of one sample. Row 0 holds Σ_j of the terms of point i, row k the sums of their derivatives
    by parameter k of that point, all divided by exp(log_unit). Terms above 2^500 count as that.
    """
    with _working(jobs, run) as work:
        return [Tiling(job, work).derivatives(log_unit) for job in jobs]


def label_sums(job: PairSum, labels: Bits, run: Run, *, log_unit: float = 0.0) -> LabelSums:
    """Return the parts of a sum over the pairs of one sample that many labellings of its points single out.

    Takes O(R) memory beside the labels. Terms above 2^500 exp(log_unit) count as that.
    """
    with _working([job], run) as work:
        return add_labels(Tiling(job, work), labels, log_unit)


@contextmanager
def _working(jobs: Sequence[PairSum], run: Run) -> Iterator[Work]:
    """Count the work, and take as many threads as it can use."""
    counts = [count_tiles(job) for job in jobs]
    with limited_threads(min(run.used_threads, max(counts, default=1))) as threads:
        yield Work(threads, run.progress, sum(counts))
