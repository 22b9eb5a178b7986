"""How far is a sample from N(0, I)?"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gaedist.engine import Run
from gaedist.errors import GaedistError, check_choice, check_count
from gaedist.latents import as_codes
from gaedist.measure import Measured, Setting, measure
from gaedist.mixtures import to_linear
from gaedist.null import NULLS, Ask, Judgement, Null, check_null
from gaedist.replicates import REPLICATES
from gaedist.rules import Sigma, listed
from gaedist.smoothing import SigmaSummary
from gaedist.version import __version__


@dataclass(frozen=True)
class ScoreTerms:
    """The terms of a score: value = pair + prior − 2 cross.

    Attributes
    ----------
    pair, cross, prior : float
        ⟨p, p⟩ of the smoothed sample p, ⟨p, prior⟩, and ⟨prior, prior⟩ = 1.
    """

    pair: float
    cross: float
    prior: float


@dataclass(frozen=True)
class ScoreResult:
    """A squared distance to the prior, and what N(0, I) itself would score.

    What does not apply is None; what is beyond a double is inf, with its logarithm in ``log_value``.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    metric, target, estimator, covariance : str
        What was measured, against what, how, with which covariance family.
    value, log_value : float
        Eq. (6) or (7), squared and times (4π)^(D/2), or times (4πσ²)^(D/2) to the smoothed target, and its
        natural logarithm; None for an unbiased value that is negative.
    sigma : SigmaSummary
        The standard deviations used, and where they come from.
    terms : ScoreTerms
        The terms of the value.
    null : Null
        Mean and standard deviation of the value over samples of N(0, I) of this n and D, and where they
        come from.
    excess, z : float, optional
        The value minus the null mean, formed term by term, and that in null standard deviations; None
        without a null law, and where σ is so large that rounding would rule them.
    p_value : float, optional
        How often N(0, I) scores as far out: above the value, to the smoothed target; to N(0, I) itself
        twice the lesser of above and below. None where no law can be trusted: ``null.note`` says why.
    saturated : bool
        The value is a constant to within rounding, as it is for nearly every sample. Then z is all that is
        left of the distance.
    method, precision, threads, seconds, version
        How it was computed.
    """

    n: int
    dim: int
    metric: str
    value: float
    log_value: float | None
    target: str
    estimator: str
    covariance: str
    sigma: SigmaSummary
    terms: ScoreTerms
    null: Null
    excess: float | None
    z: float | None
    p_value: float | None
    saturated: bool
    method: str
    precision: str
    threads: int
    seconds: float
    version: str


def score(
    codes: ArrayLike,
    *,
    sigma: Sigma = 1.0,
    covariance: str | None = None,
    target: str = "normal",
    metric: str = "gaussian",
    estimator: str = "v",
    null: str = "auto",
    replicates: int | None = None,
    cache: bool = True,
    run: Run | None = None,
) -> ScoreResult:
    """Measure the squared L2 distance between a Gaussian-smoothed sample and N(0, I).

    Implements Eqs. (6), (7) and (8), with the null law of `gaedist.null`.

    Parameters
    ----------
    codes : (n, D) array_like
        The sample.
    sigma : float, str or array_like
        Standard deviation σ of the smoothing kernel, or where those of all points come from: the name of
        one of `gaedist.rules.RULES`, or an array as `gaedist.sigma` gives it.
    covariance : str, optional
        Family of the kernel's covariances, one of `gaedist.covariances.FAMILIES`; by default the
        narrowest that fits σ.
    target : str
        The prior, one of `gaedist.targets.TARGETS`.
    metric : str
        One of `gaedist.measure.METRICS`.
    estimator : str
        One of `gaedist.targets.ESTIMATORS`; ``u`` is for the smoothed target.
    null : str
        Where the law of the score under N(0, I) comes from, one of `gaedist.null.NULLS`.
    replicates : int, optional
        Number of samples that ``monte-carlo`` simulates, 999 unless given.
    cache : bool
        Keep simulated scores in the user's cache folder.
    run : Run, optional
        Threads, method, precision, seed and progress.

    Returns
    -------
    ScoreResult
        Distances are multiplied by (4π)^(D/2), so that ⟨prior, prior⟩ = 1; to the smoothed target by
        (4πσ²)^(D/2), so that a single point has ⟨p, p⟩ = 1.

    Raises
    ------
    GaedistError
        If ``codes`` is no non-empty, finite, real 2-D array, or an option is out of its range.
    KeyboardInterrupt
        On Ctrl-C, except during an optimisation of σ, which ends with the best it has.
    """
    return scores(
        codes,
        [sigma],
        covariance=covariance,
        target=target,
        metric=metric,
        estimator=estimator,
        null=null,
        replicates=replicates,
        cache=cache,
        run=run,
    )[0]


def scores(
    codes: ArrayLike,
    sigmas: Sequence[Sigma],
    *,
    covariance: str | None = None,
    target: str = "normal",
    metric: str = "gaussian",
    estimator: str = "v",
    null: str = "auto",
    replicates: int | None = None,
    cache: bool = True,
    run: Run | None = None,
) -> list[ScoreResult]:
    """Measure what `score` does with each of several σ, in one pass over all pairs where they share it.

    ``seconds`` of a result is the time until it was known. After a search for σ that Ctrl-C ended, the σ
    that follow are left out.
    """
    began, run = time.perf_counter(), run or Run()
    check_choice("null", null, NULLS)
    setting = Setting(metric, target, estimator, covariance)
    sigmas = listed(sigmas)
    for sigma in sigmas:
        setting.check(sigma)
        check_null(null, sigma, setting)
    if replicates is not None and null != "monte-carlo":
        raise GaedistError("replicates are simulated samples: add --null monte-carlo (null=).")
    count = check_count("replicates", REPLICATES if replicates is None else replicates, 2)
    found = []
    for sigma, measured in zip(sigmas, measure(as_codes(codes), sigmas, setting, run), strict=False):
        law = NULLS[null](measured, Ask(sigma, count, run, cache))
        found.append(_result(measured, law.judge(measured), run, began))
    return found


def _result(measured: Measured, judgement: Judgement, run: Run, began: float) -> ScoreResult:
    (n, dim), terms, setting = measured.shape, measured.terms, measured.setting
    sign, log_value = terms.value
    if sign <= 0 and not setting.unbiased:  # by rounding
        sign, log_value = 1, -math.inf
    varying = np.logaddexp(terms.log_pairs, math.log(2) + terms.log_cross)
    return ScoreResult(
        n=n,
        dim=dim,
        metric=setting.metric,
        value=sign * to_linear(log_value),
        log_value=log_value if sign > 0 else None,
        target=setting.target,
        estimator=setting.estimator,
        covariance=measured.smoothing.mixtures[0].covariance.name,
        sigma=measured.smoothing.summary,
        terms=ScoreTerms(
            pair=to_linear(float(np.logaddexp(terms.log_self, terms.log_pairs))),
            cross=to_linear(terms.log_cross),
            prior=to_linear(terms.log_prior),
        ),
        null=judgement.null,
        excess=judgement.excess,
        z=judgement.z,
        p_value=judgement.p_value,
        saturated=bool(varying < log_value + math.log(np.finfo(float).eps)),
        method="pairs",
        precision=run.precision,
        threads=run.used_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
    )
