"""The layout of each kind of result as a table: its columns, and the sentence below it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gaedist.api.compare_result import CompareResult
from gaedist.api.inspect import ArrayReport
from gaedist.api.posterior import PosteriorReport
from gaedist.api.priors import worded
from gaedist.api.score_result import ScoreResult
from gaedist.api.sigma import SigmaResult
from gaedist.errors import printable
from gaedist.metrics.registry import METRICS
from gaedist.report.comparisons import compare_sentence, compare_summary
from gaedist.report.diagnosis import CheckRow, rounded
from gaedist.report.metrics import MetricDetails, MetricSummary, options_with_defaults
from gaedist.report.numbers import (
    effect_text,
    mean_norm,
    metric_and_sigma,
    null_spread,
    number,
    p_or_bound,
    p_text,
    permuted_spread,
    readable,
    score_value,
    sizes,
    value_and_error,
    z_text,
)
from gaedist.report.posteriors import posterior_sentence
from gaedist.report.verdicts import (
    score_paragraphs,
    score_sentence,
    score_summary,
    sigma_sentence,
)

Source = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a table: the text of a result, its alignment, and whether it may be wrapped.

    ``later`` is the text on lines of a result after its first, if it differs.
    """

    cell: Callable[[Any], str]
    justify: Literal["left", "right"] = "right"
    wraps: bool = False
    later: Callable[[Any], str] | None = None

    def text(self, part: Any, line: int) -> str:
        """Return the text on a line of a result."""
        return self.later(part) if line and self.later else self.cell(part)


@dataclass(frozen=True)
class Layout:
    """The table of one kind of result.

    Attributes
    ----------
    label : callable
        From the source and the result to the name of the row.
    columns : dict
        Header → column.
    sentence : callable
        From a result to the sentence below the table, if there is one.
    summary : callable, optional
        From all results with one label to a sentence below a table of their own.
    paragraphs : callable, optional
        From the labels and results of several rows to the paragraphs below their table, in place of a
        sentence for each.
    parts : callable
        From a result to the results that each take a line of their own, the first with the label.
    part_labels : tuple of str
        Labels of the lines that follow.
    dispensable : tuple of str
        Columns that a terminal leaves out, one after the other, while the table is too wide for it.
    least_width : float
        Columns of a terminal below which each result is a table of its own, with a line for each column.
    label_width : int
        Columns that labels keep at least, if they are that long.
    """

    label: Callable[[Source, Any], str]
    columns: dict[str, Column]
    sentence: Callable[[Any], str | None]
    summary: Callable[[Sequence[Any]], str] | None = None
    paragraphs: Callable[[Sequence[str], Sequence[Any]], list[str]] | None = None
    parts: Callable[[Any], Sequence[Any]] = lambda result: [result]
    part_labels: tuple[str, ...] = ()
    dispensable: tuple[str, ...] = ()
    least_width: float = 0
    label_width: int = 12


def named(file: str | None, dataset: str | None) -> str:
    """Return the name of an array as on the command line, on one line."""
    return printable(f"{file}::{dataset}" if dataset else str(file))


def _file(source: Source, result: Any) -> str:
    return named(source["file"], source["dataset"]) + _form(getattr(result, "posterior", None))


def _form(posterior: PosteriorReport | None) -> str:
    """Return what was measured of posteriors, for the end of a name."""
    return f" ({posterior.form})" if posterior else ""


def _both(source: Source, result: Any) -> str:
    return " and ".join(
        named(source[f"file_{side}"], source[f"dataset_{side}"]) + _form(getattr(result, f"posterior_{side}"))
        for side in "ab"
    )


def _short(result: ScoreResult) -> str:
    """Return a verdict in two or three words."""
    return result.verdict.removesuffix(worded(" from N(0, I) detected", result.prior))


def _nulls(metric: MetricSummary) -> str:
    """Write the null distribution of each command that measures a metric."""
    nulls = {"score": metric.null, "compare": "random permutations of the labels (--permutations)"}
    return "\n".join(f"{command}: {nulls[command]}" for command in metric.commands)


def _problem_and_notes(report: ArrayReport) -> str | None:
    problem = () if report.problem is None else (f"{report.problem}.",)
    posterior = filter(None, [posterior_sentence(report.posterior, report.shape[-1] if report.shape else 0)])
    return " ".join((*problem, *posterior, *report.notes)) or None


def _blank(result: Any) -> str:
    return ""


def _where(row: CheckRow) -> str:
    """Write what a finding follows from, or where it is; nothing for no finding."""
    if row.found is False:
        return ""
    return f"follows from {row.follows_from}" if row.follows_from else row.where.replace("; ", "\n")


_SIZES = {"n": Column(lambda r: str(r.n), later=_blank), "D": Column(lambda r: str(r.dim), later=_blank)}
_NULL = {
    "under N(0, I)": Column(null_spread),
    "z": Column(lambda r: z_text(r.z)),
    "p": Column(p_or_bound),
    "effect": Column(effect_text),
    "verdict": Column(_short, "left", wraps=True, later=_blank),
}

_DISPENSABLE = ("under N(0, I)", "n", "D")

_BOTH = {"n": Column(lambda r: str(r.n)), "m": Column(lambda r: str(r.m)), "D": Column(lambda r: str(r.dim))}
_PERMUTED = {"same distribution": Column(permuted_spread), "p": Column(lambda r: p_text(r.p_value))}

LAYOUTS: dict[type, Layout] = {
    ScoreResult: Layout(
        label=_file,
        columns={
            **_SIZES,
            "σ": Column(lambda r: sizes(r.sigma), wraps=True, later=lambda r: "√D"),
            "d²": Column(score_value),
            **_NULL,
        },
        sentence=score_sentence,
        paragraphs=score_paragraphs,
        parts=lambda result: result.parts,
        part_labels=("  smoothed target",),
        dispensable=_DISPENSABLE,
    ),
    CompareResult: Layout(
        label=_both,
        columns={
            **_BOTH,
            "σ": Column(lambda r: sizes(r.sigma), wraps=True),
            "d²": Column(lambda r: readable(r.value, r.log_value)),
            **_PERMUTED,
        },
        sentence=compare_sentence,
    ),
    SigmaResult: Layout(
        label=_file,
        columns={
            **_SIZES,
            "covariance": Column(lambda r: r.covariance, "left"),
            "σ": Column(lambda r: "\n".join(r.directions), "left"),
            "least … median … largest": Column(
                lambda r: "\n".join(sizes(found) for found in r.directions.values()), "left"
            ),
        },
        sentence=sigma_sentence,
    ),
    ArrayReport: Layout(
        label=lambda source, result: named(source["file"], result.dataset),
        columns={
            "shape": Column(lambda r: " × ".join(map(str, r.shape)) or "–"),
            "type": Column(lambda r: r.dtype or "–", "left"),
            "|mean|": Column(mean_norm),
            "sd of axes": Column(
                lambda r: "–" if r.sd_min is None else f"{number(r.sd_min)} … {number(r.sd_max)}"
            ),
            "|x|²/D": Column(lambda r: number(r.norm)),
            "scale to 1": Column(lambda r: number(r.scale)),
            "distinct": Column(lambda r: "–" if r.distinct is None else str(r.distinct)),
        },
        sentence=_problem_and_notes,
        dispensable=("type",),
    ),
    CheckRow: Layout(
        label=lambda source, result: f"{_file(source, result)}  {result.n} × {result.dim}",
        columns={
            "check": Column(lambda r: r.check, "left"),
            "p": Column(lambda r: p_text(r.p_value)),
            "adjusted": Column(lambda r: p_text(r.p_adjusted)),
            "effect": Column(lambda r: rounded(r.effect)),
            "of": Column(lambda r: r.quantity or r.note or "", "left", wraps=True),
            "where": Column(_where, "left", wraps=True),
        },
        sentence=lambda result: None,
        summary=lambda results: results[0].paragraph,
    ),
    MetricSummary: Layout(
        label=lambda source, result: result.name,
        columns={
            "detects": Column(lambda r: r.detects, "left", wraps=True),
            "options": Column(lambda r: "\n".join(r.options) or "–", "left"),
            "null distribution": Column(lambda r: r.null, "left", wraps=True),
            "reference": Column(lambda r: r.reference, "left", wraps=True),
        },
        sentence=lambda result: None,
        least_width=120,
        label_width=18,
    ),
    MetricDetails: Layout(
        label=lambda source, result: result.name,
        columns={
            "what it is": Column(lambda r: r.summary),
            "formula": Column(lambda r: "\n".join(r.formula)),
            "detects": Column(lambda r: r.detects),
            "options": Column(options_with_defaults),
            "null distribution": Column(_nulls),
            "reference": Column(lambda r: r.reference),
            "commands": Column(lambda r: "\n".join(f"gaedist {command}" for command in r.commands)),
        },
        sentence=lambda result: None,
        least_width=math.inf,
    ),
}
"""Kind of result → its table."""

_METRIC = {"metric": Column(metric_and_sigma, "left"), "value": Column(value_and_error)}

SEVERAL: dict[type, Layout] = {
    ScoreResult: Layout(
        label=lambda source, result: f"{_file(source, result)}  {result.n} × {result.dim}",
        columns={**_METRIC, **_NULL},
        sentence=score_sentence,
        summary=score_summary,
        dispensable=_DISPENSABLE,
    ),
    CompareResult: Layout(
        label=lambda source, result: f"{_both(source, result)}  {result.n} and {result.m} × {result.dim}",
        columns={**_METRIC, **_PERMUTED},
        sentence=compare_sentence,
        summary=compare_summary,
    ),
}
"""Kind of result → its table if there are several metrics: one for each file."""

OTHER: dict[type, tuple[dict[str, Column], dict[str, Column]]] = {
    ScoreResult: (_SIZES, _NULL),
    CompareResult: (_BOTH, _PERMUTED),
}
"""Kind of result → the columns left and right of the value if the only metric does not smooth."""


def layout_of(results: Sequence[Any]) -> Layout:
    """Return the layout of some results of one kind."""
    kind = type(results[0])
    layout = LAYOUTS[kind]
    if kind is ArrayReport and not any(map(_has_copies, results)):  # leaves the width to the other columns
        return replace(layout, columns={k: v for k, v in layout.columns.items() if k != "distinct"})
    if kind not in SEVERAL:
        return layout
    metrics = list(dict.fromkeys(result.metric for result in results))
    if len(metrics) > 1:
        layout = SEVERAL[kind]
    elif not METRICS[metrics[0]].smooths:
        left, right = OTHER[kind]
        layout = replace(layout, columns={**left, metrics[0]: Column(value_and_error), **right})
    prior = results[0].prior
    if prior is None:
        return layout
    columns = {worded(header, prior): column for header, column in layout.columns.items()}
    return replace(layout, columns=columns, dispensable=tuple(worded(h, prior) for h in layout.dispensable))


def _has_copies(report: ArrayReport) -> bool:
    """Tell whether rows of an array repeat."""
    return report.distinct is not None and report.distinct < report.shape[0]
