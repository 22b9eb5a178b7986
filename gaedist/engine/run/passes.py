"""A pass on a cluster: ranges of units are sent to the workers of a Dask client, and come back in order.

Each worker always has two ranges, one that it computes and one that waits; ranges are sized by measured
times. What a lost worker had is computed again by others.
"""

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from numpy.typing import NDArray

from gaedist.engine.run.executors import Output, Task
from gaedist.engine.run.parcels import packed
from gaedist.engine.run.program import program
from gaedist.engine.run.shares import Shares
from gaedist.engine.run.worker import Part, compute_range
from gaedist.errors import ClusterError
from gaedist.version import __version__

if TYPE_CHECKING:
    from distributed import Client, Future

    from gaedist.engine.run.shared_files import SharedFile

    Sent: TypeAlias = Future[Any] | tuple[tuple[SharedFile, ...], Future[Any] | None]

_LOOK = 0.5  # seconds between two looks at the cluster while nothing is finished
_LOST = 10.0  # seconds without a scheduler after which a run ends
PATIENCE = 30.0
"""Seconds in which a scheduler answers that is not lost."""

_SILENT = 30.0  # seconds without a result after which workers that have paused end it
_AHEAD = 4  # ranges for each worker that wait for an earlier one, beyond which no others are sent
_RETRIES = 3  # times that a range is sent again after its data or its result were lost
NO_SCHEDULER = (
    "the Dask scheduler no longer answers. Start it again and repeat the command; with --checkpoint "
    "(checkpoint=) a run resumes where it was."
)
"""What to say if the scheduler is lost."""

CANNOT_USE, INSTALL = "cannot use gaedist", f"Install gaedist {__version__} there, with the same packages."
"""What to say of a machine that cannot import it, and what to do."""

MORE_MEMORY = "Give each worker more, or use --subsample."
"""What to do if the memory of workers runs out."""


class Workers(Protocol):
    """The cluster, as a pass needs it."""

    client: "Client"
    note: Callable[[str], None] | None

    def look(self) -> dict[str, int]:
        """Return the threads of each worker, by address."""

    def sent(self, arrays: dict[str, NDArray[Any]]) -> "list[Sent]":
        """Return arrays, by digest, as futures that the workers have, or as rows of files."""

    def see(self, processor: str) -> None:
        """Note once if workers differ in what the last bits of results depend on."""

    @property
    def is_paused(self) -> bool:
        """Whether all workers have stopped because their memory is nearly full."""


class Pass:
    """The ranges of a task that are on their way."""

    def __init__(
        self, cluster: Workers, task: Task[Any], start: int, stop: int, advance: Callable[[int], None]
    ) -> None:
        self.cluster, self.client, self.task, self.advance = cluster, cluster.client, task, advance
        self.next, self.stop, self.begin = start, stop, start
        self.parcel = packed((task.build, task.compute, task.limits_threads))
        self.done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self.pending: dict[Future[Any], tuple[int, int, str]] = {}
        self.ready: dict[int, list[Output]] = {}
        self.again: list[tuple[int, int]] = []
        self.retries: dict[int, int] = {}
        self.program = program()
        self.waiting: Future[Any] | None = None
        self.looked = self.alive = self.heard = time.monotonic()
        self.workers: dict[str, int] = {"": 1}  # whether there are any is not known yet
        self.shares = Shares(task.seconds, task.size)

    def outputs(self) -> Iterator[Output]:
        """Yield the outputs in order; cancel what is left if the caller stops."""
        try:
            self._look()
            while self.begin < self.stop:
                self._submit()
                if future := self._finished():
                    self._take(future)
                while self.begin in self.ready:
                    for output in self.ready.pop(self.begin):
                        yield output
                        self.begin = output.stop
        except (OSError, RuntimeError, CancelledError) as error:
            if self.client.status == "running":
                raise
            raise ClusterError(NO_SCHEDULER, ends_all=True) from error
        finally:
            if self.pending and self.client.status == "running":
                self.client.cancel(list(self.pending), force=True)
            self.pending.clear()

    def _look(self) -> None:
        """Look at the cluster: has it new workers, is it alive?"""
        found, now = self.cluster.look(), time.monotonic()
        self.looked = now
        if not found and self.client.status == "running" and self.workers:
            self.waiting = self.client.submit(program, pure=False)  # without tasks, no workers may be started
            if self.cluster.note:
                self.cluster.note("the scheduler has no workers; waiting for one.")
        if self.client.status == "running":
            self.alive = now
        elif now - self.alive > _LOST:
            raise ClusterError(NO_SCHEDULER, ends_all=True)
        if self.pending and now - self.heard > _SILENT and self.cluster.is_paused:
            raise ClusterError(f"all workers have paused because their memory is nearly full. {MORE_MEMORY}")
        if found != self.workers:
            self.workers = found
            self.shares.plan(self.stop - self.next, sum(found.values()))

    def _submit(self) -> None:
        """Send ranges until each worker has two, if there is a scheduler."""
        if self.client.status != "running":
            return
        busy = dict.fromkeys(self.workers, 0)
        for _, _, address in self.pending.values():
            if address in busy:
                busy[address] += 1
        for depth in (1, 2):
            for address, threads in self.workers.items():
                if busy[address] >= depth or not (self.again or self.next < self.stop):
                    continue
                if self.again:
                    first, last = self.again.pop()
                elif len(self.ready) < _AHEAD * len(busy):
                    first = self.next
                    self.next = last = min(self.stop, first + self.shares.units(threads))
                else:
                    continue
                busy[address] += 1
                self._send(first, last, address)

    def _send(self, first: int, last: int, address: str) -> None:
        arrays = self.cluster.sent(self.parcel.arrays)
        future = self.client.submit(
            compute_range,
            self.parcel.content,
            list(self.parcel.arrays),
            arrays,
            first,
            last,
            self.program,
            workers=[address],
            allow_other_workers=True,
            pure=False,
        )
        self.pending[future] = first, last, address
        future.add_done_callback(self.done.put)

    def _finished(self) -> "Future[Any] | None":
        """Return a range that is finished, None if there is none yet."""
        if time.monotonic() - self.looked > _LOOK:
            self._look()
        try:
            return self.done.get(timeout=_LOOK)
        except queue.Empty:
            return None

    def _take(self, future: "Future[Any]") -> None:
        """Keep the outputs of a range, or send it again."""
        if future not in self.pending:
            return
        first, last, _ = self.pending.pop(future)
        self.heard = time.monotonic()
        if future.status == "error":
            raise _explained(future.exception())
        part: Part | None = None
        if future.status == "finished":
            try:
                part = future.result(timeout=PATIENCE)
            except OSError:  # its worker has gone with the result, or nobody answers
                part = None
        if part is None:
            self.retries[first] = self.retries.get(first, 0) + 1
            if self.retries[first] > _RETRIES:
                raise ClusterError("the cluster lost the same range several times. Look at its logs.")
            self.again.append((first, last))
            return
        self.cluster.see(part.processor)
        self.ready[first] = part.outputs
        if self.shares.learn(part.seconds * part.threads / (last - first)):
            self.shares.plan(self.stop - self.next, sum(self.workers.values()))
        self.advance((last - first) * self.task.tiles)


def _explained(error: BaseException | None) -> BaseException:
    """Return what to raise for an error in a worker."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return ClusterError(
            f"{error.allowed_failures + 1} workers ended while they computed the same range, the last at "
            f"{error.last_worker.address}, perhaps because their memory ran out. {MORE_MEMORY}"
        )
    if error and "deserialization of the task graph" in str(error):
        reason = error.__cause__ or "its packages differ"
        return ClusterError(f"the Dask scheduler {CANNOT_USE} ({reason}). {INSTALL}", ends_all=True)
    if isinstance(error, MemoryError):
        return ClusterError(f"a worker ran out of memory. {MORE_MEMORY}")
    return error or ClusterError("a worker failed.")
