"""How to compute, as opposed to what: methods, precision, threads, seed, checkpoint and progress."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from gaedist.engine.run.checkpoints import Checkpoint
from gaedist.engine.run.cpus import available_threads
from gaedist.errors import GaedistError, check_choice, check_count

AUTO, PAIRS, SAMPLE = "auto", "pairs", "sample"

METHODS = {
    AUTO: "the quickest of the exact ones",
    PAIRS: "every pair",
    "fourier": "a Fourier series in linear time, for one σ in up to 3 dimensions",
    "hermite": "Hermite functions in linear time, for one σ in up to 10 dimensions",
    SAMPLE: "an estimate from some of the pairs, with a standard error, for scores whose null law is known",
}
"""Name → how sums over pairs may be made."""

TOLERANCE = 0.1
"""Standard error of an estimate, in standard deviations under N(0, I), unless told otherwise."""

DOUBLE, SINGLE = "double", "single"

PRECISIONS = {
    DOUBLE: "to 1e-14 of a sum",
    SINGLE: "half the time, to 1e-8 of a sum in few dimensions and 1e-5 in 500; with one σ for all points",
}
"""Name → in what arithmetic."""


@dataclass(frozen=True)
class Run:
    """How to compute, as opposed to what.

    Attributes
    ----------
    threads : int, optional
        Number of threads; all that the process may use when not given.
    method : str
        One of `METHODS`.
    precision : str
        One of `PRECISIONS`.
    seed : int
        Seed of all that is drawn: points, samples of N(0, I), labels.
    tolerance : float, optional
        Standard error of method ``sample``, in standard deviations of what is estimated under N(0, I);
        `TOLERANCE` if not given.
    checkpoint : Checkpoint, optional
        Where passes over pairs keep what they have done; not those of a search for σ that takes derivatives.
    progress : callable, optional
        Called as ``progress(done, total)`` with counts of tiles, about five times a second. The total
        grows where a sum that underflows has to be made again.
    status : callable, optional
        Called with a line of text as an optimisation goes on.
    note : callable, optional
        Called with a sentence that a user should read, such as that a run will take long.
    """

    threads: int | None = None
    method: str = AUTO
    precision: str = DOUBLE
    seed: int = 0
    tolerance: float | None = None
    checkpoint: Checkpoint | None = None
    progress: Callable[[int, int], None] | None = None
    status: Callable[[str], None] | None = None
    note: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a setting that does not exist."""
        check_choice("method", self.method, METHODS)
        check_choice("precision", self.precision, PRECISIONS)
        if self.threads is not None:
            check_count("threads", self.threads, 1)
        check_count("seed", self.seed, 0)
        if self.tolerance is not None and not 0 < self.tolerance < math.inf:
            raise GaedistError(f"tolerance must be positive and finite; got {self.tolerance}.")
        if self.tolerance is not None and self.method != SAMPLE:
            raise GaedistError(f"tolerance is for method {SAMPLE}. Add --method {SAMPLE} (method=).")

    @property
    def used_threads(self) -> int:
        """The number of threads that the run takes: what it asks for, as far as the machine has them."""
        return min(self.threads or available_threads(), available_threads())
