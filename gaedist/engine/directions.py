"""Statistics of samples along many directions, in O(n) memory: one sort a direction, for all that are asked.

Directions are taken in batches, and each batch is projected and sorted by one thread. A batch is alike for
any number of threads, and so are its bits.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Protocol

import numpy as np

from gaedist.engine.run.run import Run
from gaedist.engine.run.threads import in_order, limited_threads
from gaedist.numerics import Array

BATCH = 1 << 19
"""Numbers of a batch."""

_FEWEST = 4  # directions of one, lest a product with few of them wait for memory
_STREAM = 4  # of random numbers, beside those of other draws


class Statistic(Protocol):
    """What is asked of one sample on a line, or of two."""

    @property
    def of(self) -> Callable[..., Array]:
        """From (b, n) points, of each sample, whose rows are in order, to the statistic of each row, (b,)."""


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
    y : (m, D) array, optional
        The points of a second sample.
    """

    x: Array
    directions: Array
    statistic: Statistic
    y: Array | None = None

    @property
    def samples(self) -> tuple[Array, ...]:
        """The one or two of them."""
        return (self.x,) if self.y is None else (self.x, self.y)


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
    """Return each job's statistic along its directions, (L,); jobs of the same points share a pass."""
    groups: dict[tuple[int, int, int], list[Slices]] = {}
    for job in jobs:
        groups.setdefault((id(job.x), id(job.y), id(job.directions)), []).append(job)
    found: dict[int, Array] = {}
    for group in groups.values():
        values = along(group[0].samples, group[0].directions, partial(_statistics, group), run)
        found |= {id(job): row for job, row in zip(group, values, strict=True)}
    return [found[id(job)] for job in jobs]


def _statistics(group: Sequence[Slices], rows: Sequence[Array]) -> Array:
    return np.array([job.statistic.of(*rows) for job in group])


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

    def of_batch(some: Array) -> Array:
        rows = [some @ x.T for x in samples]
        for row in rows:
            row.sort(axis=1)
        return statistics(rows)

    size = max(_FEWEST, BATCH // sum(map(len, samples)))
    return np.concatenate(list(in_batches(of_batch, directions, size, run)), axis=1)


def in_batches(of_batch: Callable[[Array], Array], directions: Array, size: int, run: Run) -> Iterator[Array]:
    """Yield what a function makes of each batch of so many directions, in order, computed by threads."""
    with limited_threads(1, run.note):  # BLAS's: ours are Python's
        batches = [directions[start : start + size] for start in range(0, len(directions), size)]
        for k, found in enumerate(in_order(of_batch, batches, min(run.used_threads, len(batches)))):
            yield found
            if run.progress:
                run.progress(min(len(directions), (k + 1) * size), len(directions))


def mean_and_sd(values: Array) -> tuple[float, float]:
    """Return the mean and the standard deviation of numbers whose squares may leave the range of a double."""
    scale = float(np.abs(values).max())
    if len(values) < 2 or not 0 < scale < math.inf:
        return float(values.mean()), 0.0
    parts = values / scale
    return scale * float(parts.mean()), scale * float(parts.std(ddof=1))


def mean_and_error(values: Array) -> tuple[float, float]:
    """Return the mean over directions and its Monte Carlo standard error, 0 for the one there is in D = 1."""
    mean, sd = mean_and_sd(values)
    return mean, sd / math.sqrt(len(values))
