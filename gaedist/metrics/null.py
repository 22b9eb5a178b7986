"""What a sample of N(0, I) itself would score, and how probable that makes a score.

For one σ for all points the moments are exact for every n and D (`moments`). The p-value to the smoothed
target is one-sided, by the limit law of n d² (`limits`), moved and scaled to the exact mean and standard
deviation at n. That to N(0, I) itself is two-sided, since a score can be too small as well, by the gamma law
(Pearson's type III) with the exact mean, standard deviation and skewness. Neither is given where the skewness
says that it could not be trusted. For any other σ, samples of N(0, I) are simulated (`replicates`).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gaedist.engine import Run, mean_and_sd
from gaedist.errors import GaedistError
from gaedist.metrics.measure import Measured, Moving, ScoreOptions, Terms
from gaedist.mixtures.diagonal import Constant
from gaedist.null.chi_square_sums import limit_law
from gaedist.null.distributions import (
    DEPARTURE,
    FEWEST,
    PRECISION,
    WIDE,
    GammaLaw,
    Judgement,
    Null,
    clipped,
)
from gaedist.null.gaussian_moments import limit_moments, moments
from gaedist.null.monte_carlo import simulated
from gaedist.numerics import Array, signed_sum, to_linear
from gaedist.smoothing.rules import RULES, Sigma, family_of, is_repeatable

_NARROW = (
    "the law of the score is too uneven at this n, D and σ for a p-value from its moments. "
    "Use --null monte-carlo, or a larger σ."
)
_INEXACT = (
    "the standard error of the estimate is too large for a p-value. Take a smaller --tolerance (tolerance=)."
)
_UNKNOWN = "what N(0, I) scores is not known for these σ. Use --null monte-carlo."
_FOREIGN = (
    "σ of a file or an array belong to their points, so no sample of N(0, I) can be scored with them. Choose "
    "the σ of one by the same rule, and score that."
)
_SAME = "the simulated scores do not differ in doubles. Take a kernel of another width, or more replicates."


MOST_SAMPLED = 0.25
"""Standard error of an estimate, in null standard deviations, up to which p-values are calibrated."""


class Law(ABC):
    """The law of a score under N(0, I)."""

    @abstractmethod
    def judge(self, measured: Measured) -> Judgement:
        """Set a score of this law's n, D and setting beside it."""


@dataclass(frozen=True)
class ClosedForm(Law):
    """The law for one σ for all points.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    variance : float
        σ².
    setting : ScoreOptions
        What is measured.
    """

    n: int
    dim: int
    variance: float
    setting: ScoreOptions

    def judge(self, measured: Measured) -> Judgement:
        """Each term meets its own mean: the constants, beside which the rest vanishes, never enter."""
        law = moments(
            self.n, self.dim, self.variance, smoothed=self.setting.smoothed, unbiased=self.setting.unbiased
        )
        terms = measured.terms
        mean, sd = to_linear(law.log_mean), to_linear(law.log_sd)
        sign, log_excess = signed_sum(
            (1, terms.log_pairs), (-1, law.log_pairs), (-2, terms.log_cross), (2, law.log_cross)
        )
        if _is_hidden(terms, max(law.log_sd, log_excess)):
            return Judgement(Null("closed-form", mean, sd, note=WIDE))
        excess, z = sign * to_linear(log_excess), sign * to_linear(log_excess - law.log_sd)
        if not self.setting.smoothed:
            method, p_value = GammaLaw(mean, sd, law.skewness, self.n, two_sided=True).tail(z)
        else:
            method, p_value = self._limit(z, law.skewness)
        note = _NARROW if p_value is None else None
        if measured.error is not None and measured.error > MOST_SAMPLED * sd:
            p_value, note = None, _INEXACT
        return Judgement(Null(method, mean, sd, note=note), excess, z, clipped(p_value))

    def _limit(self, z: float, skewness: float) -> tuple[str, float | None]:
        """Return the probability of a larger z by the limit law."""
        mean, sd, of_limit = limit_moments(self.dim, self.variance)
        near = self.n >= FEWEST and abs(skewness - of_limit) < DEPARTURE
        law = limit_law(self.dim, self.variance) if near else None
        if law is None:
            return "closed-form", None
        return "limit-law", law.upper_tail(mean + z * sd)


@dataclass(frozen=True, eq=False)
class Simulated(Law):
    """The law of simulated samples.

    Attributes
    ----------
    values : (R,) array
        Their `Measured.moving`, or what stands for it in another metric.
    """

    values: Array

    @cached_property
    def _moments(self) -> tuple[float, float]:
        return mean_and_sd(self.values)

    def judge(self, measured: Measured) -> Judgement:
        """Count the replicates that are at least as far out, the sample itself being one of them."""
        value, spread = measured.moving, self.spread(measured.moving)
        hidden = spread > 0 and _is_hidden(measured.terms, math.log(spread))
        return self.judge_value(value, measured.standing, not measured.setting.smoothed, hidden=hidden)

    def spread(self, value: float) -> float:
        """Return what rounding must not rule: the standard deviation, or how far out a value is."""
        mean, sd = self._moments
        return max(sd, abs(value - mean)) if sd > 0 else 0.0

    def judge_value(self, value: float, standing: float, two_sided: bool, *, hidden: bool) -> Judgement:
        """Count them for a value of which ``standing`` is a part that all samples share, left out here."""
        (mean, sd), count = self._moments, len(self.values)
        null = Null("monte-carlo", mean + standing, sd or None, count)
        if not sd > 0 or hidden:
            return Judgement(replace(null, note=WIDE if sd > 0 else _SAME))
        above, below = (1 + int(np.sum(beyond)) for beyond in (self.values >= value, self.values <= value))
        hits = 2 * min(above, below) if two_sided else above
        return Judgement(null, value - mean, (value - mean) / sd, min(1.0, hits / (1 + count)))


def least_p(replicates: int, *, two_sided: bool) -> float:
    """Return the least p-value that so many simulated samples can give."""
    return (2 if two_sided else 1) / (1 + replicates)


@dataclass(frozen=True)
class NoLaw(Law):
    """No law.

    Attributes
    ----------
    note : str, optional
        Why.
    """

    note: str | None = None

    def judge(self, measured: Measured) -> Judgement:
        """Say that there is none."""
        return Judgement(Null("none", note=self.note))


def _is_hidden(terms: Terms, log_size: float) -> bool:
    """Tell whether rounding would rule a number, as where a large σ makes the terms all but constant."""
    log_rounding = math.log(terms.provenance.rounding) + max(terms.log_pairs, math.log(2) + terms.log_cross)
    return log_rounding > log_size + math.log(PRECISION)


@dataclass(frozen=True)
class NullOptions:
    """How a law is to be found.

    Attributes
    ----------
    replicates : int
        Number of samples to simulate.
    run : Run
        Threads, progress and seed.
    stored : bool
        Keep simulated samples in the user's cache.
    """

    replicates: int
    run: Run
    stored: bool


def _closed_form(measured: Measured, ask: NullOptions) -> Law:
    variance = measured.variance
    if variance is None or measured.smoothing.optimum:
        return NoLaw(_UNKNOWN if is_repeatable(measured.sigma) else _FOREIGN)
    return ClosedForm(*measured.shape, variance, measured.setting)


def _monte_carlo(measured: Measured, ask: NullOptions) -> Law:
    (n, dim), sigma = measured.shape, measured.sigma
    if (optimum := measured.smoothing.optimum) and optimum.interrupted:
        return NoLaw("the search for σ was interrupted.")
    return Simulated(
        simulated(
            n,
            dim,
            Moving(sigma if isinstance(sigma, str) else float(np.asarray(sigma)), measured.setting),
            replicates=ask.replicates,
            run=ask.run,
            stored=ask.stored,
        )
    )


NULLS: dict[str, Callable[[Measured, NullOptions], Law]] = {
    "auto": _closed_form,
    "closed-form": _closed_form,
    "monte-carlo": _monte_carlo,
    "none": lambda measured, ask: NoLaw(),
}
"""Name → from a score to its law under N(0, I)."""


def check_null(null: str, sigma: Sigma, setting: ScoreOptions) -> None:
    """Raise `GaedistError` for a law that is asked for and not known for these σ."""
    if null == "closed-form" and not is_known(sigma, setting.covariance):
        raise GaedistError(
            "what N(0, I) scores is known in closed form for one σ for all points that was not chosen for "
            "least distance. Use --null monte-carlo (null=), or leave it at auto."
        )
    if null == "monte-carlo" and not is_repeatable(sigma):
        raise GaedistError(f"{_FOREIGN} Leave out --null monte-carlo (null=).")


def is_known(sigma: Sigma, covariance: str | None) -> bool:
    """Tell whether the law is known without simulation, as far as that shows without the codes."""
    searched = isinstance(sigma, str) and sigma in RULES and RULES[sigma].searched
    return family_of(sigma, covariance) == Constant.name and not searched
