"""Scores of simulated samples of N(0, I), made by the same computation as those of the codes.

Each replicate has a seed of its own, so that they come out the same in any order and on any number of
processes. They are computed once for all files of a command, and kept between commands.
"""

import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from typing import Protocol

import numpy as np

from gaedist.engine import AUTO, SAMPLE, Run
from gaedist.errors import GaedistError
from gaedist.null.cache import Key, code_digest, load, store
from gaedist.numerics import Array
from gaedist.version import __version__

REPLICATES = 999
"""How many samples are simulated, unless told otherwise."""

_SMALL = 2048  # points up to which replicates go to other processes, and beyond which tiles to other threads
_TRIAL = 8  # replicates that tell how long the rest will take
_PATIENCE = 6.0  # seconds of work beyond which it pays to start other processes
_STREAM = 1  # of random numbers; (s, 0) would be that of s, which codes that are tried out may come from
_CHUNK = 1.0  # seconds of work given to a process at once

_computed: dict[str, Array] = {}


class Statistic(Protocol):
    """A number of a sample, by its type, its name and settings, that other processes can compute too."""

    @property
    def key(self) -> Key:
        """All that it depends on, beside the sample and the seed."""

    def of(self, x: Array, run: Run) -> float:
        """Return it."""


def simulated(n: int, dim: int, statistic: Statistic, *, replicates: int, run: Run, stored: bool) -> Array:
    """Return a statistic of samples of N(0, I), (R,).

    Parameters
    ----------
    n, dim : int
        Size and dimension of each sample.
    statistic : Statistic
        What is measured.
    replicates : int
        R.
    run : Run
        Threads, progress and seed.
    stored : bool
        Look in the user's cache, and keep them there.
    """
    key: Key = {
        "gaedist": __version__,
        "code": code_digest(),
        "numpy": np.__version__,
        "n": n,
        "dim": dim,
        **statistic.key,
        "precision": run.precision,
        "replicates": replicates,
        "seed": run.seed,
    }
    values = _computed.get(repr(key))
    if values is None and stored:
        values = load(key, replicates)
    if values is None:
        values = np.array(list(_values(n, dim, statistic, replicates, run)))
        if stored:
            store(key, values)
    _computed[repr(key)] = values
    return values


def _values(n: int, dim: int, statistic: Statistic, replicates: int, run: Run) -> Iterator[float]:
    """Yield them in order; those of small samples, if there is much to do, from several processes."""
    method = AUTO if run.method == SAMPLE else run.method  # a law of estimates would be that of their errors
    quiet = replace(
        run, method=method, tolerance=None, checkpoint=None, progress=None, status=None, note=None
    )
    began, done = time.perf_counter(), 0
    for done in range(1, replicates + 1):
        yield _one(n, dim, statistic, quiet, done - 1)
        if run.progress:
            run.progress(done, replicates)
        seconds = (time.perf_counter() - began) / done
        rest = (replicates - done) * seconds
        if done >= _TRIAL and n <= _SMALL and run.used_threads > 1 and rest > _PATIENCE:
            break
    for found in _elsewhere(n, dim, statistic, range(done, replicates), max(1, int(_CHUNK / seconds)), quiet):
        yield from found
        done += len(found)
        if run.progress:
            run.progress(done, replicates)


def _elsewhere(
    n: int, dim: int, statistic: Statistic, rest: range, size: int, run: Run
) -> Iterator[list[float]]:
    """Yield the values in chunks, computed by as many processes as the run has threads."""
    if not rest:
        return
    from joblib import Parallel, delayed, parallel_config

    alone = replace(run, threads=1)
    chunks = (rest[k : k + size] for k in range(0, len(rest), size))
    try:
        with parallel_config("loky", n_jobs=run.used_threads, inner_max_num_threads=1):
            yield from Parallel(return_as="generator")(
                delayed(_some)(n, dim, statistic, alone, chunk) for chunk in chunks
            )
    except BrokenExecutor as error:
        raise GaedistError(
            "a process that simulates samples has ended, perhaps for want of memory. Use fewer --threads."
        ) from error


def _some(n: int, dim: int, statistic: Statistic, run: Run, chunk: range) -> list[float]:
    return [_one(n, dim, statistic, run, k) for k in chunk]


def _one(n: int, dim: int, statistic: Statistic, run: Run, k: int) -> float:
    """Score replicate k."""
    x = np.random.default_rng((run.seed, k, _STREAM)).normal(size=(n, dim))
    return statistic.of(x, run)
