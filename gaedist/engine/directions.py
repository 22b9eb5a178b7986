"""Statistics of samples projected on many directions, in O(n) memory.

Each sample is projected and sorted once per direction, for all statistics that are requested. One thread
takes a batch of directions; batches do not depend on the number of threads, and so neither do the bits.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Protocol

import numpy as np

from gaedist.engine.run.run import Run
from gaedist.engine.run.threads import in_order, limited_threads
from gaedist.numerics import Array, Stream

BATCH = 1 << 19
"""Projected coordinates in a batch of directions."""

_MIN_BATCH_DIRECTIONS = 4  # with fewer, reading the points takes longer than multiplying them


class Statistic(Protocol):
    """A statistic of one sample of real numbers, or of two."""

    @property
    def of_sorted(self) -> Callable[..., Array]:
        """From each sample as (b, n) numbers, with ascending rows, to the statistic of each row, (b,)."""


@dataclass(frozen=True, eq=False)
class Slices:
    """A statistic of points projected on directions, as a job for the engine.

    Attributes
    ----------
    x : (n, D) array
        The points.
    directions : (L, D) array
        Unit vectors.
    statistic : Statistic
        What is computed from the projections on each direction.
    y : (m, D) array, optional
        The points of a second sample.
    """

    x: Array
    directions: Array
    statistic: Statistic
    y: Array | None = None

    @property
    def samples(self) -> tuple[Array, ...]:
        """The one or two samples."""
        return (self.x,) if self.y is None else (self.x, self.y)


@lru_cache(maxsize=8)
def random_directions(dim: int, count: int, seed: int) -> Array:
    """Return ``count`` unit vectors drawn uniformly, (L, D); in one dimension only one, +1."""
    if dim == 1:
        return np.ones((1, 1))
    found = np.random.default_rng((seed, Stream.DIRECTIONS)).normal(size=(count, dim))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    found.flags.writeable = False
    return found


def slice_values(jobs: Sequence[Slices], run: Run) -> list[Array]:
    """Return the statistic of each job on its directions, (L,); jobs over the same points share a pass."""
    groups: dict[tuple[int, int, int], list[Slices]] = {}
    for job in jobs:
        groups.setdefault((id(job.x), id(job.y), id(job.directions)), []).append(job)
    found: dict[int, Array] = {}
    for group in groups.values():
        statistics = partial(_statistics, group)
        values = _sliced_statistics(group[0].samples, group[0].directions, statistics, run)
        found |= {id(job): row for job, row in zip(group, values, strict=True)}
    return [found[id(job)] for job in jobs]


def _statistics(group: Sequence[Slices], rows: Sequence[Array]) -> Array:
    """Return the statistics of S jobs over the same sorted projections, (S, b)."""
    return np.array([job.statistic.of_sorted(*rows) for job in group])


def _sliced_statistics(
    samples: Sequence[Array], directions: Array, statistics: Callable[[list[Array]], Array], run: Run
) -> Array:
    """Return S statistics of samples, (n, D) each, projected on each direction and sorted, (S, L).

    ``statistics`` maps the sorted projections of each sample on b directions, (b, n), to (S, b).
    """

    def project_batch(batch: Array) -> Array:
        rows = [batch @ x.T for x in samples]
        for row in rows:
            row.sort(axis=1)
        return statistics(rows)

    size = max(_MIN_BATCH_DIRECTIONS, BATCH // sum(map(len, samples)))
    return np.concatenate(list(map_batches(project_batch, directions, size, run)), axis=1)


def map_batches(
    function: Callable[[Array], Array], directions: Array, size: int, run: Run
) -> Iterator[Array]:
    """Yield function(batch) for each batch of ``size`` directions, in order, computed by threads."""
    with limited_threads(1, run.note):  # one for BLAS, because the batches run in Python's threads
        batches = [directions[start : start + size] for start in range(0, len(directions), size)]
        for k, found in enumerate(in_order(function, batches, min(run.used_threads, len(batches)))):
            yield found
            if run.progress:
                run.progress(min(len(directions), (k + 1) * size), len(directions))


def mean_and_sd(values: Array) -> tuple[float, float]:
    """Return the mean and the sample standard deviation, also where squares would overflow a double."""
    scale = float(np.abs(values).max())
    if len(values) < 2 or not 0 < scale < math.inf:
        return float(values.mean()), 0.0
    parts = values / scale
    return scale * float(parts.mean()), scale * float(parts.std(ddof=1))


def mean_and_error(values: Array) -> tuple[float, float]:
    """Return the mean over directions and its Monte Carlo standard error; 0 for a single direction."""
    mean, sd = mean_and_sd(values)
    return mean, sd / math.sqrt(len(values))
