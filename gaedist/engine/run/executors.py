"""Who computes the units of a pass, such as its tiles: this process, or the workers of a cluster.

A `Task` is what a pass computes for a range of units. An executor returns the outputs in the order of the
units, whoever computed them, so that the caller adds them in one order and the bits are always the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R")


class Output(NamedTuple):
    """What a task computed for the units from ``start`` to ``stop``.

    Attributes
    ----------
    start, stop : int
        First unit, and the unit after the last.
    value : object
        Arrays, or tuples of them.
    """

    start: int
    stop: int
    value: Any


@dataclass(frozen=True, eq=False)
class Task(Generic[T]):
    """The work of a pass, as an executor takes it.

    Attributes
    ----------
    here : object
        What `compute` needs, in this process.
    build : callable
        Makes the same in another process, from the number of its threads and a function to call about five
        times a second. It is pickled, but the arrays in it are sent only once.
    compute : callable
        Called as ``compute(here, start, stop)``; yields the outputs of consecutive ranges. Pickled too.
    seconds : float
        About how long a unit takes on one thread.
    tiles : int
        Tiles in a unit, by which progress is counted.
    size : int
        Bytes of the output of a unit.
    limits_threads : bool
        Another process has to limit the threads of BLAS for it.
    """

    here: T
    build: "Callable[[int, Look], T]"
    compute: Callable[[T, int, int], Iterator[Output]]
    seconds: float
    tiles: int = 1
    size: int = 8
    limits_threads: bool = True


Look = Callable[[int, int], None]
"""What a task calls about five times a second in another process; it raises an exception to end the task."""


def task_of_items(
    function: Callable[[Sequence[U], int], Iterable[R]], items: Sequence[U], seconds: float, size: int
) -> Task[Any]:
    """Return the task of computing a value for each item; as for `Task`, with seconds and bytes of each.

    ``function(items, threads)`` yields the values of some items, and limits its threads itself.
    """
    build = partial(_Items, function, items)
    return Task(None, build, _values_of_items, seconds, size=size, limits_threads=False)


class _Items(NamedTuple):
    """What `_values_of_items` needs."""

    function: Callable[[Sequence[Any], int], Iterable[Any]]
    items: Sequence[Any]
    threads: int
    look: Look


def _values_of_items(here: _Items, start: int, stop: int) -> Iterator[Output]:
    """Yield the value of each item."""
    for k, value in enumerate(here.function(here.items[start:stop], here.threads), start):
        yield Output(k, k + 1, value)
        here.look(k, stop)


class Executor(Protocol):
    """Computes the outputs of a task, in their order."""

    def outputs(
        self, task: Task[T], start: int, stop: int, advance: Callable[[int], None]
    ) -> Iterator[Output]:
        """Yield the outputs for these units; call ``advance`` with counts of finished tiles."""


class ThisProcess:
    """Computes everything here; `Work.ranges`, which every task calls, reports its progress."""

    def outputs(
        self, task: Task[T], start: int, stop: int, advance: Callable[[int], None]
    ) -> Iterator[Output]:
        """Yield the outputs for the units from ``start`` to ``stop``."""
        return task.compute(task.here, start, stop)
