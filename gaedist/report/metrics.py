"""Rows of the registry of metrics, as people and programs read them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gaedist.errors import check_choice
from gaedist.metrics.base import option_of
from gaedist.metrics.parameters import DEFAULTS
from gaedist.metrics.registry import METRICS, ONE_SAMPLE, TWO_SAMPLE

_SMOOTHING = {
    "--sigma": "1",
    "--covariance": "narrowest that fits σ",
    "--target": "normal",
    "--estimator": "v",
}
"""Option of a metric that smooths → its default."""


@dataclass(frozen=True)
class MetricSummary:
    """A metric.

    Attributes
    ----------
    name : str
        Its name in ``--metric``.
    detects : str
        Which differences it detects.
    options : tuple of str
        The options that it takes.
    null : str
        Its null distribution in ``gaedist score``.
    reference : str
        Authors, title, year, and DOI or arXiv number.
    summary : str
        What it is, in one phrase.
    formula : tuple of str
        Its formula and normalisation, a line for each sentence or formula.
    commands : tuple of str
        The commands that measure it.
    """

    name: str
    detects: str
    options: tuple[str, ...]
    null: str
    reference: str
    summary: str
    formula: tuple[str, ...]
    commands: tuple[str, ...]


class MetricDetails(MetricSummary):
    """A metric of which a table shows everything."""


def metric_rows(names: Sequence[str]) -> list[MetricSummary]:
    """Return the named metrics in detail, or a summary of all; raise `GaedistError` for an unknown name."""
    for name in names:
        check_choice("metric", name, METRICS)
    return [_row(name, MetricDetails) for name in names] or [_row(name, MetricSummary) for name in METRICS]


def _row(name: str, kind: type[MetricSummary]) -> MetricSummary:
    metric = METRICS[name]
    commands = {"score": ONE_SAMPLE, "compare": TWO_SAMPLE}
    return kind(
        name=name,
        detects=metric.detects,
        options=(*(_SMOOTHING if metric.smooths else ()), *map(option_of, metric.parameters)),
        null=metric.null,
        reference=metric.reference,
        summary=metric.summary,
        formula=tuple(line.replace("\n", " ") for line in re.split(r"(?<=[.:])\n", metric.formula)),
        commands=tuple(command for command, registry in commands.items() if name in registry),
    )


def options_with_defaults(metric: MetricSummary) -> str:
    """Write each option of a metric on a line, with its default."""
    defaults = _SMOOTHING | {option_of(name): default_text(name) for name in METRICS[metric.name].parameters}
    return "\n".join(f"{option} (default: {defaults[option]})" for option in metric.options) or "–"


def default_text(parameter: str) -> str:
    """Return the default of one of `gaedist.Parameters`, as text."""
    default = DEFAULTS.get(parameter, "(4/(3n))^(2/5)")  # γ depends on the sizes of the samples
    values = default if isinstance(default, tuple) else [default]
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
