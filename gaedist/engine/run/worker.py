"""What a worker of a Dask cluster does: it builds what a task needs once, and computes ranges of units.

Ranges are computed one after the other, each on all threads that Dask gave to the worker.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from numpy.typing import NDArray

from gaedist.engine.run.cpus import available_threads
from gaedist.engine.run.executors import Output
from gaedist.engine.run.parcels import unpacked
from gaedist.engine.run.program import PROCESSOR, program
from gaedist.engine.run.shared_files import SharedFile, read_rows
from gaedist.engine.run.threads import limited_threads
from gaedist.errors import ClusterError

_KEPT = 2  # tasks that stay built

_ONE_AT_A_TIME = threading.Lock()

Received = NDArray[Any] | tuple[Sequence[SharedFile], NDArray[Any] | None]
"""An array, or files and an order of their rows."""

_known: OrderedDict[tuple[str, int], tuple[Callable[[], Any], Any, bool]] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Part:
    """What a worker has computed.

    Attributes
    ----------
    outputs : list of Output
        The outputs of a range of units.
    seconds : float
        How long that took, without building.
    threads : int
        On so many threads.
    processor : str
        What the last bits depend on.
    """

    outputs: list[Output]
    seconds: float
    threads: int
    processor: str


class Cancelled(Exception):  # noqa: N818 (nothing went wrong)
    """Nobody waits for the result any more."""


def compute_range(
    content: bytes,
    digests: Sequence[str],
    arrays: Sequence[Received],
    start: int,
    stop: int,
    expected: dict[str, str],
) -> Part:
    """Return the outputs for the units from ``start`` to ``stop`` of a task, a parcel and its arrays.

    Raises
    ------
    ClusterError
        If the versions of this worker differ from ``expected``, the versions of the client.
    """
    here = program()
    if text := differences(expected, here, _worker().address):
        raise ClusterError(text, ends_all=True)
    threads = min(_own_threads(), available_threads())
    with _ONE_AT_A_TIME:
        build, compute, limits_threads = _unpacked_once(content, digests, arrays, threads)
        with limited_threads(threads) if limits_threads else nullcontext():
            began = time.perf_counter()
            outputs = list(compute(build(), start, stop))
        return Part(outputs, time.perf_counter() - began, threads, here[PROCESSOR])


def _unpacked_once(
    content: bytes, digests: Sequence[str], arrays: Sequence[Received], threads: int
) -> tuple[Callable[[], Any], Any, bool]:
    """Return what builds a task, once, what computes it, and whether that limits threads."""
    key = hashlib.sha256(content).hexdigest(), threads
    if key not in _known:
        kept: dict[SharedFile, NDArray[Any]] = {}
        found = [read_rows(*array, kept) if isinstance(array, tuple) else array for array in arrays]
        kept.clear()
        build, compute, limits_threads = unpacked(content, digests, found)
        while len(_known) >= _KEPT:
            _known.popitem(last=False)
        _known[key] = cache(partial(build, threads, stop_if_cancelled)), compute, limits_threads
    _known.move_to_end(key)
    return _known[key]


def differences(client: dict[str, str], worker: dict[str, str], address: str) -> str:
    """Say how the versions of a worker differ from those of the client; empty if the bits are the same."""
    names = [name for name in client if name != PROCESSOR and client[name] != worker.get(name)]
    if not names:
        return ""
    which = "; ".join(f"{name} is {client[name]} here and {worker.get(name)} there" for name in names)
    return f"worker {address} has other versions: {which}. Install the same on all machines."


def stop_if_cancelled(_done: int = 0, _total: int = 0) -> None:
    """Raise `Cancelled` if the client has cancelled the task that this thread computes."""
    from distributed.worker import thread_state

    found = _worker().state.tasks.get(thread_state.key)
    if found is None or found.state == "cancelled":
        raise Cancelled


def _own_threads() -> int:
    """Return the number of threads that Dask gave to this worker."""
    return int(_worker().state.nthreads)


def _worker() -> Any:
    """Return the worker that runs this thread's task."""
    from distributed import get_worker

    return get_worker()
