"""What ``score`` and ``watch`` share: the options of a score, and its gates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import gaedist
from gaedist.api.posterior import options_of_any
from gaedist.api.score import GAUSSIAN, score_options
from gaedist.api.score_result import ScoreResult
from gaedist.cli import options
from gaedist.cli.gates import ABOVE, EFFECT, Outcome, P, Z, check_score_gates
from gaedist.metrics.base import metric_names
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.mixtures.prior_files import as_prior, prior_files
from gaedist.smoothing.files import parse_sigma, sigma_files
from gaedist.smoothing.rules import RULES


class Score(NamedTuple):
    """How to score codes.

    Attributes
    ----------
    metrics : sequence of str
        The names of the metrics.
    options : sequence of ScoreOptions
        Their options, for each σ.
    measure : callable
        `gaedist.scores` of codes, with ``run`` and ``on_error`` as keywords.
    """

    metrics: Sequence[str]
    options: Sequence[ScoreOptions]
    measure: Callable[..., list[ScoreResult]]


@dataclass(frozen=True)
class Scoring:
    """Which distances are measured, and what they are compared with."""

    metric: options.ScoreMetrics = None
    sigma: options.ScoreSigmas = None
    covariance: options.Covariance = None
    target: options.Target = None
    estimator: options.ScoreEstimator = None
    prior: options.Prior = None
    null: options.Null = "auto"
    replicates: options.Replicates = None
    no_cache: options.NoCache = False

    @property
    def files(self) -> list[str]:
        """The files that these options name."""
        return [*sigma_files(self.sigma or [], RULES), *prior_files(self.prior)]

    def score(self, parameters: Parameters, posterior: str, outcome: Outcome) -> Score:
        """Return how to score codes; raise `GaedistError` for options or gates that do not go together."""
        prior = as_prior(self.prior)
        sigmas = [parse_sigma(text, RULES) for text in dict.fromkeys(self.sigma)] if self.sigma else None
        metrics = metric_names(self.metric or GAUSSIAN, ONE_SAMPLE)
        chosen = score_options(
            metrics, sigmas, self.covariance, self.target, self.estimator, parameters, prior
        )
        check_score_gates(outcome, metrics, options_of_any(chosen, posterior), self.null, self.replicates)
        measure = partial(
            gaedist.scores,
            sigmas=sigmas,
            covariance=self.covariance,
            target=self.target,
            estimator=self.estimator,
            metric=self.metric or None,
            parameters=parameters,
            null=self.null,
            replicates=self.replicates,
            cache=not self.no_cache,
            prior=prior,
            posterior=posterior,
        )
        return Score(metrics, chosen, measure)


@dataclass(frozen=True)
class ScoreGates:
    """The bounds that a score must keep."""

    fail_above: options.FailAbove = None
    fail_z: options.FailZ = None
    fail_p: options.ScoreFailP = None
    fail_effect: options.FailEffect = None

    def outcome(self, *, quiet: bool) -> Outcome:
        """Return the outcome of a command with these gates."""
        bounds = {ABOVE: self.fail_above, Z: self.fail_z, P: self.fail_p, EFFECT: self.fail_effect}
        return Outcome(bounds, quiet)
