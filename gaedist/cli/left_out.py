"""Metrics that have no result for a file: errors, or what ``--metric all`` leaves out, and their places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gaedist.api.reporting import SigmaError
from gaedist.cli.gates import Outcome, Result
from gaedist.cli.standard_streams import complain
from gaedist.errors import GaedistError
from gaedist.metrics.base import ALL
from gaedist.metrics.registry import METRICS
from gaedist.smoothing.rules import Sigma


@dataclass
class LeftOut:
    """The results that a command should give for each file, and those that it cannot give.

    Attributes
    ----------
    wanted : sequence of str
        The metrics as given: names, or ``all``.
    names : sequence of str
        The names of all of them.
    sigmas : sequence of float, str or array
        The σ of metrics that smooth.
    outcome : Outcome
        Where errors are reported.
    """

    wanted: Sequence[str]
    names: Sequence[str]
    sigmas: Sequence[Sigma]
    outcome: Outcome
    file: str = ""
    missing: list[tuple[str, GaedistError]] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def begin(self, file: str) -> None:
        """Turn to a file."""
        self.file = file
        self.missing.clear()

    def on_error(self, metric: str, error: GaedistError) -> None:
        """Report a metric that does not apply to the file, unless it is one of ``all``."""
        self.missing.append((metric, error))
        if ALL not in self.wanted or metric in self.wanted:
            about = f"{metric}: " if len(self.names) > 1 else ""
            self.outcome.report_error(f"{self.file}: {about}{error}")

    def note(self) -> None:
        """Name the metrics that ``all`` leaves out, once for all files for which they are the same."""
        skipped = [f"{name} ({error})" for name, error in self.missing if name not in self.wanted]
        if ALL not in self.wanted or not skipped or self.outcome.quiet:
            return
        text = f"--metric {ALL} leaves out {', '.join(skipped)}."
        if text not in self.told:
            self.told.add(text)
            complain(f"{self.file}: {text}")

    def in_order(self, results: Sequence[Result]) -> Iterator[Result | None]:
        """Yield the result of each metric and σ in the order in which they were wanted, None for none."""
        for name in self.names:
            found = iter([result for result in results if result.metric == name])
            errors = [error for metric, error in self.missing if metric == name]
            for sigma in self.sigmas if METRICS[name].smooths else [None]:
                failed = any(not isinstance(error, SigmaError) or error.sigma is sigma for error in errors)
                yield None if failed else next(found, None)
