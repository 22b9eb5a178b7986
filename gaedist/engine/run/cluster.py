"""The workers of a Dask cluster as an executor: it checks their versions, and sends them each array once.

`Pass` sends them the ranges of a task.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

from gaedist.engine.run import passes
from gaedist.engine.run.executors import Output, Task, task_of_items
from gaedist.engine.run.passes import CANNOT_USE, INSTALL, MORE_MEMORY, NO_SCHEDULER, Pass
from gaedist.engine.run.program import PROCESSOR, program
from gaedist.engine.run.shared_files import SharedFiles
from gaedist.engine.run.worker import differences
from gaedist.errors import ClusterError, GaedistError
from gaedist.files.selection import Selection

if TYPE_CHECKING:
    from distributed import Client, Future

    from gaedist.engine.run.passes import Sent

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R")

_KEPT = 8  # arrays that stay on the workers


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
        self._files = SharedFiles()
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
        ClusterError
            If the scheduler is lost, workers have other versions, or a range ends all workers that try it.
        """
        if start < stop:
            yield from Pass(self, task, start, stop, advance).outputs()

    def map(
        self,
        function: Callable[[Sequence[U], int], Iterable[R]],
        items: Sequence[U],
        *,
        seconds: float,
        size: int = 8,
        advance: Callable[[int], None] = lambda _count: None,
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
        advance : callable
            Called with counts of finished items.
        """
        task = task_of_items(function, items, seconds, size)
        return (output.value for output in self.outputs(task, 0, len(items), advance))

    def share(self, array: NDArray[Any], path: str, dataset: str | None, selection: Selection) -> None:
        """Let workers read an array from its file, if they share files and it is one."""
        if self.shares_files and path != "-":
            self._files.add(array, f"{Path(path).resolve()}{f'::{dataset}' if dataset else ''}", selection)

    def look(self) -> dict[str, int]:
        """Return the threads of each worker, by address; check the versions of new ones."""
        found: dict[str, int] = {}
        if self.client.status == "running":
            try:
                found = dict(self.client.sync(self.client.scheduler.ncores, callback_timeout=passes.PATIENCE))
            except TimeoutError as error:
                raise ClusterError(NO_SCHEDULER, ends_all=True) from error
            except OSError:  # it has just gone
                found = {}
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
            if isinstance(found, Exception):  # it could not even import the function
                raise ClusterError(f"worker {address} {CANNOT_USE} ({found}). {INSTALL}", ends_all=True)
            if text := differences(here, found, address):
                raise ClusterError(text, ends_all=True)
            self.see(found[PROCESSOR])
            self._checked.add(address)

    def see(self, processor: str) -> None:
        """Note once if workers differ in what the last bits of results depend on."""
        before = len(self._processors)
        self._processors |= {processor, program()[PROCESSOR]}
        if len(self._processors) > max(1, before) and self.note:
            names = ", ".join(sorted(self._processors))
            self.note(f"processors differ ({names}): last bits of results may depend on who computes what.")

    def sent(self, arrays: dict[str, NDArray[Any]]) -> "list[Sent]":
        """Return arrays, by digest, as futures or rows of files; what workers need and lack is broadcast."""
        rows = {digest: self._files.rows(array, digest) for digest, array in arrays.items()}
        needed = {digest: array for digest, array in arrays.items() if not rows[digest]}
        needed |= {found.key: found.order for found in rows.values() if found and found.order is not None}
        for digest, array in needed.items():
            if digest not in self._kept or self._kept[digest].status in ("cancelled", "lost", "error"):
                self._kept[digest] = self._broadcast(array)
            self._kept.move_to_end(digest)
        while len(self._kept) > max(_KEPT, len(needed)):
            self._kept.popitem(last=False)
        return [
            (found.files, self._kept.get(found.key)) if found else self._kept[digest]
            for digest, found in rows.items()
        ]

    def _broadcast(self, array: NDArray[Any]) -> "Future[Any]":
        """Return the future of an array that each worker receives."""
        try:
            return self.client.scatter(array, broadcast=True, hash=False)
        except OSError as error:
            if self.client.status != "running":
                raise
            size = array.nbytes / 2**30
            raise ClusterError(
                f"workers ended while they received {size:.2g} GiB, perhaps because their memory ran out. "
                f"{MORE_MEMORY}"
            ) from error
