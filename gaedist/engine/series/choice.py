"""The registry of series, and the choice between these and all pairs by their estimated times."""

from collections.abc import Sequence
from dataclasses import dataclass

from gaedist.engine.run.run import Run
from gaedist.engine.series.basis import Basis
from gaedist.engine.series.fourier import Fourier
from gaedist.engine.series.hermite import Hermite
from gaedist.errors import GaedistError
from gaedist.numerics import Array

_NOTE_SECONDS = 60.0  # that all pairs take on one core; beyond it a note names a missing series

SERIES: dict[str, type[Basis]] = {basis.name: basis for basis in (Fourier, Hermite)}
"""Name of the method → its series."""


@dataclass(frozen=True)
class Target:
    """What a series must achieve to be chosen.

    Attributes
    ----------
    pair_seconds : float
        Time that all pairs take on one core; the series must be faster.
    sets : int
        Number of sets of charges to transform.
    error : float
        Largest truncation error, as in `Basis.with_error`.
    """

    pair_seconds: float
    sets: int
    error: float


def choose(samples: Sequence[Array], rate: float, run: Run, target: Target) -> Basis | None:
    """Return the series that the run asks for, else the fastest one if it is faster than all pairs."""
    points, dim = sum(map(len, samples)), samples[0].shape[1]
    best, least, missing = None, target.pair_seconds, ""
    for name in [run.method] if run.method in SERIES else SERIES:
        reason, kind = None, SERIES[name]
        first = kind.fit_seconds(points)
        if dim not in kind.dims:
            reason = f"it needs D from {kind.dims[0]} to {kind.dims[-1]}; D is {dim}"
        elif not (reason := kind.unavailable()):
            if run.method != name and not first < least:
                continue
            try:
                basis = kind.with_error(samples, rate, target.error)
            except ValueError as error:
                reason = str(error)
            else:
                seconds = first + basis.seconds(points, target.sets)
                if run.method == name or seconds < least:
                    best, least = basis, seconds
        else:
            missing = f"method {name} may be faster, but is not available here: {reason}."
        if reason and run.method == name:
            raise GaedistError(f"method {name} is not available here: {reason}. Use --method auto (method=).")
    if missing and not best and run.note and target.pair_seconds > _NOTE_SECONDS:
        run.note(missing)
    return best
