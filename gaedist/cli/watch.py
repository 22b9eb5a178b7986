"""The command ``gaedist watch``: score each checkpoint once, as it appears."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gaedist.api.score_result import ScoreResult
from gaedist.cli import options
from gaedist.cli.declare import choice, option
from gaedist.cli.groups import Computing, OfOneSample, Posteriors, Reading, Trust, with_groups
from gaedist.cli.help import GATES, INPUT, OUTPUT
from gaedist.cli.inputs import check_files, read_one, say_notes, share, source_of, width_files
from gaedist.cli.pictures import check_picture, drawn
from gaedist.cli.progress import shown
from gaedist.cli.scoring import ScoreGates, Scoring
from gaedist.cli.standard_streams import complain
from gaedist.errors import DONE, GATE_FAILED, GaedistError, about, printable
from gaedist.files.atomic import check_regular
from gaedist.files.outputs import check_text_output
from gaedist.files.watching import Watched
from gaedist.report.log import Log
from gaedist.report.numbers import p_or_bound, z_text
from gaedist.report.rows import Row
from gaedist.report.runs import natural
from gaedist.report.sketches import FEWEST_FILES, levels_in, line
from gaedist.report.writers import FORMATS, report

INTERVAL = 2.0
"""Seconds between looks at the folder, unless another time is given."""

_SHOWN = 40  # checkpoints of the trend on a terminal

Where = Annotated[
    str,
    typer.Argument(
        metavar="FOLDER|GLOB",
        help="A folder, or a pattern in quotes, such as 'run/*.npy'",
        rich_help_panel=INPUT,
    ),
]
Interval = Annotated[float, option("--interval", INPUT, "Seconds between looks", metavar="S")]
Until = Annotated[
    int | None,
    option("--until", INPUT, "End when N files are scored, those in the log included", metavar="N", min=1),
]
_LINES = [name for name in FORMATS if name != "table"]
LineFormat = Annotated[
    str,
    choice(
        "--format",
        OUTPUT,
        ("auto", *_LINES),
        f"{', '.join(_LINES)}; auto: lines on a terminal, tsv in a pipe unless there is a log",
    ),
]
LogFile = Annotated[
    Path | None,
    option(
        "--output",
        OUTPUT,
        "Append to FILE.tsv, .csv or .jsonl; files that it has are not scored again",
        "-o",
        metavar="FILE",
    ),
]
Stop = Annotated[
    bool,
    option("--stop", GATES, "End with 1 as soon as a file fails a gate"),
]


@with_groups
def watch(
    where: Where,
    *,
    interval: Interval = INTERVAL,
    until: Until = None,
    reading: Reading,
    widths: Posteriors,
    trust: Trust,
    scoring: Scoring,
    others: OfOneSample,
    computing: Computing,
    gates: ScoreGates,
    format_: LineFormat = "auto",
    output: LogFile = None,
    plot: options.Plot = None,
    page: options.Page = None,
    quiet: options.Quiet = False,
    stop: Stop = False,
) -> int:
    """Run ``gaedist watch``."""
    if not (interval > 0 and math.isfinite(interval)):
        raise GaedistError(f"--interval must be a positive number of seconds; got {interval:g}.")
    outcome = gates.outcome(quiet=quiet)
    if stop and all(bound is None for bound in outcome.bounds.values()):
        raise GaedistError("--stop ends at a file that fails a gate. Add one, such as --fail-p 0.001.")
    inputs = [*scoring.files, *width_files(widths.logvar, widths.sd)]
    check_files(output, None, inputs, plot=plot, page=page)
    metrics, _, measure = scoring.score(others.parameters(), widths.posterior, outcome)
    check_picture(plot, [where], page=page)
    if output:
        check_text_output(output)
        check_regular(output)
    log = Log(output) if output else None
    if log:
        log.check_metrics(metrics)
    own = [path for path in (output, plot, page) if path]
    watched = Watched(where, interval, set(log.files) if log else set(), own)
    selection = reading.selection(widths)

    def score(file: str, cluster: Any) -> list[Row]:
        latents = read_one(file, selection, outcome, stack=reading.stack)
        share(cluster, selection, latents)
        run = computing.run(cluster, seed=reading.seed)
        with shown(run, latents.name, quiet=quiet) as watched_run, about(latents.name):
            results = measure(latents, run=watched_run)
        say_notes(latents.name, [note for result in results for note in result.notes], quiet)
        for result in results:
            outcome.check(latents.name if len(results) == 1 else f"{latents.name}, {result.metric}", result)
        return [Row(source_of(latents, selection), result) for result in results]

    before = log.rows if log else []
    with (
        computing.connected() as cluster,
        _written(log, format_) as write,
        drawn(write, plot, page=page, before=before) as add,
    ):
        for file in _appearing(watched, until):
            failed = len(outcome.failed)
            with outcome.reporting(file):
                found = score(file, cluster)
                if log:
                    log.add(found)
                for row in found:
                    add(row)
                watched.done.add(printable(file))
            if printable(file) not in watched.done:
                watched.failed(file)
            for message in outcome.failed[failed:]:
                complain(message)
            if stop and len(outcome.failed) > failed:
                break
    return GATE_FAILED if outcome.failed else DONE


def _appearing(watched: Watched, until: int | None) -> Iterator[str]:
    """Yield each file as it is complete, in natural order, until so many are done."""
    while True:
        complete, gone = watched.look()
        for file in gone:
            complain(f"{file}: is gone, and was not scored.")
        for file in sorted(complete, key=natural):
            if until is not None and len(watched.done) >= until:
                return
            yield file
        if until is not None and len(watched.done) >= until:
            return
        time.sleep(watched.interval)


@contextmanager
def _written(log: Log | None, format_: str) -> Iterator[Callable[[Row], None]]:
    """Yield a function that prints a row.

    ``auto`` is for people on a terminal, elsewhere TSV, or nothing if there is a log.
    """
    if format_ != "auto":
        with report(None, format_) as add:
            yield add
    elif sys.stdout.isatty():
        yield _Lines(log.rows if log else []).add
    elif log:
        yield lambda row: None
    else:
        with report(None, "tsv") as add:
            yield add


class _Lines:
    """A line for each result on a terminal, which ends with the trend of z so far."""

    def __init__(self, before: Sequence[Row]) -> None:
        self.scores: dict[str, list[float]] = {}
        for row in before:
            self._scores_of(row.result).append(_z(row.result))

    def _scores_of(self, result: ScoreResult) -> list[float]:
        return self.scores.setdefault(result.scored.label, [])

    def add(self, row: Row) -> None:
        """Print a result."""
        result: ScoreResult = row.result
        scores = self._scores_of(result)
        scores.append(_z(result))
        trend = line(np.arcsinh(np.array(scores[-_SHOWN:])), levels_in(sys.stdout.encoding))
        parts = [printable(str(row.source["file"])), result.metric, f"z {z_text(result.z)}"]
        parts += [f"p {p_or_bound(result)}", result.verdict, trend if len(scores) >= FEWEST_FILES else ""]
        print("  ".join(parts).rstrip(), flush=True)


def _z(result: ScoreResult) -> float:
    return math.nan if result.z is None else result.z
