"""Exit codes: which results fail a gate, and which files could not be used."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gaedist.api.compare import CompareResult
from gaedist.api.score import ScoreResult
from gaedist.cli.standard_streams import complain
from gaedist.errors import BAD_INPUT, DONE, GATE_FAILED, GaedistError
from gaedist.report.verdicts import direction, gate_warning

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
        The number must not be below the bound; else not above.
    directed : bool
        Whether z tells how a result fails.
    one_sided : Gate, optional
        The gate that takes its place for a value that cannot be too small.
    """

    option: str
    quantity: str
    measure: Callable[[Any], float | None]
    least: bool = False
    directed: bool = True
    one_sided: "Gate | None" = None

    def fitting(self, result: Result) -> "Gate":
        """Return the gate for a result."""
        both = getattr(result, "two_sided", True)
        return self if both or self.one_sided is None else self.one_sided

    def failure(self, found: float, bound: float) -> str | None:
        """Say how a number fails the bound, if it does."""
        if found < bound if self.least else found > bound:
            side = "below" if self.least else "above"
            return f"{self.quantity} = {found:.6g} is {side} {self.option} {bound:g}"
        return None


ABOVE = Gate("--fail-above", "value", lambda result: result.value, directed=False)
Z = Gate(
    "--fail-z",
    "|z|",
    lambda result: None if result.z is None else abs(result.z),
    one_sided=Gate("--fail-z", "z", lambda result: result.z),
)
P = Gate("--fail-p", "p", lambda result: result.p_value, least=True)


@dataclass
class Outcome:
    """What went wrong in a command over several files.

    Attributes
    ----------
    bounds : dict
        Gate → bound, None if it is not set.
    quiet : bool
        Do not warn of gates that mean little.
    """

    bounds: dict[Gate, float | None] = field(default_factory=dict)
    quiet: bool = False
    failed: list[str] = field(default_factory=list)
    errors: int = 0

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a bound that no number can exceed."""
        for gate, bound in self.bounds.items():
            if bound is not None and math.isnan(bound):
                raise GaedistError(f"{gate.option} must be a number; got nan.")

    def needs(self, gates: Collection[Gate], why: str) -> None:
        """Raise `GaedistError` if one of these gates is set, which what is asked cannot serve."""
        for gate in gates:
            if self.bounds.get(gate) is not None:
                raise GaedistError(f"{gate.option} needs {why}")

    def reaches(self, gate: Gate, least: float, remedy: str) -> None:
        """Raise `GaedistError` if no number can fail a gate, as the least that can come out is its bound."""
        bound = self.bounds.get(gate)
        if bound is not None and 0 < bound <= least:
            raise GaedistError(
                f"{gate.option} {bound:g} cannot fail: {gate.quantity} is at least {least:.2g}. Use {remedy}."
            )

    def report_error(self, message: str) -> None:
        """Report what cannot be used."""
        self.errors += 1
        complain(message)

    def failing(self, file: str, metrics: Sequence[str]) -> Callable[[str, GaedistError], None]:
        """Return a function that reports a metric that a file cannot be measured by."""
        return lambda metric, error: self.report_error(
            f"{file}: {metric}: {error}" if len(metrics) > 1 else f"{file}: {error}"
        )

    @contextmanager
    def reporting(self, file: str) -> Iterator[None]:
        """Report a file that cannot be used, and go on with the next."""
        try:
            yield
        except GaedistError as error:
            self.report_error(str(error))
        except MemoryError:
            self.report_error(f"{file}: not enough memory. Use --rows or --subsample.")

    def check(self, label: str, result: Result) -> None:
        """Note each gate that a result fails; raise `GaedistError` if it cannot be judged."""
        bounds = {gate: bound for gate, bound in self.bounds.items() if bound is not None}
        for asked, bound in bounds.items():
            gate = asked.fitting(result)
            if (warning := gate_warning(result, gate.option)) and not self.quiet:
                complain(f"{label}: {warning}")
            found = gate.measure(result)
            if found is None:
                reason = result.null.note or f"this result has no {gate.quantity}."
                raise GaedistError(f"{label}: {gate.option} cannot be judged: {reason}")
            if failure := gate.failure(found, bound):
                way = direction(result) if gate.directed else None
                self.failed.append(f"{label}: {failure}{f': {way}' if way else ''}.")

    def exit_code(self) -> int:
        """Name the results that failed a gate, and return the exit code."""
        for message in self.failed:
            complain(message)
        return BAD_INPUT if self.errors else GATE_FAILED if self.failed else DONE
