"""A progress line on standard error, for runs that take more than a second."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from gaedist.cli.standard_streams import complain
from gaedist.engine import Run
from gaedist.errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE = 1.0  # seconds before the line appears


@contextmanager
def shown(run: Run, what: str, *, quiet: bool) -> Iterator[Run]:
    """Yield the run with notes on standard error, and with a progress line if that is a terminal."""
    if quiet:
        yield run
        return
    run = replace(run, note=lambda text: complain(f"{what}: {text}"))
    if not sys.stderr or not sys.stderr.isatty():
        yield run
        return
    line = _Line(what)
    try:
        yield replace(run, progress=line.advance, status=line.describe)
    finally:
        line.stop()


class _Line:
    """A bar of finished tiles, or a text about an optimisation."""

    def __init__(self, what: str) -> None:
        self.what, self.began = printable(what), time.monotonic()
        self.shown: Progress | None = None
        self.is_text = False

    def advance(self, done: int, total: int) -> None:
        """Show how many tiles are finished."""
        if done < total or self.shown:
            self._update(self.what, done, total)

    def describe(self, text: str) -> None:
        """Show a text without a bar."""
        self._update(f"{text} – {self.what}", 0, None)

    def _update(self, text: str, done: int, total: int | None) -> None:
        is_text = total is None
        if self.shown is None or self.is_text != is_text:
            if time.monotonic() - self.began < _PATIENCE:
                return
            self.stop()
            self.shown, self.is_text = _start(is_text), is_text
            self.shown.add_task(text)
        self.shown.update(self.shown.task_ids[0], description=text, completed=done, total=total)

    def stop(self) -> None:
        """Remove the line."""
        if self.shown:
            self.shown.stop()


def _start(is_text: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
    bar = () if is_text else (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    progress = Progress(text, *bar, console=Console(stderr=True), transient=True)
    progress.start()
    return progress
