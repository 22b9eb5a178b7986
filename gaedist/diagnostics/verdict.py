"""The verdict of the panel: one plain paragraph."""

from collections.abc import Sequence

from gaedist.diagnostics.panel import CheckResult
from gaedist.diagnostics.power import Detectable
from gaedist.diagnostics.registry import CHECKS
from gaedist.diagnostics.words import capitalized, joined, number

_MOST = 5  # findings in a paragraph


def verdict(results: Sequence[CheckResult], power: Detectable, no_p: str | None = None) -> str:
    """Return the findings, at most five, with where and what they mean; or what would have been found.

    ``no_p`` says why there are no p-values.
    """
    if no_p:
        return f"No verdict: {no_p}"
    judged = [result for result in results if result.p_adjusted is not None]
    if not judged:
        return "No verdict: no check applies to this sample."
    found = sorted((result for result in judged if result.found), key=lambda result: result.log_p)
    if not found:
        return f"{_nothing(judged)} {_sensitivity(power)}"
    news = [result for result in found if result.follows_from is None]
    sentences = [
        part
        for result in news[:_MOST]
        for part in (result.sentence or "", CHECKS[result.name].meaning)
        if part
    ]
    sentences = list(dict.fromkeys(sentences))  # a meaning once
    if len(news) > _MOST:
        sentences.append(f"Also found: {joined([result.name for result in news[_MOST:]])}.")
    consequences: dict[str, list[str]] = {}
    for result in found:
        if result.follows_from:
            consequences.setdefault(result.follows_from, []).append(result.name)
    for cause, names in consequences.items():
        verb = "follows" if len(names) == 1 else "follow"
        sentences.append(f"{capitalized(joined(names))} {verb} from {cause}.")
    return " ".join(sentences)


def _nothing(judged: Sequence[CheckResult]) -> str:
    least = min(judged, key=lambda result: (result.p_adjusted or 0.0, result.log_p))
    checks = f"{len(judged)} checks" if len(judged) > 1 else "1 check"
    return (
        f"No departure from N(0, I) found by {checks}; smallest adjusted p {number(least.p_adjusted or 0.0)} "
        f"({least.name})."
    )


def _sensitivity(power: Detectable) -> str:
    sizes = [f"a mean of {number(power.shift)}"]
    if power.sd_low is not None and power.sd_high is not None:
        sizes.append(f"an sd below {number(power.sd_low)} or above {number(power.sd_high)}")
    pair = f", or two axes with a correlation of {number(power.correlation)}" if power.correlation else ""
    found = f"would have been found with {100 * power.power:g} % probability"
    return f"One axis with {' or '.join(sizes)}{pair} {found}."
