"""The commands: each parses, calls one function of the library, and prints."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import typer

import gaedist
from gaedist.api.posterior import options_of_any
from gaedist.api.priors import gaussian_prior
from gaedist.api.score import GAUSSIAN, score_options
from gaedist.cli import options
from gaedist.cli.cluster import connected
from gaedist.cli.diagnose import CHECKS_TEXT, diagnose
from gaedist.cli.gates import (
    ABOVE,
    EFFECT,
    Outcome,
    P,
    Result,
    Z,
    check_compare_gates,
    check_labelings,
    check_score_gates,
)
from gaedist.cli.help import ABOUT, HelpCommand
from gaedist.cli.inputs import (
    Shape,
    check_files,
    paths_of,
    read,
    read_one,
    samples_of,
    say_notes,
    selected,
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
from gaedist.cli.standard_streams import complain
from gaedist.cli.watch import watch
from gaedist.engine import Run, temporary_checkpoint
from gaedist.errors import DONE, about
from gaedist.files.outputs import check_outputs
from gaedist.files.samples import sources_of
from gaedist.metrics.base import check_used, metric_names
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import ONE_SAMPLE, TWO_SAMPLE
from gaedist.mixtures.prior_files import as_prior, prior_files
from gaedist.report.metrics import metric_rows
from gaedist.report.numbers import sizes
from gaedist.report.rows import Row
from gaedist.report.writers import report
from gaedist.smoothing.files import SigmaTarget, parse_sigma, sigma_files
from gaedist.smoothing.rules import JOINT, RULES
from gaedist.smoothing.smooth import FACTOR, SigmaSummary

app = typer.Typer()


@app.command(cls=HelpCommand, help=ABOUT["score"])
def score(
    files: options.Files,
    metric: options.ScoreMetrics = None,
    sigma: options.ScoreSigmas = None,
    covariance: options.Covariance = None,
    target: options.Target = None,
    estimator: options.ScoreEstimator = None,
    kernel: options.Kernel = None,
    scale: options.Scales = None,
    alpha: options.Alpha = None,
    beta: options.Beta = None,
    gamma: options.Gamma = None,
    directions: options.Directions = None,
    null: options.Null = "auto",
    replicates: options.Replicates = None,
    no_cache: options.NoCache = False,
    prior: options.Prior = None,
    dataset: options.Dataset = None,
    rows: options.Rows = None,
    subsample: options.Subsample = None,
    seed: options.Seed = 0,
    drop_nonfinite: options.Drop = False,
    transpose: options.Transpose = False,
    layout: options.Layout = None,
    channels: options.Channels = None,
    positions: options.Positions = None,
    stack: options.Stack = False,
    logvar: options.LogVar = None,
    sd: options.Sd = None,
    posterior: options.Posterior = "sample",
    hdf5_plugins: options.Plugins = False,
    sandbox: options.Sandbox = False,
    method: options.Method = "auto",
    tolerance: options.Tolerance = None,
    precision: options.Precision = "double",
    device: options.Device = None,
    threads: options.Threads = None,
    scheduler: options.Scheduler = None,
    scheduler_file: options.SchedulerFile = None,
    shared_files: options.SharedFiles = False,
    checkpoint: options.Checkpoints = None,
    format_: options.Format = "auto",
    output: options.Output = None,
    no_header: options.NoHeader = False,
    plot: options.Plot = None,
    page: options.Page = None,
    quiet: options.Quiet = False,
    fail_above: options.FailAbove = None,
    fail_z: options.FailZ = None,
    fail_p: options.ScoreFailP = None,
    fail_effect: options.FailEffect = None,
) -> int:
    """Run ``gaedist score``."""
    shape = Shape(layout, channels, positions)
    selection = selected(dataset, rows, subsample, seed, drop_nonfinite, transpose, shape, logvar, sd)
    parameters = Parameters(
        beta=beta, gamma=gamma, kernel=kernel, scales=scale, alpha=alpha, directions=directions
    )
    outcome = Outcome({ABOVE: fail_above, Z: fail_z, P: fail_p, EFFECT: fail_effect}, quiet)
    inputs = [*files, *sigma_files(sigma or [], RULES), *prior_files(prior), *width_files(logvar, sd)]
    check_files(output, checkpoint, inputs, plot=plot, page=page)
    check_picture(plot, files, page=page)
    given = as_prior(prior)
    sigmas = [parse_sigma(text, RULES) for text in dict.fromkeys(sigma)] if sigma else None
    metrics = metric_names(metric or GAUSSIAN, ONE_SAMPLE)
    chosen = score_options(metrics, sigmas, covariance, target, estimator, parameters, given)
    check_score_gates(outcome, metrics, options_of_any(chosen, posterior), null, replicates)
    left_out = LeftOut(metric or metrics, metrics, [options.sigma for options in chosen], outcome)
    note = None if quiet else complain
    with (
        connected(scheduler, scheduler_file, shared_files) as cluster,
        temporary_checkpoint(checkpoint, note) as store,
        report(output, format_, header=not no_header) as write,
        drawn(write, plot, page=page) as add,
    ):
        run = Run(
            threads=threads,
            method=method,
            precision=precision,
            seed=seed,
            device=device,
            tolerance=tolerance,
            checkpoint=store,
            client=cluster,
        )
        measure = partial(
            gaedist.scores,
            sigmas=sigmas,
            covariance=covariance,
            target=target,
            estimator=estimator,
            metric=metric or None,
            parameters=parameters,
            null=null,
            replicates=replicates,
            cache=not no_cache,
            prior=given,
            posterior=posterior,
        )
        at_once = cluster and shared_files and len(files) > 1 and len(chosen) == 1 and not store
        at_once = at_once and are_read_alike(files, selection, stack=stack)
        there = scored_there(cluster, files, selection, measure, run, quiet=quiet) if at_once else None
        for sample in samples_of(files, selection, stack=stack):
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
                source = source_of(latents)
                _write_and_check(results, source, add, left_out, keeps_places=format_ == "value")
            if results is None and format_ == "value":
                for _ in left_out.in_order(()):
                    add(Row({}, None))
    return outcome.exit_code()


@app.command(cls=HelpCommand, help=ABOUT["compare"])
def compare(
    a: options.FileA,
    b: options.FileB,
    metric: options.CompareMetrics = options.GAUSSIAN,
    sigma: options.CompareSigmas = options.ONE,
    sigma_b: options.SigmaB = None,
    sigma_factor: options.SigmaFactor = FACTOR,
    covariance: options.Covariance = None,
    estimator: options.CompareEstimator = "v",
    kernel: options.Kernel = None,
    scale: options.Scales = None,
    alpha: options.Alpha = None,
    gamma: options.Gamma = None,
    directions: options.Directions = None,
    permutations: options.Permutations = 0,
    prior: options.WhiteningPrior = None,
    dataset: options.Dataset = None,
    rows: options.Rows = None,
    subsample: options.Subsample = None,
    seed: options.Seed = 0,
    drop_nonfinite: options.Drop = False,
    transpose: options.Transpose = False,
    layout: options.Layout = None,
    channels: options.Channels = None,
    positions: options.Positions = None,
    stack: options.Stack = False,
    logvar: options.LogVar = None,
    sd: options.Sd = None,
    logvar_b: options.LogVarB = None,
    sd_b: options.SdB = None,
    posterior: options.Posterior = "sample",
    hdf5_plugins: options.Plugins = False,
    sandbox: options.Sandbox = False,
    method: options.Method = "auto",
    precision: options.Precision = "double",
    device: options.Device = None,
    threads: options.Threads = None,
    scheduler: options.Scheduler = None,
    scheduler_file: options.SchedulerFile = None,
    shared_files: options.SharedFiles = False,
    checkpoint: options.Checkpoints = None,
    format_: options.Format = "auto",
    output: options.Output = None,
    no_header: options.NoHeader = False,
    plot: options.Plot = None,
    quiet: options.Quiet = False,
    fail_above: options.FailAbove = None,
    fail_p: options.CompareFailP = None,
) -> int:
    """Run ``gaedist compare``."""
    shape = Shape(layout, channels, positions)
    selection = selected(dataset, rows, subsample, seed, drop_nonfinite, transpose, shape, logvar, sd)
    parameters = Parameters(gamma=gamma, kernel=kernel, scales=scale, alpha=alpha, directions=directions)
    outcome = Outcome({ABOVE: fail_above, P: fail_p}, quiet)
    inputs = [a, b, *sigma_files([*sigma, sigma_b], [*RULES, JOINT]), *prior_files(prior)]
    check_files(output, checkpoint, [*inputs, *width_files(logvar, sd, logvar_b, sd_b)], plot=plot)
    check_picture(plot, [a, b])
    given = gaussian_prior(prior, "compare")
    metrics = metric_names(metric, TWO_SAMPLE)
    check_used(metrics, TWO_SAMPLE, parameters)
    check_compare_gates(outcome, metrics, permutations)
    sigmas = [parse_sigma(text, [*RULES, JOINT]) for text in dict.fromkeys(sigma)]
    chosen_b = None if sigma_b is None else parse_sigma(sigma_b, RULES, "--sigma-b")
    first = read_one(a, selection, outcome, stack=stack)
    selection_b = replace(selected_of_second(selection, logvar_b, sd_b), draw=1)
    second = read_one(b, selection_b, outcome, stack=stack)
    check_labelings(outcome, len(first.codes), len(second.codes), permutations)
    names = f"{first.name} and {second.name}"
    left_out = LeftOut(metric, metrics, sigmas, outcome, names)
    source = source_of(first, "_a") | source_of(second, "_b")
    note = None if quiet else complain
    with (
        connected(scheduler, scheduler_file, shared_files) as cluster,
        temporary_checkpoint(checkpoint, note) as store,
        report(output, format_, header=not no_header) as write,
        drawn(write, plot, planes_of(first.codes, second.codes, seed)) as add,
    ):
        share(cluster, selection, first)
        share(cluster, selection_b, second)
        run = Run(
            threads=threads,
            method=method,
            precision=precision,
            seed=seed,
            device=device,
            checkpoint=store,
            client=cluster,
        )
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
                posterior=posterior,
                on_error=left_out.on_error,
                run=watched,
            )
        _write_and_check(results, source, add, left_out, keeps_places=format_ == "value")
    return outcome.exit_code()


app.command(cls=HelpCommand, help=ABOUT["watch"])(watch)
app.command(cls=HelpCommand, help=ABOUT["diagnose"], epilog=CHECKS_TEXT)(diagnose)


@app.command(cls=HelpCommand, help=ABOUT["sigma"], epilog=options.RULES_TEXT)
def sigma(
    file: options.File,
    sigma: options.Sigma = "mean-field",
    covariance: options.Covariance = None,
    prior: options.GaussianPrior = None,
    dataset: options.Dataset = None,
    rows: options.Rows = None,
    subsample: options.Subsample = None,
    seed: options.Seed = 0,
    drop_nonfinite: options.Drop = False,
    transpose: options.Transpose = False,
    layout: options.Layout = None,
    channels: options.Channels = None,
    positions: options.Positions = None,
    stack: options.Stack = False,
    hdf5_plugins: options.Plugins = False,
    sandbox: options.Sandbox = False,
    threads: options.Threads = None,
    scheduler: options.Scheduler = None,
    scheduler_file: options.SchedulerFile = None,
    shared_files: options.SharedFiles = False,
    format_: options.SummaryFormat = "auto",
    no_header: options.NoHeader = False,
    output: options.SigmaOutput = None,
    plot: options.Plot = None,
    quiet: options.Quiet = False,
) -> int:
    """Run ``gaedist sigma``."""
    shape = Shape(layout, channels, positions)
    selection = selected(dataset, rows, subsample, seed, drop_nonfinite, transpose, shape)
    chosen, given, outcome = parse_sigma(sigma, RULES), gaussian_prior(prior, "sigma"), Outcome(quiet=quiet)
    destination = None if output is None else SigmaTarget.parse(output)
    if destination:
        if destination.dataset is None:  # which replaces the whole file
            inputs = [*paths_of([file]), *sigma_files([sigma], RULES), *prior_files(prior)]
            check_outputs({"-o": destination.path}, inputs)
        destination.check()
    check_files(None, None, [file, *sigma_files([sigma], RULES), *prior_files(prior)], plot=plot)
    check_picture(plot, [file])
    latents = read_one(file, selection, outcome, stack=stack)
    with connected(scheduler, scheduler_file, shared_files) as cluster:
        share(cluster, selection, latents)
        run = Run(threads=threads, seed=seed, client=cluster)
        with shown(run, latents.name, quiet=quiet) as watched, about(latents.name):
            result = gaedist.sigma(latents, sigma=chosen, covariance=covariance, prior=given, run=watched)
    if destination:
        destination.write(result.array)
    with report(None, format_, header=not no_header) as write, drawn(write, plot) as add:
        add(Row(source_of(latents), result))
    say_notes(latents.name, result.notes, quiet)
    _stop_if_interrupted(latents.name, result.sigma)
    return outcome.exit_code()


app.command(cls=HelpCommand, help=ABOUT["sample"])(sample)


@app.command(cls=HelpCommand, help=ABOUT["inspect"])
def inspect(
    files: options.Files,
    dataset: options.Dataset = None,
    seed: options.Seed = 0,
    layout: options.Layout = None,
    channels: options.Channels = None,
    positions: options.Positions = None,
    logvar: options.LogVar = None,
    sd: options.Sd = None,
    hdf5_plugins: options.Plugins = False,
    sandbox: options.Sandbox = False,
    format_: options.SummaryFormat = "auto",
    output: options.Output = None,
    no_header: options.NoHeader = False,
    plot: options.Plot = None,
) -> int:
    """Run ``gaedist inspect``."""
    shape = Shape(layout, channels, positions)
    selection = selected(dataset, None, None, seed, False, False, shape, logvar, sd)
    outcome = Outcome()
    check_files(output, None, [*files, *width_files(logvar, sd)], plot=plot)
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
