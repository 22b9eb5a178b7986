"""The command ``gaedist watch``: score each checkpoint once, as it appears."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import gaedist
from gaedist.api.posterior import options_of_any
from gaedist.api.score import GAUSSIAN, score_options
from gaedist.api.score_result import ScoreResult
from gaedist.cli import options
from gaedist.cli.cluster import connected
from gaedist.cli.gates import ABOVE, EFFECT, Outcome, P, Z, check_score_gates
from gaedist.cli.help import GATES, INPUT, OUTPUT
from gaedist.cli.inputs import (
    Shape,
    check_files,
    read_one,
    say_notes,
    selected,
    share,
    source_of,
    width_files,
)
from gaedist.cli.pictures import check_picture, drawn
from gaedist.cli.progress import shown
from gaedist.cli.standard_streams import complain
from gaedist.engine import Run
from gaedist.errors import DONE, GATE_FAILED, GaedistError, about, printable
from gaedist.files.atomic import check_regular
from gaedist.files.outputs import check_text_output
from gaedist.files.watching import Watched
from gaedist.metrics.base import metric_names
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.mixtures.prior_files import as_prior, prior_files
from gaedist.report.log import Log
from gaedist.report.numbers import p_or_bound, z_text
from gaedist.report.rows import Row
from gaedist.report.runs import natural
from gaedist.report.sketches import FEWEST_FILES, levels_in, line
from gaedist.report.writers import report
from gaedist.smoothing.files import parse_sigma, sigma_files
from gaedist.smoothing.rules import RULES

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
Interval = Annotated[
    float,
    typer.Option("--interval", help="Seconds between looks", metavar="S", rich_help_panel=INPUT),
]
Until = Annotated[
    int | None,
    typer.Option(
        "--until", help="End when N files are scored, those in the log included", metavar="N", min=1,
        rich_help_panel=INPUT,
    ),
]  # fmt: skip
LogFile = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Append to FILE.tsv, .csv or .jsonl; files that it has are not scored again",
        metavar="FILE", rich_help_panel=OUTPUT,
    ),
]  # fmt: skip
Stop = Annotated[
    bool,
    typer.Option("--stop", help="End with 1 as soon as a file fails a gate", rich_help_panel=GATES),
]


def watch(
    where: Where,
    interval: Interval = INTERVAL,
    until: Until = None,
    dataset: options.Dataset = None,
    rows: options.Rows = None,
    subsample: options.Subsample = None,
    seed: options.Seed = 0,
    drop_nonfinite: options.Drop = False,
    transpose: options.Transpose = False,
    sandbox: options.Sandbox = False,
    layout: options.Layout = None,
    channels: options.Channels = None,
    positions: options.Positions = None,
    stack: options.Stack = False,
    logvar: options.LogVar = None,
    sd: options.Sd = None,
    posterior: options.Posterior = "sample",
    prior: options.Prior = None,
    metric: options.ScoreMetrics = None,
    sigma: options.ScoreSigmas = None,
    covariance: options.Covariance = None,
    target: options.Target = None,
    threads: options.Threads = None,
    scheduler: options.Scheduler = None,
    scheduler_file: options.SchedulerFile = None,
    shared_files: options.SharedFiles = False,
    output: LogFile = None,
    plot: options.Plot = None,
    quiet: options.Quiet = False,
    fail_above: options.FailAbove = None,
    fail_z: options.FailZ = None,
    fail_p: options.ScoreFailP = None,
    fail_effect: options.FailEffect = None,
    stop: Stop = False,
) -> int:
    """Run ``gaedist watch``."""
    if not (interval > 0 and math.isfinite(interval)):
        raise GaedistError(f"--interval must be a positive number of seconds; got {interval:g}.")
    outcome = Outcome({ABOVE: fail_above, Z: fail_z, P: fail_p, EFFECT: fail_effect}, quiet)
    if stop and all(bound is None for bound in outcome.bounds.values()):
        raise GaedistError("--stop ends at a file that fails a gate. Add one, such as --fail-p 0.001.")
    metrics = metric_names(metric or GAUSSIAN, ONE_SAMPLE)
    sigmas = [parse_sigma(text, RULES) for text in dict.fromkeys(sigma)] if sigma else None
    inputs = [*sigma_files(sigma or [], RULES), *prior_files(prior), *width_files(logvar, sd)]
    check_files(output, None, inputs, plot=plot)
    given = as_prior(prior)
    chosen = score_options(metrics, sigmas, covariance, target, None, Parameters(), given)
    check_score_gates(outcome, metrics, options_of_any(chosen, posterior), "auto", None)
    check_picture(plot, [where])
    if output:
        check_text_output(output)
        check_regular(output)
    log = Log(output) if output else None
    watched = Watched(where, interval, set(log.files) if log else set(), [p for p in (output, plot) if p])
    shape = Shape(layout, channels, positions)
    selection = selected(dataset, rows, subsample, seed, drop_nonfinite, transpose, shape, logvar, sd)

    def score(file: str) -> list[Row]:
        latents = read_one(file, selection, outcome, stack=stack)
        share(cluster, selection, latents)
        run = Run(threads=threads, seed=seed, client=cluster)
        with shown(run, latents.name, quiet=quiet) as watched_run, about(latents.name):
            results = gaedist.scores(
                latents,
                sigmas,
                covariance=covariance,
                target=target,
                metric=metric or None,
                prior=given,
                posterior=posterior,
                run=watched_run,
            )
        say_notes(latents.name, [note for result in results for note in result.notes], quiet)
        for result in results:
            outcome.check(latents.name if len(results) == 1 else f"{latents.name}, {result.metric}", result)
        return [Row(source_of(latents), result) for result in results]

    with (
        connected(scheduler, scheduler_file, shared_files) as cluster,
        _written(log) as write,
        drawn(write, plot) as add,
    ):
        for file in _appearing(watched, until):
            before = len(outcome.failed)
            with outcome.reporting(file):
                found = score(file)
                if log:
                    log.add(found)
                for row in found:
                    add(row)
                watched.done.add(printable(file))
            if printable(file) not in watched.done:
                watched.failed(file)
            for message in outcome.failed[before:]:
                complain(message)
            if stop and len(outcome.failed) > before:
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
def _written(log: Log | None) -> Iterator[Callable[[Row], None]]:
    """Yield a function that prints a row: for people on a terminal, elsewhere as TSV if there is no log."""
    if sys.stdout.isatty():
        yield _Lines().add
    elif log:
        yield lambda row: None
    else:
        with report(None, "tsv") as add:
            yield add


class _Lines:
    """A line for each result on a terminal, which ends with the trend of z so far."""

    def __init__(self) -> None:
        self.scores: dict[str, list[float]] = {}

    def add(self, row: Row) -> None:
        """Print a result."""
        result: ScoreResult = row.result
        scores = self.scores.setdefault(result.metric, [])
        scores.append(math.nan if result.z is None else result.z)
        trend = line(np.arcsinh(np.array(scores[-_SHOWN:])), levels_in(sys.stdout.encoding))
        parts = [printable(str(row.source["file"])), result.metric, f"z {z_text(result.z)}"]
        parts += [f"p {p_or_bound(result)}", result.verdict, trend if len(scores) >= FEWEST_FILES else ""]
        print("  ".join(parts).rstrip(), flush=True)
