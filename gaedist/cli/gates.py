"""Gates: bounds on results that make a command exit with 1, and the exit code of a command.

A gate that cannot be evaluated, or that no result can fail, is refused before anything is computed.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from gaedist.api.compare import CompareResult
from gaedist.api.score import ScoreResult
from gaedist.cli.standard_streams import complain
from gaedist.errors import BAD_INPUT, DONE, GATE_FAILED, NO_MEMORY, GaedistError, lacks_memory
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.null.distributions import DEGENERATE, smallest_p
from gaedist.null.monte_carlo import REPLICATES
from gaedist.null.permutations import smallest_permuted_p
from gaedist.report.verdicts import NOT_NORMAL, direction, value_doubt, verdict_of, z_doubt

Result = ScoreResult | CompareResult


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

    def fitting(self, result: Result) -> "Gate":
        """Return the gate that applies to a result."""
        both = getattr(result, "two_sided", True)
        return self if both or self.one_sided is None else self.one_sided

    def failure(self, result: Result, found: float, bound: float) -> str | None:
        """Describe how the number of a result fails the bound; None if it does not."""
        if not (found >= bound if self.least else found <= bound):
            side = "below" if self.least else "above"
            return f"{self.quantity} {self.relation(result)} {found:.6g} is {side} {self.option} {bound:g}"
        return None


def _is_clear(result: ScoreResult) -> bool:
    """Tell whether a result is far from N(0, I) under any null distribution."""
    return verdict_of(result) == NOT_NORMAL


ABOVE = Gate(
    "--fail-above",
    "value",
    lambda result: result.value,
    directed=False,
    doubt=lambda result, bound: value_doubt(result),
)
_Z = Gate("--fail-z", "z", lambda result: result.z, doubt=z_doubt, fails_in_doubt=_is_clear)
Z = replace(
    _Z,
    quantity="|z|",
    measure=lambda result: None if result.z is None else abs(result.z),
    one_sided=_Z,
)


def _p_at_most(result: Result) -> float | None:
    """Return p; without a p-value, the most that it can be where z is far out under any distribution.

    P(|z| ≥ t) ≤ 1/t² (Chebyshev), and P(z ≥ t) ≤ 1/(1 + t²) (Cantelli).
    """
    if result.p_value is not None or not isinstance(result, ScoreResult) or not _is_clear(result):
        return result.p_value
    assert result.z is not None
    return 1 / (result.z * result.z + (not result.two_sided))


P = Gate(
    "--fail-p",
    "p",
    _p_at_most,
    least=True,
    doubt=lambda result, bound: result.null.note if result.p_value is None else None,
    relation=lambda result: "≤" if result.p_value is None else "=",
)


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
            fitting = gate.fitting(result)
            found, doubt = fitting.measure(result), fitting.doubt(result, bound)
            failure = None if found is None else fitting.failure(result, found, bound)
            if result.null.method == DEGENERATE:
                told = failure or f"{fitting.option} {bound:g} is not met"
                self.failed.append(f"{label}: {told}: {result.null.note}")
            elif found is None or (doubt and not (failure and fitting.fails_in_doubt(result))):
                reason = doubt or result.null.note or f"this result has no {fitting.quantity}."
                self.report_error(f"{label}: {fitting.option} cannot be evaluated: {reason}")
            elif failure:
                way = direction(result) if fitting.directed else None
                self.failed.append(f"{label}: {failure}{f': {way}' if way else ''}.")

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
        outcome.needs([Z, P], "a null distribution, and there is none for σ from a file.")
    if null != "monte-carlo" and not all(form.has_closed_form(chosen) for form, chosen in forms):
        outcome.needs([Z, P], "a null distribution, and none is known for these σ. Add --null monte-carlo.")
    if null == "none":
        outcome.needs([Z, P], "a null distribution. Leave out --null none, or use --null monte-carlo.")
    if null == "monte-carlo":
        two_sided = any(form.is_two_sided(chosen) for form, chosen in forms)
        least = smallest_p(replicates or REPLICATES, two_sided=two_sided)
        outcome.reaches(P, least, "more --replicates")


def _check_one_metric(outcome: Outcome, metrics: Sequence[str]) -> None:
    if len(metrics) > 1:
        outcome.needs([ABOVE], "one metric: values of several are not comparable. Use --fail-p for several.")
