"""Where a prior takes the place of N(0, I): in the codes, and in the words about them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gaedist.api.score_result import ScoreResult
from gaedist.diagnostics.panel import CheckResult
from gaedist.errors import GaedistError
from gaedist.files.codes import Codes, Latents
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.mixtures.prior import Prior, PriorSummary
from gaedist.mixtures.prior_files import as_prior
from gaedist.numerics import Array

PriorLike = Prior | str | os.PathLike[str]
"""A prior, or the name of a file of one."""

NORMAL = "N(0, I)"
"""The prior of which all texts speak, unless another is given."""

SAMPLE_IT = (
    "compare with a sample of the prior: gaedist sample PRIOR -n N -o FILE (Prior.sample), then "
    "gaedist compare."
)
"""What to do with a mixture where a Gaussian prior is needed."""

_UNITS = {
    "whitened": "Codes were whitened by the prior, so numbers are in its units.",
    "codes": "Numbers are in units of the codes.",
}
_AXES = "Axis j is what axis j of the codes adds to those before it."


def gaussian_prior(prior: PriorLike | None, what: str) -> Prior | None:
    """Return a prior that codes can be whitened by; raise `GaedistError` for a mixture.

    ``what`` it would be for is the beginning of the message.
    """
    given = as_prior(prior)
    if given and given.mixture:
        raise GaedistError(
            f"{what} needs a Gaussian prior, and {given.title} is a mixture. Instead, {SAMPLE_IT}"
        )
    return given


def in_its_units(prior: Prior | None, x: Array, codes: Codes) -> Array:
    """Return codes in which the prior is N(0, I), or as they are for a mixture or none.

    Parameters
    ----------
    prior : Prior, optional
        The prior.
    x : (n, D) array
        What `gaedist.files.codes.as_codes` made of ``codes``.
    codes : array_like, Latents or path
        What the caller passed. x is overwritten unless the caller may still need it.
    """
    if prior is None:
        return x
    if prior.whitening is None:
        prior.check_dim(x.shape[1])
        return x
    return prior.whitened(x, in_place=_is_ours(codes, x))


def _is_ours(codes: Codes, x: Array) -> bool:
    if isinstance(codes, Latents):
        return codes.disposable
    if isinstance(codes, str | os.PathLike):
        return True
    return isinstance(codes, np.ndarray) and not np.may_share_memory(codes, x)


def worded(text: str, prior: PriorSummary | Prior | None) -> str:
    """Return a text about N(0, I) as one about the prior, if there is one."""
    if prior is None:
        return text
    text = text.replace("gaedist diagnose FILE", "gaedist diagnose FILE --prior PRIOR")
    text = re.sub(rf"(^|[.?!] ){re.escape(NORMAL)}", r"\1The prior", text)
    return text.replace(NORMAL, "the prior")


def about_prior(result: ScoreResult, prior: Prior) -> ScoreResult:
    """Return a score with the prior, of which all its texts speak."""
    companion = result.companion
    if companion and companion.note:
        companion = replace(companion, note=worded(companion.note, prior))
    note = worded(result.null.note, prior) if result.null.note else None
    return replace(
        result,
        null=replace(result.null, note=note),
        companion=companion,
        verdict=worded(result.verdict, prior),
        prior=prior.summary,
    )


def check_metrics(names: Sequence[str], prior: Prior | None) -> None:
    """Raise `GaedistError` for a metric that a mixture prior does not go with."""
    for name in names if prior and prior.mixture else ():
        if not ONE_SAMPLE[name].smooths:
            takers = [taker for taker, row in ONE_SAMPLE.items() if row.smooths]
            raise GaedistError(
                f"a mixture prior is for {' and '.join(takers)}, not for {name}. Instead, {SAMPLE_IT}"
            )


def units_sentence(prior: PriorSummary | None) -> str:
    """Return in whose units numbers are; nothing without a prior."""
    return "" if prior is None else _UNITS[prior.units]


def units_sentences(prior: Prior | None) -> tuple[str, ...]:
    """Return the units of a prior; where whitening mixes axes, also what the axes of whitened codes are."""
    if prior is None:
        return ()
    mixed = prior.whitening is not None and prior.whitening.mixes_axes
    return units_sentence(prior.summary), *([_AXES] if mixed else [])


def about_check(check: CheckResult, prior: Prior | None) -> CheckResult:
    """Return a check whose texts speak of the prior, if there is one."""
    quantity, sentence, note = (
        text and worded(text, prior) for text in (check.quantity, check.sentence, check.note)
    )
    return replace(check, quantity=quantity, sentence=sentence, note=note)
