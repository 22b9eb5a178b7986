"""Limits on the threads of BLAS, which hold for the whole process, and work divided among Python threads."""

import os
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

_PARTS = 8  # of each thread, so that all end at nearly the same time
_LOCK = threading.Lock()


def _renew_lock() -> None:
    """Make a new lock in a forked process, where no thread is left that would release the old one."""
    global _LOCK
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def limited_threads(count: int, note: Callable[[str], None] | None = None) -> Iterator[int]:
    """Limit BLAS to one thread in each of ``count`` threads that call it or compiled code; yield the count.

    ``note`` is called with a sentence for the user if something has to be compiled.
    """
    from gaedist.engine.compiled.jit import COMPILE_NOTICE

    COMPILE_NOTICE.note = note
    with _LOCK, _blas().limit(limits=1, user_api="blas"):
        yield count


@contextmanager
def limited_blas(*, scipy: bool = False) -> Iterator[None]:
    """Limit the BLAS of NumPy to one thread, and that of SciPy if it is used, without loading Numba."""
    with _LOCK, (_blas() if scipy else _numpy_blas()).limit(limits=1, user_api="blas"):
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


def share(function: Callable[[int, int, int], None], count: int, threads: int) -> None:
    """Call function(thread, start, stop) for parts that together are 0, …, count − 1, by Python threads.

    For compiled functions, which release Python's global lock. Each thread takes the next part when it is
    done with one. After an error or Ctrl-C no further part is begun.
    """
    size = max(1, count // (_PARTS * threads))
    starts = iter(range(0, count, size))  # next() is atomic
    errors: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for start in starts:
                function(thread, start, min(count, start + size))
        except BaseException as error:
            errors.append(error)
            deque(starts, maxlen=0)

    others = [threading.Thread(target=work, args=(thread,)) for thread in range(1, min(threads, count))]
    for other in others:
        other.start()
    try:
        work(0)
    finally:  # Ctrl-C may come after that
        deque(starts, maxlen=0)
        for other in others:
            other.join()
    if errors:
        raise errors[0]


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
