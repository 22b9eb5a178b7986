"""The energy distance: the discrepancy by the kernel −|x − y|."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from gaedist.engine import PairTotal, Profile, Run, Shape
from gaedist.kernels.radial import distance_mixture
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.base import Metric
from gaedist.metrics.kernel_metrics import (
    Kernel,
    KernelOneSample,
    KernelTwoSample,
    mean_about,
    pair_mean,
    radial_sum,
)
from gaedist.metrics.options import CompareOptions, ScoreOptions
from gaedist.null.distributions import KernelLimit
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import Array, squared_norms

_DISTANCE = Profile(Shape.ROOT)

_TINY = 2.0**-500  # codes below it are multiplied by a unit, as squares of their differences underflow
_UNIT = 2.0**1000

_FAR = 1e30
"""|x|² from which E |x − Y| = |x| + (D − 1)/(2|x|) + … is |x| to within rounding."""


class EnergyOneSample(KernelOneSample):
    """The squared energy distance to N(0, I)."""

    least = 0.0

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Plan the sum of distances over pairs."""
        self.n, self.dim = x.shape
        self.x, self.moments = x, energy_moments(self.dim)
        self.pairs = [radial_sum(_DISTANCE, x)]

    def terms(self, totals: Sequence[PairTotal]) -> list[float]:
        """Return the mean over pairs, −2 times the mean over points, and the constant."""
        pair = pair_mean(totals[0].log, self.n, 0.0, unbiased=False)
        return [-pair, -2 * _mean_about(self.x), self.moments.mean]

    def shift_curve(self) -> ShiftCurve:
        """Return the curve of the kernel −|x − y|."""
        return ShiftCurve.of_kernel(self.moments.scale_mixture, self.dim)

    def null_distribution(self) -> KernelLimit:
        """Return the limit of a degenerate V-statistic, with its exact mean and standard deviation."""
        return KernelLimit.of(self.n, self.moments, unbiased=False)


class EnergyTwoSample(KernelTwoSample):
    """The squared energy distance between two samples."""

    def __init__(self, x: Array, y: Array, options: CompareOptions, run: Run) -> None:
        """Plan the sums of distances over pairs, of codes in a unit in which squares do not underflow."""
        unit = _UNIT if max(np.abs(x).max(), np.abs(y).max()) < _TINY else 1.0
        self.kernel = Kernel(_DISTANCE, factor=-1 / unit)
        if unit > 1:
            x, y = unit * x, unit * y
        self.prepare(x, y, run)


def _mean_about(x: Array) -> float:
    """Return the mean over the points of −E |x_i − Y|, which is −|x_i| but for rounding far from 0."""
    squares = squared_norms(x)
    near = squares < _FAR
    if near.all():
        return mean_about(distance_mixture(float(squares.max())), x)
    far = -math.fsum(np.sqrt(squares[~near]) / len(x))
    if not near.any():
        return far
    mixture, share = distance_mixture(float(squares[near].max())), np.count_nonzero(near) / len(x)
    return far + share * mean_about(mixture, x[near])


@lru_cache(maxsize=64)
def energy_moments(dim: int) -> PairMoments:
    """Return the moments of −|x − y| under N(0, I)."""
    return PairMoments(dim, distance_mixture(dim))


METRIC = Metric(
    name="energy",
    summary="squared energy distance",
    formula="""\
2 mean E|x_i − Y| − E|Y − Y'| − mean |x_i − x_j|, with Y and Y' from N(0, I) and the means over all i and j.
Two samples: 2 mean |x_i − y_j| − mean |x_i − x_j| − mean |y_i − y_j|.""",
    detects="mean and scale in any dimension",
    reference="G. J. Székely and M. L. Rizzo, Energy statistics: A class of statistics based on distances, "
    "J. Stat. Plan. Inference 143 (2013) 1249, doi:10.1016/j.jspi.2013.03.018",
    null="limit of a degenerate V-statistic (weighted sum of χ²), exact mean and sd",
    one_sample=EnergyOneSample,
    two_sample=EnergyTwoSample,
)
