"""Limits on the threads of Numba and BLAS, which hold for the whole process, and maps over Python threads."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

    from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")

_LOCK = threading.Lock()


def _renew_lock() -> None:
    """Make a new lock in a forked process, where no thread is left that would release the old one."""
    global _LOCK
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def limited_threads(count: int, note: Callable[[str], None] | None = None) -> Iterator[int]:
    """Limit Numba to ``count`` threads and BLAS to one in each of them; yield the number that Numba has.

    That is one in a process that was forked from one with Numba's threads.
    ``note`` is called with a sentence for the user if something has to be compiled.
    """
    import numba

    from gaedist.engine.compiled.jit import COMPILE_NOTICE, FORKS

    COMPILE_NOTICE.note = note
    if FORKS.lost_threads:
        with _LOCK, _blas().limit(limits=1, user_api="blas"):
            yield 1
        return
    with _LOCK:
        torch = sys.modules.get("torch")
        threads_of_torch = torch.get_num_threads() if torch else 0
        before = numba.get_num_threads()
        count = min(count, numba.config.NUMBA_NUM_THREADS)
        numba.set_num_threads(count)
        if torch and torch.get_num_threads() != threads_of_torch:  # Numba's first use sets OpenMP for both
            torch.set_num_threads(threads_of_torch)
        try:
            with _blas().limit(limits=1, user_api="blas"):
                yield count
        finally:
            numba.set_num_threads(before)


@contextmanager
def limited_blas() -> Iterator[None]:
    """Limit the BLAS of NumPy to one thread, without loading another BLAS or Numba."""
    with _LOCK, _numpy_blas().limit(limits=1, user_api="blas"):
        yield


@cache
def _numpy_blas() -> "ThreadpoolController":
    """Return a controller of the BLAS libraries that are loaded already."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def _blas() -> "ThreadpoolController":
    """Return a controller of all BLAS libraries, including the one that Numba calls."""
    from threadpoolctl import ThreadpoolController

    import_module("scipy.linalg.cython_blas")  # Numba's np.dot calls into it
    return ThreadpoolController()


def in_order(function: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """Yield function(item) for each item, in order, computed by Python threads.

    For functions that spend their time without Python's global lock, as NumPy's do.
    """
    if threads == 1:
        yield from map(function, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # after Ctrl-C or an error
            for future in waiting:
                future.cancel()
