"""Many files scored at once by the workers of a cluster, which read the files themselves."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from gaedist.api.reporting import OnError
from gaedist.api.score_result import ScoreResult
from gaedist.cli.inputs import is_read_plainly
from gaedist.cli.progress import shown
from gaedist.engine import Cluster, Run
from gaedist.errors import GaedistError
from gaedist.files.arrays import is_folder, split_name
from gaedist.files.codes import read_latents
from gaedist.files.samples import sources_of, stands_for_several
from gaedist.files.selection import Selection
from gaedist.files.streams import is_pipe
from gaedist.null.on_demand import duration

Score = Callable[..., list[ScoreResult]]
"""`gaedist.scores` with all options but ``on_error`` and ``run``."""

Found = tuple[list[ScoreResult] | Exception, list[tuple[str, GaedistError]], list[str]]
"""Results of a file or what was raised, metrics without a result, and notes."""

_SECONDS = 1.0  # about what a file takes


def are_read_alike(files: Sequence[str], selection: Selection, *, stack: bool) -> bool:
    """Tell whether each name stands for one array of a file, taken as it is, which a worker can read."""
    if stack or selection.layout or selection.width or not is_read_plainly():
        return False
    try:
        found = [sources_of(file, selection) for file in files]
    except GaedistError:  # which reading it reports
        return False
    return not any(
        is_folder(path) or stands_for_several(wanted) or is_pipe(path) for path, wanted, _ in found
    )


def scored_there(
    cluster: Cluster, files: Sequence[str], selection: Selection, score: Score, run: Run, *, quiet: bool
) -> Iterator[Found]:
    """Yield what workers find for each file, in order; meanwhile show how many files are done."""
    alone = replace(run, client=None, checkpoint=None, progress=None, status=None, note=None)
    function = partial(_found, selection, score, alone)
    counted = _Counted(len(files))
    found = cluster.map(
        function, [_absolute(file) for file in files], seconds=_SECONDS, advance=counted.advance
    )
    for _ in files:
        with shown(run, f"{len(files)} files", quiet=quiet) as counted.run:
            result = next(found)
        yield result


class _Counted:
    """The files that workers have scored, in any order."""

    def __init__(self, total: int) -> None:
        self.run, self.done, self.total, self.began = Run(), 0, total, time.monotonic()

    def advance(self, count: int) -> None:
        """Show how many files are done, and how long the others take."""
        self.done += count
        left = (time.monotonic() - self.began) * (self.total - self.done) / self.done
        if self.run.status:
            self.run.status(f"{self.done} scored, {duration(left)} left")


def replayed(found: Found, on_error: OnError, note: Callable[[str], None] | None) -> list[ScoreResult]:
    """Return the results of a file, after its notes and errors; raise what was raised."""
    results, errors, notes = found
    for text in notes if note else ():
        note(text)  # type: ignore[misc]
    for metric, error in errors:
        on_error(metric, error)
    if isinstance(results, Exception):
        raise results
    return results


def _absolute(file: str) -> str:
    """Return a name with the absolute path of its file."""
    path, dataset = split_name(file)
    return f"{Path(path).resolve()}::{dataset}" if dataset else str(Path(path).resolve())


def _found(
    selection: Selection, score: Score, run: Run, names: Sequence[str], threads: int
) -> Iterator[Found]:
    """Yield what a worker finds for some files."""
    for name in names:
        errors: list[tuple[str, GaedistError]] = []
        notes: list[str] = []
        own = replace(run, threads=threads, note=notes.append)
        results: list[ScoreResult] | Exception
        try:
            codes = read_latents(name, selection)
            results = score(codes, on_error=lambda *error, to=errors: to.append(error), run=own)
        except Exception as error:  # which ends this file, not the others
            results = error
        yield results, errors, notes
