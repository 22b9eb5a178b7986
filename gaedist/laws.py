"""Laws of a value under N(0, I), by their moments or their limit, and what a value means beside one."""

import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass

from gaedist.limits import quadratic_law
from gaedist.spectra import PairMoments

UNEVEN = (
    "the law of the value is too uneven at this n and D for a p-value from its moments. "
    "Use --null monte-carlo."
)
_SAME = "all samples of N(0, I) of this size score the same."

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
        ``limit-law`` and ``gamma`` give a p-value by that law, with exact mean and standard deviation;
        ``closed-form`` gives no more than these; ``monte-carlo`` is simulated; or ``none``.
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
        One-sided to the smoothed target, two-sided to N(0, I) itself.
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


class ValueLaw(ABC):
    """The law of a value under N(0, I).

    Attributes
    ----------
    mean, sd : float
        Its mean and standard deviation.
    two_sided : bool
        A value can be too small as well.
    """

    mean: float
    sd: float
    two_sided: bool = False

    @abstractmethod
    def tail(self, value: float) -> tuple[str, float | None]:
        """Return the name of the law, and the p-value of a value, None where it cannot be trusted."""

    def judge(self, value: float) -> Judgement:
        """Set a value beside the law."""
        if not 0 < self.sd < math.inf:
            return Judgement(Null("closed-form", self.mean, note=_SAME))
        method, p_value = self.tail(value)
        null, excess = (
            Null(method, self.mean, self.sd, note=UNEVEN if p_value is None else None),
            value - self.mean,
        )
        return Judgement(null, excess, excess / self.sd, clipped(p_value))


@dataclass(frozen=True)
class GammaLaw(ValueLaw):
    """Pearson's type III law.

    Attributes
    ----------
    n : int
        Number of points.
    mean, sd, skewness : float
        Its moments.
    two_sided : bool
        A value can be too small as well.
    """

    n: int
    mean: float
    sd: float
    skewness: float
    two_sided: bool = False

    def tail(self, value: float) -> tuple[str, float | None]:
        """Return the probability of a larger value, or twice the lesser of both."""
        low, high = _SKEWNESS if self.two_sided else (-_MOST_SKEW, _MOST_SKEW)
        if self.n < FEWEST or not low < self.skewness < high:
            return "closed-form", None
        below, above = gamma_tails((value - self.mean) / self.sd, self.skewness)
        return "gamma", 2 * min(below, above) if self.two_sided else above


@dataclass(frozen=True)
class PairLaw(ValueLaw):
    """The law of a mean of a kernel over pairs, times a factor: its limit, moved and scaled to n.

    Attributes
    ----------
    n : int
        Number of points.
    pairs : PairMoments
        What is known of the kernel.
    unbiased : bool
        Points do not meet themselves.
    factor : float
        Of the value.
    """

    n: int
    pairs: PairMoments
    unbiased: bool
    factor: float = 1.0

    @property
    def mean(self) -> float:  # type: ignore[override]
        """The mean, exactly."""
        return self.factor * self.pairs.expected(self.n, unbiased=self.unbiased)

    @property
    def sd(self) -> float:  # type: ignore[override]
        """The standard deviation, exactly."""
        return self.factor * math.sqrt(self.pairs.variance(self.n, unbiased=self.unbiased))

    def tail(self, value: float) -> tuple[str, float | None]:
        """Return the probability of a larger value."""
        pairs = self.pairs
        if self.n < FEWEST or not abs(pairs.skewness_at(self.n) - pairs.skewness) < DEPARTURE:
            return "closed-form", None
        law = quadratic_law(*pairs.eigenvalues)
        z = (value - self.mean) / self.sd
        return "limit-law", law.upper_tail(pairs.trace(1) + z * math.sqrt(2 * pairs.trace(2)))


@dataclass(frozen=True)
class LogNormalLaw(ValueLaw):
    """A log-normal law.

    Attributes
    ----------
    mean, sd : float
        Its mean and standard deviation.
    trusted : bool
        It is known to be near the law at this n.
    """

    mean: float
    sd: float
    trusted: bool

    def tail(self, value: float) -> tuple[str, float | None]:
        """Return the probability of a larger value."""
        from scipy.special import ndtr

        if not self.trusted:
            return "closed-form", None
        square = math.log1p((self.sd / self.mean) ** 2)
        if not value > 0:
            return "log-normal", 1.0
        place = (math.log(value / self.mean) + square / 2) / math.sqrt(square)
        return "log-normal", float(ndtr(-place))


def gamma_tails(z: float, skewness: float) -> tuple[float, float]:
    """Return the probabilities below and above z by Pearson's type III law of mean 0 and variance 1."""
    from scipy.special import gammainc, gammaincc, ndtr

    if abs(skewness) < _STRAIGHT:
        return float(ndtr(z)), float(ndtr(-z))
    shape = 4 / skewness**2
    place = max(0.0, shape + 2 / skewness * z)
    tails = float(gammainc(shape, place)), float(gammaincc(shape, place))
    return tails if skewness > 0 else (tails[1], tails[0])
