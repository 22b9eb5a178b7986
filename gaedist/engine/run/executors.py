"""Who computes the units of a pass, such as its tiles: this process, or the workers of a cluster.

A `Task` is what a pass computes for a range of units. An executor returns the outputs in the order of the
units, whoever computed them, so that the caller adds them in one order and the bits are always the same.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

T = TypeVar("T")


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
        Another process has to limit the threads of Numba for it.
    """

    here: T
    build: Callable[[int, Callable[[int, int], None]], T]
    compute: Callable[[T, int, int], Iterator[Output]]
    seconds: float
    tiles: int = 1
    size: int = 8
    limits_threads: bool = True


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
