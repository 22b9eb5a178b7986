"""The KL divergence of the codes' Gaussian fit from N(0, I), the regulariser of the VAE."""

import math
import sys

import numpy as np

from gaedist.engine import Run
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.base import Metric
from gaedist.metrics.moment_metrics import MomentOneSample, SampleCovariance, covariance_of
from gaedist.metrics.options import ScoreOptions
from gaedist.null.distributions import Gamma, Moments
from gaedist.numerics import Array


class KlOneSample(MomentOneSample):
    """The divergence, from the mean and the covariance of the codes."""

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Compute the divergence, which is infinite for a singular covariance."""
        self.n, self.dim = x.shape
        covariance = covariance_of(x)
        self.value = divergence(covariance)
        if covariance.is_singular:
            usual = self.null_distribution() if self.n > self.dim else None
            self.degenerate = covariance.null_distribution(usual)

    def shift_curve(self) -> ShiftCurve:
        """Return ½ |m|², the divergence of N(m, I)."""
        return ShiftCurve(slope=0.5)

    def null_distribution(self) -> Gamma:
        """Return a gamma distribution with the exact mean, standard deviation and skewness."""
        return Gamma.of(divergence_moments(self.n, self.dim), self.n)


def divergence(covariance: SampleCovariance) -> float:
    """Return KL(N(m, C) ‖ N(0, I)) = ½ (tr C + |m|² − D − log |C|) of the sample's Gaussian fit.

    C has divisor n, as in the maximum likelihood fit. The terms c − 1 − log c of its eigenvalues keep their
    digits where c is near 1. It is infinite for a singular C.
    """
    if covariance.is_singular:
        return math.inf
    mean, sds = covariance.mean / covariance.unit, covariance.sds / covariance.unit
    values, logs = sds**2, 2 * (np.log(covariance.sds) - math.log(covariance.unit))
    off, normal = values - 1, values >= sys.float_info.min  # a square may underflow
    logs[normal] = np.log(values[normal])
    near = np.abs(off) < 0.5
    logs[near] = np.log1p(off[near])
    return 0.5 * (float(mean @ mean) + math.fsum(off - logs))


def divergence_moments(n: int, dim: int) -> Moments:
    """Return mean, standard deviation and skewness of the divergence over samples of N(0, I), exactly.

    2n KL is the likelihood ratio statistic for a given mean and covariance, whose moment generating function
    is a product of gamma functions (T. W. Anderson, An Introduction to Multivariate Statistical Analysis,
    sec. 10.9).
    """
    from scipy.special import digamma, polygamma

    halves = (n - np.arange(1, dim + 1)) / 2
    first = -n * float(dim * math.log(2 / n) + digamma(halves).sum())
    second = n**2 * float(polygamma(1, halves).sum()) - 2 * dim * n
    third = -(n**3) * float(polygamma(2, halves).sum()) - 4 * dim * n
    return Moments(first / (2 * n), math.sqrt(second) / (2 * n), third / second**1.5)


METRIC = Metric(
    name="kl",
    summary="KL divergence of the codes' Gaussian fit from N(0, I) (as in the VAE loss)",
    formula="""\
½ (tr C + |m|² − D − log |C|) nats, with the mean m and the covariance C (divisor n) of the codes.
+∞ where C is singular: for up to D points, and for codes that do not vary along some direction.""",
    detects="mean and covariance only",
    reference="D. P. Kingma and M. Welling, Auto-Encoding Variational Bayes, ICLR 2014, arXiv:1312.6114",
    null="gamma distribution, exact mean, sd and skewness",
    one_sample=KlOneSample,
)
