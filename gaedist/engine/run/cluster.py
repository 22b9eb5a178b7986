"""The workers of a Dask cluster as an executor: ranges of units are sent to them, and come back in order.

Arrays are sent once and kept by every worker. Each worker always has two ranges, one that it computes and one
that waits; ranges are sized by measured times. What a lost worker had is computed again by others.
"""

import queue
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

from gaedist.engine.run.executors import Output, Task, task_of_items
from gaedist.engine.run.parcels import array_digest, packed
from gaedist.engine.run.program import PROCESSOR, program
from gaedist.engine.run.shared_files import SharedFile
from gaedist.engine.run.shares import Shares
from gaedist.engine.run.worker import Part, compute_range, differences
from gaedist.errors import GaedistError
from gaedist.files.codes import Selection

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R")

_LOOK = 0.5  # seconds between two looks at the cluster while nothing is finished
_LOST = 10.0  # seconds without a scheduler after which a run ends
_SILENT = 30.0  # seconds without a result after which workers that have paused end it
_KEPT = 8  # arrays that stay on the workers
_AHEAD = 4  # ranges for each worker that wait for an earlier one, beyond which no others are sent
_RETRIES = 3  # times that a range is sent again after its data or its result were lost
_NO_SCHEDULER = (
    "the Dask scheduler no longer answers. Start it again and repeat the command; with --checkpoint "
    "(checkpoint=) a run resumes where it was."
)
_MEMORY = "Give each worker more, or use --subsample."


class Cluster:
    """The workers of a Dask client.

    Parameters
    ----------
    client : distributed.Client
        The user's client; it stays open.
    shares_files : bool
        Workers read the files that `share` names, instead of receiving what is in them.

    Raises
    ------
    GaedistError
        If it is not a synchronous client that is connected.
    """

    def __init__(self, client: "Client", *, shares_files: bool = False) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise GaedistError("a cluster needs Dask: pip install 'gaedist[dask]'") from error
        if not isinstance(client, Client) or client.asynchronous:
            raise GaedistError(
                "client must be a distributed.Client that is not asynchronous; got "
                f"{type(client).__module__}.{type(client).__qualname__}."
            )
        self.client, self.shares_files = client, shares_files
        self._files: dict[str, SharedFile] = {}
        self.note: Callable[[str], None] | None = None
        self._kept: OrderedDict[str, Future[Any]] = OrderedDict()
        self._checked: set[str] = set()
        self._processors: set[str] = set()

    def outputs(
        self, task: Task[T], start: int, stop: int, advance: Callable[[int], None]
    ) -> Iterator[Output]:
        """Yield the outputs for the units from ``start`` to ``stop``, computed by the workers.

        Raises
        ------
        GaedistError
            If the scheduler is lost, workers have other versions, or a range ends all workers that try it.
        """
        if start < stop:
            yield from _Pass(self, task, start, stop, advance).outputs()

    def map(
        self,
        function: Callable[[Sequence[U], int], Iterable[R]],
        items: Sequence[U],
        *,
        seconds: float,
        size: int = 8,
    ) -> Iterator[R]:
        """Yield the value of each item, in order, computed by the workers.

        Parameters
        ----------
        function : callable
            ``function(items, threads)`` yields the values of some items, on so many threads.
        items : sequence
            All items.
        seconds, size : float and int
            About how long one takes on one thread, and how many bytes its value has.
        """
        task = task_of_items(function, items, seconds, size)
        return (output.value for output in self.outputs(task, 0, len(items), lambda _tiles: None))

    def share(self, array: NDArray[Any], path: str, dataset: str | None, selection: Selection) -> None:
        """Let workers read an array from its file, if they share files and it is one."""
        if self.shares_files and path != "-":
            digest = array_digest(array)
            name = f"{Path(path).resolve()}{f'::{dataset}' if dataset else ''}"
            self._files[digest] = SharedFile(name, selection, digest)

    def look(self) -> dict[str, int]:
        """Return the threads of each worker, by address; check the versions of new ones."""
        found: dict[str, int] = {}
        if self.client.status == "running":
            with suppress(OSError):
                found = dict(self.client.nthreads())
        if new := found.keys() - self._checked:
            self._check_versions(sorted(new))
        return found

    @property
    def is_paused(self) -> bool:
        """Whether all workers have stopped because their memory is nearly full."""
        found = self.client.scheduler_info()["workers"].values() if self.client.status == "running" else ()
        return bool(found) and all(worker["status"] == "paused" for worker in found)

    def _check_versions(self, workers: list[str]) -> None:
        """Raise `GaedistError` unless these workers have the versions of this process."""
        here = program()
        for address, found in self.client.run(program, workers=workers, on_error="return").items():
            if isinstance(found, OSError):  # it has just gone
                continue
            if isinstance(found, ImportError):
                found = {"gaedist": f"missing or of another version ({found})"}
            elif isinstance(found, BaseException):
                raise found
            if text := differences(here, found, address):
                raise GaedistError(text)
            self.see(found[PROCESSOR])
            self._checked.add(address)

    def see(self, processor: str) -> None:
        """Note once if workers differ in what the last bits of results depend on."""
        before = len(self._processors)
        self._processors |= {processor, program()[PROCESSOR]}
        if len(self._processors) > max(1, before) and self.note:
            names = ", ".join(sorted(self._processors))
            self.note(f"processors differ ({names}): last bits of results may depend on who computes what.")

    def sent(self, arrays: dict[str, NDArray[Any]]) -> "list[Future[Any] | SharedFile]":
        """Return arrays, by digest, as files or futures; they are broadcast unless the workers have them."""
        sent = {digest: array for digest, array in arrays.items() if digest not in self._files}
        for digest, array in sent.items():
            if digest not in self._kept or self._kept[digest].status in ("cancelled", "lost", "error"):
                self._kept[digest] = self._broadcast(array)
            self._kept.move_to_end(digest)
        while len(self._kept) > max(_KEPT, len(sent)):
            self._kept.popitem(last=False)
        return [self._files[digest] if digest in self._files else self._kept[digest] for digest in arrays]

    def _broadcast(self, array: NDArray[Any]) -> "Future[Any]":
        """Return the future of an array that each worker receives."""
        try:
            return self.client.scatter(array, broadcast=True, hash=False)
        except OSError as error:
            if self.client.status != "running":
                raise
            size = array.nbytes / 2**30
            raise GaedistError(
                f"workers ended while they received {size:.2g} GiB, perhaps because their memory ran out. "
                f"{_MEMORY}"
            ) from error


class _Pass:
    """The ranges of a task that are on their way."""

    def __init__(
        self, cluster: Cluster, task: Task[Any], start: int, stop: int, advance: Callable[[int], None]
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
            raise GaedistError(_NO_SCHEDULER) from error
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
            raise GaedistError(_NO_SCHEDULER)
        if self.pending and now - self.heard > _SILENT and self.cluster.is_paused:
            raise GaedistError(f"all workers have paused because their memory is nearly full. {_MEMORY}")
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
                part = future.result()
            except OSError:  # its worker has gone with the result
                part = None
        if part is None:
            self.retries[first] = self.retries.get(first, 0) + 1
            if self.retries[first] > _RETRIES:
                raise GaedistError("the cluster lost the same range several times. Look at its logs.")
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
        return GaedistError(
            f"{error.allowed_failures + 1} workers ended while they computed the same range, the last at "
            f"{error.last_worker.address}, perhaps because their memory ran out. {_MEMORY}"
        )
    if isinstance(error, MemoryError):
        return GaedistError(f"a worker ran out of memory. {_MEMORY}")
    return error or GaedistError("a worker failed.")
