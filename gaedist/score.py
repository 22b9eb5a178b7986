"""How far is a sample from N(0, I)?"""

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gaedist.engine import Run
from gaedist.errors import check_choice
from gaedist.mixtures import normal, signed_sum, squared_distance, to_linear
from gaedist.null import NULLS, Null, ScoreNull, check_null
from gaedist.rules import Sigma, family_of
from gaedist.smoothing import SigmaSummary, smooth
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
    metric, target, covariance : str
        What was measured, against what, with which covariance family.
    value, log_value : float
        Eq. (6) or (7), squared and times (4π)^(D/2), and its natural logarithm.
    sigma : SigmaSummary
        The standard deviations used, and where they come from.
    terms : ScoreTerms
        The terms of the value.
    null : Null
        Mean and standard deviation of the value over samples of N(0, I) of this n and D; known for a
        constant σ that was not chosen on these codes.
    excess, z : float, optional
        The value minus the null mean, formed term by term, and that in null standard deviations; None
        without a null law, and where σ is so large that rounding would rule them.
    p_value : float, optional
        None: no p-value is known for this target.
    saturated : bool
        The value is a constant to within rounding, as it is for nearly every sample. Then z is all that is
        left of the distance.
    skewed : bool
        N(0, I) itself scores so unevenly at this n and D that z cannot be read as a Gaussian z.
    method, precision, threads, seconds, version
        How it was computed.
    """

    n: int
    dim: int
    metric: str
    value: float
    log_value: float
    target: str
    covariance: str
    sigma: SigmaSummary
    terms: ScoreTerms
    null: Null
    excess: float | None
    z: float | None
    p_value: float | None
    saturated: bool
    skewed: bool
    method: str
    precision: str
    threads: int
    seconds: float
    version: str


_ROUNDING = 1e-14  # relative error of a term
_Z_ERROR = 1e-2  # absolute error that z may have from it
_SKEWED = 0.5

METRICS = ("gaussian",)
"""What `score` can measure."""

TARGETS = {"normal": normal}
"""Name → the prior, as a mixture in D dimensions."""


def score(
    codes: ArrayLike,
    *,
    sigma: Sigma = 1.0,
    covariance: str | None = None,
    target: str = "normal",
    metric: str = "gaussian",
    null: str = "auto",
    run: Run | None = None,
) -> ScoreResult:
    """Measure the squared L2 distance between a Gaussian-smoothed sample and N(0, I).

    Implements Eqs. (6), (7) and (8), with the null law of `gaedist.null` for a constant σ.

    Parameters
    ----------
    codes : (n, D) array_like
        The sample.
    sigma : float, str or array_like
        Standard deviation σ of the smoothing kernel, or where those of all points come from: the name of
        one of `gaedist.smoothing.RULES`, or an array as `gaedist.sigma` gives it.
    covariance : str, optional
        Family of the kernel's covariances, one of `gaedist.covariances.FAMILIES`; by default the
        narrowest that fits σ.
    target : str
        The prior, one of `TARGETS`.
    metric : str
        One of `METRICS`.
    null : str
        Where the null mean and standard deviation come from, one of `gaedist.null.NULLS`.
    run : Run, optional
        Threads, method, precision and progress.

    Returns
    -------
    ScoreResult
        Distances are multiplied by (4π)^(D/2), so that ⟨prior, prior⟩ = 1.

    Raises
    ------
    GaedistError
        If ``codes`` is no non-empty, finite, real 2-D array, or an option is out of its range.
    KeyboardInterrupt
        On Ctrl-C, except during an optimisation of σ, which ends with the best it has.
    """
    run = run or Run()
    check_choice("target", target, TARGETS)
    check_choice("metric", metric, METRICS)
    check_choice("null", null, NULLS)
    check_null(null, family_of(sigma, covariance))
    began = time.perf_counter()
    smoothing = smooth(codes, sigma, covariance, run)
    (p,) = smoothing.mixtures
    n, dim = p.centers.shape
    distance = squared_distance(p, TARGETS[target](dim), unit=1.0, run=run)
    law = None if smoothing.optimum else NULLS[null](n, dim, p.covariance)
    excess, z = (None, None) if law is None else _excess(distance.pp.log_pairs, distance.pq.log_pairs, law)
    varying = np.logaddexp(distance.pp.log_pairs, math.log(2) + distance.pq.log_pairs)
    return ScoreResult(
        n=n,
        dim=dim,
        metric=metric,
        value=to_linear(distance.log_value),
        log_value=distance.log_value,
        target=target,
        covariance=p.covariance.name,
        sigma=smoothing.summary,
        terms=ScoreTerms(
            pair=to_linear(distance.pp.log_total),
            cross=to_linear(distance.pq.log_total),
            prior=to_linear(distance.qq.log_total),
        ),
        null=Null.of(law),
        excess=excess,
        z=z,
        p_value=None,
        skewed=law is not None and law.skewness > _SKEWED,
        saturated=bool(varying < distance.log_value + math.log(np.finfo(float).eps)),
        method="pairs",
        precision=run.precision,
        threads=run.used_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
    )


def _excess(log_pairs: float, log_cross: float, law: ScoreNull) -> tuple[float | None, float | None]:
    """Return value − mean and that in standard deviations, or None where only rounding is left of them.

    Each term meets its own mean: the constants, beside which the rest vanishes for large D, never enter.
    A large σ makes the terms themselves constant.
    """
    terms = [(1, log_pairs), (-1, law.log_pairs), (-2, log_cross), (2, law.log_cross)]
    log_rounding = math.log(_ROUNDING) + max(log for _, log in terms)
    if log_rounding > law.log_sd + math.log(_Z_ERROR):
        return None, None
    sign, log_excess = signed_sum(*terms)
    return sign * to_linear(log_excess), sign * to_linear(log_excess - law.log_sd)
