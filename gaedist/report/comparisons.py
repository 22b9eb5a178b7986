"""What a comparison of two samples means, in words: the sentence below its table."""

from collections.abc import Sequence

from gaedist.api.compare_result import CompareResult
from gaedist.api.priors import units_sentence
from gaedist.metrics.registry import METRICS
from gaedist.null.permutations import smallest_permuted_p
from gaedist.null.verdict import BORDERLINE, CLEAR, NO_VERDICT, RARE, UNLIKELY
from gaedist.report.numbers import p_sentence
from gaedist.report.verdicts import by_verdict, detects, search_sentence
from gaedist.smoothing.rules import JOINT

DIFFERENT, SAME = "Different distributions", "No difference detected"
"""Verdicts on two samples, in addition to `BORDERLINE` and `NO_VERDICT`."""

_ADD_PERMUTATIONS = "Add --permutations 999 to test whether the difference is real."


def compare_sentence(result: CompareResult) -> str:
    """Return the verdict on a distance between two samples, with its numbers."""
    return " ".join(filter(None, (_verdict_sentence(result), units_sentence(result.prior))))


def _verdict_sentence(result: CompareResult) -> str:
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
        return f"{search_sentence(result.sigma)}{reason}"
    detected = "" if smooths else f" {detects(result)}"
    return f"{_expected_sentence(result)}{_permutation_sentence(result)}{detected}"


def compare_summary(results: Sequence[CompareResult]) -> str:
    """Return the verdicts of several metrics on the same two samples."""
    return " ".join(filter(None, (_verdicts(results), units_sentence(results[0].prior))))


def _verdicts(results: Sequence[CompareResult]) -> str:
    tested = [result for result in results if result.p_value is not None]
    if not tested:
        return _ADD_PERMUTATIONS
    return by_verdict(tested, compare_verdict, (DIFFERENT, BORDERLINE, SAME, NO_VERDICT))


def compare_verdict(result: CompareResult) -> str:
    """Return the verdict of the p-value by permutations in a few words."""
    p, count = result.p_value, result.null.replicates
    if p is None or count is None:
        return NO_VERDICT
    if smallest_permuted_p(result.n, result.m, count) >= UNLIKELY:
        return NO_VERDICT
    if p >= UNLIKELY:
        return SAME
    return DIFFERENT if p < CLEAR or p <= min(RARE, 1 / (1 + count)) else BORDERLINE


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
    few, least = 1 / (1 + count) >= UNLIKELY, smallest_permuted_p(result.n, result.m, count)
    cause = f"{count} permutations" if few else f"{result.n} and {result.m} points"
    remedy = "--permutations" if few else "points"
    return f"{sentence} With {cause}, p cannot be below {least:.2g}. Use more {remedy}."
