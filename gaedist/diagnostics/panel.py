"""The panel of checks on one sample: adjusted p-values, and which findings follow from others."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Place, PremiseError
from gaedist.diagnostics.registry import CHECKS
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.words import counted
from gaedist.null.distributions import clipped
from gaedist.null.tails import holm

_REPEATED = 1 << 24  # numbers of codes on which checks are repeated without a cause
_POINTS_PER_AXIS = 2  # fewer, and codes are not whitened

Removal = Callable[[Sample], Sample | None]
"""From codes to codes without a cause; None where there are too few."""


@dataclass(frozen=True)
class CheckResult:
    """A check of one sample.

    Attributes
    ----------
    name : str
        The check, a name in `gaedist.diagnostics.registry.CHECKS`.
    statistic : float, optional
        The statistic of its strongest part; None where the check does not apply.
    p_value : float, optional
        Its p-value.
    p_adjusted : float, optional
        The p-value adjusted over all checks by Holm's procedure.
    found : bool, optional
        The adjusted p-value is at most alpha.
    effect : float, optional
        The size of the departure, in the units of ``quantity``.
    quantity : str, optional
        What ``effect`` is.
    details : dict
        Name → further numbers that describe the departure.
    where : tuple of Place
        Axes, pairs of axes, directions or rows, the strongest first; of no finding, the most extreme.
    follows_from : str, optional
        The finding that this one is a consequence of: without that, it vanishes.
    sentence : str, optional
        What was found, in plain words.
    note : str, optional
        Why the check does not apply, or has no p-value.
    """

    name: str
    statistic: float | None
    p_value: float | None
    p_adjusted: float | None
    found: bool | None
    effect: float | None
    quantity: str | None
    details: dict[str, float]
    where: tuple[Place, ...]
    follows_from: str | None
    sentence: str | None
    note: str | None
    log_p: float = 0.0


def examine(
    sample: Sample, names: Sequence[str], alpha: float, *, no_p: str | None = None
) -> list[CheckResult]:
    """Run checks on a sample, and those that are found again on codes without their possible causes.

    ``no_p`` says why there are no p-values; results have their sizes and places then.
    """
    outcomes: dict[str, Outcome] = {}
    notes: dict[str, str] = {}
    for done, name in enumerate(names):
        try:
            outcomes[name] = CHECKS[name].run(sample)
        except PremiseError as error:
            notes[name] = f"{error}."
        if sample.run.progress:
            sample.run.progress(done + 1, len(names))
    if no_p:
        return [
            _without_p(_result(name, outcomes[name], 1.0, alpha, None), no_p)
            if name in outcomes
            else _not_applied(name, notes[name])
            for name in names
        ]
    p_values = np.array([p_of(outcome.log_p) for outcome in outcomes.values()])
    adjusted = dict(zip(outcomes, map(float, holm(p_values)), strict=True))
    found = {name: outcomes[name] for name in outcomes if adjusted[name] <= alpha}
    causes: dict[str, str | None] = {}
    for name in [name for name in _RESOLVED if name in found]:
        causes[name] = _cause(sample, CHECKS[name], found, [c for c in found if not causes.get(c)], alpha)
    return [
        _result(name, outcomes[name], adjusted[name], alpha, causes.get(name))
        if name in outcomes
        else _not_applied(name, notes[name])
        for name in names
    ]


def _not_applied(name: str, note: str) -> CheckResult:
    return CheckResult(name, None, None, None, None, None, None, {}, (), None, None, note)


def _without_p(result: CheckResult, why: str) -> CheckResult:
    return replace(result, p_value=None, p_adjusted=None, found=None, note=why)


def p_of(log_p: float) -> float:
    """Return a p-value from its logarithm, not below the smallest normal double."""
    return clipped(math.exp(log_p)) or 0.0


def _result(name: str, outcome: Outcome, adjusted: float, alpha: float, cause: str | None) -> CheckResult:
    strongest, found = outcome.strongest, adjusted <= alpha
    parts = (outcome.significant(math.log(alpha)) if found else []) or [strongest]
    where = dict.fromkeys(place for part in parts for place in (part.places if found else part.places[:1]))
    return CheckResult(
        name=name,
        statistic=strongest.statistic,
        p_value=p_of(outcome.log_p),
        p_adjusted=adjusted,
        found=found,
        effect=outcome.effect,
        quantity=outcome.quantity,
        details=dict(outcome.details),
        where=tuple(where),
        follows_from=cause,
        sentence=" ".join(part.sentence for part in parts) if found else None,
        note=None,
        log_p=outcome.log_p,
    )


def _standardised(sample: Sample) -> Sample | None:
    return sample.standardised


def _whitened(sample: Sample) -> Sample | None:
    return sample.whitened if sample.n > _POINTS_PER_AXIS * sample.dim else None


def _thinned(sample: Sample) -> Sample:
    """Return rows that are so far apart that an autoregression of the measured size leaves 5 % of it."""
    r = min(0.95, max(0.05, abs(CHECKS["order"].run(sample).effect)))
    step = max(2, math.ceil(math.log(0.05) / math.log(r)))
    return Sample(np.ascontiguousarray(sample.x[::step]), sample.run, sample.top, sample.level, sample.axes)


def _distinct(sample: Sample) -> Sample:
    """Return one of each group of equal rows."""
    order, starts = sample.rows_by_hash
    return Sample(sample.x[np.sort(order[starts])], sample.run, sample.top, sample.level, sample.axes)


REMOVALS: tuple[tuple[tuple[str, ...], Removal], ...] = (
    (("location", "scale"), _standardised),
    (("dependence",), _whitened),
    (("radius",), Sample.rescaled),
    (("marginals",), Sample.normal_scores),
    (("order",), _thinned),
    (("points",), _distinct),
)
"""Checks, and what makes codes without their findings."""

_RESOLVED = (
    "points", "order", "radius", "marginals", "scale", "location", "dependence", "squares", "directions"
)  # fmt: skip
"""The order in which causes are looked for: a finding that has a cause is not the cause of another."""


def _cause(
    sample: Sample, check: Check, found: dict[str, Outcome], possible: Sequence[str], alpha: float
) -> str | None:
    """Return the finding without which a check finds nothing, or None."""
    log_alpha, some = math.log(alpha), sample.head(_REPEATED)
    steps = [
        (names, removal)
        for candidates, removal in REMOVALS
        if (names := [name for name in candidates if name in check.explained_by and name in possible])
    ]
    for names, removal in steps:
        if check.adjusted and removal not in (_thinned, _distinct):
            log_p = check.adjusted(sample)
        else:
            without = removal(some)
            log_p = -math.inf if without is None else _log_p(check, without)
        if log_p > log_alpha:
            return _described(names, found, sample.top)
    for names, removal in steps if len(steps) > 1 and not check.adjusted else []:
        some = removal(some) or some
        if _log_p(check, some) > log_alpha:
            return _described(names, found, sample.top)
    return None


def _log_p(check: Check, sample: Sample) -> float:
    """Return log p of a check; 0 if it does not apply to what is left of the codes."""
    if sample.dim == 0:
        return 0.0
    try:
        return check.run(sample).log_p
    except PremiseError:
        return 0.0


def _described(names: Sequence[str], found: dict[str, Outcome], top: int) -> str:
    """Return the strongest of some findings, and its axes if they are few."""
    name = min(reversed(names), key=lambda name: found[name].log_p)
    places = found[name].strongest.places
    return f"{name}{_of_places(places) if len(places) < max(2, top) else ''}"


def _of_places(places: Sequence[Place]) -> str:
    """Write of axis 3, or of axes 3 and 17, or nothing."""
    if places and places[0].kind == "axis":
        return f" of {counted('axis', [place.indices[0] for place in places])}"
    if places and places[0].kind == "pair":
        return f" of {counted('axis', places[0].indices)}"
    return ""
