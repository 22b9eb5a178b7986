"""What a metric finds in a sample, and a row of the registry of metrics."""

from collections.abc import Callable
from dataclasses import dataclass

from gaedist.engine import BY_PAIRS, Plan, Provenance, Run
from gaedist.metrics.base import Metric
from gaedist.metrics.null import NullOptions
from gaedist.metrics.parameters import NONE, Parameters
from gaedist.null.distributions import Judgement
from gaedist.numerics import Array
from gaedist.smoothing.smooth import SigmaSummary


@dataclass(frozen=True)
class ScoreTerms:
    """The terms of a score: value = pair + prior − 2 cross.

    Attributes
    ----------
    pair, cross, prior : float
        ⟨p, p⟩ of the smoothed sample p, ⟨p, prior⟩, and ⟨prior, prior⟩ = 1.
    """

    pair: float
    cross: float
    prior: float


@dataclass(frozen=True, eq=False)
class Found:
    """What a metric gives for a sample. What does not apply is None.

    Attributes
    ----------
    value, log_value : float
        The value, in the normalisation of the metric, and its logarithm; None for one below zero.
    judge : callable
        From a name of `gaedist.metrics.null.NULLS` and how to find a law to how the value stands beside that.
    two_sided : bool
        A value can be too small as well as too large.
    provenance : Provenance
        How it was computed.
    used : Parameters
        With what it was computed.
    error : float, optional
        Monte Carlo standard error, of a mean over directions or a sum over some of the pairs.
    target, estimator, covariance : str, optional
        Of the gaussian metric.
    sigma : SigmaSummary, optional
        Likewise.
    terms : ScoreTerms, optional
        Likewise.
    saturated : bool
        The value is a constant to within rounding.
    """

    value: float
    log_value: float | None
    judge: Callable[[str, NullOptions], Judgement]
    two_sided: bool
    provenance: Provenance
    used: Parameters = NONE
    error: float | None = None
    target: str | None = None
    estimator: str | None = None
    covariance: str | None = None
    sigma: SigmaSummary | None = None
    terms: ScoreTerms | None = None
    saturated: bool = False


@dataclass(frozen=True, eq=False)
class Value:
    """The value of a rival, before it is judged.

    Attributes
    ----------
    value : float
        In the normalisation that the row states.
    judge : callable
        Sets it beside its law in closed form.
    used : Parameters
        With what it was computed.
    error : float, optional
        Monte Carlo standard error of the mean over directions.
    standing : float
        What all samples share of it.
    moving : float, optional
        The rest, with digits that are lost beside that; value − standing if it is not given.
    size : float
        The largest of the terms that ``moving`` is the sum of, whose rounding may hide it.
    provenance : Provenance
        How it was computed: by one of `METHODS`, along ``directions`` or from ``moments``.
    """

    value: float
    judge: Callable[[], Judgement]
    used: Parameters = NONE
    error: float | None = None
    standing: float = 0.0
    moving: float | None = None
    size: float = 0.0
    provenance: Provenance = BY_PAIRS

    @property
    def rest(self) -> float:
        """What differs from sample to sample."""
        return self.value - self.standing if self.moving is None else self.moving


@dataclass(frozen=True)
class Rival(Metric):
    """A metric that is not the paper's.

    Attributes
    ----------
    plan : callable
        From the sample, the parameters and the run to what it needs.
    two_sided : bool
        A value can be too small as well as too large.
    """

    plan: Callable[[Array, Parameters, Run], Plan[Value]]
    two_sided: bool = False
