"""What a metric gives for one sample or for two, before it is compared with a null distribution."""

import math
from dataclasses import dataclass

from gaedist.engine import BY_PAIRS, Provenance
from gaedist.metrics.parameters import NONE, Parameters
from gaedist.mixtures.distance import SquaredDistance
from gaedist.numerics import to_linear
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

    @classmethod
    def of(cls, distance: SquaredDistance) -> "ScoreTerms":
        """Return the terms of a squared distance between a smoothed sample and the prior."""
        terms = distance.pp, distance.pq, distance.qq
        return cls(*(to_linear(term.log_total) for term in terms))


@dataclass(frozen=True, eq=False, kw_only=True)
class Measurement:
    """A measured value. What does not apply is None.

    Attributes
    ----------
    value, log_value : float
        The value, in the normalisation of the metric, and its logarithm, which is None for a negative value.
    varying, constant : float
        The value is their sum; ``constant`` is the part that is the same for all samples of this size, so
        that ``varying`` keeps digits that are lost in ``value``.
    log_rounding_scale : float
        Logarithm of the largest term that ``varying`` is the sum of, whose rounding may hide it.
    provenance : Provenance
        How it was computed.
    parameters : Parameters
        The parameters that were used, defaults filled in.
    error : float, optional
        Monte Carlo standard error, of a mean over directions or of a sum over some of the pairs.
    target, estimator, covariance : str, optional
        The options of a metric that smooths.
    sigma : SigmaSummary, optional
        The standard deviations of its kernel.
    terms : ScoreTerms, optional
        The terms of the value.
    distance : SquaredDistance, optional
        The squared L2 distance behind the value, for its null distribution.
    saturated : bool
        To within rounding, the value is the same for nearly every sample.
    expected : float, optional
        Two samples: the mean value over all assignments of the pooled points to samples of n and m.
    note : str, optional
        Two samples: why permuted labels give no p-value.
    """

    value: float
    log_value: float | None
    varying: float
    constant: float = 0.0
    log_rounding_scale: float = -math.inf
    provenance: Provenance = BY_PAIRS
    parameters: Parameters = NONE
    error: float | None = None
    target: str | None = None
    estimator: str | None = None
    covariance: str | None = None
    sigma: SigmaSummary | None = None
    terms: ScoreTerms | None = None
    distance: SquaredDistance | None = None
    saturated: bool = False
    expected: float | None = None
    note: str | None = None
