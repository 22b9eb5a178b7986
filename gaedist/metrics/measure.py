"""The score of a sample, before it is judged: what is measured, and the terms of the distance."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gaedist.engine import BY_PAIRS, ROUNDING, SAMPLE, Plan, Provenance, Run, evaluate
from gaedist.errors import GaedistError, check_choice
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.mixture import Mixture, SquaredDistance, distance_plan, normal
from gaedist.mixtures.targets import ESTIMATORS, TARGETS
from gaedist.null.gaussian_moments import moments
from gaedist.numerics import Array, signed_sum, to_linear
from gaedist.smoothing.rules import Sigma, family_of, is_repeatable
from gaedist.smoothing.smooth import Smoothing, smooth


@dataclass(frozen=True)
class ScoreOptions:
    """What is measured.

    Attributes
    ----------
    target, estimator : str
        One of `TARGETS` and `ESTIMATORS`.
    covariance : str, optional
        One of `gaedist.mixtures.families.FAMILIES`; the narrowest that fits σ if it is not given.
    """

    target: str = "normal"
    estimator: str = "v"
    covariance: str | None = None

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a choice that there is not, or choices that do not go together."""
        check_choice("target", self.target, TARGETS)
        check_choice("estimator", self.estimator, ESTIMATORS)
        if self.unbiased and not self.smoothed:
            raise GaedistError(
                f"estimator {self.estimator} is for the smoothed target. Add --target smoothed (target=)."
            )

    @property
    def smoothed(self) -> bool:
        """The prior is under the same kernel."""
        return TARGETS[self.target].smoothed

    @property
    def unbiased(self) -> bool:
        """The pair term leaves out the points' overlaps with themselves."""
        return ESTIMATORS[self.estimator].unbiased

    def check(self, sigma: Sigma) -> None:
        """Raise `GaedistError` for a σ that does not go with it, as far as that shows without the codes."""
        family = family_of(sigma, self.covariance)
        if self.smoothed and family != Constant.name:
            raise GaedistError(
                f"target {self.target} is the prior under one kernel, so it needs one σ for all points; "
                "these differ from point to point. Give a number or a bandwidth, or take --target normal."
            )


@dataclass(frozen=True)
class Terms:
    """Logarithms of the terms of self + pairs + prior − 2 cross.

    Attributes
    ----------
    log_self, log_pairs : float
        ⟨p, p⟩ of the smoothed sample p: the points' overlaps with themselves, and the rest.
    log_cross, log_prior : float
        ⟨p, prior⟩ and ⟨prior, prior⟩.
    provenance : Provenance
        How they were made.
    log_error : float
        log of the standard error of their sum, where it was estimated.
    """

    log_self: float
    log_pairs: float
    log_cross: float
    log_prior: float
    provenance: Provenance = BY_PAIRS
    log_error: float = -math.inf

    @property
    def value(self) -> tuple[int, float]:
        """Sign and logarithm of the score."""
        return signed_sum((1, self.log_self), (1, self.log_pairs), (1, self.log_prior), (-2, self.log_cross))


@dataclass(frozen=True, eq=False)
class Measured:
    """A sample, smoothed, and its score.

    Attributes
    ----------
    sigma : float, str or array_like
        Where σ comes from.
    smoothing : Smoothing
        The sample.
    terms : Terms
        Of its score.
    setting : ScoreOptions
        What was measured.
    """

    sigma: Sigma
    smoothing: Smoothing
    terms: Terms
    setting: ScoreOptions

    @property
    def shape(self) -> tuple[int, int]:
        """N and D."""
        n, dim = self.smoothing.mixtures[0].centers.shape
        return n, dim

    @property
    def variance(self) -> float | None:
        """σ², if there is one for all points."""
        covariance = self.smoothing.mixtures[0].covariance
        return covariance.variance if isinstance(covariance, Constant) else None

    @property
    def moving(self) -> float:
        """The terms that differ from sample to sample: pairs − 2 cross, and others that move with σ."""
        terms = self.terms
        log_self = -math.inf if self._is_fixed else terms.log_self
        log_prior = -math.inf if self._is_prior_fixed else terms.log_prior
        sign, log = signed_sum((1, log_self), (1, terms.log_pairs), (1, log_prior), (-2, terms.log_cross))
        return sign * to_linear(log)

    @property
    def largest(self) -> float:
        """The largest of them, or how large it would be if its rounding were the usual one."""
        terms = self.terms
        return (
            terms.provenance.rounding
            / ROUNDING
            * to_linear(max(terms.log_pairs, math.log(2) + terms.log_cross))
        )

    @property
    def error(self) -> float | None:
        """Standard error of the score, if it was estimated."""
        return to_linear(self.terms.log_error) if self.terms.provenance.method == SAMPLE else None

    @property
    def standing(self) -> float:
        """The terms that do not."""
        prior = to_linear(self.terms.log_prior) if self._is_prior_fixed else 0.0
        return prior + (to_linear(self.terms.log_self) if self._is_fixed else 0.0)

    @property
    def _is_prior_fixed(self) -> bool:
        return self._is_fixed or not self.setting.smoothed

    @property
    def _is_fixed(self) -> bool:
        return self.variance is not None and not self.smoothing.of_codes


def measure(x: Array, sigmas: Sequence[Sigma], setting: ScoreOptions, run: Run) -> list[Measured]:
    """Score a sample with each σ, in one pass over all pairs where they can share it.

    After a search for σ that Ctrl-C ended, the σ that follow are left out.

    Raises
    ------
    GaedistError
        As `gaedist.smoothing.smooth.smooth`; or if the estimator needs more points.
    """
    return evaluate([measure_plan(x, sigmas, setting, run)], run)[0]


def measure_plan(
    x: Array,
    sigmas: Sequence[Sigma],
    setting: ScoreOptions,
    run: Run,
    failed: Callable[[GaedistError], None] | None = None,
) -> Plan[list[Measured]]:
    """Choose the σ, and plan what `measure` returns.

    One of several σ that cannot be had is told to ``failed``, and left out.
    """
    n, dim = x.shape
    if setting.unbiased and n < 2:
        raise GaedistError("estimator u is a mean over pairs of points, and there is one point. Take v.")
    kept: list[Sigma] = []
    smoothings: list[Smoothing] = []
    for sigma in sigmas:
        try:
            smoothings.append(smooth(x, sigma, setting.covariance, run))
        except GaedistError as error:
            if failed is None or len(sigmas) == 1:
                raise
            failed(GaedistError(f"sigma {sigma if is_repeatable(sigma) else 'of a file'}: {error}"))
            continue
        kept.append(sigma)
        if (optimum := smoothings[-1].optimum) and optimum.interrupted:
            break

    def finish(distances: list[SquaredDistance]) -> list[Measured]:
        return [
            Measured(sigma, found, _terms(distance, n, setting), setting)
            for sigma, found, distance in zip(kept, smoothings, distances, strict=True)
        ]

    questions = [_question(found, dim, setting) for found in smoothings]
    log_spreads = _log_spreads(smoothings, setting) if run.method == SAMPLE else {}
    return distance_plan(questions, log_spreads).then(finish)


def _log_spreads(smoothings: Sequence[Smoothing], setting: ScoreOptions) -> dict[int, float]:
    """Return log sd of each distance under N(0, I), where that is known."""
    found = {}
    for place, smoothing in enumerate(smoothings):
        (p,) = smoothing.mixtures
        if isinstance(p.covariance, Constant):
            law = moments(*p.centers.shape, p.covariance.variance, smoothed=setting.smoothed)
            found[place] = law.log_sd
    return found


@dataclass(frozen=True)
class Moving:
    """`Measured.moving` of a sample.

    Attributes
    ----------
    sigma : float or str
        σ, or the rule that chooses it.
    setting : ScoreOptions
        What is measured.
    """

    sigma: float | str
    setting: ScoreOptions

    @property
    def key(self) -> dict[str, Any]:
        """All that it depends on, beside the sample."""
        return {"metric": "gaussian", "sigma": self.sigma, **asdict(self.setting)}

    def of(self, x: Array, run: Run) -> float:
        """Return it."""
        (measured,) = measure(x, [self.sigma], self.setting, run)
        if (optimum := measured.smoothing.optimum) and optimum.interrupted:
            raise KeyboardInterrupt  # the best so far of a replicate is of no use
        return measured.moving


def _question(smoothing: Smoothing, dim: int, setting: ScoreOptions) -> tuple[Mixture, Mixture, float]:
    """Return the smoothed sample, the prior, and the unit of the distance between them."""
    (p,) = smoothing.mixtures
    if setting.smoothed and isinstance(p.covariance, Constant):
        s = p.covariance.variance
        return p, normal(dim, variance=1 + s), s
    return p, normal(dim), 1.0


def _terms(distance: SquaredDistance, n: int, setting: ScoreOptions) -> Terms:
    log_self, log_more = distance.pp.log_self, 0.0
    if setting.unbiased:
        log_self, log_more = -math.inf, -math.log1p(-1 / n)
    return Terms(
        log_self,
        distance.pp.log_pairs + log_more,
        distance.pq.log_total,
        distance.qq.log_total,
        distance.provenance,
        distance.pp.log_error + log_more,
    )
