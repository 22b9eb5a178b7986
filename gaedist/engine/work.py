"""`Work` counts the tiles of all jobs of a call, divides them, and reports progress."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gaedist.engine.run.checkpoints import Checkpoint, PassRecord
from gaedist.engine.run.executors import Executor, ThisProcess
from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.run.threads import share
from gaedist.engine.tree import Order
from gaedist.numerics import Array

_RANGE_SECONDS = 0.2  # between two checks for Ctrl-C and updates of the progress bar
_FIRST = 64  # tiles of the first range; fewer in many dimensions

Fill = Callable[..., None]
"""Function(thread, first, *numbers) that fills arrays, each (K, …), for the K tiles from ``first`` on."""


@dataclass
class Work:
    """The work of a call: its threads, how many tiles are done, and where progress is reported and kept.

    Attributes
    ----------
    threads : int
        Number of threads.
    progress : callable, optional
        Called with (done, total), as in `Run`.
    total, done : int
        Counts of tiles.
    checkpoint : Checkpoint, optional
        Where finished tiles are kept.
    executor : Executor
        Who computes them.
    orders : dict
        Orders of points, by the id of their array, as `ordered` keeps them.
    """

    threads: int
    progress: Callable[[int, int], None] | None
    total: int
    done: int = 0
    checkpoint: Checkpoint | None = None
    executor: Executor = field(default_factory=ThisProcess)
    orders: dict[int, Order] = field(default_factory=dict)

    def record(self, job: PairSum, **settings: object) -> PassRecord:
        """Return the record of the next pass, which a checkpoint keeps; an empty one without a checkpoint."""
        record = PassRecord({})
        if self.checkpoint:
            data = job.x, job.y, job.params_x, job.params_y
            record = self.checkpoint.next_pass(data, {"kernel": job.integrand, **settings})
        self.done += record.done
        return record

    def ranges(self, dim: int, count: int, most: int) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of ranges of at most ``most`` of ``count`` tiles, each of about 0.2 s."""
        size = max(self.threads, min(_FIRST, 64 * _FIRST // dim))
        start = 0
        while start < count:
            began, stop = time.perf_counter(), min(count, start + min(size, most))
            yield start, stop
            seconds = time.perf_counter() - began
            size = max(self.threads, min(2 * size, int((stop - start) * _RANGE_SECONDS / seconds)))
            self.advance(stop - start)
            start = stop

    def advance(self, tiles: int) -> None:
        """Count finished tiles."""
        self.done += tiles
        if self.progress:
            self.progress(self.done, self.total)

    def fill(self, function: Fill, first: int, *numbers: Array) -> None:
        """Fill arrays, each (K, …), with the numbers of the K tiles from ``first`` on, by all threads."""

        def fill_part(thread: int, start: int, stop: int) -> None:
            function(thread, first + start, *(array[start:stop] for array in numbers))

        share(fill_part, len(numbers[0]), self.threads)
