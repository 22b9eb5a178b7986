"""The BHEP statistic for a known mean and covariance: n d² to the smoothed prior at σ = 1/(β√2)."""

import math
from collections.abc import Sequence
from dataclasses import replace

from gaedist.engine import PairTotal, Run
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.base import Metric, OneSample
from gaedist.metrics.gaussian.one_sample import GaussianNull, GaussianOneSample
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.parameters import Parameters
from gaedist.null.assessment import NullDistribution
from gaedist.numerics import Array, log_of_value


class BhepOneSample(OneSample):
    """The statistic at a given β."""

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Plan the overlaps of the smoothed codes."""
        self.prepare(x, float(options.parameters.used("beta").beta or 0), run)

    def prepare(self, x: Array, beta: float, run: Run) -> None:
        """Plan n d² of a sample at a β."""
        self.n, self.dim, self.beta = *x.shape, beta
        options = ScoreOptions(sigma=1 / (beta * math.sqrt(2)), target="smoothed")
        self.smoothed = GaussianOneSample(x, options, run)
        self.pairs = self.smoothed.pairs

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return n times the squared distance, with β in place of σ, target and estimator."""
        found, n = self.smoothed.finish(totals, values), self.n
        value = n * found.value
        return replace(
            found,
            value=value,
            log_value=log_of_value(value),
            varying=n * found.varying,
            constant=n * found.constant,
            log_rounding_scale=math.log(n) + found.log_rounding_scale,
            parameters=Parameters(beta=self.beta),
            error=None if found.error is None else n * found.error,
            target=None,
            estimator=None,
            covariance=None,
            sigma=None,
            terms=None,
            saturated=False,
        )

    def shift_curve(self) -> ShiftCurve | None:
        """Return n times the curve of the distance."""
        curve = self.smoothed.shift_curve()
        return curve.times(self.n) if curve else None

    def null_distribution(self) -> NullDistribution:
        """Return n times the null distribution of the distance."""
        return GaussianNull(
            self.n,
            self.dim,
            1 / (2 * self.beta**2),
            smoothed=True,
            factor=self.n,
            width="β",
            wider="a smaller --beta (beta=)",
        )


METRIC = Metric(
    name="bhep",
    summary="Baringhaus–Henze–Epps–Pulley statistic for known mean and covariance",
    formula="""\
n ∫ |ψ(t) − e^(−|t|²/2)|² N(t; 0, β² I) dt, with ψ(t) = mean of e^(i t·x_j), the empirical characteristic
function. It is n times the gaussian metric with target smoothed at σ = 1/(β√2).""",
    detects="differences of any kind on scales above 1/β, for D up to about 30",
    reference="L. Baringhaus and N. Henze, A consistent test for multivariate normality based on the "
    "empirical characteristic function, Metrika 35 (1988) 339, doi:10.1007/BF02613322",
    null="limit of a degenerate V-statistic (weighted sum of χ²), exact mean and sd",
    parameters=("beta",),
    one_sample=BhepOneSample,
)
