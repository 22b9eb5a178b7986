"""The options that metrics read, apart from how sums are computed."""

from dataclasses import dataclass, field, replace

import numpy as np

from gaedist.errors import GaedistError, check_choice
from gaedist.metrics.parameters import Parameters
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.mixture_prior import MixturePrior
from gaedist.mixtures.targets import ESTIMATORS, TARGETS
from gaedist.smoothing.bandwidths import PRIOR
from gaedist.smoothing.posterior import PosteriorSigma
from gaedist.smoothing.rules import JOINT, Sigma, family_of, is_number, is_repeatable
from gaedist.smoothing.smooth import FACTOR, LARGEST_FACTOR

ANY_PRIOR = "median", PRIOR
"""Rules for σ that have a meaning for a mixture prior."""


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """The options of a one-sample metric.

    Attributes
    ----------
    sigma : float, str, array_like or PosteriorSigma
        Where σ comes from. This and the three that follow are for metrics that smooth.
    covariance : str, optional
        Covariance family, one of `gaedist.mixtures.families.FAMILIES`; by default the narrowest that fits σ.
    target, estimator : str
        One of `TARGETS` and `ESTIMATORS`.
    parameters : Parameters
        The parameters of the other metrics.
    prior : MixturePrior, optional
        A mixture in place of N(0, I).

    Raises
    ------
    GaedistError
        For a choice that does not exist, or choices that do not go together.
    """

    sigma: Sigma = 1.0
    covariance: str | None = None
    target: str = "normal"
    estimator: str = "v"
    parameters: Parameters = field(default_factory=Parameters)
    prior: MixturePrior | None = None

    def __post_init__(self) -> None:
        """Raise `GaedistError` for bad choices."""
        check_choice("target", self.target, TARGETS)
        check_choice("estimator", self.estimator, ESTIMATORS)
        if self.unbiased and not self.smoothed:
            raise GaedistError(
                f"estimator {self.estimator} is for the smoothed target. Add --target smoothed (target=)."
            )

    @property
    def smoothed(self) -> bool:
        """The prior is smoothed by the same kernel as the codes."""
        return TARGETS[self.target].smoothed

    @property
    def unbiased(self) -> bool:
        """The pair term leaves out each point's overlap with itself."""
        return ESTIMATORS[self.estimator].unbiased

    @property
    def are_given(self) -> bool:
        """Some option of metrics that smooth differs from its default."""
        return not _is_one(self.sigma) or (self.covariance, self.target, self.estimator) != (
            None,
            "normal",
            "v",
        )

    @property
    def for_simulation(self) -> "ScoreOptions":
        """These options with σ a rule or a plain number, so that they can be stored and sent to a process."""
        sigma = self.sigma
        if isinstance(sigma, (str, PosteriorSigma)):
            return self
        return replace(self, sigma=float(np.asarray(sigma)))

    @property
    def of_posterior(self) -> PosteriorSigma | None:
        """The standard deviations of posteriors, where these take the place of a smoothing kernel."""
        return self.sigma if isinstance(self.sigma, PosteriorSigma) else None

    def check_sigma(self) -> None:
        """Raise `GaedistError` for σ that, whatever the codes are, does not go with the target."""
        family = family_of(self.sigma, self.covariance)
        if self.prior and isinstance(self.sigma, str) and self.sigma not in ANY_PRIOR:
            raise GaedistError(
                f"sigma {self.sigma} is a rule for N(0, I), not for a mixture prior. "
                f"Give a number, or one of {', '.join(ANY_PRIOR)}."
            )
        if self.smoothed and family != Constant.name:
            raise GaedistError(
                f"target {self.target} is the prior under one kernel, so it needs one σ for all points; "
                "these differ from point to point. Give a number or a bandwidth, or use --target normal."
            )


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """The options of a two-sample metric.

    Attributes
    ----------
    sigma : float, str or array_like
        Where σ comes from. This and the four that follow are for metrics that smooth.
    sigma_b : float, str or array_like, optional
        Where σ of the second sample comes from, if it differs.
    covariance : str, optional
        Covariance family, one of `gaedist.mixtures.families.FAMILIES`; by default the narrowest that fits σ.
    sigma_factor : float
        The factor by which ``joint`` may change a σ.
    estimator : str
        One of `ESTIMATORS`.
    parameters : Parameters
        The parameters of the other metrics.

    Raises
    ------
    GaedistError
        For a choice that does not exist, or choices that do not go together.
    """

    sigma: Sigma = 1.0
    sigma_b: Sigma | None = None
    covariance: str | None = None
    sigma_factor: float = FACTOR
    estimator: str = "v"
    parameters: Parameters = field(default_factory=Parameters)

    def __post_init__(self) -> None:
        """Raise `GaedistError` for bad choices."""
        check_choice("estimator", self.estimator, ESTIMATORS)
        if not is_number(self.sigma_factor) or not 1 < self.sigma_factor < LARGEST_FACTOR:
            raise GaedistError(
                f"sigma_factor must be above 1, and below {LARGEST_FACTOR:g}; got {self.sigma_factor!r}."
            )
        if not is_repeatable(self.sigma) and self.sigma_b is None:
            raise GaedistError("an array of σ belongs to the first sample. Give sigma_b (--sigma-b) too.")
        if isinstance(self.sigma, str) and self.sigma == JOINT and self.sigma_b is not None:
            raise GaedistError(f"{JOINT} chooses σ of both samples. Leave out sigma_b (--sigma-b).")

    @property
    def unbiased(self) -> bool:
        """Each point's overlap with itself is left out."""
        return ESTIMATORS[self.estimator].unbiased

    @property
    def are_given(self) -> bool:
        """Some option of metrics that smooth differs from its default."""
        options = self.covariance, self.sigma_factor, self.estimator
        return not _is_one(self.sigma) or self.sigma_b is not None or options != (None, FACTOR, "v")


def _is_one(sigma: Sigma) -> bool:
    return is_number(sigma) and bool(sigma == 1)
