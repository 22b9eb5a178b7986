"""The command ``gaedist diagnose``, its options and its gates."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import gaedist
from gaedist.api.diagnose import ALPHA, TOP, DiagnoseResult
from gaedist.api.priors import gaussian_prior
from gaedist.cli import options
from gaedist.cli.declare import choice, option
from gaedist.cli.gates import Gate, Outcome
from gaedist.cli.groups import Reading, Trust, Widths, Workers, with_groups
from gaedist.cli.help import CHECKS as GROUP
from gaedist.cli.help import GATES
from gaedist.cli.inputs import (
    check_files,
    read,
    samples_of,
    say_notes,
    share,
    source_of,
    width_files,
)
from gaedist.cli.pictures import check_picture, drawn
from gaedist.cli.progress import shown
from gaedist.diagnostics.base import Place
from gaedist.diagnostics.registry import CHECKS
from gaedist.errors import GaedistError, about
from gaedist.mixtures.prior_files import prior_files
from gaedist.report.rows import Row
from gaedist.report.writers import report


def _size(option: str, quantity: str, measure: Callable[[Any], float | None], *, least: bool = False) -> Gate:
    """Return a gate on the size of a departure."""
    return Gate(option, quantity, measure, least=least, directed=False)


P = _size(
    "--fail-p", "adjusted p", lambda result: None if math.isnan(result.value) else result.value, least=True
)
MAX_SHIFT = _size("--max-shift", "the largest mean of an axis", lambda result: result.sizes.shift)
MIN_SD = _size("--min-sd", "the smallest sd of an axis", lambda result: result.sizes.sd_min, least=True)
MAX_SD = _size("--max-sd", "the largest sd of an axis", lambda result: result.sizes.sd_max)
MAX_CORRELATION = _size(
    "--max-correlation", "the largest correlation of two axes", lambda result: result.sizes.correlation
)
MAX_DUPLICATES = _size(
    "--max-duplicates",
    "the number of rows that repeat another",
    lambda result: float(result.sizes.duplicates),
)


def _bound(gate: Gate, text: str, metavar: str = "X", most: float | None = None) -> Any:
    """Return the option that sets a gate."""
    return option(gate.option, GATES, text, metavar=metavar, min=0, max=most)


CHECKS_TEXT = "\n".join(["The checks", *(f"{name}  {check.asks}" for name, check in CHECKS.items())])
"""What each check asks, for the end of the help text."""

Checks = Annotated[
    list[str] | None, choice("--check", GROUP, CHECKS, "One of the checks below; repeatable", default="all")
]
Level = Annotated[
    float,
    option(
        "--alpha", GROUP, "Probability that any check finds something in a sample of N(0, I)", metavar="P"
    ),
]
Top = Annotated[
    int,
    option("--top", GROUP, "Axes, pairs, directions or rows to list of each finding", metavar="K", min=1),
]
FailP = Annotated[
    float | None, _bound(P, "Exit with 1 if a p-value, adjusted over all checks, is below P", "P", 1)
]
MaxShift = Annotated[float | None, _bound(MAX_SHIFT, "Exit with 1 if the |mean| of an axis is above X")]
MinSd = Annotated[float | None, _bound(MIN_SD, "Exit with 1 if the sd of an axis is below X")]
MaxSd = Annotated[float | None, _bound(MAX_SD, "Exit with 1 if the sd of an axis is above X")]
MaxCorrelation = Annotated[
    float | None, _bound(MAX_CORRELATION, "Exit with 1 if the |correlation| of two axes is above X", most=1)
]
MaxDuplicates = Annotated[
    float | None, _bound(MAX_DUPLICATES, "Exit with 1 if more than N rows repeat another", "N")
]


@with_groups
def diagnose(
    files: options.Files,
    reading: Reading,
    widths: Widths,
    trust: Trust,
    workers: Workers,
    check: Checks = None,
    alpha: Level = ALPHA,
    top: Top = TOP,
    prior: options.GaussianPrior = None,
    format_: options.Format = "auto",
    output: options.Output = None,
    no_header: options.NoHeader = False,
    plot: options.Plot = None,
    page: options.Page = None,
    quiet: options.Quiet = False,
    fail_p: FailP = None,
    max_shift: MaxShift = None,
    min_sd: MinSd = None,
    max_sd: MaxSd = None,
    max_correlation: MaxCorrelation = None,
    max_duplicates: MaxDuplicates = None,
) -> int:
    """Run ``gaedist diagnose``."""
    selection = reading.selection(widths)
    if not 0 < alpha < 1:
        raise GaedistError(f"--alpha must be between 0 and 1; got {alpha:g}.")
    bounds = {P: fail_p, MAX_SHIFT: max_shift, MIN_SD: min_sd, MAX_SD: max_sd}
    outcome = Outcome({**bounds, MAX_CORRELATION: max_correlation, MAX_DUPLICATES: max_duplicates}, quiet)
    check_files(
        output,
        None,
        [*files, *prior_files(prior), *width_files(widths.logvar, widths.sd)],
        plot=plot,
        page=page,
    )
    check_picture(plot, files, pages=True, page=page)
    given = gaussian_prior(prior, "diagnose")
    with (
        workers.connected() as cluster,
        report(output, format_, header=not no_header) as write,
        drawn(write, plot, page=page) as add,
    ):
        for sample in samples_of(files, selection, stack=reading.stack):
            result = None
            with outcome.reporting(sample.name):
                latents = read(sample, quiet)
                share(cluster, selection, latents)
                run = workers.run(cluster, seed=reading.seed)
                with shown(run, latents.name, quiet=quiet) as watched, about(latents.name):
                    result = gaedist.diagnose(
                        latents, checks=check or None, alpha=alpha, top=top, prior=given, run=watched
                    )
                add(Row(source_of(latents, selection), result if output else _without_vectors(result)))
                say_notes(latents.name, result.notes, quiet)
                _check(outcome, latents.name, result)
            if result is None and format_ == "value":
                add(Row({}, None))
    return outcome.exit_code()


def _without_vectors(result: DiagnoseResult) -> DiagnoseResult:
    """Leave out the components of directions, which are for files."""
    checks = tuple(replace(check, where=_short(check.where)) for check in result.checks)
    return replace(result, checks=checks, kl=replace(result.kl, flat=_short(result.kl.flat)))


def _short(places: tuple[Place, ...]) -> tuple[Place, ...]:
    return tuple(replace(place, vector=None) for place in places)


def _check(outcome: Outcome, name: str, result: DiagnoseResult) -> None:
    """Note each gate that a result fails, and report each that cannot be evaluated."""
    for gate, bound in outcome.bounds.items():
        if bound is None:
            continue
        found = gate.measure(result)
        if found is None:
            why = next((check.note for check in result.checks if check.note), f"there is no {gate.quantity}.")
            outcome.report_error(f"{name}: {gate.option} cannot be evaluated: {why}")
        elif not (found >= bound if gate.least else found <= bound):
            side = "below" if gate.least else "above"
            outcome.failed.append(f"{name}: {gate.quantity} is {found:.6g}, {side} {gate.option} {bound:g}.")
