"""From a question with several σ to rows of a report, with what goes wrong on the way."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from gaedist.errors import GaedistError
from gaedist.figures import sizes
from gaedist.gates import Outcome, Result
from gaedist.report import Row
from gaedist.rules import Sigma
from gaedist.smoothing import SigmaSummary
from gaedist.streams import complain

R = TypeVar("R")


def all_or_each(
    ask: Callable[[list[Sigma]], list[R]], sigmas: Mapping[str, Sigma], names: str, outcome: Outcome
) -> list[R]:
    """Ask for all σ at once; if one cannot be used, report it, and ask for each of the others."""
    try:
        return ask(list(sigmas.values()))
    except GaedistError:
        if len(sigmas) == 1:
            raise
        results: list[R] = []
        errors = []
        for text, sigma in sigmas.items():
            try:
                results += ask([sigma])
            except GaedistError as error:
                errors.append(f"{names}: --sigma {text}: {error}")
        if not results:
            raise
        for message in errors:
            outcome.report_error(message)
        return results


def finish(
    results: Sequence[Result],
    source: dict[str, str | None],
    names: str,
    add: Callable[[Row], None],
    outcome: Outcome,
) -> None:
    """Write results, then hold them against the gates."""
    for result in results:
        add(Row(source, result))
    for result in results:
        several = f", σ = {sizes(result.sigma)}" if len(results) > 1 else ""
        with outcome.reporting(names):
            outcome.check(f"{names}{several}", result)
        stop_if_interrupted(names, result.sigma)


def stop_if_interrupted(name: str, sigma: SigmaSummary) -> None:
    """End the command if Ctrl-C ended an optimisation, whose result has been written."""
    if sigma.interrupted:
        complain(f"{name}: interrupted after {sigma.evaluations} evaluations; σ is the best so far.")
        raise KeyboardInterrupt
