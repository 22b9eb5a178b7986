"""Null distributions: parametric ones, given by their moments or by a limit, and simulated ones.

Those of permuted labels are in `gaedist.null.permutations`.
"""

import math
import sys
from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gaedist.engine import ROUNDING, mean_and_sd
from gaedist.null.assessment import DEGENERATE, WIDE, Assessment, Measured, Null, NullDistribution
from gaedist.null.chi_square_sums import chi_square_sum
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import Array, log_or_minus_inf

_NO_SPREAD = "all samples of N(0, I) of this size have the same value."
_SAME_VALUES = (
    "all simulated values are equal in double precision. Change the kernel's width or --replicates."
)

PRECISION = 1e-2
"""Largest part of a standard deviation, or of an excess, that rounding may change."""

FEWEST = 10
"""Fewest points for which distributions given by moments were found calibrated."""

DEPARTURE = 0.25
"""Largest difference between the skewness at n and in the limit for which the limit was found calibrated."""

SKEWNESS = (-0.6, 1.2)
"""Range of skewness in which a two-sided gamma tail was found calibrated."""

_MOST_SKEWED = 2.9  # the same for an upper tail only: slightly more than that of one χ²
_MOST_SKEWED_VALUES = 4.0  # of simulated values with an upper tail only: χ²₁, and the noise of 999 of them
_NORMAL = 1e-6  # skewness below which a gamma distribution is treated as normal


@dataclass(frozen=True)
class Moments:
    """Mean, standard deviation and skewness of a null distribution."""

    mean: float
    sd: float
    skewness: float


@dataclass(frozen=True)
class NoDistribution(NullDistribution):
    """No null distribution is known, or none was requested.

    Attributes
    ----------
    note : str, optional
        Why.
    """

    note: str | None = None

    def assess(self, measured: Measured) -> Assessment:
        """Return the note alone."""
        return Assessment(Null("none", note=self.note))


@dataclass(frozen=True)
class Parametric(NullDistribution):
    """A null distribution with mean and standard deviation in closed form.

    Attributes
    ----------
    mean, sd : float
        Mean and standard deviation of the value.
    """

    mean: float
    sd: float

    @abstractmethod
    def tail(self, z: float) -> tuple[str, float | None]:
        """Return the method, and the p-value of z; None where it was not found calibrated."""

    def excess(self, measured: Measured) -> float:
        """Return the value minus the mean."""
        return measured.value - self.mean

    def assess(self, measured: Measured) -> Assessment:
        """Compare a value with the mean, and its z with the tail."""
        if not 0 < self.sd < math.inf:
            return Assessment(Null("closed-form", self.mean, note=_NO_SPREAD))
        excess = self.excess(measured)
        if is_lost_to_rounding(measured.log_rounding_scale, log_or_minus_inf(max(self.sd, abs(excess)))):
            return Assessment(Null("closed-form", self.mean, self.sd, note=WIDE))
        method, p_value = self.tail(excess / self.sd)
        skewed = p_value is None
        null = Null(method, self.mean, self.sd, note=too_skewed() if skewed else None)
        return Assessment(null, excess, excess / self.sd, clipped(p_value), skewed, self)

    def upper_tail(self, z: float) -> float | None:
        """Return the probability of a larger z."""
        return self.tail(z)[1]


@dataclass(frozen=True)
class Gamma(Parametric):
    """A gamma distribution with a location: Pearson's type III, given by three moments.

    Attributes
    ----------
    skewness : float
        Third central moment over sd³.
    n : int
        Number of points.
    two_sided : bool
        The value can also be too small.
    """

    skewness: float
    n: int
    two_sided: bool = False

    @classmethod
    def of(cls, moments: Moments, n: int, *, two_sided: bool = False) -> "Gamma":
        """Return the gamma distribution with these moments, for n points."""
        return cls(moments.mean, moments.sd, moments.skewness, n, two_sided)

    def tail(self, z: float) -> tuple[str, float | None]:
        """Return the probability of a larger z, or twice that of the smaller tail."""
        low, high = SKEWNESS if self.two_sided else (-_MOST_SKEWED, _MOST_SKEWED)
        if self.n < FEWEST or not low < self.skewness < high:
            return "closed-form", None
        below, above = gamma_tails(z, self.skewness)
        return "gamma", 2 * min(below, above) if self.two_sided else above

    def upper_tail(self, z: float) -> float | None:
        """Return the probability of a larger z."""
        return replace(self, two_sided=False).tail(z)[1] if self.tail(z)[1] is not None else None


@dataclass(frozen=True)
class KernelLimit(Parametric):
    """The limit as n → ∞ of a mean of a kernel over pairs, with the exact mean and sd at n.

    The limit is Σ λ χ²₁ over the eigenvalues of the centred kernel under N(0, I)
    (`gaedist.null.kernel_spectrum`).

    Attributes
    ----------
    n : int
        Number of points.
    pairs : PairMoments
        Moments and eigenvalues of the kernel.
    """

    n: int
    pairs: PairMoments

    @classmethod
    def of(cls, n: int, pairs: PairMoments, *, unbiased: bool, factor: float = 1.0) -> "KernelLimit":
        """Return the null distribution of a factor times the U- or V-statistic of n points."""
        sd = math.sqrt(pairs.variance(n, unbiased=unbiased))
        return cls(factor * pairs.expected(n, unbiased=unbiased), factor * sd, n, pairs)

    def tail(self, z: float) -> tuple[str, float | None]:
        """Return the probability of a larger z in the limit."""
        pairs = self.pairs
        if self.n < FEWEST or not abs(pairs.skewness_at(self.n) - pairs.skewness) < DEPARTURE:
            return "closed-form", None
        limit = chi_square_sum(*pairs.eigenvalues)
        return "limit-law", limit.upper_tail(pairs.trace(1) + z * math.sqrt(2 * pairs.trace(2)))


@dataclass(frozen=True)
class LogNormal(Parametric):
    """A log-normal distribution.

    Attributes
    ----------
    trusted : bool
        It was found calibrated at this n and D.
    """

    trusted: bool

    def tail(self, z: float) -> tuple[str, float | None]:
        """Return the probability of a larger z."""
        from scipy.special import ndtr

        if not self.trusted:
            return "closed-form", None
        ratio = self.sd / self.mean
        square = math.log1p(ratio**2)
        if not z * ratio > -1:  # a value of 0 or less
            return "log-normal", 1.0
        return "log-normal", float(ndtr(-(math.log1p(z * ratio) + square / 2) / math.sqrt(square)))


@dataclass(frozen=True, eq=False)
class Simulated(NullDistribution):
    """The empirical distribution of simulated samples.

    Attributes
    ----------
    values : (R,) array
        `Measured.varying` of each sample.
    two_sided : bool
        The value can also be too small.
    """

    values: Array
    two_sided: bool

    @cached_property
    def _moments(self) -> tuple[float, float]:
        return mean_and_sd(self.values)

    def assess(self, measured: Measured) -> Assessment:
        """Count the simulated values at least as extreme, the measured one among them."""
        (mean, sd), count, value = self._moments, len(self.values), measured.varying
        null = Null("monte-carlo", mean + measured.constant, sd or None, count)
        if not sd > 0:
            return Assessment(replace(null, note=_SAME_VALUES))
        if is_lost_to_rounding(measured.log_rounding_scale, math.log(max(sd, abs(value - mean)))):
            return Assessment(replace(null, note=WIDE))
        above, below = (1 + int(np.sum(beyond)) for beyond in (self.values >= value, self.values <= value))
        hits = 2 * min(above, below) if self.two_sided else above
        z, p_value = (value - mean) / sd, min(1.0, hits / (1 + count))
        return Assessment(null, value - mean, z, p_value, self._is_skewed, self)

    @property
    def scores(self) -> Array:
        """The z of each simulated value."""
        mean, sd = self._moments
        return np.asarray((self.values - mean) / sd)

    def upper_tail(self, z: float) -> float:
        """Return the share of simulated values with a larger z."""
        return float(np.mean(self.scores > z))

    @cached_property
    def _is_skewed(self) -> bool:
        mean, sd = self._moments
        skewness = float(np.mean(((self.values - mean) / sd) ** 3))
        low, high = SKEWNESS if self.two_sided else (-_MOST_SKEWED_VALUES, _MOST_SKEWED_VALUES)
        return not low < skewness < high


@dataclass(frozen=True)
class Degenerate(NullDistribution):
    """The null distribution for codes of singular covariance, whose value is the largest that there is.

    A sample of N(0, I) has a covariance of rank min(n − 1, D) with probability 1. Codes of a lower rank
    have a p-value of 0, which is reported as the smallest p-value. Up to D points have a singular covariance
    in any case, so that all samples have the same value.

    Attributes
    ----------
    why : str
        What is degenerate, and what to do about it.
    usual : Parametric, optional
        The distribution over samples of N(0, I), None for up to D points.
    impossible : bool
        The rank is lower than that of any sample of N(0, I).
    """

    why: str
    usual: Parametric | None
    impossible: bool

    def assess(self, measured: Measured) -> Assessment:
        """Return the smallest p-value for codes that no sample of N(0, I) gives, else the reason for none."""
        p_value = clipped(0.0) if self.impossible else None
        if self.usual is None:
            return Assessment(Null(DEGENERATE, note=self.why), p_value=p_value)
        excess = measured.value - self.usual.mean
        null = Null(DEGENERATE, self.usual.mean, self.usual.sd or None, note=self.why)
        z = excess / self.usual.sd if self.usual.sd > 0 else None
        return Assessment(null, excess, z, p_value)


def smallest_p(replicates: int, *, two_sided: bool) -> float:
    """Return the smallest p-value that so many simulated samples can give."""
    return (2 if two_sided else 1) / (1 + replicates)


def is_lost_to_rounding(log_rounding_scale: float, log_size: float) -> bool:
    """Tell whether the rounding of terms would change a number by more than `PRECISION` of it.

    Parameters
    ----------
    log_rounding_scale : float
        Logarithm of the largest of the terms that the number is the sum of.
    log_size : float
        Logarithm of the number.
    """
    return math.log(ROUNDING) + log_rounding_scale > log_size + math.log(PRECISION)


def too_skewed(*, width: str = "", wider: str = "") -> str:
    """Return why there is no p-value, and what to do; also with a wider kernel, whose width has a name."""
    size, remedy = (f"n, D and {width}", f", or {wider}") if width else ("n and D", "")
    return (
        f"the null distribution is too skewed at this {size} to convert z to a p-value. "
        f"Use --null monte-carlo (null=){remedy}."
    )


def clipped(p_value: float | None) -> float | None:
    """Return a probability, limited to the range from the smallest normal double to 1."""
    return None if p_value is None else min(1.0, max(sys.float_info.min, p_value))


def gamma_tails(z: float, skewness: float) -> tuple[float, float]:
    """Return the probabilities below and above z under Pearson's type III with mean 0 and variance 1."""
    from scipy.special import gammainc, gammaincc, ndtr

    if abs(skewness) < _NORMAL:
        return float(ndtr(z)), float(ndtr(-z))
    shape = 4 / skewness**2
    place = max(0.0, shape + 2 / skewness * z)
    tails = float(gammainc(shape, place)), float(gammaincc(shape, place))
    return tails if skewness > 0 else (tails[1], tails[0])
