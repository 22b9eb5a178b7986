"""What a metric finds in a sample, and a row of the registry of metrics."""

from collections.abc import Callable
from dataclasses import dataclass

from gaedist.engine import Array, Plan, Run
from gaedist.laws import Judgement
from gaedist.metrics import Metric
from gaedist.parameters import Parameters


@dataclass(frozen=True, eq=False)
class Found:
    """What a metric gives.

    Attributes
    ----------
    value : float
        In the normalisation that the row states.
    judge : callable
        Sets it beside its law under N(0, I).
    used : Parameters
        With what it was computed.
    error : float, optional
        Monte Carlo standard error of the mean over directions.
    """

    value: float
    judge: Callable[[], Judgement]
    used: Parameters
    error: float | None = None


@dataclass(frozen=True)
class Rival(Metric):
    """A metric that is not the paper's.

    Attributes
    ----------
    plan : callable
        From the sample, the parameters and the run to what it needs.
    two_sided : bool
        A value can be too small as well as too large.
    method : str
        How it is computed: from pairs, along directions or from moments.
    """

    plan: Callable[[Array, Parameters, Run], Plan[Found]]
    two_sided: bool = False
    method: str = "pairs"
