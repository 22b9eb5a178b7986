"""The tables of results: their columns, and what is said below them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gaedist.api.compare import CompareResult
from gaedist.api.inspect import ArrayReport
from gaedist.api.score import ScoreResult
from gaedist.api.sigma import SigmaResult
from gaedist.errors import printable

GAUSSIAN = "gaussian"
from gaedist.report.numbers import (
    mean_norm,
    metric_and_sigma,
    number,
    one_law,
    p_text,
    score_value,
    sizes,
    spread,
    value_and_error,
    z_text,
)
from gaedist.report.verdicts import (
    compare_sentence,
    compare_summary,
    score_sentence,
    score_summary,
    sigma_sentence,
)

Source = Mapping[str, str | None]


@dataclass(frozen=True)
class Column:
    """A column of a table: what a result puts there, on which side, and whether it may be broken."""

    cell: Callable[[Any], str]
    justify: Literal["left", "right"] = "right"
    breaks: bool = False


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
        What to say of a result below the table, if anything.
    summary : callable, optional
        What to say of all results of one name, in place of that: they have a table of their own, below it.
    """

    label: Callable[[Source, Any], str]
    columns: dict[str, Column]
    sentence: Callable[[Any], str | None]
    summary: Callable[[Sequence[Any]], str] | None = None


def named(file: str | None, dataset: str | None) -> str:
    """Name an array as on the command line, in one line."""
    return printable(f"{file}::{dataset}" if dataset else str(file))


def _file(source: Source, result: Any) -> str:
    return named(source["file"], source["dataset"])


def _both(source: Source, result: Any) -> str:
    return " and ".join(named(source[f"file_{side}"], source[f"dataset_{side}"]) for side in "ab")


_SIZES = {"n": Column(lambda r: str(r.n)), "D": Column(lambda r: str(r.dim))}
_LAW = {
    "N(0, I) gives": Column(spread, breaks=True),
    "z": Column(lambda r: z_text(r.z)),
    "p": Column(lambda r: p_text(r.p_value)),
}

_BOTH = {
    "n": Column(lambda r: str(r.n)),
    "m": Column(lambda r: str(r.m)),
    "D": Column(lambda r: str(r.dim)),
}
_ONE_LAW = {"one law gives": Column(one_law), "p": Column(lambda r: p_text(r.p_value))}

LAYOUTS: dict[type, Layout] = {
    ScoreResult: Layout(
        label=_file,
        columns={
            **_SIZES,
            "σ": Column(lambda r: sizes(r.sigma), breaks=True),
            "d²": Column(score_value),
            **_LAW,
        },
        sentence=score_sentence,
    ),
    CompareResult: Layout(
        label=_both,
        columns={
            **_BOTH,
            "σ": Column(lambda r: sizes(r.sigma), breaks=True),
            "d²": Column(lambda r: number(r.value, r.log_value)),
            **_ONE_LAW,
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
        },
        sentence=lambda result: f"{result.problem}." if result.problem else None,
    ),
}
"""Kind of result → its table."""

_METRIC = {"metric": Column(metric_and_sigma, "left"), "value": Column(value_and_error)}

SEVERAL: dict[type, Layout] = {
    ScoreResult: Layout(
        label=lambda source, result: f"{_file(source, result)}  {result.n} × {result.dim}",
        columns={**_METRIC, **_LAW},
        sentence=score_sentence,
        summary=score_summary,
    ),
    CompareResult: Layout(
        label=lambda source, result: f"{_both(source, result)}  {result.n} and {result.m} × {result.dim}",
        columns={**_METRIC, **_ONE_LAW},
        sentence=compare_sentence,
        summary=compare_summary,
    ),
}
"""Kind of result → its table where there are several metrics: one for each file."""

OTHER: dict[type, dict[str, Column]] = {ScoreResult: {**_SIZES, **_LAW}, CompareResult: {**_BOTH, **_ONE_LAW}}
"""Kind of result → the columns beside the value where there is one metric that is not the paper's."""


def layout_of(results: Sequence[Any]) -> Layout:
    """Return the table of some results."""
    kind = type(results[0])
    metrics = {getattr(result, "metric", GAUSSIAN) for result in results}
    if len(metrics) > 1:
        return SEVERAL[kind]
    layout = LAYOUTS[kind]
    if metrics != {GAUSSIAN}:
        columns = list(OTHER[kind].items())
        at = next(k for k, (name, _) in enumerate(columns) if name in (*_LAW, *_ONE_LAW))
        value = [(metrics.pop(), Column(value_and_error))]
        return replace(layout, columns=dict(columns[:at] + value + columns[at:]))
    return layout
