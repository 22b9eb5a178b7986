"""What a result means, in words: the sentence below a table, and the warning of a gate."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from gaedist.api.compare import CompareResult
from gaedist.api.score import ScoreResult
from gaedist.api.sigma import SigmaResult
from gaedist.engine import SAMPLE
from gaedist.metrics.registry import METRICS
from gaedist.mixtures.targets import TARGETS
from gaedist.null.distributions import COARSE, DEGENERATE, FEWEST, WIDE, smallest_p
from gaedist.null.permutations import smallest_permuted_p
from gaedist.report.numbers import metric_and_sigma, null_spread, p_sentence, score_value, z_text
from gaedist.smoothing.rules import JOINT
from gaedist.smoothing.smooth import SigmaSummary

NOT_NORMAL, BORDERLINE, NORMAL, NO_VERDICT = (
    "Not N(0, I)",
    "Borderline",
    "No difference from N(0, I) detected",
    "No verdict",
)
"""Verdicts on one sample."""

DIFFERENT, SAME = "Different distributions", "No difference detected"
"""Verdicts on two samples, in addition to `BORDERLINE` and `NO_VERDICT`."""

_ADD_PERMUTATIONS = "Add --permutations 999 to test whether the difference is real."

_SKEWED = "the null distribution is too skewed at this n, D and σ"

_BORDERLINE, _CLEAR = 0.05, 1e-3
"""p-values below which a verdict is borderline, and clear."""

_RARE = 0.01
"""Largest p-value that is clear if no simulated sample, or permutation of labels, is as extreme."""

_CERTAIN = 1 / math.sqrt(_CLEAR)
"""|z| that has probability `_CLEAR` at most under any distribution, by Chebyshev's inequality."""


def score_sentence(result: ScoreResult) -> str:
    """Return the verdict on a score, with its numbers, and its standard error if it was estimated."""
    if result.null.method == DEGENERATE:
        return f"{verdict_of(result)}: {result.metric} is {score_value(result)}: {result.null.note}"
    sentence = _smoothed_sentence(result) if METRICS[result.metric].smooths else _other_sentence(result)
    if result.method != SAMPLE or not result.value_se:
        return sentence
    return f"{sentence} Estimated from some of the pairs, with a standard error of {result.value_se:.1g}."


def _smoothed_sentence(result: ScoreResult) -> str:
    """Return the verdict on the distance between smoothed codes and the prior."""
    search = _search_sentence(result.sigma)
    if result.null.mean is None:
        note = f" {_capitalized(result.null.note)}" if result.null.note else ""
        return (
            f"{search}{NO_VERDICT}: there is no null distribution to compare the value with, and a lower "
            f"value is not always closer to N(0, I).{note}"
        )
    if result.z is None:
        note = result.null.note or "all samples of N(0, I) of this size have the same value."
        return f"{NO_VERDICT}: {note}"
    sentence = f"{search}{_saturation(result)}{_verdict_sentence(result)}"
    if result.value < 0:
        sentence += " An unbiased value is negative about half the time for samples of N(0, I)."
    return sentence


def verdict_of(result: ScoreResult) -> str:
    """Return the verdict on a score in a few words."""
    z, p = result.z, result.p_value
    deviation = 0 if z is None else abs(z) if result.two_sided else z
    if deviation > _CERTAIN or (p is not None and (p < _CLEAR or _is_smallest(p, result))):
        return NOT_NORMAL
    if p is None or _least_p(result) >= _BORDERLINE:
        return NO_VERDICT
    return BORDERLINE if p < _BORDERLINE else NORMAL


def _verdict_sentence(result: ScoreResult) -> str:
    verdict, way = verdict_of(result), direction(result)
    sentence = f"{verdict}: {_comparison(result)}"
    if verdict == NO_VERDICT:
        return f"{sentence}{_no_verdict(result)}"
    if verdict == NOT_NORMAL:
        return f"{sentence}.{f' These codes are {way}.' if way else ''}"
    if verdict == BORDERLINE:
        return f"{sentence}.{f' If this is not chance, these codes are {way}.' if way else ''}"
    if _is_smoothed(result):
        return f"{sentence}. Another σ may detect a difference that this one does not: repeat --sigma."
    return f"{sentence}. This can miss a shift of the mean: --target smoothed detects it."


def _no_verdict(result: ScoreResult) -> str:
    """Return why a value and a null distribution give no verdict, after them."""
    if result.p_value is not None:
        least = f"p cannot be below {_least_p(result):.2g} with {result.null.replicates} simulated samples"
        return f", but {least}. Use more --replicates."
    if not result.skewed:
        return f". {_capitalized(result.null.note or 'There is no p-value.')}"
    smoothed = "" if _is_smoothed(result) else ", or --target smoothed --sigma median"
    return f", but {_SKEWED} to convert z to a p-value. Use --null monte-carlo{smoothed}."


def _comparison(result: ScoreResult) -> str:
    """Return the value of the codes next to those of N(0, I)."""
    p = f", {p_sentence(result.p_value)}" if result.p_value is not None else ""
    return (
        f"these codes give {score_value(result)}, and samples of N(0, I) of this size give "
        f"{null_spread(result)} (z = {z_text(result.z)}{p})"
    )


def _other_sentence(result: ScoreResult) -> str:
    """Return the verdict by a metric that does not smooth the codes, and what that metric detects."""
    detects = _detects(result)
    if result.null.mean is None or result.z is None:
        return f"{NO_VERDICT}: {result.null.note or 'there is no null distribution.'} {detects}"
    if result.p_value is not None and verdict_of(result) == NO_VERDICT:
        return f"{NO_VERDICT}: {_comparison(result)}{_no_verdict(result)} {detects}"
    note = f" {_capitalized(result.null.note)}" if result.null.note else ""
    return f"{verdict_of(result)}: {_comparison(result)}. {detects}{note}"


def _detects(result: ScoreResult | CompareResult) -> str:
    return f"What {result.metric} detects: {METRICS[result.metric].detects}."


def _capitalized(text: str) -> str:
    """Return a sentence with a capital, unless it begins with a symbol: Σ is not σ."""
    return text[0].upper() + text[1:] if text[0].isascii() else text


def score_summary(results: Sequence[ScoreResult]) -> str:
    """Return the verdicts of several metrics, or σ, on the same codes."""
    return _by_verdict(results, verdict_of, (NOT_NORMAL, BORDERLINE, NORMAL, NO_VERDICT))


def _by_verdict(results: Sequence[Any], verdict: Callable[[Any], str], order: Sequence[str]) -> str:
    """List the metrics of each verdict, and count the p-values that are expected to be small by chance."""
    metrics: dict[str, list[str]] = {}
    for result in results:
        metrics.setdefault(verdict(result), []).append(metric_and_sigma(result))
    parts = [f"{words}: {', '.join(metrics[words])}." for words in order if words in metrics]
    tests = sum(result.p_value is not None for result in results)
    if tests > 1:
        small = f"about {_BORDERLINE * tests:.2g} of {tests} p-values"
        parts.append(f"By chance alone, {small} would be below {_BORDERLINE:g}.")
    return " ".join(parts)


def _least_p(result: ScoreResult) -> float:
    """Return the smallest p-value that as many simulated samples can give; 0 if there are none."""
    count = result.null.replicates
    return 0.0 if count is None else smallest_p(count, two_sided=result.two_sided)


def _is_smallest(p: float, result: ScoreResult) -> bool:
    """Tell whether no simulated sample is as extreme, of enough samples to be a verdict."""
    return p <= min(_RARE, _least_p(result))


def direction(result: ScoreResult | CompareResult) -> str | None:
    """Return in which direction codes differ from N(0, I), where the sign of z shows it."""
    if (
        not isinstance(result, ScoreResult)
        or result.z is None
        or result.skewed
        or result.target is None
        or _is_smoothed(result)
    ):
        return None
    if result.z > 0:
        return "more spread out, shifted or clustered than N(0, I)"
    return "more concentrated or more evenly spaced than N(0, I); a lower value is not better here"


def _is_smoothed(result: ScoreResult) -> bool:
    return result.target is not None and TARGETS[result.target].smoothed


def _saturation(result: ScoreResult) -> str:
    if not result.saturated or result.sigma is None:
        return ""
    if _is_smoothed(result):
        constant = "1/n + (1 + 1/σ²)^(−D/2)" if result.estimator == "v" else "(1 + 1/σ²)^(−D/2)"
    else:
        constant = "1 + 1/n" if result.sigma.median == 1 else "1 + σ^(−D)/n"
    return (
        f"At D = {result.dim} and σ = {result.sigma.median:g} the distance is saturated: it equals "
        f"{constant} to within rounding for nearly every sample, and only z distinguishes them. "
    )


def value_doubt(result: ScoreResult | CompareResult) -> str | None:
    """Return why a value below a bound is no ground to pass, and what can judge it; None if it is."""
    if result.null.note and result.null.note in (WIDE, COARSE):
        return result.null.note
    if isinstance(result, ScoreResult) and result.saturated:
        return (
            "the distance is saturated: nearly every sample of N(0, I) has this value. "
            "Use --fail-p with --null monte-carlo, or --target smoothed --sigma median."
        )
    return None


def z_doubt(result: ScoreResult, bound: float) -> str | None:
    """Return why a z is no ground to pass a gate or to fail it, and what can judge it; None if it is."""
    z, p = result.z, result.p_value
    if z is None:
        return None
    if p is not None:
        within = z <= bound and (z >= -bound or not result.two_sided)
        # the tail of a normal distribution beyond the bound, which few null distributions are lighter than
        tail = (1 if result.two_sided else 0.5) * math.erfc(bound / math.sqrt(2))
        if result.skewed or (within and p < tail):
            return f"{_SKEWED} to judge by z = {z_text(z)}, with {p_sentence(p)}. Use --fail-p."
        return None
    if not result.skewed:
        return result.null.note
    smoothed = result.target is None or _is_smoothed(result) or result.n < FEWEST
    other = "" if smoothed else ", or --target smoothed --sigma median"
    return f"{_SKEWED} to judge by z = {z_text(z)}. Use --fail-p with --null monte-carlo{other}."


def _search_sentence(sigma: SigmaSummary | None) -> str:
    """Return how an optimisation of σ ended, if there was one."""
    if sigma is None or sigma.evaluations is None:
        return ""
    end = "was interrupted" if sigma.interrupted else "converged" if sigma.converged else "did not converge"
    bounds = ""
    if sigma.at_bounds is not None:
        bounds = f"; {sigma.at_bounds} points are at a bound of --sigma-factor"
    return f"The optimisation of σ {end} after {sigma.evaluations} passes over all pairs{bounds}. "


def sigma_sentence(result: SigmaResult) -> str | None:
    """Return how the σ were found, if by an optimisation."""
    return _search_sentence(result.sigma).rstrip() or None


def compare_sentence(result: CompareResult) -> str:
    """Return the verdict on a distance between two samples, with its numbers."""
    if result.null.note:
        return f"{NO_VERDICT}: {result.null.note}"
    smooths = METRICS[result.metric].smooths
    if smooths and result.expected is None:
        reason = (
            "The value depends on the bounds on σ: compare it only with values of the same covariance family "
            "and --sigma-factor."
            if result.sigma and result.sigma.rule == JOINT
            else "There is no p-value by permutations: σ of a point may depend on the sample it is in."
        )
        return f"{_search_sentence(result.sigma)}{reason}"
    detects = "" if smooths else f" {_detects(result)}"
    return f"{_expected_sentence(result)}{_permutation_sentence(result)}{detects}"


def compare_summary(results: Sequence[CompareResult]) -> str:
    """Return the verdicts of several metrics on the same two samples."""
    tested = [result for result in results if result.p_value is not None]
    if not tested:
        return _ADD_PERMUTATIONS
    return _by_verdict(tested, compare_verdict, (DIFFERENT, BORDERLINE, SAME, NO_VERDICT))


def compare_verdict(result: CompareResult) -> str:
    """Return the verdict of the p-value by permutations in a few words."""
    p, count = result.p_value, result.null.replicates
    if p is None or count is None:
        return NO_VERDICT
    if smallest_permuted_p(result.n, result.m, count) >= _BORDERLINE:
        return NO_VERDICT
    if p >= _BORDERLINE:
        return SAME
    return DIFFERENT if p < _CLEAR or p <= min(_RARE, 1 / (1 + count)) else BORDERLINE


def _expected_sentence(result: CompareResult) -> str:
    """Return the distance relative to that of two samples of the same distribution."""
    if result.expected is None:
        return ""
    if result.expected == 0 and result.estimator != "v":
        return (
            "The unbiased distance between two samples of the same distribution is 0 on average, and "
            "negative about half the time. "
        )
    if not result.expected > 0:
        return "All points are equal, or much closer together than σ. "
    return (
        f"The distance is {result.value / result.expected:.3g} times {result.expected:.4g}, the mean for two "
        "samples of the same distribution (over all permutations of the labels). "
    )


def _permutation_sentence(result: CompareResult) -> str:
    p, count = result.p_value, result.null.replicates
    if p is None or count is None:
        return _ADD_PERMUTATIONS
    hits, verdict = round(p * (1 + count)) - 1, compare_verdict(result)
    sentence = (
        f"{verdict}: {hits} of {count} random permutations of the labels give a distance at "
        f"least this large ({p_sentence(p)})."
    )
    if verdict != NO_VERDICT:
        return sentence
    few, least = 1 / (1 + count) >= _BORDERLINE, smallest_permuted_p(result.n, result.m, count)
    cause = f"{count} permutations" if few else f"{result.n} and {result.m} points"
    remedy = "--permutations" if few else "points"
    return f"{sentence} With {cause}, p cannot be below {least:.2g}. Use more {remedy}."
