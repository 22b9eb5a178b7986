"""What a sample of N(0, I) itself would score.

For a constant σ the mean and the standard deviation are known exactly for every n and D. With s = σ²,
h = −D/2 and normalisation (4π)^(D/2), the kernel of a pair is K = s^h e^(−|x−y|²/(4s)) and that of a
point with the prior is c = ((1+s)/2)^h e^(−|x|²/(2(1+s))). The Gaussian integrals of FORMULAS §6
collapse to

    E K = (1 + s)^h = P                    E c = (1 + s/2)^h = Q
    Cov(K(x,y), K(x,y')) = P² v(1/(4(s+1)²))          Var K = P² v(1/(s+1)²)
    Cov(E[K|x], c) = P Q v(1/(2(s+1)(s+2)))           Var c = Q² v(1/(s+2)²)

with v(q) = (1 − q)^h − 1, which `expm1` and `log1p` evaluate without cancellation for every σ. All of it
is kept as logarithms: at D = 3000 these numbers leave the range of a double on both sides.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from gaedist.errors import GaedistError
from gaedist.family import Covariance
from gaedist.mixtures import signed_sum, to_linear
from gaedist.variances import Constant


@dataclass(frozen=True)
class ScoreNull:
    """The law of a score under N(0, I): exact mean, by term, and standard deviation, as logarithms.

    Attributes
    ----------
    log_self, log_pairs, log_cross : float
        Means of the pair term's diagonal (a constant), of its rest, and of the cross term ⟨p, q⟩.
    log_sd : float
        Standard deviation of the score.
    skewness : float
        That of the mean cross term, which rules the score in many dimensions: beyond about ½ the score of
        N(0, I) is far from normal, and z is no Gaussian z.
    """

    log_self: float
    log_pairs: float
    log_cross: float
    log_sd: float
    skewness: float
    method: ClassVar[str] = "closed-form"

    @property
    def log_mean(self) -> float:
        """Logarithm of the mean score, by Eq. (7) with ⟨prior, prior⟩ = 1."""
        return signed_sum((1, self.log_self), (1, self.log_pairs), (1, 0.0), (-2, self.log_cross))[1]


def closed_form(n: int, dim: int, variance: float) -> ScoreNull:
    """Return the exact mean and standard deviation of Eq. (7) for a sample of N(0, I).

    Parameters
    ----------
    n, dim : int
        Size and dimension of the sample.
    variance : float
        σ², the same for every point.
    """
    s, h = variance, -dim / 2
    log_p, log_q = h * math.log1p(s), h * math.log1p(s / 2)
    pairs = 1 - 1 / n
    _, log_variance = signed_sum(
        (4 * pairs * (n - 2) / n**2, 2 * log_p + _log_v(1 / (4 * (s + 1) ** 2), h)),
        (2 * pairs / n**2, 2 * log_p + _log_v(1 / (s + 1) ** 2, h, s * (s + 2) / (s + 1) ** 2)),
        (-8 * pairs / n, log_p + log_q + _log_v(1 / (2 * (s + 1) * (s + 2)), h)),
        (4 / n, 2 * log_q + _log_v(1 / (s + 2) ** 2, h)),
    )
    return ScoreNull(
        log_self=h * math.log(s) - math.log(n),
        log_pairs=math.log(pairs) + log_p if n > 1 else -math.inf,
        log_cross=log_q,
        log_sd=log_variance / 2,
        skewness=_cross_skewness(s, h) / math.sqrt(n),
    )


def _cross_skewness(s: float, h: float) -> float:
    """Return the skewness of c, from E c²/Q² = (1 − u²)^h and E c³/Q³ = (1 − 3u² + 2u³)^h, u = 1/(s+2)."""
    u = 1 / (s + 2)
    log_second, log_third = h * math.log1p(-(u**2)), h * math.log1p(-3 * u**2 + 2 * u**3)
    sign, log_moment = signed_sum((1, log_third), (-3, log_second), (2, 0.0))
    return sign * to_linear(log_moment - 1.5 * _log_v(u**2, h))


def _log_v(q: float, h: float, complement: float | None = None) -> float:
    """Return log((1 − q)^h − 1) for h < 0 < q < 1, given 1 − q too where q may round to 1."""
    exponent = h * (math.log(complement) if complement and complement < 0.5 else math.log1p(-q))
    return exponent + math.log(-math.expm1(-exponent))


def _where_known(n: int, dim: int, covariance: Covariance) -> ScoreNull | None:
    return closed_form(n, dim, covariance.variance) if isinstance(covariance, Constant) else None


def check_null(null: str, family: str) -> None:
    """Raise `GaedistError` for a law that is asked for and not known for a family."""
    if null == "closed-form" and family != Constant.name:
        raise GaedistError(
            f"what N(0, I) scores is known in closed form for one σ for all points, and not for {family} "
            "covariances. Leave --null (null=) at auto."
        )


NULLS: dict[str, Callable[[int, int, Covariance], ScoreNull | None]] = {
    "auto": _where_known,
    "closed-form": _where_known,
    "none": lambda n, dim, covariance: None,
}
"""Name → law of the score of n points of N(0, I) in D dimensions, smoothed with these covariances."""


@dataclass(frozen=True)
class Null:
    """What N(0, I) itself would score.

    Attributes
    ----------
    method : str
        ``closed-form`` or ``none``.
    mean, sd : float, optional
        Mean and standard deviation of the value.
    replicates : int, optional
        Number of simulated samples, where there are any.
    """

    method: str
    mean: float | None = None
    sd: float | None = None
    replicates: int | None = None

    @classmethod
    def of(cls, law: ScoreNull | None) -> "Null":
        """Summarise a law, or the lack of one."""
        if law is None:
            return cls("none")
        return cls(law.method, to_linear(law.log_mean), to_linear(law.log_sd))
