"""A null distribution in closed form, or a simulated one where that gives no p-value and time allows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gaedist.null.assessment import Assessment, Measured, NullDistribution
from gaedist.null.distributions import NoDistribution

AFFORDABLE = 10.0
"""Seconds that a simulation may take that nobody asked for."""


@dataclass(frozen=True)
class OnDemand(NullDistribution):
    """The closed form where it gives a p-value, or a reason that a simulation does not remove.

    Attributes
    ----------
    closed : NullDistribution
        The closed form, or none for want of one.
    seconds : callable
        Returns about how long the simulation takes.
    simulate : callable
        Returns the simulated distribution.
    """

    closed: NullDistribution
    seconds: Callable[[], float]
    simulate: Callable[[], NullDistribution]

    def assess(self, measured: Measured) -> Assessment:
        """Return what the closed form gives, or the simulated distribution, or how long it would take."""
        found = self.closed.assess(measured)
        unknown = isinstance(self.closed, NoDistribution)
        if found.p_value is not None or not (unknown or found.skewed):
            return found
        seconds = self.seconds()
        if seconds <= AFFORDABLE:
            return self.simulate().assess(measured)
        note = f"{found.null.note} --null monte-carlo would take about {duration(seconds)}."
        return replace(found, null=replace(found.null, note=note))


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it, with one digit or two."""
    for unit, size in (("s", 60.0), ("min", 60.0), ("hours", 48.0)):
        if seconds < 1.5 * size:
            return f"{float(f'{seconds:.1g}') if seconds < 10 else float(f'{seconds:.2g}'):.0f} {unit}"
        seconds /= size if unit != "hours" else 24.0
    return f"{float(f'{seconds:.2g}'):.0f} days"
