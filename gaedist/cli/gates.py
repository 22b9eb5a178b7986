"""Gates: bounds on results that make a command exit with 1, and the exit code of a command.

A gate that cannot be evaluated, or that no result can fail, is refused before anything is computed.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from gaedist.api.compare_result import CompareResult
from gaedist.api.score_result import ScoreResult
from gaedist.cli.standard_streams import complain
from gaedist.errors import BAD_INPUT, DONE, GATE_FAILED, NO_MEMORY, ClusterError, GaedistError, lacks_memory
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.null.assessment import DEGENERATE
from gaedist.null.distributions import smallest_p
from gaedist.null.monte_carlo import REPLICATES
from gaedist.null.permutations import smallest_permuted_p
from gaedist.null.verdict import NOT_NORMAL
from gaedist.report.doubts import effect_doubt, value_doubt, z_doubt
from gaedist.report.verdicts import direction, effect_of

Result = ScoreResult | CompareResult


def _whole(result: Result) -> list[tuple[str, Result]]:
    return [("", result)]


def _together(result: Result) -> list[tuple[str, Result]]:
    """Return a result with the words that its p-value is of two distances, if it is."""
    return [(" of both distances" if getattr(result, "companion", None) else "", result)]


def _each(result: Result) -> list[tuple[str, Result]]:
    """Return each distance of a result, with its name."""
    return list(zip(("", " of the smoothed target at σ = √D"), _parts(result), strict=False))


def _parts(result: Result) -> Sequence[Result]:
    return result.parts if isinstance(result, ScoreResult) else [result]


@dataclass(frozen=True)
class Gate:
    """A bound that results must keep.

    Attributes
    ----------
    option : str
        The option that sets it.
    quantity : str
        What it bounds.
    measure : callable
        From a result to the bounded number; None where a result has none.
    least : bool
        The number must not be below the bound; otherwise not above it.
    directed : bool
        A failure is explained by the direction in which codes differ.
    doubt : callable
        From a result and a bound to why the number is no ground to pass; None if it is.
    fails_in_doubt : callable
        Tell whether a result in doubt that exceeds the bound fails.
    relation : callable
        From a result to how the quantity relates to the number, "=" or "≤".
    one_sided : Gate, optional
        The gate that replaces this one for a value that cannot be too small.
    subjects : callable
        From a result to all that must keep the bound, with what is said of it after the quantity.
    """

    option: str
    quantity: str
    measure: Callable[[Any], float | None]
    least: bool = False
    directed: bool = True
    doubt: Callable[[Any, float], str | None] = lambda result, bound: None
    fails_in_doubt: Callable[[Any], bool] = lambda result: True
    relation: Callable[[Any], str] = lambda result: "="
    one_sided: "Gate | None" = None
    subjects: Callable[[Any], list[tuple[str, Any]]] = _whole

    def fitting(self, result: Result) -> "Gate":
        """Return the gate that applies to a result."""
        both = getattr(result, "two_sided", True)
        return self if both or self.one_sided is None else self.one_sided

    def failure(self, result: Result, found: float, bound: float, of: str = "") -> str | None:
        """Describe how the number of a result fails the bound; None if it does not."""
        if not (found >= bound if self.least else found <= bound):
            side = "below" if self.least else "above"
            number = f"{self.quantity}{of} {self.relation(result)} {found:.6g}"
            return f"{number} is {side} {self.option} {bound:g}"
        return None


def _is_clear(result: ScoreResult) -> bool:
    """Tell whether a distance is far from N(0, I) under any null distribution."""
    return result.judgement.verdict == NOT_NORMAL


ABOVE = Gate(
    "--fail-above",
    "value",
    lambda result: result.value,
    directed=False,
    doubt=lambda result, bound: value_doubt(result),
)
_Z = Gate("--fail-z", "z", lambda result: result.z, doubt=z_doubt, fails_in_doubt=_is_clear, subjects=_each)
Z = replace(
    _Z,
    quantity="|z|",
    measure=lambda result: None if result.z is None else abs(result.z),
    one_sided=_Z,
)


def _p(result: Result) -> float | None:
    """Return p, or what bounds it; of two distances together."""
    return result.judgement.p if isinstance(result, ScoreResult) else result.p_value


def _p_doubt(result: Result, bound: float) -> str | None:
    """Return why there is no p-value, but a bound at most, which is no ground to pass."""
    return None if any(part.p_value is not None for part in _parts(result)) else result.null.note


P = Gate(
    "--fail-p",
    "p",
    _p,
    least=True,
    doubt=_p_doubt,
    relation=lambda result: "≤" if isinstance(result, ScoreResult) and result.judgement.is_bound else "=",
    subjects=_together,
)

EFFECT = Gate("--fail-effect", "effect", lambda result: effect_of(result), doubt=effect_doubt, directed=False)

_NEED_NULL = (Z, P, EFFECT)
"""Gates that need a null distribution."""


def _is_usual(result: Result, bound: float) -> bool:
    """Tell whether p is not known, or no smaller than that of a normal variable at a bound on |z|."""
    return result.p_value is None or result.p_value >= math.erfc(bound / math.sqrt(2))


@dataclass(frozen=True)
class _Finding:
    """How a distance keeps a gate: why it fails, or why that cannot be told."""

    part: Result
    failure: str | None = None
    doubt: str | None = None


@dataclass
class Outcome:
    """Failed gates and unusable files of a command, which decide its exit code.

    Attributes
    ----------
    bounds : dict
        Gate → bound, None if it is not set.
    quiet : bool
        Do not warn of gates whose outcome means little.

    Raises
    ------
    GaedistError
        For a bound that is not finite, or that no result can fail.
    """

    bounds: dict[Gate, float | None] = field(default_factory=dict)
    quiet: bool = False
    failed: list[str] = field(default_factory=list)
    errors: int = 0

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a bound that is not a number, or that no result can fail."""
        for gate, bound in self.bounds.items():
            if bound is not None and not math.isfinite(bound):
                raise GaedistError(f"{gate.option} must be a number; got {bound}.")
            if bound == 0 and gate.least:
                raise GaedistError(f"{gate.option} 0 cannot fail: {gate.quantity} is never below 0.")

    def needs(self, gates: Collection[Gate], what: str) -> None:
        """Raise `GaedistError` if one of these gates is set, as it needs what the command does not give."""
        for gate in gates:
            if self.bounds.get(gate) is not None:
                raise GaedistError(f"{gate.option} needs {what}")

    def reaches(self, gate: Gate, least: float, remedy: str, where: str = "") -> None:
        """Raise `GaedistError` if no result can fail a gate, as the least possible number meets its bound."""
        bound = self.bounds.get(gate)
        if bound is not None and bound <= least:
            raise GaedistError(
                f"{gate.option} {bound:g} cannot fail{where}: {gate.quantity} is at least {least:.2g}. "
                f"Use {remedy}."
            )

    def report_error(self, message: str) -> None:
        """Report a file or metric that cannot be used."""
        self.errors += 1
        complain(message)

    @contextmanager
    def reporting(self, file: str) -> Iterator[None]:
        """Report a file that cannot be used, and continue with the next."""
        try:
            yield
        except GaedistError as error:
            if isinstance(error, ClusterError) and error.ends_all:
                raise
            self.report_error(str(error))
        except (OSError, MemoryError, RuntimeError, ImportError) as error:
            if lacks_memory(error):
                self.report_error(f"{file}: {NO_MEMORY}")
            elif isinstance(error, OSError):
                self.report_error(f"{file}: {error.strerror or error}.")
            else:
                raise

    def check(self, label: str, result: Result) -> None:
        """Note each gate that a result fails, and report each that cannot be evaluated."""
        bounds = {gate: bound for gate, bound in self.bounds.items() if bound is not None}
        for gate, bound in bounds.items():
            findings = [
                self._finding(gate.fitting(part), part, bound, of) for of, part in gate.subjects(result)
            ]
            failures = [found for found in findings if found.failure]
            # where a distance has no p-value that its z could be judged by, another can judge
            doubts = [found for found in findings if found.doubt]
            excused = len(doubts) < len(findings) and all(_is_usual(found.part, bound) for found in doubts)
            if failures:
                self.failed.append(f"{label}: {failures[0].failure}")
            elif doubts and not excused:
                option = gate.fitting(result).option
                self.report_error(f"{label}: {option} cannot be evaluated: {doubts[-1].doubt}")

    def _finding(self, gate: Gate, result: Result, bound: float, of: str) -> "_Finding":
        """Return how one distance keeps a gate."""
        found, doubt = gate.measure(result), gate.doubt(result, bound)
        failure = None if found is None else gate.failure(result, found, bound, of)
        if result.null.method == DEGENERATE:
            return _Finding(result, f"{failure or f'{gate.option} {bound:g} is not met'}: {result.null.note}")
        if found is None or (doubt and not (failure and gate.fails_in_doubt(result))):
            reason = doubt or result.null.note or f"this result has no {gate.quantity}."
            return _Finding(result, doubt=reason)
        way = direction(result) if failure and gate.directed else None
        return _Finding(result, failure and f"{failure}{f': {way}' if way else ''}.")

    def exit_code(self) -> int:
        """Report the results that failed a gate, and return the exit code."""
        for message in self.failed:
            complain(message)
        return BAD_INPUT if self.errors else GATE_FAILED if self.failed else DONE


def check_compare_gates(outcome: Outcome, metrics: Sequence[str], permutations: int) -> None:
    """Raise `GaedistError` for a gate of ``compare`` that cannot be evaluated, or that no result can fail."""
    _check_one_metric(outcome, metrics)
    if not permutations:
        outcome.needs([P], "a p-value. Add --permutations R.")
    outcome.reaches(P, 1 / (1 + permutations), "more --permutations")


def check_labelings(outcome: Outcome, n: int, m: int, permutations: int) -> None:
    """Raise `GaedistError` for a gate on p that no labeling of n and m points can fail."""
    least = smallest_permuted_p(n, m, permutations)
    outcome.reaches(P, least, "more points", f" with {n} and {m} points")


def check_score_gates(
    outcome: Outcome,
    metrics: Sequence[str],
    options: Sequence[ScoreOptions],
    null: str,
    replicates: int | None,
) -> None:
    """Raise `GaedistError` for a gate of ``score`` that cannot be evaluated, or that no result can fail."""
    _check_one_metric(outcome, metrics)
    forms = [(ONE_SAMPLE[name].for_one_sample(), chosen) for name in metrics for chosen in options]
    if not all(form.can_be_simulated(chosen) for form, chosen in forms):
        outcome.needs(_NEED_NULL, "a null distribution, and there is none for σ from a file.")
    if null != "monte-carlo" and not all(form.has_closed_form(chosen) for form, chosen in forms):
        outcome.needs(
            [Z, P, EFFECT],
            f"a null distribution, and none is known for {'this prior' if options[0].prior else 'these σ'}. "
            "Add --null monte-carlo.",
        )
    if null == "none":
        outcome.needs(
            [Z, P, EFFECT], "a null distribution. Leave out --null none, or use --null monte-carlo."
        )
    if null == "monte-carlo":
        two_sided = any(form.is_two_sided(chosen) for form, chosen in forms)
        least = smallest_p(replicates or REPLICATES, two_sided=two_sided)
        outcome.reaches(P, least, "more --replicates")


def _check_one_metric(outcome: Outcome, metrics: Sequence[str]) -> None:
    if len(metrics) > 1:
        outcome.needs([ABOVE], "one metric: values of several are not comparable. Use --fail-p for several.")
