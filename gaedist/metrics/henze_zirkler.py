"""The Henze–Zirkler statistic: BHEP of the standardised codes, whatever their mean and covariance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaedist.engine import SAMPLE, PairTotal, Provenance, Run
from gaedist.errors import GaedistError
from gaedist.metrics.base import Metric
from gaedist.metrics.bhep import BhepOneSample
from gaedist.metrics.gaussian.one_sample import GaussianOneSample
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.moment_metrics import SampleCovariance, covariance_of
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.parameters import Parameters
from gaedist.null.assessment import Measured
from gaedist.null.distributions import DEPARTURE, FEWEST, LogNormal
from gaedist.null.gaussian_moments import limit_moments, moments
from gaedist.null.standardised_moments import standardised_moments
from gaedist.numerics import Array, to_linear

_MOST_ROUNDING = 1e-3
"""Largest relative error of the exact variance for which it is preferred to the limit."""


class HenzeZirklerOneSample(BhepOneSample):
    """The statistic at the β of Henze and Zirkler."""

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Standardise; raise `GaedistError` for method sample."""
        if run.method == SAMPLE:
            raise GaedistError(
                f"method {SAMPLE} is not for henze-zirkler: the standard error that it needs is not known. "
                "Use --metric bhep."
            )
        covariance, beta = covariance_of(x), henze_zirkler_beta(*x.shape)
        if not covariance.is_singular:
            self.prepare(standardised(x, covariance), beta, run)
            return
        self.n, self.dim, self.beta = *x.shape, beta
        usual = None
        if self.n > self.dim:
            below, sd, trusted = self._moments()
            usual = LogNormal(1 - below, sd, trusted)
        self.degenerate = covariance.null_distribution(usual)

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the statistic, 4n for a singular covariance: the largest that the integral can be."""
        if not self.degenerate:
            return super().finish(totals, values)
        value = 4.0 * self.n
        return Measurement(
            value=value,
            log_value=math.log(value),
            varying=value,
            provenance=Provenance("moments"),
            parameters=Parameters(beta=self.beta),
        )

    def shift_curve(self) -> None:
        """Return None: the value does not change with a shift."""

    def null_distribution(self) -> LogNormal:
        """Return the log-normal distribution of Henze and Zirkler, with the exact mean and sd."""
        below, sd, trusted = self._moments()
        return _Null(1 - below, sd, trusted, below, self.smoothed, self.n)

    def _moments(self) -> tuple[float, float, bool]:
        """Return 1 − mean, standard deviation, and whether n is large enough for them."""
        n, dim, variance = self.n, self.dim, 1 / (2 * self.beta**2)
        # n is large enough if it is for the statistic with known mean and covariance
        skewness = moments(n, dim, variance, smoothed=True).skewness
        near = abs(skewness - limit_moments(dim, variance)[2]) < DEPARTURE
        exact = standardised_moments(n, dim, self.beta)
        below, sd = exact.below, exact.sd
        if not exact.rounding < _MOST_ROUNDING:  # in few dimensions, for n so large that the limit is as good
            below, sd = henze_zirkler_moments(dim, self.beta)
        return below, sd, near and n >= FEWEST


@dataclass(frozen=True)
class _Null(LogNormal):
    """The log-normal distribution, with an excess that keeps its digits.

    The points' overlaps with themselves contribute exactly 1 to the statistic and to its mean, which can be
    nearly all of both.

    Attributes
    ----------
    below : float
        1 − mean.
    smoothed : GaussianOneSample
        The squared distance; the statistic is n times its value.
    n : int
        Number of points.
    """

    below: float
    smoothed: GaussianOneSample
    n: int

    def excess(self, measured: Measured) -> float:
        """Return the statistic − 1, plus 1 − mean."""
        assert measured.distance is not None
        prior = to_linear(measured.distance.qq.log_total)
        return self.n * (self.smoothed.varying(measured.distance) + prior) + self.below


def standardised(x: Array, covariance: SampleCovariance) -> Array:
    """Return the sample with mean 0 and covariance I, divisor n."""
    mean, scale = covariance.mean, covariance.vectors / covariance.sds
    centred = (x if covariance.unit == 1 else x * covariance.unit) - mean
    return np.ascontiguousarray(centred @ scale)


def henze_zirkler_beta(n: int, dim: int) -> float:
    """Return β = ((2D + 1) n/4)^(1/(D + 4))/√2, Henze and Zirkler 1990."""
    return float(((2 * dim + 1) * n / 4) ** (1 / (dim + 4)) / math.sqrt(2))


def henze_zirkler_moments(dim: int, beta: float) -> tuple[float, float]:
    """Return 1 − mean and the standard deviation of the statistic for Gaussian codes in the limit n → ∞.

    Henze and Zirkler 1990, theorem 3.2.
    """
    d, b2 = dim, beta**2
    a, w = 1 + 2 * b2, (1 + b2) * (1 + 3 * b2)
    below = a ** (-d / 2) * (1 + d * b2 / a + d * (d + 2) * b2**2 / (2 * a**2))
    variance = (
        2 * (1 + 4 * b2) ** (-d / 2)
        + 2 * a ** (-d) * (1 + 2 * d * b2**2 / a**2 + 3 * d * (d + 2) * b2**4 / (4 * a**4))
        - 4 * w ** (-d / 2) * (1 + 3 * d * b2**2 / (2 * w) + d * (d + 2) * b2**4 / (2 * w**2))
    )
    return below, math.sqrt(variance)


METRIC = Metric(
    name="henze-zirkler",
    summary="BHEP statistic of the standardised codes",
    formula="""\
bhep of y = C^(−½) (x − m), with the mean m and the covariance C (divisor n) of the codes, at
β = ((2D + 1) n/4)^(1/(D + 4))/√2; 4n, the largest value, where C is singular. Does not change under
invertible affine maps of the codes.""",
    detects="shape only: not mean, scale or correlation",
    reference="N. Henze and B. Zirkler, A class of invariant consistent tests for multivariate normality, "
    "Comm. Statist. Theory Methods 19 (1990) 3595, doi:10.1080/03610929008830400",
    null="log-normal, exact mean and sd",
    one_sample=HenzeZirklerOneSample,
)
