"""Statistics of simulated samples of N(0, I), computed exactly as for the codes.

Each replicate has a seed of its own, so the values are the same in any order and for any number of
processes. They are computed once for all files of a command, and cached between commands.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from threading import Thread
from typing import Protocol

import numpy as np

from gaedist.engine import AUTO, SAMPLE, Run
from gaedist.errors import GaedistError
from gaedist.null.cache import Key, load, store
from gaedist.numerics import Array, Stream
from gaedist.version import __version__, code_digest

REPLICATES = 999
"""Default number of simulated samples."""

_SMALL = 2048  # points up to which replicates are spread over processes; larger samples use threads
_TRIAL = 8  # replicates by which the time that the others take is estimated
_PATIENCE = 6.0  # seconds of work above which starting other processes pays off
_LONG = 2.0  # seconds of work that are worth sending to a cluster
_CHUNK = 1.0  # seconds of work sent to a process at once

_START = 3.0  # seconds in which other processes start
_TRIAL_POINTS = 1024  # points up to which a replicate is timed as it is
_TIMED = 3  # replicates that are timed, the fastest of which counts
_TRIAL_SECONDS = 0.5  # seconds after which no other is timed

_computed: dict[str, Array] = {}


class Statistic(Protocol):
    """A number computed from a sample; it is pickled for other processes."""

    @property
    def key(self) -> Key:
        """Everything that it depends on, apart from the sample and the seed."""

    def of(self, x: Array, run: Run) -> float:
        """Return its value for a sample, (n, D)."""


def simulated(n: int, dim: int, statistic: Statistic, *, replicates: int, run: Run, stored: bool) -> Array:
    """Return the values of a statistic for simulated samples of N(0, I), (R,).

    Parameters
    ----------
    n, dim : int
        Size and dimension of each sample.
    statistic : Statistic
        What is computed for each sample.
    replicates : int
        R.
    run : Run
        Threads, progress and seed.
    stored : bool
        Read the values from the user's cache folder, or write them to it.
    """
    key = _key(n, dim, statistic, replicates, run)
    values = _known(key, replicates, stored)
    if values is None:
        values = np.array(list(_values(n, dim, statistic, replicates, run)))
        if stored:
            store(key, values)
    _computed[repr(key)] = values
    return values


def seconds_to_simulate(
    n: int, dim: int, statistic: Statistic, *, replicates: int, run: Run, stored: bool
) -> float:
    """Return about how long `simulated` would take; 0 for values that are there already.

    Computes a few replicates, of fewer points if there are many: their time grows as n².
    """
    if _known(_key(n, dim, statistic, replicates, run), replicates, stored) is not None:
        return 0.0
    points, quiet = min(n, _TRIAL_POINTS), _quiet(run)
    times: list[float] = []
    while len(times) < _TIMED and sum(times) < _TRIAL_SECONDS:  # the first may compile, or import
        began = time.perf_counter()
        _one(points, dim, statistic, quiet, len(times))
        times.append(time.perf_counter() - began)
    seconds = replicates * min(times) * (n / points) ** 2
    if run.client:
        return seconds * run.used_threads / run.all_threads
    if n > _SMALL or run.used_threads < 2 or seconds < _PATIENCE:
        return seconds
    return seconds / run.used_threads + _START


def _key(n: int, dim: int, statistic: Statistic, replicates: int, run: Run) -> Key:
    return {
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


def _known(key: Key, replicates: int, stored: bool) -> Array | None:
    """Return values that were computed by this process, or that are in the user's cache folder."""
    values = _computed.get(repr(key))
    return load(key, replicates) if values is None and stored else values


def _quiet(run: Run) -> Run:
    """Return how to compute a replicate."""
    method = AUTO if run.method == SAMPLE else run.method  # errors of estimates would widen the distribution
    return replace(
        run,
        method=method,
        tolerance=None,
        checkpoint=None,
        progress=None,
        status=None,
        note=None,
        client=None,
        repeats=True,
    )


def _values(n: int, dim: int, statistic: Statistic, replicates: int, run: Run) -> Iterator[float]:
    """Yield the values in order; much work is spread over a cluster, or for small samples over processes."""
    quiet, began, done = _quiet(run), time.perf_counter(), 0
    for done in range(1, replicates + 1):
        yield _one(n, dim, statistic, quiet, done - 1)
        if run.progress:
            run.progress(done, replicates)
        seconds = (time.perf_counter() - began) / done
        rest = (replicates - done) * seconds
        if run.client and rest > _LONG:
            break
        if done >= _TRIAL and n <= _SMALL and run.used_threads > 1 and rest > _PATIENCE:
            break
    left = range(done, replicates)
    if run.client:
        some = partial(_on_worker, n, dim, statistic, quiet)
        values = run.client.map(some, left, seconds=seconds * run.used_threads)
        chunks: Iterator[list[float]] = ([value] for value in values)
    else:
        chunks = _in_processes(n, dim, statistic, left, max(1, int(_CHUNK / seconds)), quiet)
    for found in chunks:
        yield from found
        done += len(found)
        if run.progress:
            run.progress(done, replicates)


def _on_worker(
    n: int, dim: int, statistic: Statistic, run: Run, some: Sequence[int], threads: int
) -> Iterator[float]:
    """Yield the values of some replicates in a worker of a cluster."""
    return (_one(n, dim, statistic, replace(run, threads=threads), k) for k in some)


def _in_processes(
    n: int, dim: int, statistic: Statistic, rest: range, size: int, run: Run
) -> Iterator[list[float]]:
    """Yield the values in chunks, computed by as many processes as the run has threads."""
    if not rest:
        return
    from concurrent.futures import BrokenExecutor

    from joblib import Parallel, delayed, parallel_config

    alone = replace(run, threads=1)
    chunks = (rest[k : k + size] for k in range(0, len(rest), size))
    try:
        with parallel_config("loky", n_jobs=run.used_threads, inner_max_num_threads=1):
            with _without_signals():  # whose mask the processes inherit: this one ends them
                found = Parallel(return_as="generator")(
                    delayed(_values_of_chunk)(n, dim, statistic, alone, chunk, os.getpid())
                    for chunk in chunks
                )
            yield from found
    except BrokenExecutor as error:
        raise GaedistError(
            "a process that simulates samples has ended, perhaps because memory ran out. Use fewer --threads."
        ) from error
    except BaseException:
        _end_processes()
        raise


@contextmanager
def _without_signals() -> Iterator[None]:
    """Hold back the signals that a terminal or a batch system sends to all processes of a command."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_processes() -> None:
    """Kill the processes that simulate samples."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


def _values_of_chunk(
    n: int, dim: int, statistic: Statistic, run: Run, chunk: range, parent: int
) -> list[float]:
    _end_with(parent)
    return [_one(n, dim, statistic, run, k) for k in chunk]


@cache
def _end_with(parent: int) -> None:
    """Let this process end within a second after its parent, however that ended."""
    if os.getpid() == parent:  # with one thread, it computes the chunks itself
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _one(n: int, dim: int, statistic: Statistic, run: Run, k: int) -> float:
    """Return the value of replicate k."""
    x = np.random.default_rng((run.seed, k, Stream.SIMULATED_SAMPLES)).normal(size=(n, dim))
    return statistic.of(x, run)
