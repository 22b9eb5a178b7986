"""What a result means, for people: the columns of its table, and a sentence below it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gaedist.compare import CompareResult
from gaedist.errors import printable
from gaedist.inspect import ArrayReport
from gaedist.rules import JOINT
from gaedist.score import ScoreResult
from gaedist.sigma import SigmaResult, Spread
from gaedist.smoothing import SigmaSummary

Source = Mapping[str, str | None]

_BORDERLINE, _CLEAR = 2.0, 3.5
"""|z| from which a verdict speaks of a doubt, and of a difference."""

_ROUNDING = 1e-13
"""Part of the standard deviation that the mean of centred codes is off by."""


@dataclass(frozen=True)
class Column:
    """A column of a table: what a result puts there, and on which side."""

    cell: Callable[[Any], str]
    justify: Literal["left", "right"] = "right"


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
    """

    label: Callable[[Source, Any], str]
    columns: dict[str, Column]
    sentence: Callable[[Any], str | None]


def named(file: str | None, dataset: str | None) -> str:
    """Name an array as on the command line, in one line."""
    return printable(f"{file}::{dataset}" if dataset else str(file))


def score_sentence(result: ScoreResult) -> str:
    """Say what a score means."""
    where = f"D = {result.dim} and σ = {result.sigma.median:g}"
    if result.null.mean is None:
        return (
            f"{_search_sentence(result.sigma)}Without a null law the value cannot be judged by itself: less "
            "is not always nearer to N(0, I). Set it beside that of a sample of N(0, I) of this size."
        )
    if result.z is None:
        return f"At {where} the kernel is so wide that rounding hides the sample: take a smaller σ."
    saturated = ""
    if result.saturated:
        constant = "1 + 1/n" if result.sigma.median == 1 else "1 + σ^(−D)/n"
        saturated = (
            f"At {where} the distance has saturated: it is {constant} to within rounding for nearly every "
            "sample, and only z tells one from another. "
        )
    size = (
        f"samples of N(0, I) of this size score {spread(result)}, these codes {score_value(result)}, "
        f"z = {result.z:+.2f}"
    )
    side = (
        "more spread, shifted or clustered than N(0, I)"
        if result.z > 0
        else "more concentrated than N(0, I), or more even than chance; less is not better here"
    )
    if result.skewed and result.z < _CLEAR:
        return (
            f"{saturated}No verdict: {size}, but in so many dimensions the score of N(0, I) itself is "
            f"skewed, and far below 0 more often than a Gaussian. If it is no chance, they are {side}."
        )
    if abs(result.z) < _BORDERLINE:
        return f"{saturated}No difference from N(0, I) seen: {size}. A small shift can go unseen."
    if abs(result.z) < _CLEAR:
        return f"{saturated}Borderline: {size}. If that is no chance, they are {side}."
    return f"{saturated}Not N(0, I): {size}. They are {side}."


def gate_warning(result: ScoreResult) -> str | None:
    """Say why a gate on this result means little, if it does."""
    if result.saturated:
        return "the distance has saturated, so a gate on the value tells nothing."
    if result.skewed:
        return "in so many dimensions the score of N(0, I) is skewed, so a gate on z is rough."
    return None


def _search_sentence(sigma: SigmaSummary) -> str:
    """Say how an optimisation of σ went, if there was one."""
    if sigma.evaluations is None:
        return ""
    end = "was interrupted" if sigma.interrupted else "converged" if sigma.converged else "has not converged"
    bounds = ""
    if sigma.at_bounds is not None:
        bounds = f", with {sigma.at_bounds} points at a bound of --sigma-factor"
    return f"The optimisation of σ {end} after {sigma.evaluations} passes over all pairs{bounds}. "


def sigma_sentence(result: SigmaResult) -> str | None:
    """Say how the σ were found."""
    return _search_sentence(result.sigma).rstrip() or None


def compare_sentence(result: CompareResult) -> str:
    """Say what a distance between samples means."""
    if result.expected is None:
        reading = (
            "Each σ is within a factor of its mean field, which the value depends on: set it only beside "
            "values of the same family and --sigma-factor."
            if result.sigma.rule == JOINT
            else "Each σ may depend on its whole sample, so permuted labels give no yardstick for it."
        )
        return f"{_search_sentence(result.sigma)}{reading}"
    if not result.expected > 0:
        return "The points are equal, or at no distance beside σ."
    return (
        f"The distance is {result.value / result.expected:.3g} times {result.expected:.4g}, what two samples "
        "of one law would give on average (the mean over permuted labels)."
    )


def sizes(found: SigmaSummary | Spread) -> str:
    """Write one σ, or least, median and largest of several."""
    if found.min == found.max:
        return number(found.median)
    return f"{number(found.min)} … {number(found.median)} … {number(found.max)}"


def spread(result: ScoreResult) -> str:
    """Write mean ± sd of the null law, to two digits of the sd."""
    mean, sd = result.null.mean, result.null.sd
    if mean is None or sd is None:
        return "–"
    decimals = _decimals(result)
    if decimals is None:
        return f"{number(mean)} ± {number(sd)}"
    return f"{mean:.{decimals}f} ± {sd:.{decimals}f}"


def score_value(result: ScoreResult) -> str:
    """Write the value to the precision of its null law."""
    decimals = _decimals(result)
    return number(result.value, result.log_value) if decimals is None else f"{result.value:.{decimals}f}"


def mean_norm(report: ArrayReport) -> str:
    """Write the norm of the mean vector, 0 if rounding alone makes it differ from that."""
    if report.mean_norm is None or report.sd_max is None:
        return "–"
    return number(report.mean_norm if report.mean_norm > _ROUNDING * report.sd_max else 0.0)


def number(value: float | None, log_value: float = math.inf) -> str:
    """Write a number to four digits; as a power of e if it is beyond a double; – for none."""
    if value is None or (math.isinf(value) and math.isinf(log_value)):
        return "–"
    return f"{value:.4g}" if math.isfinite(value) else f"e^{log_value:.1f}"


def _decimals(result: ScoreResult) -> int | None:
    """Return the decimals that show two digits of the null sd, or None if they are too many or few."""
    sd = result.null.sd
    if sd is None or not 1e-8 < sd < 1e4 or not result.value < 1e6:
        return None
    return max(0, 1 - math.floor(math.log10(sd)))


LAYOUTS: dict[type, Layout] = {
    ScoreResult: Layout(
        label=lambda source, result: named(source["file"], source["dataset"]),
        columns={
            "n": Column(lambda r: str(r.n)),
            "D": Column(lambda r: str(r.dim)),
            "σ": Column(lambda r: sizes(r.sigma)),
            "d²": Column(score_value),
            "N(0, I) gives": Column(spread),
            "z": Column(lambda r: "–" if r.z is None else f"{r.z:+.2f}"),
        },
        sentence=score_sentence,
    ),
    CompareResult: Layout(
        label=lambda source, result: " and ".join(
            named(source[f"file_{side}"], source[f"dataset_{side}"]) for side in "ab"
        ),
        columns={
            "n": Column(lambda r: str(r.n)),
            "m": Column(lambda r: str(r.m)),
            "D": Column(lambda r: str(r.dim)),
            "σ": Column(lambda r: sizes(r.sigma)),
            "d²": Column(lambda r: number(r.value, r.log_value)),
            "one law gives": Column(lambda r: number(r.expected)),
        },
        sentence=compare_sentence,
    ),
    SigmaResult: Layout(
        label=lambda source, result: named(source["file"], source["dataset"]),
        columns={
            "n": Column(lambda r: str(r.n)),
            "D": Column(lambda r: str(r.dim)),
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
