"""What a result means, for people: the columns of its table, and a sentence below it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gaedist.compare import METRICS as COMPARE_METRICS
from gaedist.compare import CompareResult
from gaedist.errors import printable
from gaedist.figures import (
    mean_norm,
    metric_and_sigma,
    number,
    one_law,
    p_sentence,
    p_text,
    score_value,
    sizes,
    spread,
    value_and_error,
    z_text,
)
from gaedist.inspect import ArrayReport
from gaedist.metrics import GAUSSIAN
from gaedist.null import least_p
from gaedist.rules import JOINT
from gaedist.score import METRICS, ScoreResult
from gaedist.sigma import SigmaResult
from gaedist.smoothing import SigmaSummary
from gaedist.targets import TARGETS

Source = Mapping[str, str | None]

DIFFERENT, BORDERLINE, SAME, NO_VERDICT = (
    "Not N(0, I)",
    "Borderline",
    "No difference from N(0, I) seen",
    "No verdict",
)
"""What can be said of codes."""

DIFFERENT_LAWS, SAME_LAW = "Two different laws", "No difference seen"
"""What can be said of two samples, beside `BORDERLINE`."""

_ADD_PERMUTATIONS = "Add --permutations 999 to see whether that is chance."

_BORDERLINE, _CLEAR = 0.05, 1e-3
"""p-values below which a verdict speaks of a doubt, and of a difference."""

_RARE = 0.01
"""p-value up to which it tells that no random sample or labeling comes out as far."""

_CERTAIN = 1 / math.sqrt(_CLEAR)
"""|z| that no law, however uneven, exceeds with a larger probability: Chebyshev's inequality."""


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


def score_sentence(result: ScoreResult) -> str:
    """Say what a score means."""
    if result.sigma is None:
        return _rival_sentence(result)
    if result.null.mean is None:
        note = f" No law: {result.null.note}" if result.null.note else ""
        return (
            f"{_search_sentence(result.sigma)}Without a null law the value cannot be judged by itself: less "
            f"is not always nearer to N(0, I).{note}"
        )
    if result.z is None:
        return f"No verdict: {result.null.note or 'all samples of N(0, I) of this size score the same.'}"
    size = (
        f"samples of N(0, I) of this size score {spread(result)}, these codes {score_value(result)}, "
        f"z = {z_text(result.z)}{'' if result.p_value is None else f', {p_sentence(result.p_value)}'}"
    )
    sentence = f"{_search_sentence(result.sigma)}{_saturation(result)}{_verdict(result, size)}"
    if result.value < 0:
        sentence += " An unbiased value is below 0 for about half of all samples of N(0, I)."
    return sentence


def verdict_of(result: ScoreResult) -> str:
    """Say in a few words what a score means."""
    z, p = result.z, result.p_value
    if z is None:
        return NO_VERDICT
    far = abs(z) if result.two_sided else z
    certain = far > _CERTAIN or (p is not None and (p < _CLEAR or _is_floor(p, result)))
    if p is None and not certain:
        return NO_VERDICT
    if p is None or certain:
        return DIFFERENT
    return BORDERLINE if p < _BORDERLINE else SAME


def _verdict(result: ScoreResult, size: str) -> str:
    verdict, way = verdict_of(result), direction(result)
    if verdict == NO_VERDICT:
        smoothed = "" if _smoothed(result) else ", or --target smoothed --sigma median"
        return (
            f"{verdict}: {size}, but N(0, I) itself scores too unevenly here to read z as a Gaussian one. "
            f"Use --null monte-carlo{smoothed}."
        )
    if verdict == DIFFERENT:
        return f"{verdict}: {size}.{f' They are {way}.' if way else ''}"
    if verdict == BORDERLINE:
        return f"{verdict}: {size}.{f' If that is no chance, they are {way}.' if way else ''}"
    unseen = (
        "Another σ may see what this one does not; --sigma may be given again."
        if _smoothed(result)
        else "A shift of the mean can go unseen: --target smoothed shows it."
    )
    return f"{verdict}: {size}. {unseen}"


def _rival_sentence(result: ScoreResult) -> str:
    """Say what the value of another metric means."""
    sees = f"{result.metric} sees {METRICS[result.metric].detects}."
    if result.null.mean is None or result.z is None:
        return f"{NO_VERDICT}: {result.null.note or 'a value by itself tells little.'} {sees}"
    p = f", {p_sentence(result.p_value)}" if result.p_value is not None else ""
    size = (
        f"samples of N(0, I) of this size give {spread(result)}, these codes {score_value(result)}, "
        f"z = {z_text(result.z)}{p}"
    )
    note = f" {result.null.note[0].upper()}{result.null.note[1:]}" if result.null.note else ""
    return f"{verdict_of(result)}: {size}. {sees}{note}"


def score_summary(results: Sequence[ScoreResult]) -> str:
    """Say what several metrics, or σ, see of the same codes."""
    return _by_verdict(results, verdict_of, (DIFFERENT, BORDERLINE, SAME, NO_VERDICT))


def _by_verdict(results: Sequence[Any], verdict: Callable[[Any], str], order: Sequence[str]) -> str:
    """List the metrics of each verdict, and say how many p-values are small by chance."""
    said: dict[str, list[str]] = {}
    for result in results:
        said.setdefault(verdict(result), []).append(metric_and_sigma(result))
    parts = [f"{words} by {', '.join(said[words])}" for words in order if words in said]
    tests = sum(result.p_value is not None for result in results)
    chance = f" Of {tests} p-values, {_BORDERLINE * tests:.2g} are below {_BORDERLINE:g} by chance."
    return f"{'. '.join(parts)}.{chance if tests > 1 else ''}"


def _is_floor(p: float, result: ScoreResult) -> bool:
    """Tell whether no simulated sample is as far out, of so many that it says something."""
    count = result.null.replicates
    return count is not None and p <= min(_RARE, least_p(count, two_sided=result.two_sided))


def direction(result: ScoreResult | CompareResult) -> str | None:
    """Say to which side codes differ from N(0, I), where z tells."""
    if not isinstance(result, ScoreResult) or result.z is None or result.target is None or _smoothed(result):
        return None
    if result.z > 0:
        return "more spread, shifted or clustered than N(0, I)"
    return "more concentrated than N(0, I), or more even than chance; less is not better here"


def _smoothed(result: ScoreResult) -> bool:
    return result.target is not None and TARGETS[result.target].smoothed


def _saturation(result: ScoreResult) -> str:
    if not result.saturated or result.sigma is None:
        return ""
    if _smoothed(result):
        constant = "1/n + (1 + 1/σ²)^(−D/2)" if result.estimator == "v" else "(1 + 1/σ²)^(−D/2)"
    else:
        constant = "1 + 1/n" if result.sigma.median == 1 else "1 + σ^(−D)/n"
    return (
        f"At D = {result.dim} and σ = {result.sigma.median:g} the distance has saturated: it is {constant} "
        "to within rounding for nearly every sample, and only z tells one from another. "
    )


def gate_warning(result: ScoreResult | CompareResult, option: str) -> str | None:
    """Say why a gate on this result means little, if it does."""
    if not isinstance(result, ScoreResult):
        return None
    if result.saturated and option == "--fail-above":
        return "the distance has saturated, so a gate on the value tells nothing."
    if result.p_value is None and result.z is not None and option == "--fail-z":
        return "N(0, I) itself scores too unevenly here to read z as a Gaussian one, so a gate on z is rough."
    return None


def _search_sentence(sigma: SigmaSummary | None) -> str:
    """Say how an optimisation of σ went, if there was one."""
    if sigma is None or sigma.evaluations is None:
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
    if result.null.note:
        return f"{NO_VERDICT}: {result.null.note}"
    if result.sigma is not None and result.expected is None:
        reading = (
            "Each σ is within a factor of its mean field, which the value depends on: set it only beside "
            "values of the same family and --sigma-factor."
            if result.sigma.rule == JOINT
            else "The σ of a point may depend on the sample it is in, so permuted labels give no yardstick."
        )
        return f"{_search_sentence(result.sigma)}{reading}"
    sees = "" if result.sigma else f" {result.metric} sees {COMPARE_METRICS[result.metric].detects}."
    return f"{_beside_permutations(result)}{_chance(result)}{sees}"


def compare_summary(results: Sequence[CompareResult]) -> str:
    """Say what several metrics see of the same samples."""
    known = [result for result in results if result.p_value is not None]
    if not known:
        return _ADD_PERMUTATIONS
    return _by_verdict(known, compare_verdict, (DIFFERENT_LAWS, BORDERLINE, SAME_LAW))


def compare_verdict(result: CompareResult) -> str:
    """Say in a few words what the p-value of permuted labels means."""
    p, count = result.p_value, result.null.replicates
    if p is None or count is None:
        return NO_VERDICT
    if p >= _BORDERLINE:
        return SAME_LAW
    return DIFFERENT_LAWS if p < _CLEAR or p <= min(_RARE, 1 / (1 + count)) else BORDERLINE


def _beside_permutations(result: CompareResult) -> str:
    if result.expected is None:
        return ""
    if result.expected == 0 and result.estimator != "v":
        return "The unbiased distance of two samples of one law is 0 on average, and often below 0. "
    if not result.expected > 0:
        return "The points are equal, or at no distance beside σ. "
    return (
        f"The distance is {result.value / result.expected:.3g} times {result.expected:.4g}, what two samples "
        "of one law would give on average (the mean over permuted labels). "
    )


def _chance(result: CompareResult) -> str:
    p, count = result.p_value, result.null.replicates
    if p is None or count is None:
        return _ADD_PERMUTATIONS
    hits = round(p * (1 + count)) - 1
    found = f"{hits} of {count} random labelings give as much or more, {p_sentence(p)}"
    return f"{compare_verdict(result)}: {found}."


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
