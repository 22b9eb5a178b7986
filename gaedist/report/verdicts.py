"""What a result means, for people: the columns of its table, and a sentence below it."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from gaedist.api.compare import CompareResult
from gaedist.api.score import ScoreResult
from gaedist.api.sigma import SigmaResult
from gaedist.engine import SAMPLE
from gaedist.metrics.registry import ONE_SAMPLE as METRICS
from gaedist.metrics.registry import TWO_SAMPLE as COMPARE_METRICS
from gaedist.mixtures.targets import TARGETS
from gaedist.null.distributions import smallest_p as least_p
from gaedist.report.numbers import metric_and_sigma, p_sentence, score_value, spread, z_text
from gaedist.smoothing.rules import JOINT
from gaedist.smoothing.smooth import SigmaSummary

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


def score_sentence(result: ScoreResult) -> str:
    """Say what a score means, and that it was estimated."""
    sentence = _score_sentence(result)
    if result.method != SAMPLE or not result.value_se:
        return sentence
    return f"{sentence} Estimated from some of the pairs, with a standard error of {result.value_se:.1g}."


def _score_sentence(result: ScoreResult) -> str:
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
