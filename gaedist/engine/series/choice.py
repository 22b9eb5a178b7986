"""The registry of series, and the choice between these and all pairs by their estimated times."""

import math
from dataclasses import dataclass

from gaedist.engine.run.run import Run
from gaedist.engine.series.basis import Basis
from gaedist.engine.series.fourier import Fourier
from gaedist.engine.series.hermite import Hermite
from gaedist.engine.series.shells import Shells
from gaedist.errors import GaedistError

_NOTE_SECONDS = 60.0  # that all pairs take on one core; beyond it a note names a missing series

SERIES: dict[str, type[Basis]] = {basis.name: basis for basis in (Fourier, Hermite)}
"""Name of the method → its series."""


@dataclass(frozen=True)
class Target:
    """What a series must achieve to be chosen.

    Attributes
    ----------
    pairs : float
        Number of pairs.
    pair_seconds : float
        Time that a pair takes on one core; the series must be faster than all of them.
    sets : int
        Number of sets of charges to transform.
    error : float
        Largest truncation error, as in `Basis`.
    """

    pairs: float
    pair_seconds: float
    sets: int
    error: float

    @property
    def seconds(self) -> float:
        """Time that all pairs take."""
        return self.pairs * self.pair_seconds


def choose(shells: Shells, rate: float, run: Run, target: Target) -> Basis | None:
    """Return the series that the run asks for, else the fastest one if it is faster than all pairs."""
    points, dim = sum(map(len, shells.samples)), len(shells.center)
    best, least, missing = None, target.seconds, ""
    pair_seconds = target.pair_seconds if len(shells.low) > 1 else math.inf
    for name in [run.method] if run.method in SERIES else SERIES:
        reason, kind = None, SERIES[name]
        first = kind.fit_seconds(points)
        if dim not in kind.dims:
            reason = f"it needs D from {kind.dims[0]} to {kind.dims[-1]}; D is {dim}"
        elif not (reason := kind.unavailable()):
            if run.method != name and not first < least:
                continue
            try:
                basis = kind(shells, rate, target.error, pair_seconds)
            except ValueError as error:
                reason = str(error)
            else:
                apart = basis.pairs * target.pair_seconds
                seconds = first + apart + basis.seconds(points, target.sets)
                sums_some = basis.split.series.any()  # it may leave some shells out, and all others to pairs
                if sums_some and (run.method == name or seconds < least):
                    best, least = basis, seconds
        else:
            missing = f"method {name} may be faster, but is not available here: {reason}."
        if reason and run.method == name:
            raise GaedistError(f"method {name} is not available here: {reason}. Use --method auto (method=).")
    if missing and not best and run.note and target.seconds > _NOTE_SECONDS:
        run.note(missing)
    return best
