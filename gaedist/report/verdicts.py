"""What a score means, in words: the paragraphs below a table."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gaedist.api.compare_result import CompareResult
from gaedist.api.priors import units_sentence, worded
from gaedist.api.score_result import ScoreResult
from gaedist.api.sigma import SigmaResult
from gaedist.engine import SAMPLE
from gaedist.metrics.registry import METRICS
from gaedist.mixtures.prior import MIXTURE
from gaedist.mixtures.targets import TARGETS
from gaedist.null.assessment import DEGENERATE
from gaedist.null.verdict import BORDERLINE, NO_VERDICT, NORMAL, NOT_NORMAL, UNLIKELY, Evidence
from gaedist.report.blind_spots import blind_spot
from gaedist.report.numbers import (
    metric_and_sigma,
    null_spread,
    number,
    p_or_bound,
    p_together,
    score_value,
    z_text,
)
from gaedist.report.posteriors import posterior_sentence
from gaedist.smoothing.smooth import SigmaSummary

VERDICTS = NOT_NORMAL, BORDERLINE, NORMAL, NO_VERDICT
"""In the order in which they are listed."""

SKEWED = "the null distribution is too skewed at this n, D and σ"

_MOST_NAMES = 8  # files that a paragraph names


@dataclass(frozen=True)
class Paragraph:
    """What is said of a score.

    Attributes
    ----------
    before : str
        What comes before the verdict: how σ was found, or that the distance is saturated.
    verdict : str
        The verdict.
    numbers : str
        The numbers that it rests on, which a table of several files has in its columns.
    rest : str
        What it means, or why there is none.
    """

    before: str
    verdict: str
    numbers: str
    rest: str

    @property
    def alone(self) -> str:
        """The paragraph below a table of one row."""
        return f"{self.before}{self.verdict}: {' '.join(filter(None, (self.numbers, self.rest)))}"

    def of(self, labels: Sequence[str]) -> str:
        """Return the paragraph for rows with these labels, which it names."""
        shown, others = labels[:_MOST_NAMES], len(labels) - _MOST_NAMES
        names = ("; " if any("," in label for label in labels) else ", ").join(shown)
        more = f" and {others} more" if others > 0 else ""
        return f"{self.verdict}: {names}{more}. {_capitalized(f'{self.before}{self.rest}')}".rstrip()


def score_sentence(result: ScoreResult) -> str:
    """Return the verdict on a score, with its numbers, and what the distance cannot see."""
    closing = " ".join(filter(None, (blind_spot([result]), units_sentence(result.prior))))
    paragraph = worded(_paragraph(result).alone, result.prior)
    return " ".join(filter(None, (paragraph, _about(result), worded(closing, result.prior))))


def score_paragraphs(labels: Sequence[str], results: Sequence[ScoreResult]) -> list[str]:
    """Return a paragraph for each verdict on several rows, and one on what the distance cannot see."""
    groups: dict[tuple[str, str, str], tuple[Paragraph, list[str]]] = {}
    for label, result in zip(labels, results, strict=True):
        found = _paragraph(result)
        groups.setdefault((found.verdict, found.before, found.rest), (found, []))[1].append(label)
    ordered = sorted(groups.values(), key=lambda group: VERDICTS.index(group[0].verdict))
    paragraphs = [found.of(named) for found, named in ordered]
    described = zip(labels, results, strict=True)
    about = {r.posterior: f"{label}: {_about(r)}" for label, r in described if r.posterior}
    prior = results[0].prior
    closing = " ".join(filter(None, (blind_spot(results), units_sentence(prior))))
    return [
        *(worded(text, prior) for text in paragraphs),
        *about.values(),
        *filter(None, [worded(closing, prior)]),
    ]


def _about(result: ScoreResult) -> str:
    """Return what the posteriors are whose sample or mixture was measured."""
    return posterior_sentence(result.posterior, result.dim)


def _paragraph(result: ScoreResult) -> Paragraph:
    if result.null.method == DEGENERATE:
        value = f"{result.metric} is {score_value(result)}:"
        return Paragraph("", result.judgement.verdict, value, result.null.note or "")
    before = search_sentence(result.sigma)
    note = _capitalized(result.null.note) if result.null.note else ""
    smooths = METRICS[result.metric].smooths
    if result.null.mean is None or not any(part.z is not None for part in result.parts):
        if not smooths:
            return Paragraph("", NO_VERDICT, "", result.null.note or "there is no null distribution.")
        if result.null.mean is not None:
            same = "all samples of N(0, I) of this size have the same value."
            return Paragraph("", NO_VERDICT, "", result.null.note or same)
        why = "there is no null distribution to compare the value with"
        if not is_mixture(result):
            why += ", and a lower value is not always closer to N(0, I)"
        why += "."
        return Paragraph(before, NO_VERDICT, "", f"{why} {note}".rstrip())
    if result.judgement.verdict == NO_VERDICT and smooths:
        reason = _no_verdict(result.parts[-1])
        numbers = f"{_comparison(result)}{'.' if reason[0].isupper() else ', but'}"
        return Paragraph(f"{before}{_saturation(result)}", NO_VERDICT, numbers, reason)
    rest = [_no_verdict(result)] if result.judgement.verdict == NO_VERDICT else _meaning(result)
    if not smooths:
        rest.append(note if result.judgement.verdict != NO_VERDICT else "")
    if smooths and result.value < 0:
        rest.append("An unbiased value is negative about half the time for samples of N(0, I).")
    numbers = f"{_comparison(result)}.{_effect(result)}{_error(result)}"
    return Paragraph(
        f"{before}{_saturation(result)}", result.judgement.verdict, numbers, " ".join(filter(None, rest))
    )


def _meaning(result: ScoreResult) -> list[str]:
    """Return in which direction codes differ, where that is known."""
    way = direction(result)
    if way is None or result.judgement.verdict not in (NOT_NORMAL, BORDERLINE):
        return []
    chance = "If this is not chance, these" if result.judgement.verdict == BORDERLINE else "These"
    return [f"{chance} codes are {way}."]


def _no_verdict(result: ScoreResult) -> str:
    """Return why a value and a null distribution give no verdict."""
    count = result.null.replicates
    if result.p_value is not None and count is not None:
        least = Evidence.given(None, result.p_value, None, result.two_sided, count).least
        return f"p cannot be below {least:.2g} with {count} simulated samples. Use more --replicates."
    if not result.skewed:
        return _capitalized(result.null.note or "There is no p-value.")
    smoothed = "" if is_smoothed(result) else ", or --target smoothed --sigma median"
    return f"{SKEWED} to convert z to a p-value. Use --null monte-carlo{smoothed}."


def _comparison(result: ScoreResult) -> str:
    """Return the value of the codes next to those of N(0, I), of the companion too."""
    first, *others = result.parts
    p = "" if others else p_or_bound(result, in_sentence=True)
    text = (
        f"these codes give {score_value(first)}, and samples of N(0, I) of this size give "
        f"{null_spread(first)} (z = {z_text(first.z)}{f', {p}' if p else ''})"
    )
    for other in others:
        text += (
            f"; with the smoothed target at σ = √D, {score_value(other)} and {null_spread(other)} "
            f"(z = {z_text(other.z)})"
        )
    return f"{text}; together {p_together(result)}" if others and result.p_combined is not None else text


def _effect(result: ScoreResult) -> str:
    """Return how far codes are that are not N(0, I), as a shift of the mean."""
    effect = effect_of(result)
    if not effect or result.judgement.verdict not in (NOT_NORMAL, BORDERLINE):
        return ""
    if effect == math.inf:
        return " No shift of the mean takes codes as far."
    return f" This is as far as a mean shift of {number(effect, digits=2)}."


def _error(result: ScoreResult) -> str:
    if result.method != SAMPLE or not result.value_se:
        return ""
    return f" Estimated from some of the pairs, with a standard error of {result.value_se:.1g}."


def effect_of(result: ScoreResult) -> float | None:
    """Return the effect on which gates and sentences rest: with a companion, the larger that is no chance.

    The companion's counts always, and that of the value where it has the smaller p-value, below 5 %: in many
    dimensions it is large for samples of N(0, I) as well.
    """
    first, *others = result.parts
    if not others:
        return first.effect
    least = min((part.judgement.p for part in others if part.judgement.p is not None), default=1.0)
    p = first.judgement.p
    counts = first.effect is not None and p is not None and p < min(UNLIKELY, least)
    found = [part.effect for part in ([first] if counts else []) + others if part.effect is not None]
    return max(found, default=None)


def direction(result: ScoreResult | CompareResult) -> str | None:
    """Return in which direction codes differ from N(0, I), where the sign of z shows it."""
    if (
        not isinstance(result, ScoreResult)
        or result.z is None
        or result.skewed
        or result.target is None
        or is_smoothed(result)
        or is_mixture(result)
        or (result.companion and result.parts[0].judgement.verdict not in (NOT_NORMAL, BORDERLINE))
    ):
        return None
    way = "more concentrated or more evenly spaced than N(0, I); a lower value is not better here"
    if result.z > 0:
        way = "more spread out, shifted or clustered than N(0, I)"
    return worded(way, result.prior)


def score_summary(results: Sequence[ScoreResult]) -> str:
    """Return the verdicts of several metrics, or σ, on the same codes."""
    listed = by_verdict(results, lambda result: str(result.judgement.verdict), VERDICTS)
    prior = results[0].prior
    return " ".join(filter(None, (worded(listed, prior), units_sentence(prior), _about(results[0]))))


def by_verdict(results: Sequence[Any], verdict: Callable[[Any], str], order: Sequence[str]) -> str:
    """List the metrics of each verdict, and count the p-values that are expected to be small by chance."""
    metrics: dict[str, list[str]] = {}
    for result in results:
        metrics.setdefault(verdict(result), []).append(metric_and_sigma(result))
    parts = [f"{words}: {', '.join(metrics[words])}." for words in order if words in metrics]
    tests = sum(result.p_value is not None for result in results)
    if tests > 1:
        small = f"about {UNLIKELY * tests:.2g} of {tests} p-values"
        parts.append(f"By chance alone, {small} would be below {UNLIKELY:g}.")
    return " ".join(parts)


def detects(result: ScoreResult | CompareResult) -> str:
    """Return what a metric detects."""
    return f"What {result.metric} detects: {METRICS[result.metric].detects}."


def is_smoothed(result: ScoreResult) -> bool:
    """Tell whether the target is the smoothed one."""
    return result.target is not None and TARGETS[result.target].smoothed


def is_mixture(result: ScoreResult) -> bool:
    """Tell whether the aggregate posterior itself was measured, whose distance is 0 at N(0, I) only."""
    return result.posterior is not None and result.posterior.is_mixture


def _capitalized(text: str) -> str:
    """Return a sentence with a capital, unless it begins with a symbol: Σ is not σ."""
    return text[:1].upper() + text[1:] if text[:1].isascii() else text


def _saturation(result: ScoreResult) -> str:
    if not result.saturated or result.sigma is None or result.companion:
        return ""
    if result.prior and result.prior.kind == MIXTURE:
        constant = "the same number"
    elif is_smoothed(result):
        constant = "1/n + (1 + 1/σ²)^(−D/2)" if result.estimator == "v" else "(1 + 1/σ²)^(−D/2)"
    else:
        constant = "1 + 1/n" if result.sigma.median == 1 else "1 + σ^(−D)/n"
    return (
        f"At D = {result.dim} and σ = {result.sigma.median:g} the distance is saturated: it equals "
        f"{constant} to within rounding for nearly every sample, and only z distinguishes them. "
    )


def search_sentence(sigma: SigmaSummary | None) -> str:
    """Return how an optimisation of σ ended, if there was one."""
    if sigma is None or sigma.evaluations is None:
        return ""
    end = "was interrupted" if sigma.interrupted else "converged" if sigma.converged else "did not converge"
    bounds = ""
    if sigma.at_bounds is not None:
        bounds = f"; {sigma.at_bounds} points are at a bound of --sigma-factor"
    return f"The optimisation of σ {end} after {sigma.evaluations} passes over all pairs{bounds}. "


def sigma_sentence(result: SigmaResult) -> str | None:
    """Return how the σ were found, if by an optimisation, and in whose units they are."""
    return f"{search_sentence(result.sigma)}{units_sentence(result.prior)}".rstrip() or None
