"""The sliced Epps–Pulley statistic, the regulariser SIGReg of LeJEPA: BHEP along a direction.

Along a direction u the points are t = u·x, and the statistic is exact:

    T = n ∫ |mean e^(ist) − e^(−s²/2)|² N(s; 0, β²) ds

The integral is computed as a sum over multiples of a step 2π/L. Its error comes from copies of the points at
distance L, and is below rounding if L exceeds the range of the points by more than the reach of the kernel.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gaedist.engine import Run
from gaedist.kernels.radial import ScaleMixture, phi_d_mixture
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.base import Metric
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.sliced_metrics import (
    SlicedOneSample,
    coincidences,
    mean_powers,
)
from gaedist.null.distributions import Moments
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import LOG2_E, Array

_EFOLDS = 37.0  # a Gaussian below e^(−37) is less than rounding
_FEW_MODES = 256  # a sum over fewer modes is always faster than one over pairs
_MODES_PER_PAIR = 4.0  # as many modes of a point take the time of one pair


class SlicedEppsPulleyOneSample(SlicedOneSample):
    """The statistic, averaged over directions."""

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Plan the statistic along random directions."""
        used = options.parameters.used("beta", "directions")
        self.prepare(x, EppsPulley(float(used.beta or 0)), used, run)

    def shift_curve(self) -> ShiftCurve:
        """Return the curve of the kernel averaged over all directions, φ_D(β²|x − y|²/2)."""
        beta = float(self.used.beta or 0)
        return ShiftCurve.of_kernel(phi_d_mixture(self.dim, beta**2 / 2), self.dim).times(self.n)

    def moments(self) -> Moments:
        """Return the exact mean and standard deviation, and the skewness in the limit n → ∞."""
        return epps_pulley_moments(
            self.n, self.dim, int(self.used.directions or 0), float(self.used.beta or 0)
        )


@dataclass(frozen=True)
class EppsPulley:
    """T, the BHEP statistic of points on a line with known mean and variance.

    Attributes
    ----------
    beta : float
        β, the standard deviation of the weight over frequencies; 1/β is the width of the kernel.
    """

    beta: float

    def of_sorted(self, rows: Array) -> Array:
        """Return T for each row of sorted points, (b,)."""
        return np.array([self._of_row(row) for row in rows])

    @property
    def _reach(self) -> float:
        """The distance at which the kernel is below rounding."""
        return math.sqrt(2 * _EFOLDS) / self.beta

    @property
    def _prior_reach(self) -> float:
        """The distance from 0 at which the prior under the kernel is below rounding."""
        return math.sqrt(2 * _EFOLDS * (1 + 1 / self.beta**2))

    def _of_row(self, t: Array) -> float:
        n, far = len(t), max(-float(t[0]), float(t[-1]), 0.0)
        period = self.period(float(t[-1] - t[0]), far)
        if far < 2 * self._prior_reach and (modes := self.modes(period)) * _MODES_PER_PAIR < max(
            n, _FEW_MODES
        ):
            return n * self._fourier(t, period, modes, prior=True)
        # gaps beyond the kernel's reach may shrink to it: nothing changes, and the period is shorter
        gaps = np.diff(t)
        close = np.concatenate([[0.0], np.cumsum(np.minimum(gaps, self._reach))])
        period = close[-1] + self._reach
        last = np.searchsorted(t, t + self._reach, side="right")  # far from 0, t + reach may equal t
        pairs = int((last - np.arange(n)).sum())
        if (modes := self.modes(period)) * n < _MODES_PER_PAIR * pairs:
            pair = self._fourier(close, period, modes, prior=False)
        else:
            pair = self._nearby(t, last)
        b = self.beta**2
        cross = float(np.exp(-b * t * t / (2 * (1 + b))).mean()) / math.sqrt(1 + b)
        return n * max(0.0, pair + 1 / math.sqrt(1 + 2 * b) - 2 * cross)

    def period(self, span: float, far: float) -> float:
        """Return a period whose copies are out of reach, for points of this range and distance from 0."""
        return max(span + self._reach, far + self._prior_reach, math.sqrt(2) * self._prior_reach)

    def modes(self, period: float) -> float:
        """Return how many multiples of 2π/period have a weight above rounding."""
        return math.ceil(math.sqrt(2 * _EFOLDS) * self.beta * period / (2 * math.pi))

    def _fourier(self, t: Array, period: float, modes: float, *, prior: bool) -> float:
        """Return the integral of |ψ − e^(−s²/2)|², or of |ψ|², as a sum over multiples of 2π/period."""
        from gaedist.engine.compiled.line_sums import LANES, wave_sums

        step, count, n = 2 * math.pi / period, int(modes), len(t)
        angles = step * t
        sums = np.empty((2, count))
        wave_sums(np.cos(angles), np.sin(angles), sums, np.empty((2, count, LANES)))
        real, imaginary = sums
        s = step * np.arange(1, count + 1)
        weights = 2 * step / (math.sqrt(2 * math.pi) * self.beta) * np.exp(-((s / self.beta) ** 2) / 2)
        if prior:
            return float(weights @ ((real / n - np.exp(-s * s / 2)) ** 2 + (imaginary / n) ** 2))
        return float(weights @ (real**2 + imaginary**2)) / n**2 + step / (math.sqrt(2 * math.pi) * self.beta)

    def _nearby(self, t: Array, last: NDArray[np.intp]) -> float:
        from gaedist.engine.compiled.line_sums import near_sum

        n = len(t)
        rate = self.beta**2 / 2 * LOG2_E
        return (n + 2 * float(near_sum(t, last, rate, np.empty(n)))) / n**2


def kernels_of_directions(dim: int, beta: float) -> tuple[PairMoments, PairMoments]:
    """Return the kernel along one direction, and its mean over all directions."""
    rate = beta**2 / 2
    line = PairMoments(1, ScaleMixture(np.array([rate]), np.ones(1), 1.0))
    return line, PairMoments(dim, phi_d_mixture(dim, rate))


@lru_cache(maxsize=64)
def epps_pulley_moments(n: int, dim: int, count: int, beta: float) -> Moments:
    """Return the moments of the mean of T over random directions: exact but for the skewness, as n → ∞.

    Along one direction the kernel is a Gaussian; its mean over all directions is φ_D(β²|x − y|²/2).
    """
    line, space = kernels_of_directions(dim, beta)
    pairs, triples = coincidences(dim, count)
    square = n**2 * float(pairs @ [kernel.variance(n, unbiased=False) for kernel in (line, space)])
    shared = 0.0
    for degree, block in enumerate(line.blocks(2)):
        j = 2 * np.arange(block.shape[0]) + (2 if degree == 0 else 1)
        shared += float((block @ block * block * mean_powers(dim, j[:, np.newaxis] + j)).sum())
    cube = 8 * float(triples @ [line.trace(3), shared, space.trace(3)])
    return Moments(1 - 1 / math.sqrt(1 + 2 * beta**2), math.sqrt(square), cube / square**1.5)


METRIC = Metric(
    name="sliced-epps-pulley",
    summary="BHEP statistic along a direction, averaged over directions (SIGReg of LeJEPA)",
    formula="""\
mean over random unit directions u of n ∫ |mean e^(is u·x) − e^(−s²/2)|² N(s; 0, β²) ds, which along each
direction is exact. value_se is the standard error of the mean over directions.""",
    detects="mean and covariance; shape along lines",
    reference="T. W. Epps and L. B. Pulley, A test for normality based on the empirical characteristic "
    "function, Biometrika 70 (1983) 723, doi:10.1093/biomet/70.3.723; R. Balestriero and Y. LeCun, LeJEPA: "
    "Provable and Scalable Self-Supervised Learning Without the Heuristics, 2025, arXiv:2511.08544",
    null="gamma distribution, exact mean and sd, asymptotic skewness",
    parameters=("beta", "directions"),
    one_sample=SlicedEppsPulleyOneSample,
)
