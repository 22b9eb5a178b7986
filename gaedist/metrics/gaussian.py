"""The paper's own score, as a metric among others."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from gaedist.engine import Plan, Run
from gaedist.errors import GaedistError
from gaedist.metrics.base import Metric
from gaedist.metrics.measure import Measured, ScoreOptions, measure_plan
from gaedist.metrics.measurement import Found, ScoreTerms
from gaedist.metrics.null import NULLS, NullOptions
from gaedist.mixtures.targets import TARGETS
from gaedist.null.distributions import Judgement
from gaedist.numerics import Array, to_linear
from gaedist.smoothing.rules import Sigma

ROW = Metric(
    "squared L2 distance of the smoothed codes, Eq. (7), the paper's",
    "concentration and spread, clusters, up to D of about 30",
    "Duda, Gaussian Auto-Encoder, 2018",
    (),
)
"""Its row in the registry of metrics."""


def can_be_too_small(target: str) -> bool:
    """Tell whether a score can be too small: none is, to a target that is 0 at N(0, I) only."""
    return not TARGETS[target].smoothed


def gaussian_plan(
    x: Array,
    sigmas: Sequence[Sigma],
    setting: ScoreOptions,
    run: Run,
    failed: Callable[[GaedistError], None] | None = None,
) -> Plan[list[Found]]:
    """Choose the σ, and plan the score for each; as `gaedist.metrics.measure.measure_plan`."""
    return measure_plan(x, sigmas, setting, run, failed).then(lambda several: list(map(_found, several)))


def _found(measured: Measured) -> Found:
    terms, setting = measured.terms, measured.setting
    sign, log_value = terms.value
    if sign <= 0 and not setting.unbiased:  # by rounding
        sign, log_value = 1, -math.inf
    varying = np.logaddexp(terms.log_pairs, math.log(2) + terms.log_cross)

    def judge(null: str, ask: NullOptions) -> Judgement:
        return NULLS[null](measured, ask).judge(measured)

    return Found(
        value=sign * to_linear(log_value),
        log_value=log_value if sign > 0 else None,
        judge=judge,
        two_sided=can_be_too_small(setting.target),
        provenance=terms.provenance,
        error=measured.error,
        target=setting.target,
        estimator=setting.estimator,
        covariance=measured.smoothing.mixtures[0].covariance.name,
        sigma=measured.smoothing.summary,
        terms=ScoreTerms(
            pair=to_linear(float(np.logaddexp(terms.log_self, terms.log_pairs))),
            cross=to_linear(terms.log_cross),
            prior=to_linear(terms.log_prior),
        ),
        saturated=bool(varying < log_value + math.log(np.finfo(float).eps)),
    )
