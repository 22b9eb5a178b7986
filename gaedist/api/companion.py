"""The companion of the default score: the smoothed target at the prior's own bandwidth, σ = √D.

Eq. (8) is what the paper's training objective sees, and it sees less and less as D grows. Its companion is 0
at N(0, I) only, sees mean and covariance at every D, and has a bandwidth that does not move with the codes,
so that checkpoints can be compared. Both distances come from one pass over all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gaedist.engine import SAMPLE, Run
from gaedist.metrics.gaussian.one_sample import GaussianOneSample
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.options import ScoreOptions
from gaedist.null.assessment import Assessment, NullDistribution
from gaedist.null.verdict import Evidence
from gaedist.numerics import Array
from gaedist.smoothing.bandwidths import PRIOR

OPTIONS = ScoreOptions(sigma=PRIOR, target="smoothed")
"""The options of the companion."""


@dataclass(frozen=True)
class Companion:
    """The second distance of a default score. Its attributes are as those of `ScoreResult`.

    Attributes
    ----------
    target : str
        The smoothed target.
    sigma : float
        √D.
    value : float
        The squared distance.
    null_mean, null_sd : float, optional
        Mean and standard deviation of its null distribution.
    null_replicates : int, optional
        Number of simulated samples, where its p-value is not known in closed form.
    z, p_value, p_bound : float, optional
        How far out it is, and the probability under N(0, I) of a value at least this large, or its bound.
    effect : float, optional
        The shift of the mean that gives this value on average.
    note : str, optional
        Why there is no p-value.
    distribution : NullDistribution, optional
        What the value was compared with, for pictures.
    """

    target: str
    sigma: float
    value: float
    null_mean: float | None
    null_sd: float | None
    null_replicates: int | None
    z: float | None
    p_value: float | None
    p_bound: float | None
    effect: float | None
    note: str | None
    distribution: NullDistribution | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(
        cls, form: GaussianOneSample, found: Measurement, assessment: Assessment, evidence: Evidence
    ) -> Companion:
        """Return the companion from what was measured."""
        assert found.sigma is not None
        null = assessment.null.explained(found.provenance.precision)
        return cls(
            target=OPTIONS.target,
            sigma=found.sigma.median,
            value=found.value,
            null_mean=null.mean,
            null_sd=null.sd,
            null_replicates=null.replicates,
            z=assessment.z,
            p_value=assessment.p_value,
            p_bound=evidence.p_bound,
            effect=form.effect(assessment.excess, two_sided=False),
            note=null.note,
            distribution=assessment.distribution,
        )


def companion_form(x: Array, run: Run) -> GaussianOneSample | None:
    """Return the companion applied to codes.

    Method ``sample`` has none: the smoothed target needs nearly all pairs for a standard error that is small
    compared with its null distribution, and so would cost what the estimate is to save.
    """
    return None if run.method == SAMPLE else GaussianOneSample(x, OPTIONS, run)
