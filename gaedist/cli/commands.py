"""The commands: each parses, calls one function of the library, and prints."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import typer

import gaedist
from gaedist.api.priors import gaussian_prior
from gaedist.cli import options
from gaedist.cli.diagnose import CHECKS_TEXT, diagnose
from gaedist.cli.gates import (
    ABOVE,
    Outcome,
    P,
    Result,
    check_compare_gates,
    check_labelings,
)
from gaedist.cli.groups import (
    Arrays,
    Computing,
    OfOneSample,
    OfTwoSamples,
    Posteriors,
    Reading,
    Trust,
    Widths,
    Workers,
    with_groups,
)
from gaedist.cli.help import ABOUT, HelpCommand
from gaedist.cli.inputs import (
    check_files,
    paths_of,
    read,
    read_one,
    samples_of,
    say_notes,
    selected_of_second,
    share,
    source_of,
    width_files,
)
from gaedist.cli.interrupts import INTERRUPTION
from gaedist.cli.left_out import LeftOut
from gaedist.cli.many_files import are_read_alike, replayed, scored_there
from gaedist.cli.pictures import check_picture, drawn, planes_of
from gaedist.cli.progress import shown
from gaedist.cli.sample import sample
from gaedist.cli.scoring import ScoreGates, Scoring
from gaedist.cli.standard_streams import complain
from gaedist.cli.watch import watch
from gaedist.engine import temporary_checkpoint
from gaedist.errors import DONE, about
from gaedist.files.outputs import check_outputs
from gaedist.files.samples import sources_of
from gaedist.metrics.base import check_used, metric_names
from gaedist.metrics.registry import TWO_SAMPLE
from gaedist.mixtures.prior_files import prior_files
from gaedist.report.metrics import metric_rows
from gaedist.report.numbers import sizes
from gaedist.report.rows import Row
from gaedist.report.writers import report
from gaedist.smoothing.files import SigmaTarget, parse_sigma, sigma_files
from gaedist.smoothing.rules import JOINT, RULES
from gaedist.smoothing.smooth import FACTOR, SigmaSummary

app = typer.Typer()


@app.command(cls=HelpCommand, help=ABOUT["score"])
@with_groups
def score(
    files: options.Files,
    reading: Reading,
    widths: Posteriors,
    trust: Trust,
    scoring: Scoring,
    others: OfOneSample,
    computing: Computing,
    gates: ScoreGates,
    tolerance: options.Tolerance = None,
    checkpoint: options.Checkpoints = None,
    format_: options.Format = "auto",
    output: options.Output = None,
    no_header: options.NoHeader = False,
    plot: options.Plot = None,
    page: options.Page = None,
    quiet: options.Quiet = False,
) -> int:
    """Run ``gaedist score``."""
    selection, outcome = reading.selection(widths), gates.outcome(quiet=quiet)
    inputs = [*files, *scoring.files, *width_files(widths.logvar, widths.sd)]
    check_files(output, checkpoint, inputs, plot=plot, page=page)
    check_picture(plot, files, page=page)
    metrics, chosen, measure = scoring.score(others.parameters(), widths.posterior, outcome)
    sigmas = [options.sigma for options in chosen]
    left_out = LeftOut(scoring.metric or metrics, metrics, sigmas, outcome)
    note = None if quiet else complain
    with (
        computing.connected() as cluster,
        temporary_checkpoint(checkpoint, note) as store,
        report(output, format_, header=not no_header) as write,
        drawn(write, plot, page=page) as add,
    ):
        run = computing.run(cluster, seed=reading.seed, tolerance=tolerance, checkpoint=store)
        at_once = cluster and computing.shared_files and len(files) > 1 and not store
        at_once = at_once and are_read_alike(files, selection, stack=reading.stack)
        there = scored_there(cluster, files, selection, measure, run, quiet=quiet) if at_once else None
        for sample in samples_of(files, selection, stack=reading.stack):
            results: Sequence[Result] | None = None
            found = next(there) if there else None
            with outcome.reporting(sample.name):
                latents = read(sample, quiet)
                share(cluster, selection, latents)
                left_out.begin(latents.name)
                with shown(run, latents.name, quiet=quiet) as watched, about(latents.name):
                    if found:
                        results = replayed(found, left_out.on_error, watched.note)
                    else:
                        results = measure(latents, on_error=left_out.on_error, run=watched)
                source = source_of(latents, selection)
                _write_and_check(results, source, add, left_out, keeps_places=format_ == "value")
            if results is None and format_ == "value":
                for _ in left_out.in_order(()):
                    add(Row({}, None))
    return outcome.exit_code()


@app.command(cls=HelpCommand, help=ABOUT["compare"])
@with_groups
def compare(
    a: options.FileA,
    b: options.FileB,
    reading: Reading,
    widths: Posteriors,
    trust: Trust,
    others: OfTwoSamples,
    computing: Computing,
    metric: options.CompareMetrics = options.GAUSSIAN,
    sigma: options.CompareSigmas = options.ONE,
    sigma_b: options.SigmaB = None,
    sigma_factor: options.SigmaFactor = FACTOR,
    covariance: options.Covariance = None,
    estimator: options.CompareEstimator = "v",
    permutations: options.Permutations = 0,
    prior: options.WhiteningPrior = None,
    logvar_b: options.LogVarB = None,
    sd_b: options.SdB = None,
    checkpoint: options.Checkpoints = None,
    format_: options.Format = "auto",
    output: options.Output = None,
    no_header: options.NoHeader = False,
    plot: options.Plot = None,
    page: options.Page = None,
    quiet: options.Quiet = False,
    fail_above: options.FailAbove = None,
    fail_p: options.CompareFailP = None,
) -> int:
    """Run ``gaedist compare``."""
    selection, parameters = reading.selection(widths), others.parameters()
    outcome = Outcome({ABOVE: fail_above, P: fail_p}, quiet)
    inputs = [a, b, *sigma_files([*sigma, sigma_b], [*RULES, JOINT]), *prior_files(prior)]
    check_files(
        output, checkpoint, [*inputs, *width_files(widths.logvar, widths.sd, logvar_b, sd_b)], plot=plot
    )
    check_picture(plot, [a, b], page=page)
    given = gaussian_prior(prior, "compare")
    metrics = metric_names(metric, TWO_SAMPLE)
    check_used(metrics, TWO_SAMPLE, parameters)
    check_compare_gates(outcome, metrics, permutations)
    sigmas = [parse_sigma(text, [*RULES, JOINT]) for text in dict.fromkeys(sigma)]
    chosen_b = None if sigma_b is None else parse_sigma(sigma_b, RULES, "--sigma-b")
    first = read_one(a, selection, outcome, stack=reading.stack)
    selection_b = replace(selected_of_second(selection, logvar_b, sd_b), draw=1)
    second = read_one(b, selection_b, outcome, stack=reading.stack)
    check_labelings(outcome, len(first.codes), len(second.codes), permutations)
    names = f"{first.name} and {second.name}"
    left_out = LeftOut(metric, metrics, sigmas, outcome, names)
    source = source_of(first, selection, "_a") | source_of(second, selection_b, "_b")
    note = None if quiet else complain
    with (
        computing.connected() as cluster,
        temporary_checkpoint(checkpoint, note) as store,
        report(output, format_, header=not no_header) as write,
        drawn(write, plot, planes_of(first.codes, second.codes, reading.seed), page=page) as add,
    ):
        share(cluster, selection, first)
        share(cluster, selection_b, second)
        run = computing.run(cluster, seed=reading.seed, checkpoint=store)
        with shown(run, names, quiet=quiet) as watched, about(names):
            results = gaedist.compares(
                first,
                second,
                sigmas,
                sigma_b=chosen_b,
                sigma_factor=sigma_factor,
                covariance=covariance,
                estimator=estimator,
                metric=metric,
                parameters=parameters,
                permutations=permutations,
                prior=given,
                posterior=widths.posterior,
                on_error=left_out.on_error,
                run=watched,
            )
        _write_and_check(results, source, add, left_out, keeps_places=format_ == "value")
    return outcome.exit_code()


app.command(cls=HelpCommand, help=ABOUT["watch"])(watch)
app.command(cls=HelpCommand, help=ABOUT["diagnose"], epilog=CHECKS_TEXT)(diagnose)


@app.command(cls=HelpCommand, help=ABOUT["sigma"], epilog=options.RULES_TEXT)
@with_groups
def sigma(
    file: options.File,
    reading: Reading,
    trust: Trust,
    workers: Workers,
    sigma: options.Sigma = "mean-field",
    covariance: options.Covariance = None,
    prior: options.GaussianPrior = None,
    format_: options.SummaryFormat = "auto",
    no_header: options.NoHeader = False,
    output: options.SigmaOutput = None,
    plot: options.Plot = None,
    quiet: options.Quiet = False,
) -> int:
    """Run ``gaedist sigma``."""
    selection = reading.selection()
    chosen, given, outcome = parse_sigma(sigma, RULES), gaussian_prior(prior, "sigma"), Outcome(quiet=quiet)
    destination = None if output is None else SigmaTarget.parse(output)
    if destination:
        if destination.dataset is None:  # which replaces the whole file
            inputs = [*paths_of([file]), *sigma_files([sigma], RULES), *prior_files(prior)]
            check_outputs({"-o": destination.path}, inputs)
        destination.check()
    check_files(None, None, [file, *sigma_files([sigma], RULES), *prior_files(prior)], plot=plot)
    check_picture(plot, [file])
    latents = read_one(file, selection, outcome, stack=reading.stack)
    with workers.connected() as cluster:
        share(cluster, selection, latents)
        run = workers.run(cluster, seed=reading.seed)
        with shown(run, latents.name, quiet=quiet) as watched, about(latents.name):
            result = gaedist.sigma(latents, sigma=chosen, covariance=covariance, prior=given, run=watched)
    if destination:
        destination.write(result.array)
    with report(None, format_, header=not no_header) as write, drawn(write, plot) as add:
        add(Row(source_of(latents, selection), result))
    say_notes(latents.name, result.notes, quiet)
    _stop_if_interrupted(latents.name, result.sigma)
    return outcome.exit_code()


app.command(cls=HelpCommand, help=ABOUT["sample"])(sample)


@app.command(cls=HelpCommand, help=ABOUT["inspect"])
@with_groups
def inspect(
    files: options.Files,
    arrays: Arrays,
    widths: Widths,
    trust: Trust,
    format_: options.SummaryFormat = "auto",
    output: options.Output = None,
    no_header: options.NoHeader = False,
    plot: options.Plot = None,
) -> int:
    """Run ``gaedist inspect``."""
    selection, outcome = arrays.selection(widths), Outcome()
    check_files(output, None, [*files, *width_files(widths.logvar, widths.sd)], plot=plot)
    check_picture(plot, files)
    with report(output, format_, header=not no_header) as write, drawn(write, plot) as add:
        for file in files:
            with outcome.reporting(file):
                for source in sources_of(file, selection)[2]:
                    with outcome.reporting(source.path):
                        for found in gaedist.inspect(source.path, selection=source.chosen(selection)):
                            add(Row({"file": source.path}, found))
    return outcome.exit_code()


@app.command(cls=HelpCommand, help=ABOUT["metrics"])
def metrics(
    names: options.MetricNames = None,
    format_: options.SummaryFormat = "auto",
    output: options.Output = None,
    no_header: options.NoHeader = False,
) -> int:
    """Run ``gaedist metrics``."""
    rows = metric_rows(names or [])
    with report(output, format_, header=not no_header) as add:
        for row in rows:
            add(Row({}, row))
    return DONE


def _write_and_check(
    results: Sequence[Result],
    source: dict[str, Any],
    add: Callable[[Row], None],
    left_out: LeftOut,
    *,
    keeps_places: bool,
) -> None:
    """Write results, with a row for each that is missing if that keeps their places; then check the gates."""
    names, outcome = left_out.file, left_out.outcome
    for result in left_out.in_order(results):
        if result is not None or keeps_places:
            add(Row(source, result))
    left_out.note()
    say_notes(names, [note for result in results for note in result.notes], outcome.quiet)
    several_metrics = len({result.metric for result in results}) > 1
    several_sigmas = sum(result.sigma is not None for result in results) > 1
    for result in results:
        label = f"{names}, {result.metric}" if several_metrics else names
        label += f", σ = {sizes(result.sigma)}" if several_sigmas and result.sigma else ""
        outcome.check(label, result)
        if result.sigma:
            _stop_if_interrupted(names, result.sigma)


def _stop_if_interrupted(name: str, sigma: SigmaSummary) -> None:
    """End the command, whose result has been written, if Ctrl-C ended an optimisation."""
    if sigma.interrupted:
        complain(f"{name}: interrupted after {sigma.evaluations} evaluations; σ is the best found so far.")
        INTERRUPTION.explained = True
        raise KeyboardInterrupt
