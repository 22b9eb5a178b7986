"""Why a number of a result is no ground to pass a gate, and what can judge the codes instead."""

import math

from gaedist.api.compare_result import CompareResult
from gaedist.api.priors import worded
from gaedist.api.score_result import ScoreResult
from gaedist.null.assessment import COARSE, WIDE
from gaedist.null.distributions import FEWEST
from gaedist.null.verdict import NOT_NORMAL
from gaedist.report.numbers import p_sentence, z_text
from gaedist.report.verdicts import SKEWED, effect_of, is_smoothed


def value_doubt(result: ScoreResult | CompareResult) -> str | None:
    """Return why a value below a bound is no ground to pass, and what can judge it; None if it is."""
    if result.null.note and result.null.note in (WIDE, COARSE):
        return result.null.note
    if isinstance(result, ScoreResult) and result.saturated:
        return worded(
            "the distance is saturated: nearly every sample of N(0, I) has this value. "
            "Use --fail-p with --null monte-carlo, or --target smoothed --sigma median.",
            result.prior,
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
            return f"{SKEWED} to judge by z = {z_text(z)}, with {p_sentence(p)}. Use --fail-p."
        return None
    if not result.skewed:
        return result.null.note
    smoothed = result.target is None or is_smoothed(result) or result.n < FEWEST
    other = "" if smoothed else ", or --target smoothed --sigma median"
    return f"{SKEWED} to judge by z = {z_text(z)}. Use --fail-p with --null monte-carlo{other}."


def effect_doubt(result: ScoreResult, bound: float) -> str | None:
    """Return why a score has no effect, or why its effect means nothing; None if it does."""
    effect = effect_of(result)
    if effect == math.inf:
        if result.judgement.verdict == NOT_NORMAL:
            return None
        return "no shift of the mean gives as large a value, and it may be chance. Use --fail-p."
    if effect is not None:
        return None
    if result.excess is None:
        return result.null.note
    if result.two_sided and result.excess < 0 and result.target is not None:
        below = "the value is below that of N(0, I), as no shift of the mean makes it. Use --target smoothed."
        return worded(below, result.prior)
    return f"{result.metric} does not measure shifts of the mean with these options. Use another --metric."
