"""The squared L2 distance of smoothed codes to the prior, and its null distribution for one σ."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gaedist.engine import ROUNDING, SAMPLE, PairTotal, Run
from gaedist.errors import GaedistError
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.base import OneSample
from gaedist.metrics.measurement import Measurement, ScoreTerms
from gaedist.metrics.options import ScoreOptions
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.distance import DistanceRequest, SquaredDistance
from gaedist.mixtures.mixture import normal
from gaedist.null.assessment import WIDE, Assessment, Measured, Null, NullDistribution
from gaedist.null.chi_square_sums import smoothed_limit
from gaedist.null.distributions import (
    DEPARTURE,
    FEWEST,
    Gamma,
    NoDistribution,
    clipped,
    is_lost_to_rounding,
    too_skewed,
)
from gaedist.null.gaussian_moments import limit_moments, moments
from gaedist.null.radial_sums import FEWEST_AXES, radial_sum
from gaedist.numerics import Array, signed_sum, to_linear
from gaedist.smoothing.bandwidths import PRIOR
from gaedist.smoothing.rules import RULES, family_of, is_repeatable
from gaedist.smoothing.smooth import Smoothing, smooth

_INEXACT = (
    "the standard error of the estimate is too large for a p-value. Use a smaller --tolerance (tolerance=)."
)
_UNKNOWN = "the null distribution is not known for these σ. Use --null monte-carlo (null=)."
OF_MIXTURE = "the null distribution of a mixture prior has no closed form. Use --null monte-carlo (null=)."
FOREIGN = (
    "σ from a file or an array belongs to its points, so no sample of N(0, I) can be scored with it. Choose "
    "σ for such a sample by the same rule, and score that."
)

MOST_SAMPLED = 0.25
"""Largest standard error of an estimate, in null standard deviations, for which p-values are calibrated."""


class GaussianOneSample(OneSample):
    """d² of the smoothed codes p to the prior: Eq. (6), and for one σ Eqs. (7) and (8).

    Attributes
    ----------
    options : ScoreOptions
        Where σ comes from, the covariance family, the target and the estimator.
    smoothing : Smoothing
        The codes with the chosen σ.
    """

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Choose σ and plan the overlaps; raise `GaedistError` if σ does not fit."""
        self.check_size(len(x), options)
        self.n, self.dim = x.shape
        self.options = options
        self.smoothing = self._smoothed(x, run)
        self.interrupted = bool(self.smoothing.optimum and self.smoothing.optimum.interrupted)
        (p,), log_null_sd = self.smoothing.mixtures, None
        prior, unit = options.prior.density if options.prior else normal(self.dim), 1.0
        if options.smoothed and self.variance is not None:
            unit = self.variance
            prior = options.prior.smoothed(unit) if options.prior else normal(self.dim, variance=1 + unit)
        if run.method == SAMPLE and self.variance is not None and not options.prior:
            log_null_sd = moments(self.n, self.dim, self.variance, smoothed=options.smoothed).log_sd
        direct = options.prior is not None and self.variance is not None
        self.request = DistanceRequest(p, prior, unit, log_null_sd, by_components=direct)
        self.pairs = self.request.pairs
        if options.of_posterior:
            self.why_no_null = options.of_posterior.why_no_null

    def _smoothed(self, x: Array, run: Run) -> Smoothing:
        """Choose σ; the bandwidth of a mixture prior is its own."""
        sigma, covariance, prior = self.options.sigma, self.options.covariance, self.options.prior
        if prior and isinstance(sigma, str) and sigma == PRIOR:
            return replace(smooth(x, prior.bandwidth, covariance, run), rule=PRIOR)
        return smooth(x, sigma, covariance, run)

    @property
    def variance(self) -> float | None:
        """σ², if it is the same for all points."""
        covariance = self.smoothing.mixtures[0].covariance
        return covariance.variance if isinstance(covariance, Constant) else None

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the distance, and its terms as logarithms."""
        distance = self.request.finish(totals, values)
        options, provenance = self.options, distance.provenance
        if options.unbiased:
            distance = distance.unbiased(self.n)
        sign, log_value = distance.signed_value
        if sign <= 0 and not options.unbiased:  # by rounding
            sign, log_value = 1, -math.inf
        log_pairs, log_cross = distance.pp.log_pairs, math.log(2) + distance.pq.log_total
        log_size = float(np.logaddexp(log_pairs, log_cross))
        return Measurement(
            value=sign * to_linear(log_value),
            log_value=log_value if sign > 0 else None,
            varying=self.varying(distance),
            constant=self._constant(distance),
            log_rounding_scale=max(log_pairs, log_cross) + math.log(provenance.rounding / ROUNDING),
            provenance=provenance,
            error=to_linear(distance.pp.log_error) if provenance.method == SAMPLE else None,
            target=options.target,
            estimator=options.estimator,
            covariance=self.smoothing.mixtures[0].covariance.name,
            sigma=self.smoothing.summary,
            terms=ScoreTerms.of(distance),
            distance=distance,
            saturated=self._is_saturated(log_size - log_value, log_value),
        )

    def _is_saturated(self, log_share: float, log_value: float) -> bool:
        """Tell whether what differs between samples is lost in the value, of these codes and of N(0, I)."""
        log_eps = math.log(np.finfo(float).eps)
        if self.variance is None or not log_share < log_eps:
            return False
        if self.options.prior:
            return True
        usual = moments(self.n, self.dim, self.variance, smoothed=self.options.smoothed)
        return max(usual.log_pairs, usual.log_cross) - log_value < log_eps

    def varying(self, distance: SquaredDistance) -> float:
        """Return the terms that differ between samples: pairs − 2 cross, and others that change with σ."""
        log_self = -math.inf if self._is_self_fixed else distance.pp.log_self
        log_prior = -math.inf if self._is_prior_fixed else distance.qq.log_total
        sign, log = signed_sum(
            (1, log_self), (1, distance.pp.log_pairs), (1, log_prior), (-2, distance.pq.log_total)
        )
        return sign * to_linear(log)

    def _constant(self, distance: SquaredDistance) -> float:
        """Return the terms that are the same for all samples of this size."""
        prior = to_linear(distance.qq.log_total) if self._is_prior_fixed else 0.0
        return prior + (to_linear(distance.pp.log_self) if self._is_self_fixed else 0.0)

    @property
    def _is_self_fixed(self) -> bool:
        return self._is_fixed or self.options.of_posterior is not None

    @property
    def _is_prior_fixed(self) -> bool:
        return self._is_fixed or not self.options.smoothed

    @property
    def _is_fixed(self) -> bool:
        return self.variance is not None and not self.smoothing.depends_on_codes

    def null_distribution(self) -> NullDistribution:
        """Return the null distribution for one σ that was not chosen to minimise the distance."""
        if self.options.prior and is_repeatable(self.options.sigma):
            return NoDistribution(OF_MIXTURE)
        if self.variance is None or self.smoothing.optimum:
            known = self.can_be_simulated(self.options)
            return NoDistribution(self.why_no_null or (_UNKNOWN if known else FOREIGN))
        return GaussianNull(self.n, self.dim, self.variance, self.options.smoothed, self.options.unbiased)

    def shift_curve(self) -> ShiftCurve | None:
        """Return the curve for one σ that was not chosen to minimise the distance."""
        if self.variance is None or self.smoothing.optimum or self.options.prior:
            return None
        return gaussian_shift_curve(self.dim, self.variance, smoothed=self.options.smoothed)

    @classmethod
    def check_size(cls, n: int, options: ScoreOptions) -> None:
        """Raise `GaedistError` for estimator u of a single point."""
        if options.unbiased and n < 2:
            raise GaedistError("estimator u is a mean over pairs of points, and there is one point. Use v.")

    @classmethod
    def is_two_sided(cls, options: ScoreOptions) -> bool:
        """Return False for the smoothed target, and posteriors: their distance is 0 at N(0, I) only."""
        return not options.smoothed and options.of_posterior is None

    @classmethod
    def has_closed_form(cls, options: ScoreOptions) -> bool:
        """Return whether σ is one number for all points, not chosen to minimise the distance."""
        sigma = options.sigma
        searched = isinstance(sigma, str) and sigma in RULES and RULES[sigma].searched
        return (
            options.prior is None and family_of(sigma, options.covariance) == Constant.name and not searched
        )

    @classmethod
    def can_be_simulated(cls, options: ScoreOptions) -> bool:
        """Return False for σ from a file or an array, which belongs to its points."""
        return is_repeatable(options.sigma) or options.of_posterior is not None


def gaussian_shift_curve(dim: int, variance: float, *, smoothed: bool) -> ShiftCurve:
    """Return how d² grows with a shift of the mean, by its cross term, at one σ² = s.

    With h = −D/2 the mean of the cross term under N(m, I) is ((2 + s)/2)^h e^(−|m|²/(2(2 + s))); to the
    smoothed target it is (1 + 1/s)^h e^(−|m|²/(4(1 + s))).
    """
    s = variance
    log_base, spread = (math.log1p(1 / s), 4 * (1 + s)) if smoothed else (math.log1p(s / 2), 2 * (2 + s))
    return ShiftCurve(np.array([2 * to_linear(-dim / 2 * log_base)]), np.array([1 / spread]))


@dataclass(frozen=True)
class GaussianNull(NullDistribution):
    """The null distribution of the distance with one σ: exact moments at every n and D.

    To N(0, I) itself the p-value is two-sided, as a distance can be too small as well, by the gamma
    distribution with the exact mean, standard deviation and skewness; where that is too skewed, in many
    dimensions, by the distribution of a sum over points and one over pairs (`gaedist.null.radial_sums`). To
    the smoothed target it is an upper tail, by the limit of n d² with the exact mean and standard deviation
    at n. None is given where the skewness shows that it would not be calibrated.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    variance : float
        σ².
    smoothed, unbiased : bool
        As in `ScoreOptions`.
    factor : float
        The value is this times the distance.
    width, wider : str
        What a user calls the width of the kernel, and how to make it wider.
    """

    n: int
    dim: int
    variance: float
    smoothed: bool
    unbiased: bool = False
    factor: float = 1.0
    width: str = "σ"
    wider: str = "a larger σ"

    def assess(self, measured: Measured) -> Assessment:
        """Compare each term with its own mean, so that no large constant hides the differences."""
        assert measured.distance is not None
        exact = moments(self.n, self.dim, self.variance, smoothed=self.smoothed, unbiased=self.unbiased)
        mean, sd = to_linear(exact.log_mean), to_linear(exact.log_sd)
        log_pairs, log_cross = measured.distance.pp.log_pairs, measured.distance.pq.log_total
        sign, log_excess = signed_sum(
            (1, log_pairs), (-1, exact.log_pairs), (-2, log_cross), (2, exact.log_cross)
        )
        factor = self.factor
        log_scale = measured.log_rounding_scale - math.log(factor)
        if is_lost_to_rounding(log_scale, max(exact.log_sd, log_excess)):
            return Assessment(Null("closed-form", factor * mean, factor * sd, note=WIDE))
        excess, z = sign * to_linear(log_excess), sign * to_linear(log_excess - exact.log_sd)
        if self.smoothed:
            method, p_value = self._limit_tail(z, exact.skewness)
        else:
            method, p_value = Gamma(mean, sd, exact.skewness, self.n, two_sided=True).tail(z)
        skewed = p_value is None
        if skewed and self._may_have_radial_sum and measured.error is None:
            radial = radial_sum(self.n, self.dim, self.variance)
            if radial.is_calibrated:
                method, p_value = "radial-sum", 2 * min(radial.tails(log_pairs, log_cross))
        note = too_skewed(width=self.width, wider=self.wider) if p_value is None else None
        if measured.error is not None and measured.error > MOST_SAMPLED * (factor * sd):
            p_value, note = None, _INEXACT
        return Assessment(
            Null(method, factor * mean, factor * sd, note=note),
            factor * excess,
            z,
            clipped(p_value),
            skewed,
            self,
        )

    def upper_tail(self, z: float) -> float | None:
        """Return the probability of a larger z; None where it was not found calibrated."""
        exact = moments(self.n, self.dim, self.variance, smoothed=self.smoothed, unbiased=self.unbiased)
        if self.smoothed:
            return self._limit_tail(z, exact.skewness)[1]
        known = Gamma(0.0, 1.0, exact.skewness, self.n, two_sided=True).upper_tail(z)
        if known is not None or not self._may_have_radial_sum:
            return known
        radial = radial_sum(self.n, self.dim, self.variance)
        if not radial.is_calibrated:
            return None
        sign, log_varying = signed_sum(
            (1, exact.log_pairs), (-2, exact.log_cross), (z, exact.log_sd)
        )  # of which only the sum matters
        if sign > 0:
            return radial.tails(log_varying, -math.inf)[1]
        return radial.tails(-math.inf, log_varying - math.log(2))[1]

    @property
    def _may_have_radial_sum(self) -> bool:
        return not self.smoothed and self.n >= FEWEST and self.dim >= FEWEST_AXES

    def _limit_tail(self, z: float, skewness: float) -> tuple[str, float | None]:
        """Return the probability of a larger z in the limit n → ∞, where n is large enough for it."""
        mean, sd, of_limit = limit_moments(self.dim, self.variance)
        near = self.n >= FEWEST and abs(skewness - of_limit) < DEPARTURE
        limit = smoothed_limit(self.dim, self.variance) if near else None
        if limit is None:
            return "closed-form", None
        return "limit-law", limit.upper_tail(mean + z * sd)
