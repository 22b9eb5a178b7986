"""Sums over pairs of points in O(n) memory: the driver of the tiles.

``log_pair_sums`` takes jobs and returns the logarithm of each sum. Tiles are evaluated in ranges of about
a fifth of a second, so that progress is shown and Ctrl-C is heard between them. Each tile's number is
stored and all are added in a fixed order by `math.fsum`: the same bits for any number of threads.
"""

import math
import os
import threading
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
_BLOCK = 1 << 16  # tiles whose numbers are kept before they are added
_GRAM_ERROR = 2.5e-12  # error of an exponent that a Gram matrix may cause before differences are taken
_FAINT = -700.0  # a sum whose log2 is below this may have lost terms to underflow
_ABYSS = -1e12  # below this the log of the number of terms is lost beside the largest exponent
_LOCK = threading.Lock()  # settings of Numba and BLAS are the process's


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
        Called as ``progress(done, total)`` with counts of tiles, about five times a second. The total
        grows where a sum that underflows has to be made again.
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
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(count, int(limit)) if limit.isdecimal() else count


def log_pair_sums(jobs: Sequence[PairSum], run: Run) -> list[float]:
    """Return the natural logarithm of each job's sum; −inf for a sum without terms.

    Right also where every term underflows: such a sum is made relative to its largest term.
    """
    with _LOCK, _threads(run.used_threads) as threads:
        worker = _Worker(threads, run.progress, total=sum(_count_tiles(job) for job in jobs))
        return [worker.log_sum(job) for job in jobs]


class _Worker:
    """Scratch memory of the threads, and how much of the work is done."""

    def __init__(self, threads: int, progress: Callable[[int, int], None] | None, total: int) -> None:
        from gaedist.engine import tiles

        self.threads, self.progress = threads, progress
        self.done, self.total = 0, total
        self.gram = _aligned(threads, tiles.TILE**2)
        self.work = _aligned(threads, tiles.WORK_ROWS, tiles.TILE)

    def log_sum(self, job: PairSum) -> float:
        """Return the logarithm of a job's sum. Its first tile tells whether the sum will underflow."""
        prepared = _prepare(job)
        first = np.empty(1)
        self.sum_range(prepared, 0.0, True, 0, first)
        if first[0] > _FAINT:
            total = self.combine(prepared, 0.0)
            if total > 2.0**_FAINT:
                return math.log(total)
            self.total += prepared.tiles
        self.total += prepared.tiles
        peak = self.combine(prepared, 0.0, peak=True)
        if peak < _ABYSS:
            return peak * math.log(2)
        return peak * math.log(2) + math.log(self.combine(prepared, -peak))

    def combine(self, job: "_Prepared", shift: float, *, peak: bool = False) -> float:
        """Return Σ 2^(exponent + shift), or the largest exponent, in ranges of tiles."""
        add = max if peak else math.fsum
        count = max(self.threads, min(64, 4096 // job.x.shape[1]))  # tiles in the first range
        blocks = []
        for start in range(0, job.tiles, _BLOCK):
            partial = np.empty(min(_BLOCK, job.tiles - start))
            filled = 0
            while filled < len(partial):
                began = time.perf_counter()
                piece = partial[filled : filled + count]
                self.sum_range(job, shift, peak, start + filled, piece)
                filled += len(piece)
                self.done += len(piece)
                seconds = time.perf_counter() - began
                count = max(self.threads, min(2 * count, int(count * _RANGE_SECONDS / seconds)))
                if self.progress:
                    self.progress(self.done, self.total)
            blocks.append(add(partial))
        return float(add(blocks))

    def sum_range(self, job: "_Prepared", shift: float, peak: bool, first: int, partial: Array) -> None:
        """Fill ``partial`` with the numbers of as many tiles, from ``first`` on."""
        from gaedist.engine import tiles

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
            first,
            partial,
            self.gram,
            self.work,
        )


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
    from gaedist.engine.tiles import INTEGRANDS

    x = np.require(job.x, np.float64, ["C", "W"])
    y = x if job.y is None else np.require(job.y, np.float64, ["C", "W"])
    params_y = job.params_x if job.params_y is None else job.params_y
    limit = _GRAM_ERROR / (np.finfo(float).eps * job.steepness)
    centered_x, centered_y = x, y
    norms_x, norms_y = _squared_norms(x), _squared_norms(y)
    if norms_x.max() + norms_y.max() > limit:  # nearer to the origin, |x|² + |y|² − 2x·y cancels less
        center = (x.sum(axis=0) + y.sum(axis=0)) / (len(x) + len(y))
        centered_x, centered_y = x - center, y - center
        norms_x, norms_y = _squared_norms(centered_x), _squared_norms(centered_y)
    return _Prepared(
        integrand=INTEGRANDS[job.integrand],
        x=x,
        y=y,
        centered_x=centered_x,
        centered_y=centered_y,
        norms_x=norms_x,
        norms_y=norms_y,
        params_x=job.params_x,
        params_y=params_y,
        constants=job.constants,
        gram_limit=limit,
        symmetric=job.y is None,
        tiles=_count_tiles(job),
    )


def _count_tiles(job: PairSum) -> int:
    from gaedist.engine.tiles import TILE

    rows = -(-len(job.x) // TILE)
    return rows * (rows + 1) // 2 if job.y is None else rows * -(-len(job.y) // TILE)


def _squared_norms(x: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", x, x))


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
