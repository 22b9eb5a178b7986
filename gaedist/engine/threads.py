"""Threads of Numba and of BLAS, whose settings are the process's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_LOCK = threading.Lock()


@contextmanager
def limited_threads(count: int) -> Iterator[int]:
    """Let Numba use ``count`` threads, as far as it has them, and BLAS one in each of them."""
    import numba

    with _LOCK:
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
