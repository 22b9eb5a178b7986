"""Sums over pairs of points in O(n) memory: the driver of the tiles.

``log_pair_sums`` takes jobs and returns the logarithm of each sum. Tiles are evaluated in ranges of about
a fifth of a second, so that progress is shown and Ctrl-C is heard between them. Each tile's number is
stored and all are added in a fixed order by `math.fsum`: the same bits for any number of threads.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, check_choice

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Array = NDArray[np.float64]

METHODS = ("auto", "pairs")
"""How sums over pairs may be made."""

PRECISIONS = ("double",)
"""In what arithmetic."""

_RANGE_SECONDS = 0.2  # between two looks at Ctrl-C and the progress bar
_FIRST_RANGE = 64  # tiles
_BLOCK = 1 << 16  # tiles whose numbers are kept before they are added
_GRAM_ERROR = 2.5e-12  # error of an exponent that a Gram matrix may cause before differences are taken
_FAINT = 2.0**-700  # a sum below this may have lost terms to underflow


@dataclass(frozen=True)
class Run:
    """How to compute, as opposed to what.

    Attributes
    ----------
    threads : int, optional
        Number of threads; all that the process may use when not given.
    method : str
        One of `METHODS`.
    precision : str
        One of `PRECISIONS`.
    progress : callable, optional
        Called as ``progress(done, total)`` with counts of tiles, about five times a second.
    """

    threads: int | None = None
    method: str = "auto"
    precision: str = "double"
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a setting that does not exist."""
        check_choice("method", self.method, METHODS)
        check_choice("precision", self.precision, PRECISIONS)
        if self.threads is not None and self.threads < 1:
            raise GaedistError(f"threads must be at least 1; got {self.threads}.")

    @property
    def used_threads(self) -> int:
        """The number of threads that the run takes: what it asks for, as far as the machine has them."""
        return min(self.threads or available_threads(), available_threads())


@dataclass(frozen=True, eq=False)
class PairSum:
    """Σ_ij 2^exponent(x_i, y_j), over all i and j, or over i > j when ``y`` is None.

    Attributes
    ----------
    integrand : str
        A name in `gaedist.engine.tiles.INTEGRANDS`.
    x, y : (n, D) and (m, D) arrays of double
        The points; ``y`` is None for the pairs of one sample.
    params_x, params_y : (P, n) and (P, m) arrays of double
        The integrand's parameters of each point.
    constants : array of double
        The integrand's parameters common to all pairs.
    steepness : float
        Upper bound of |d exponent / d |x − y|²|, which decides how precise |x − y|² has to be.
    """

    integrand: str
    x: Array
    y: Array | None
    params_x: Array
    params_y: Array | None
    constants: Array
    steepness: float


def available_threads() -> int:
    """Return the number of threads that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def log_pair_sums(jobs: Sequence[PairSum], run: Run) -> list[float]:
    """Return the natural logarithm of each job's sum; −inf for a sum without terms.

    Right also where every term underflows: such a sum is made again relative to its largest term.
    """
    prepared = [_prepare(job) for job in jobs]
    with _threads(run.used_threads) as threads:
        sums = _evaluate(prepared, [0.0] * len(jobs), threads, run.progress)
        faint = [k for k, total in enumerate(sums) if total < _FAINT]
        peaks = _evaluate([prepared[k] for k in faint], [0.0] * len(faint), threads, run.progress, peak=True)
        shifts = [-peak if math.isfinite(peak) else 0.0 for peak in peaks]
        sums_again = _evaluate([prepared[k] for k in faint], shifts, threads, run.progress)
    logs = [math.log(total) if total > 0 else -math.inf for total in sums]
    for k, peak, total in zip(faint, peaks, sums_again, strict=True):
        logs[k] = peak * math.log(2) + math.log(total) if math.isfinite(peak) else -math.inf
    return logs


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A job as the tiles take it."""

    integrand: int
    x: Array
    y: Array
    centered_x: Array
    centered_y: Array
    norms_x: Array
    norms_y: Array
    params_x: Array
    params_y: Array
    constants: Array
    gram_limit: float
    symmetric: bool
    tiles: int


def _prepare(job: PairSum) -> _Prepared:
    from gaedist.engine.tiles import INTEGRANDS, TILE

    symmetric = job.y is None or job.params_y is None
    x = np.require(job.x, np.float64, ["C", "W"])
    y = x if job.y is None else np.require(job.y, np.float64, ["C", "W"])
    limit = _GRAM_ERROR / (np.finfo(float).eps * job.steepness)
    centered_x, centered_y = x, y
    norms_x, norms_y = _squared_norms(x), _squared_norms(y)
    if norms_x.max() + norms_y.max() > limit:  # nearer to the origin, |x|² + |y|² − 2x·y cancels less
        center = (x.sum(axis=0) + y.sum(axis=0)) / (len(x) + len(y))
        centered_x, centered_y = x - center, y - center
        norms_x, norms_y = _squared_norms(centered_x), _squared_norms(centered_y)
    rows, columns = -(-len(x) // TILE), -(-len(y) // TILE)
    return _Prepared(
        integrand=INTEGRANDS[job.integrand],
        x=x,
        y=y,
        centered_x=centered_x,
        centered_y=centered_y,
        norms_x=norms_x,
        norms_y=norms_y,
        params_x=job.params_x,
        params_y=job.params_x if job.params_y is None else job.params_y,
        constants=job.constants,
        gram_limit=limit,
        symmetric=symmetric,
        tiles=rows * (rows + 1) // 2 if symmetric else rows * columns,
    )


def _squared_norms(x: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", x, x))


def _evaluate(
    jobs: Sequence[_Prepared],
    shifts: Sequence[float],
    threads: int,
    progress: Callable[[int, int], None] | None,
    *,
    peak: bool = False,
) -> list[float]:
    """Return Σ 2^(exponent + shift) of each job, or its largest exponent."""
    from gaedist.engine import tiles

    combine = max if peak else math.fsum
    total, done = sum(job.tiles for job in jobs), 0
    gram, work = _aligned(threads, tiles.TILE**2), _aligned(threads, tiles.WORK_ROWS, tiles.TILE)
    count = _FIRST_RANGE  # tiles in a range
    results = []
    for job, shift in zip(jobs, shifts, strict=True):
        blocks = []
        for start in range(0, job.tiles, _BLOCK):
            partial = np.empty(min(_BLOCK, job.tiles - start))
            filled = 0
            while filled < len(partial):
                began = time.perf_counter()
                piece = partial[filled : filled + count]
                tiles.sum_tiles(
                    job.integrand,
                    job.x,
                    job.y,
                    job.centered_x,
                    job.centered_y,
                    job.norms_x,
                    job.norms_y,
                    job.params_x,
                    job.params_y,
                    job.constants,
                    shift,
                    job.gram_limit,
                    job.symmetric,
                    peak,
                    start + filled,
                    piece,
                    gram,
                    work,
                )
                filled += len(piece)
                done += len(piece)
                seconds = time.perf_counter() - began
                count = max(threads, min(2 * count, int(count * _RANGE_SECONDS / seconds)))
                if progress:
                    progress(done, total)
            blocks.append(combine(partial))
        results.append(combine(blocks))
    return results


def _aligned(*shape: int) -> Array:
    """Return zeros that begin on a cache line: vectors that cross one are loaded at half the speed."""
    size = math.prod(shape)
    array = np.zeros(size + 8)
    start = -(array.ctypes.data // array.itemsize) % 8
    return array[start : start + size].reshape(shape)


@contextmanager
def _threads(count: int) -> Iterator[int]:
    """Let Numba use ``count`` threads, and BLAS one in each of them."""
    import numba

    before = numba.get_num_threads()
    count = min(count, numba.config.NUMBA_NUM_THREADS)
    numba.set_num_threads(count)
    try:
        with _blas().limit(limits=1, user_api="blas"):
            yield count
    finally:
        numba.set_num_threads(before)


@cache
def _blas() -> "ThreadpoolController":
    """Find the BLAS libraries, after loading the one that Numba calls."""
    from threadpoolctl import ThreadpoolController

    import_module("scipy.linalg.cython_blas")  # Numba's np.dot calls into it
    return ThreadpoolController()
