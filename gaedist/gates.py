"""Exit codes: which results fail a gate, and which files could not be used."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gaedist.errors import GaedistError
from gaedist.score import ScoreResult
from gaedist.streams import complain
from gaedist.words import gate_warning

DONE, GATE_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


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
    """

    option: str
    quantity: str
    measure: Callable[[ScoreResult], float | None]


ABOVE = Gate("--fail-above", "value", lambda result: result.value)
Z = Gate("--fail-z", "|z|", lambda result: None if result.z is None else abs(result.z))


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

    @contextmanager
    def reporting(self, file: str) -> Iterator[None]:
        """Report a file that cannot be used, and go on with the next."""
        try:
            yield
        except GaedistError as error:
            self.errors += 1
            complain(str(error))
        except MemoryError:
            self.errors += 1
            complain(f"{file}: not enough memory. Use --rows or --subsample.")

    def check(self, label: str, result: ScoreResult) -> None:
        """Note each gate that a result fails; raise `GaedistError` if it cannot be judged."""
        bounds = {gate: bound for gate, bound in self.bounds.items() if bound is not None}
        if bounds and (warning := gate_warning(result)) and not self.quiet:
            complain(f"{label}: {warning}")
        for gate, bound in bounds.items():
            found = gate.measure(result)
            if found is None:
                raise GaedistError(
                    f"{label}: {gate.option} needs {gate.quantity}, which this run does not give."
                )
            if found > bound:
                self.failed.append(
                    f"{label}: {gate.quantity} = {found:.6g} is above {gate.option} {bound:g}."
                )

    def exit_code(self) -> int:
        """Name the results that failed a gate, and return the exit code."""
        for message in self.failed:
            complain(message)
        return BAD_INPUT if self.errors else GATE_FAILED if self.failed else DONE
