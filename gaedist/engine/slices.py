"""Statistics of a sample along many directions, in O(n) memory: one sort a direction, for all that are asked.

Directions are taken in batches, and each batch is projected and sorted by one thread. A batch is alike for any number
of threads, and so are its bits.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from gaedist.engine.jobs import Array, Run
from gaedist.engine.threads import in_order, limited_threads

_BATCH = 1 << 19  # numbers of a batch
_FEWEST = 4  # directions of one, lest a product with few of them wait for memory
_STREAM = 4  # of random numbers, beside those of other draws


class Statistic(Protocol):
    """What is asked of a sample on a line."""

    def of(self, rows: Array) -> Array:
        """Return the statistic of each row of (b, n) points in order, (b,)."""


@dataclass(frozen=True, eq=False)
class Slices:
    """A statistic along directions.

    Attributes
    ----------
    x : (n, D) array
        The points.
    directions : (L, D) array
        Vectors of length 1.
    statistic : Statistic
        What is asked.
    """

    x: Array
    directions: Array
    statistic: Statistic


@lru_cache(maxsize=8)
def random_directions(dim: int, count: int, seed: int) -> Array:
    """Return directions that are uniform on the sphere, (L, D); in one dimension the only one."""
    if dim == 1:
        return np.ones((1, 1))
    found = np.random.default_rng((seed, _STREAM)).normal(size=(count, dim))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    found.flags.writeable = False
    return found


def slice_values(jobs: Sequence[Slices], run: Run) -> list[Array]:
    """Return each job's statistic along each of its directions, (L,); jobs of the same points share a pass."""
    groups: dict[tuple[int, int], list[Slices]] = {}
    for job in jobs:
        groups.setdefault((id(job.x), id(job.directions)), []).append(job)
    found = {}
    for group in groups.values():
        values = along(
            (group[0].x,),
            group[0].directions,
            lambda rows, group=group: np.array([job.statistic.of(rows[0]) for job in group]),
            run,
        )
        found |= {id(job): row for job, row in zip(group, values, strict=True)}
    return [found[id(job)] for job in jobs]


def along(
    samples: Sequence[Array], directions: Array, statistics: Callable[[list[Array]], Array], run: Run
) -> Array:
    """Return statistics of samples projected on each direction and sorted, (S, L).

    Parameters
    ----------
    samples : sequence of (n, D) arrays
        What is projected.
    directions : (L, D) array
        On what.
    statistics : callable
        From a batch of each sample, (b, n) in order, to its numbers, (S, b).
    run : Run
        Threads and progress.
    """
    total = sum(map(len, samples))
    size = max(_FEWEST, _BATCH // total)

    def of_batch(start: int) -> Array:
        some = directions[start : start + size]
        rows = [some @ x.T for x in samples]
        for row in rows:
            row.sort(axis=1)
        return statistics(rows)

    def batches() -> Iterator[Array]:
        with limited_threads(1):  # BLAS's: ours are Python's
            starts = range(0, len(directions), size)
            for k, found in enumerate(in_order(of_batch, starts, min(run.used_threads, len(starts)))):
                yield found
                if run.progress:
                    run.progress(min(len(directions), (k + 1) * size), len(directions))

    return np.concatenate(list(batches()), axis=1)


def mean_and_error(values: Array) -> tuple[float, float]:
    """Return the mean over directions and its Monte Carlo standard error, 0 for the one there is in D = 1."""
    if len(values) == 1:
        return float(values[0]), 0.0
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
