"""Numbers of results as people read them: only significant digits, and – for none."""

import math

from gaedist.api.compare_result import CompareResult
from gaedist.api.inspect import ArrayReport
from gaedist.api.score_result import ScoreResult
from gaedist.api.sigma import Spread
from gaedist.engine import SAMPLE
from gaedist.null.verdict import UNLIKELY
from gaedist.smoothing.rules import is_pooled
from gaedist.smoothing.smooth import SigmaSummary

_MANY = 1e6
"""|z| from which z is written with three digits."""

_UNREADABLE = math.log(1e6)
"""Logarithm of a value from which it is written with its logarithm to base 10."""

_FAINTEST = 1e-12
"""Smallest p-value that is written out: below it, approximations have no correct digit."""

_ROUNDING = 1e-13
"""Norm of the mean, in standard deviations, that rounding leaves of centred codes."""


def z_text(z: float | None) -> str:
    """Write z to two decimals, or three digits where it is large; – for none."""
    return "–" if z is None else f"{z:+.2f}" if abs(z) < _MANY else f"{z:+.3g}"


def p_sentence(p: float) -> str:
    """Write p = …, or p < … ."""
    return f"p {p_text(p)}" if p < _FAINTEST else f"p = {p_text(p)}"


def p_text(p: float | None) -> str:
    """Write a p-value to two digits; – for none."""
    if p is None:
        return "–"
    return f"< {_FAINTEST:g}" if p < _FAINTEST else f"{p:.2g}"


def p_or_bound(result: ScoreResult, *, in_sentence: bool = False) -> str:
    """Write the p-value of a score, or what bounds it: "≤ …"; – for neither, or nothing in a sentence."""
    if result.p_value is None and result.p_bound is not None and result.p_bound < 1:
        return f"{'p ' if in_sentence else ''}≤ {result.p_bound:.2g}"
    if result.p_value is None:
        return "" if in_sentence else "–"
    return p_sentence(result.p_value) if in_sentence else p_text(result.p_value)


def p_together(result: ScoreResult) -> str:
    """Write the p-value of both distances of a default score, or what bounds it."""
    found = result.judgement
    assert found.p is not None
    return f"p ≤ {found.p:.2g}" if found.is_bound else p_sentence(found.p)


def effect_text(result: ScoreResult) -> str:
    """Write the effect to two digits; ∞ where no shift gives as large a value.

    A value without a small p-value is chance, and – where that may be a large effect.
    """
    p = result.judgement.p
    if (result.effect == math.inf or result.two_sided) and not (p is not None and p < UNLIKELY):
        return "–"
    if result.effect == math.inf:
        return "∞"
    return "–" if result.effect is None else number(result.effect, digits=2)


def sizes(found: SigmaSummary | Spread | None) -> str:
    """Write one σ and the rule that chose it, or the least, median and largest of several."""
    if found is None:
        return "–"
    if found.min == found.max:
        rule = f" {found.rule}" if isinstance(found, SigmaSummary) and is_pooled(found.rule) else ""
        return f"{number(found.median)}{rule}"
    return f"{number(found.min)} … {number(found.median)} … {number(found.max)}"


def null_spread(result: ScoreResult) -> str:
    """Write mean ± sd of the null distribution, to two digits of the sd; – if beyond a double."""
    mean, sd = result.null.mean, result.null.sd
    if mean is None or sd is None or math.isinf(mean):
        return "–"
    decimals = _decimals(result)
    if decimals is None:
        return f"{number(mean)} ± {number(sd)}"
    return f"{mean:.{decimals}f} ± {sd:.{decimals}f}"


def score_value(result: ScoreResult) -> str:
    """Write the value to two digits of the null sd, with ≈ if it was estimated from some of the pairs."""
    decimals = _decimals(result)
    value = readable(result.value, result.log_value) if decimals is None else f"{result.value:.{decimals}f}"
    return f"≈ {value}" if result.method == SAMPLE and result.value_se else value


def metric_and_sigma(result: ScoreResult | CompareResult) -> str:
    """Write the metric, and σ if the result has one."""
    return result.metric if result.sigma is None else f"{result.metric} (σ = {sizes(result.sigma)})"


def value_and_error(result: ScoreResult | CompareResult) -> str:
    """Write the value, and its standard error if it was estimated."""
    value = score_value(result) if isinstance(result, ScoreResult) else number(result.value, result.log_value)
    return f"{value} ± {result.value_se:.1g}" if result.value_se else value


def permuted_spread(result: CompareResult) -> str:
    """Write mean ± sd of the distance over permutations of the labels, as far as they are known."""
    mean = result.null.mean if result.expected is None else result.expected
    return f"{number(mean)} ± {result.null.sd:.2g}" if result.null.sd else number(mean)


def mean_norm(report: ArrayReport) -> str:
    """Write the norm of the mean vector; 0 if it is no more than rounding."""
    if report.mean_norm is None or report.sd_max is None:
        return "–"
    return number(report.mean_norm if report.mean_norm > _ROUNDING * report.sd_max else 0.0)


def number(value: float | None, log_value: float | None = None, *, digits: int = 4) -> str:
    """Write a number to so many digits; as a power of e if it is too large for a double; – for none.

    Without ``log_value`` it is not known how large an infinite number is.
    """
    if value is None or (math.isinf(value) and log_value is None):
        return "–"
    return f"{value:.{digits}g}" if math.isfinite(value) or log_value == math.inf else f"e^{log_value:.1f}"


def readable(value: float, log_value: float | None) -> str:
    """Write a value, with its logarithm to base 10 where it is too large to be read."""
    text = number(value, log_value)
    if log_value is None or not _UNREADABLE < log_value < math.inf:
        return text
    return f"{text} (log₁₀ {log_value / math.log(10):.2f})"


def _decimals(result: ScoreResult) -> int | None:
    """Return how many decimals show two digits of the null sd; None if that is too many or too few."""
    sd = result.null.sd
    if sd is None or not 1e-8 < sd < 1e4 or not abs(result.value) < 1e6:
        return None
    return max(0, 1 - math.floor(math.log10(sd)))
