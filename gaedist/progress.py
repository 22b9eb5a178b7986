"""A progress bar on standard error, for runs that last."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 1.0  # seconds without a bar


@contextmanager
def progress_bar(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a callback for `Run`, which shows a bar after a second; None if nobody would see it."""
    if quiet or not sys.stderr or not sys.stderr.isatty():
        yield None
        return
    began = time.monotonic()
    shown: list[tuple[Progress, TaskID]] = []

    def advance(done: int, total: int) -> None:
        if not shown:
            if time.monotonic() - began < _PATIENCE or done == total:
                return
            bar = _start()
            shown.append((bar, bar.add_task(what)))
        bar, task = shown[0]
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        for bar, _ in shown:
            bar.stop()


def _start() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.start()
    return bar
