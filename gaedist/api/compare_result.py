"""What `gaedist.compare` returns: a value for two samples, and its distribution over permuted labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gaedist.api.drawable import Drawable
from gaedist.api.posterior import PosteriorReport
from gaedist.metrics.parameters import Parameters
from gaedist.mixtures.prior import PriorSummary
from gaedist.null.assessment import Null, NullDistribution
from gaedist.null.permutations import Permutations
from gaedist.smoothing.smooth import SigmaSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gaedist.plots.scores import Scored


@dataclass(frozen=True)
class CompareResult(Drawable):
    """The value of a metric for two samples, compared with its values for permuted labels.

    What does not apply is None. A value beyond the range of a double is inf; ``log_value`` is finite then.
    ``plot`` draws the value on its distribution over permuted labels.

    Attributes
    ----------
    n, m, dim : int
        Sizes of the two samples and their dimension.
    metric : str
        The metric, a name in `gaedist.metrics.registry.TWO_SAMPLE`.
    estimator : str, optional
        Estimator of the gaussian metric.
    value, log_value : float
        The value and its natural logarithm, None for a negative value. For ``gaussian`` with the same
        constant σ for both samples the value is Eq. (5), the squared distance times (4πσ²)^(D/2), so that
        ⟨p, p⟩ = 1 for a single point; for other σ the squared distance of sec. II.B times (4π)^(D/2). For
        other metrics the normalisation is part of the ``formula`` of their row in the registry.
    value_se : float, optional
        Monte Carlo standard error of the value, over random directions.
    parameters : Parameters
        The parameters that were used, defaults filled in.
    covariance : str, optional
        Covariance family of the gaussian metric.
    sigma : SigmaSummary, optional
        The standard deviations σ of the smoothing kernel, over both samples, and the rule that chose them.
    expected : float, optional
        Mean value over all assignments of the pooled points, each with its σ, to samples of n and m points:
        the value to expect if both samples have one distribution. None where σ of a point may depend on the
        sample it is in, and for metrics without a closed form.
    null : Null
        The null distribution: that of the value over random permutations of the labels.
    p_value : float, optional
        Share of the labellings, the observed one among them, that give a value at least this large. None
        without permutations.
    notes : tuple of str
        What a user of these samples should know, such as that rows repeat; one sentence each.
    method, precision : str
        How sums over pairs were computed, and in which arithmetic.
    threads : int
        Number of threads, of a cluster those of all workers.
    seconds : float
        Time from the call until this result was known.
    version : str
        Version of gaedist.
    device : str, optional
        The PyTorch device that made sums over pairs.
    prior : PriorSummary, optional
        The prior by which both samples were whitened, so that σ and values are in its units.
    posterior_a, posterior_b : PosteriorReport, optional
        Of a VAE's posteriors: what was measured of them, their KL divergence and its split.
    distribution : NullDistribution, optional
        What the value was compared with, for pictures.
    """

    n: int
    m: int
    dim: int
    metric: str
    estimator: str | None
    value: float
    log_value: float | None
    value_se: float | None
    parameters: Parameters
    covariance: str | None
    sigma: SigmaSummary | None
    expected: float | None
    null: Null
    p_value: float | None
    notes: tuple[str, ...]
    method: str
    precision: str
    threads: int
    seconds: float
    version: str
    device: str | None
    prior: PriorSummary | None = None
    posterior_a: PosteriorReport | None = None
    posterior_b: PosteriorReport | None = None
    distribution: NullDistribution | None = field(default=None, repr=False, compare=False)

    @property
    def scored(self) -> Scored:
        """What a picture shows of this value."""
        from gaedist.plots.scores import Scored, labelled

        found, null = self.distribution, self.null
        z = found.observed if isinstance(found, Permutations) else None
        label = labelled(self.metric, self.sigma)
        return Scored(label, self.value, z, self.p_value, null.mean, null.sd, found)

    def _draw(self, ax: Axes) -> None:
        from gaedist.plots.comparison import permuted

        permuted(ax, self.scored)
