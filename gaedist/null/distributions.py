"""Laws of a value under N(0, I), by their moments or their limit, and what a value means beside one."""

import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass

from gaedist.engine import ROUNDING, SINGLE
from gaedist.null.chi_square_sums import quadratic_law
from gaedist.null.kernel_spectrum import PairMoments

UNEVEN = (
    "the law of the value is too uneven at this n and D for a p-value from its moments. "
    "Use --null monte-carlo."
)
_SAME = "all samples of N(0, I) of this size score the same."
WIDE = "the kernel is so wide that rounding hides the sample. Take a narrower one."
COARSE = "single precision is too coarse for the null law here. Take --precision double (precision=)."

PRECISION = 1e-2
"""Part of a standard deviation, or of a difference, that it may make."""

FEWEST = 10
"""Points, of which laws by moments were found calibrated."""

DEPARTURE = 0.25
"""Of the skewness at n from that of the limit law, up to which that was."""

_SKEWNESS = (-0.6, 1.2)  # of a value, between which a gamma law of two tails was found calibrated
_MOST_SKEW = 2.9  # of one with an upper tail only: a bit more than that of a single χ²
_STRAIGHT = 1e-6  # skewness of a gamma law that is a normal one


def clipped(p_value: float | None) -> float | None:
    """Return a probability that rounding has not led astray, nor to 0."""
    return None if p_value is None else min(1.0, max(sys.float_info.min, p_value))


@dataclass(frozen=True)
class Null:
    """What N(0, I) itself would score.

    Attributes
    ----------
    method : str
        ``limit-law``, ``gamma`` and ``log-normal`` give a p-value by that law, with mean and standard
        deviation in closed form; ``closed-form`` gives no more than these; ``monte-carlo`` is simulated,
        ``permutations`` are of labels; or ``none``.
    mean, sd : float, optional
        Mean and standard deviation of the value.
    replicates : int, optional
        Number of simulated samples, where there are any.
    note : str, optional
        Why there is no p-value, and what to do.
    """

    method: str
    mean: float | None = None
    sd: float | None = None
    replicates: int | None = None
    note: str | None = None


def explained(note: str | None, precision: str) -> str | None:
    """Return why there is no p-value, where it is the precision that was asked for."""
    return COARSE if note == WIDE and precision == SINGLE else note


@dataclass(frozen=True)
class Judgement:
    """How a score stands beside the law.

    Attributes
    ----------
    null : Null
        The law.
    excess, z : float, optional
        The value minus the null mean, formed term by term, and that in standard deviations.
    p_value : float, optional
        One-sided, or two-sided where a value can be too small as well.
    """

    null: Null
    excess: float | None = None
    z: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Cumulants:
    """Mean, standard deviation and skewness of a law."""

    mean: float
    sd: float
    skewness: float


@dataclass(frozen=True)
class ValueLaw(ABC):
    """The law of a value under N(0, I).

    Attributes
    ----------
    mean, sd : float
        Its mean and standard deviation.
    """

    mean: float
    sd: float

    @abstractmethod
    def tail(self, z: float) -> tuple[str, float | None]:
        """Return the name of the law, and the p-value of z, None where it cannot be trusted."""

    def judge(self, value: float, *, excess: float | None = None, size: float = 0.0) -> Judgement:
        """Set a value beside the law.

        Parameters
        ----------
        value : float
            The value.
        excess : float, optional
            Value − mean, if it is known better than by their difference.
        size : float
            The largest of the terms that it is the sum of, whose rounding may hide it.
        """
        if not 0 < self.sd < math.inf:
            return Judgement(Null("closed-form", self.mean, note=_SAME))
        excess = value - self.mean if excess is None else excess
        if is_hidden(size, max(self.sd, abs(excess))):
            return Judgement(Null("closed-form", self.mean, self.sd, note=WIDE))
        method, p_value = self.tail(excess / self.sd)
        null = Null(method, self.mean, self.sd, note=UNEVEN if p_value is None else None)
        return Judgement(null, excess, excess / self.sd, clipped(p_value))


def is_hidden(size: float, spread: float, rounding: float = ROUNDING) -> bool:
    """Tell whether rounding of terms of a size would rule a number, such as their sum or its spread."""
    return rounding * size > PRECISION * spread


@dataclass(frozen=True)
class GammaLaw(ValueLaw):
    """Pearson's type III law.

    Attributes
    ----------
    skewness : float
        Beside its mean and standard deviation.
    n : int
        Number of points.
    two_sided : bool
        A value can be too small as well.
    """

    skewness: float
    n: int
    two_sided: bool = False

    def tail(self, z: float) -> tuple[str, float | None]:
        """Return the probability of a larger z, or twice the lesser of both."""
        low, high = _SKEWNESS if self.two_sided else (-_MOST_SKEW, _MOST_SKEW)
        if self.n < FEWEST or not low < self.skewness < high:
            return "closed-form", None
        below, above = gamma_tails(z, self.skewness)
        return "gamma", 2 * min(below, above) if self.two_sided else above


@dataclass(frozen=True)
class PairLaw(ValueLaw):
    """The law of a mean of a kernel over pairs: its limit, moved and scaled to n.

    Attributes
    ----------
    n : int
        Number of points.
    pairs : PairMoments
        What is known of the kernel.
    """

    n: int
    pairs: PairMoments

    def tail(self, z: float) -> tuple[str, float | None]:
        """Return the probability of a larger z."""
        pairs = self.pairs
        if self.n < FEWEST or not abs(pairs.skewness_at(self.n) - pairs.skewness) < DEPARTURE:
            return "closed-form", None
        law = quadratic_law(*pairs.eigenvalues)
        return "limit-law", law.upper_tail(pairs.trace(1) + z * math.sqrt(2 * pairs.trace(2)))


def pair_law(n: int, pairs: PairMoments, *, unbiased: bool, factor: float = 1.0) -> PairLaw:
    """Return the law of a factor times U or V for n points, with the exact mean and standard deviation."""
    sd = math.sqrt(pairs.variance(n, unbiased=unbiased))
    return PairLaw(factor * pairs.expected(n, unbiased=unbiased), factor * sd, n, pairs)


@dataclass(frozen=True)
class LogNormalLaw(ValueLaw):
    """A log-normal law.

    Attributes
    ----------
    trusted : bool
        It is known to be near the law at this n.
    """

    trusted: bool

    def tail(self, z: float) -> tuple[str, float | None]:
        """Return the probability of a larger z."""
        from scipy.special import ndtr

        if not self.trusted:
            return "closed-form", None
        ratio = self.sd / self.mean
        square = math.log1p(ratio**2)
        if not z * ratio > -1:  # a value of 0 and less
            return "log-normal", 1.0
        return "log-normal", float(ndtr(-(math.log1p(z * ratio) + square / 2) / math.sqrt(square)))


def gamma_tails(z: float, skewness: float) -> tuple[float, float]:
    """Return the probabilities below and above z by Pearson's type III law of mean 0 and variance 1."""
    from scipy.special import gammainc, gammaincc, ndtr

    if abs(skewness) < _STRAIGHT:
        return float(ndtr(z)), float(ndtr(-z))
    shape = 4 / skewness**2
    place = max(0.0, shape + 2 / skewness * z)
    tails = float(gammainc(shape, place)), float(gammaincc(shape, place))
    return tails if skewness > 0 else (tails[1], tails[0])
