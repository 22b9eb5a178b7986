"""What `gaedist.score` returns: a value, its null distribution and the verdict, of one distance or of two."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gaedist.api.companion import Companion
from gaedist.api.drawable import Drawable
from gaedist.api.posterior import PosteriorReport
from gaedist.metrics.measurement import ScoreTerms
from gaedist.metrics.parameters import Parameters
from gaedist.mixtures.prior import PriorSummary
from gaedist.null.assessment import Null, NullDistribution
from gaedist.null.verdict import Evidence, Judgement, judged
from gaedist.numerics import log_of_value
from gaedist.smoothing.bandwidths import PRIOR
from gaedist.smoothing.smooth import SigmaSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gaedist.plots.scores import Scored


@dataclass(frozen=True)
class ScoreResult(Drawable):
    """The value of a metric for one sample, compared with its null distribution.

    What does not apply is None. A value beyond the range of a double is inf; ``log_value`` is finite then,
    and inf where the value itself is infinite. ``plot`` draws the value on its null distribution, and that of
    the companion, if there is one, ``result.parts[1].plot()``.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    metric : str
        The metric, a name in `gaedist.metrics.registry.ONE_SAMPLE`.
    value, log_value : float
        The value and its natural logarithm, None for a negative value. For ``gaussian`` the value is the
        squared distance of Eqs. (6), (7) and (8) times (4π)^(D/2), so that ⟨prior, prior⟩ = 1; to the
        smoothed target times (4πσ²)^(D/2), so that ⟨p, p⟩ = 1 for a single point. With a Gaussian prior of
        covariance C codes are whitened: the value is |C|^(1/2) times the distance of the codes under σ²C.
        With a mixture ⟨prior, prior⟩ is not 1. For other metrics the normalisation is part of the
        ``formula`` of their row in the registry.
    value_se : float, optional
        Monte Carlo standard error of the value: over random directions, or over the sampled pairs of method
        ``sample``.
    parameters : Parameters
        The parameters that were used, defaults filled in.
    target, estimator, covariance : str, optional
        Target, estimator and covariance family of the gaussian metric.
    sigma : SigmaSummary, optional
        The standard deviations σ of the smoothing kernel, and the rule that chose them.
    terms : ScoreTerms, optional
        The terms of a gaussian value, which is pair + prior − 2 cross.
    null : Null
        The null distribution: that of the value over samples of N(0, I) with the same n and D.
    excess, z : float, optional
        The value minus the null mean, and that in null standard deviations. They keep their digits where
        those of ``value`` are lost in a constant term. None without a null distribution, and where
        rounding hides the difference.
    p_value : float, optional
        The probability under N(0, I) of a value at least this large; if ``two_sided``, of a deviation at
        least this large. None where no null distribution is known well enough: ``null.note`` says why.
    two_sided : bool
        Too small a value is evidence against N(0, I) as well.
    saturated : bool
        To within rounding the value is a constant, the same for nearly every sample. Only ``z`` can tell
        samples apart then.
    skewed : bool
        The null distribution is so skewed that a small ``z`` does not mean a likely value.
    notes : tuple of str
        What a user of these codes should know, such as that rows repeat; one sentence each.
    method, precision : str
        How sums over pairs were computed, and in which arithmetic.
    threads : int
        Number of threads, of a cluster those of all workers.
    seconds : float
        Time from the call until this result was known.
    version : str
        Version of gaedist.
    infinite : bool
        The value is +∞, as that of ``kl`` for codes that do not vary along some direction.
    p_bound : float, optional
        Where there is no p-value but an exact mean and standard deviation: the most that p can be under any
        distribution, 1/(1 + z²) for an upper tail (Cantelli), 1/z² if ``two_sided`` (Chebyshev).
    effect : float, optional
        The shift |m| for which samples of N(m, I) have this value on average: 0 for a value below the null
        mean, or None if ``two_sided``; inf where no shift gives as large a value. None for metrics that do
        not measure a shift of the mean.
    companion : Companion, optional
        The smoothed target at σ = √D, unless the metric, its σ, target, estimator or covariance was chosen.
    p_combined : float, optional
        With a companion, min(1, 2 times the smaller of both p-values) (Bonferroni), or of their bounds; one
        that has neither is left out.
    verdict : str
        What this p-value says, or without a companion ``p_value``, or else ``p_bound``: "Not N(0, I)" below
        0.001, "Borderline" below 0.05, "No difference from N(0, I) detected", or "No verdict". With a prior
        it speaks of the prior.
    prior : PriorSummary, optional
        The prior in place of N(0, I), and in whose units σ, values and effects are.
    posterior : PosteriorReport, optional
        Of a VAE's posteriors: what was measured of them, their KL divergence and its split.
    device : str, optional
        The PyTorch device that made sums over pairs.
    distribution : NullDistribution, optional
        What the value was compared with, for pictures.
    """

    n: int
    dim: int
    metric: str
    value: float
    log_value: float | None
    value_se: float | None
    parameters: Parameters
    target: str | None
    estimator: str | None
    covariance: str | None
    sigma: SigmaSummary | None
    terms: ScoreTerms | None
    null: Null
    excess: float | None
    z: float | None
    p_value: float | None
    two_sided: bool
    saturated: bool
    skewed: bool
    notes: tuple[str, ...]
    method: str
    precision: str
    threads: int
    seconds: float
    version: str
    infinite: bool
    p_bound: float | None
    effect: float | None
    companion: Companion | None
    p_combined: float | None
    verdict: str
    device: str | None
    prior: PriorSummary | None = None
    posterior: PosteriorReport | None = None
    distribution: NullDistribution | None = field(default=None, repr=False, compare=False)

    @property
    def parts(self) -> tuple[ScoreResult, ...]:
        """The distances on which the verdict rests, each as a result of its own; the companion is second."""
        first, c = replace(self, companion=None), self.companion
        if c is None:
            return (first,)
        second = replace(
            first,
            value=c.value,
            log_value=log_of_value(c.value),
            target=c.target,
            sigma=SigmaSummary(PRIOR, c.sigma, c.sigma, c.sigma),
            terms=None,
            null=Null(self.null.method, c.null_mean, c.null_sd, c.null_replicates, c.note),
            excess=None,
            z=c.z,
            p_value=c.p_value,
            two_sided=False,
            saturated=False,
            skewed=c.p_value is None,
            p_bound=c.p_bound,
            effect=c.effect,
            distribution=c.distribution,
        )
        return first, second

    @property
    def judgement(self) -> Judgement:
        """The verdict and the p-value on which it rests, of both distances if there are two."""
        return judged(
            [Evidence.given(r.z, r.p_value, r.p_bound, r.two_sided, r.null.replicates) for r in self.parts]
        )

    @property
    def scored(self) -> Scored:
        """What a picture shows of this value, without the companion."""
        from gaedist.plots.scores import Scored, labelled

        label = labelled(self.metric, self.sigma, self.target)
        null = self.null
        return Scored(label, self.value, self.z, self.p_value, null.mean, null.sd, self.distribution)

    def _draw(self, ax: Axes) -> None:
        from gaedist.plots.scores import null_panel

        null_panel(ax, self.scored)
