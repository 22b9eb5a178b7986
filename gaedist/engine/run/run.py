"""`Run`, the settings of how to compute, as opposed to what, and the choices of method and precision."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gaedist.engine.run.checkpoints import Checkpoint
from gaedist.engine.run.cluster import Cluster
from gaedist.engine.run.cpus import available_threads
from gaedist.engine.run.devices import check_device
from gaedist.errors import GaedistError, check_choice, check_count

AUTO, PAIRS, SAMPLE = "auto", "pairs", "sample"

METHODS = {
    AUTO: "fastest exact method",
    PAIRS: "all pairs",
    "fourier": "linear time, D ≤ 3",
    "hermite": "linear time, D ≤ 10",
    SAMPLE: "estimate from some pairs",
}
"""Name → description of how sums over pairs are computed."""

TOLERANCE = 0.1
"""Default standard error of method ``sample``, in standard deviations under N(0, I)."""

DOUBLE, SINGLE = "double", "single"

PRECISIONS = {
    DOUBLE: "relative error 1e-14",
    SINGLE: "1e-8 to 1e-5 in half the time, for one σ",
}
"""Name → description of the arithmetic of sums over pairs."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """How to compute, as opposed to what.

    Attributes
    ----------
    threads : int, optional
        Number of threads of this process; by default all that it may use.
    method : str
        One of `METHODS`.
    precision : str
        One of `PRECISIONS`.
    seed : int
        Seed of every random draw: points, samples of N(0, I), labels.
    device : str, optional
        A PyTorch device such as ``cuda`` or ``cuda:1`` for sums over many pairs with one σ, extra ``torch``;
        other sums stay on the processor.
    tolerance : float, optional
        Standard error of method ``sample``, in standard deviations of what is estimated under N(0, I);
        `TOLERANCE` if not given.
    checkpoint : Checkpoint, optional
        Where passes over pairs store their progress, except passes of derivatives in an optimisation of σ.
    progress : callable, optional
        Called as ``progress(done, total)`` with counts of tiles, about five times a second. The total
        grows when a sum that underflows has to be computed again.
    status : callable, optional
        Called with a line of text during an optimisation.
    note : callable, optional
        Called with a sentence that the user should read, such as that a run will take long.
    client : distributed.Client, optional
        A client of a Dask cluster, whose workers then compute what takes more than about two seconds. The
        bits are the same. Arrays stay on the workers as long as this object or a copy of it exists.
    repeats : bool
        Many sums of one size follow, so that compiled code pays off for fewer pairs.

    Raises
    ------
    GaedistError
        If a setting is not one of its choices or is out of range.
    """

    threads: int | None = None
    method: str = AUTO
    precision: str = DOUBLE
    seed: int = 0
    device: str | None = None
    tolerance: float | None = None
    checkpoint: Checkpoint | None = None
    progress: Callable[[int, int], None] | None = None
    status: Callable[[str], None] | None = None
    note: Callable[[str], None] | None = None
    client: Any = None
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the settings."""
        check_choice("method", self.method, METHODS)
        check_choice("precision", self.precision, PRECISIONS)
        if self.threads is not None:
            check_count("threads", self.threads, 1)
        check_count("seed", self.seed, 0)
        if self.tolerance is not None and not 0 < self.tolerance < math.inf:
            raise GaedistError(f"tolerance must be positive and finite; got {self.tolerance}.")
        if self.tolerance is not None and self.method != SAMPLE:
            raise GaedistError(
                f"tolerance applies to method {SAMPLE} only; the method is {self.method}. "
                f"Add --method {SAMPLE} (method=)."
            )
        if self.client is not None and not isinstance(self.client, Cluster):
            object.__setattr__(self, "client", Cluster(self.client))
        if self.client is not None and self.note:
            self.client.note = self.note

        if self.device is not None:
            self._check_device(self.device)

    def _check_device(self, device: str) -> None:
        if self.method not in (AUTO, PAIRS) or self.checkpoint:
            other = "checkpoint" if self.checkpoint else f"method {self.method}"
            raise GaedistError(
                f"device {device} sums over all pairs, and does not go with {other}. Drop one."
            )
        check_device(device)

    @property
    def used_threads(self) -> int:
        """The number of threads of the run: ``threads``, limited to those available."""
        return min(self.threads or available_threads(), available_threads())

    @property
    def all_threads(self) -> int:
        """The number of threads that compute: those of a cluster, or `used_threads`."""
        return max(1, sum(self.client.look().values())) if self.client else self.used_threads
