"""How far are two samples from each other?"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from gaedist.covariances import meet
from gaedist.engine import Run
from gaedist.errors import GaedistError, check_choice, check_count
from gaedist.latents import as_codes
from gaedist.mixtures import Mixture, SquaredDistance, signed_sum, squared_distances, to_linear
from gaedist.null import PRECISION, ROUNDING, WIDE, Null
from gaedist.permutations import permuted
from gaedist.rules import JOINT, Sigma, is_number, listed
from gaedist.smoothing import FACTOR, LARGEST_FACTOR, SigmaSummary, Smoothing, smooth_both
from gaedist.targets import ESTIMATORS
from gaedist.variances import Constant
from gaedist.version import __version__


@dataclass(frozen=True)
class CompareResult:
    """A squared distance between two samples.

    What does not apply is None; what is beyond a double is inf, with its logarithm in ``log_value``.

    Attributes
    ----------
    n, m, dim : int
        Sizes of the samples and their dimension.
    metric, estimator, covariance : str
        What was measured, how, with which covariance family.
    value, log_value : float
        The squared distance and its natural logarithm: Eq. (5), times (4πσ²)^(D/2), where both samples
        have the same constant σ; else the distance of sec. II.B times (4π)^(D/2). An unbiased value may be
        negative, and has no logarithm then.
    sigma : SigmaSummary
        The standard deviations used, of both samples together.
    expected : float, optional
        Mean value over all assignments of the pooled points, with their σ, to samples of n and m: what
        two samples of one law would give. None where the σ of a point may depend on the sample it is in.
    null : Null
        The permutations behind the p-value.
    p_value : float, optional
        The share of labellings, the observed one among them, that give at least this value; None without
        permutations.
    method, precision, threads, seconds, version
        How it was computed.
    """

    n: int
    m: int
    dim: int
    metric: str
    estimator: str
    value: float
    log_value: float | None
    covariance: str
    sigma: SigmaSummary
    expected: float | None
    null: Null
    p_value: float | None
    method: str
    precision: str
    threads: int
    seconds: float
    version: str


METRICS = ("gaussian",)
"""What `compare` can measure."""


def compare(
    x: ArrayLike,
    y: ArrayLike,
    *,
    sigma: Sigma = 1.0,
    sigma_b: Sigma | None = None,
    covariance: str | None = None,
    sigma_factor: float = FACTOR,
    metric: str = "gaussian",
    estimator: str = "v",
    permutations: int = 0,
    run: Run | None = None,
) -> CompareResult:
    """Measure the squared L2 distance between two samples, both Gaussian-smoothed.

    Implements Eq. (5), and the distance of sec. II.B for covariances that differ from point to point.

    Parameters
    ----------
    x, y : (n, D) and (m, D) array_like
        The samples.
    sigma : float, str or array_like
        Standard deviation σ of the smoothing kernel, or where those of all points come from: the name of
        one of `gaedist.rules.RULES`, bandwidths for both samples together and others for each by itself, an
        array as `gaedist.sigma` gives it, or ``joint``, which minimises the distance over the σ of both.
    sigma_b : float, str or array_like, optional
        The same for ``y``, if it differs.
    covariance : str, optional
        Family of the kernel's covariances, one of `gaedist.covariances.FAMILIES`; by default the
        narrowest that fits σ.
    sigma_factor : float
        By how much ``joint`` may change a σ from its mean field. Without a bound it would end at σ → ∞,
        where any two samples are at no distance.
    metric : str
        One of `METRICS`.
    estimator : str
        One of `gaedist.targets.ESTIMATORS`.
    permutations : int
        How many random relabelings of the pooled points the p-value comes from; none if 0.
    run : Run, optional
        Threads, method, precision, seed and progress.

    Returns
    -------
    CompareResult
        A distance at the same constant σ is multiplied by (4πσ²)^(D/2), so that a single point has
        ⟨p, p⟩ = 1; others by (4π)^(D/2), as scores are.

    Raises
    ------
    GaedistError
        If a sample is no non-empty, finite, real 2-D array, their dimensions differ, σ is not positive and
        finite or does not fit, or labels cannot be permuted because σ depends on them.
    """
    return compares(
        x,
        y,
        [sigma],
        sigma_b=sigma_b,
        covariance=covariance,
        sigma_factor=sigma_factor,
        metric=metric,
        estimator=estimator,
        permutations=permutations,
        run=run,
    )[0]


def compares(
    x: ArrayLike,
    y: ArrayLike,
    sigmas: Sequence[Sigma],
    *,
    sigma_b: Sigma | None = None,
    covariance: str | None = None,
    sigma_factor: float = FACTOR,
    metric: str = "gaussian",
    estimator: str = "v",
    permutations: int = 0,
    run: Run | None = None,
) -> list[CompareResult]:
    """Measure what `compare` does with each of several σ, in one pass over all pairs where they share it.

    ``seconds`` of a result is the time until it was known. After a search for σ that Ctrl-C ended, the σ
    that follow are left out.
    """
    began, run = time.perf_counter(), run or Run()
    check_choice("metric", metric, METRICS)
    check_choice("estimator", estimator, ESTIMATORS)
    sigmas = listed(sigmas)
    _check_options(sigmas, sigma_b, sigma_factor, permutations)
    x, y = as_codes(x), as_codes(y)
    if ESTIMATORS[estimator].unbiased and min(len(x), len(y)) < 2:
        raise GaedistError(
            f"estimator {estimator} needs two points in each sample; got {len(x)} and {len(y)}. Take v."
        )
    smoothings: list[Smoothing] = []
    for sigma in sigmas:
        pair = sigma, sigma if sigma_b is None else sigma_b
        smoothings.append(smooth_both(x, y, pair, covariance, run, factor=sigma_factor))
        if permutations and not smoothings[-1].by_point:
            raise GaedistError(
                f"labels cannot be permuted where σ ({smoothings[-1].rule}) may depend on the sample that "
                "a point is in. Give a number, a bandwidth or mean-field, or leave out --permutations."
            )
        if (optimum := smoothings[-1].optimum) and optimum.interrupted:
            break
    pairs = [(p, q, _unit(p, q)) for p, q in (found.mixtures for found in smoothings)]
    distances = squared_distances(pairs, run)
    asked = _Asked(metric, estimator, permutations, began)
    return [
        _result(found, distance, asked, run) for found, distance in zip(smoothings, distances, strict=True)
    ]


def _check_options(
    sigmas: Sequence[Sigma], sigma_b: Sigma | None, sigma_factor: float, permutations: int
) -> None:
    if not is_number(sigma_factor) or not 1 < sigma_factor < LARGEST_FACTOR:
        raise GaedistError(
            f"sigma_factor must be above 1, and below {LARGEST_FACTOR:g}; got {sigma_factor!r}."
        )
    check_count("permutations", permutations, 0)
    for sigma in sigmas:
        if not isinstance(sigma, str) and not is_number(sigma) and sigma_b is None:
            raise GaedistError("an array of σ belongs to the first sample. Give sigma_b (--sigma-b) too.")
        if isinstance(sigma, str) and sigma == JOINT and sigma_b is not None:
            raise GaedistError(f"{JOINT} chooses σ of both samples. Leave out sigma_b (--sigma-b).")


@dataclass(frozen=True)
class _Asked:
    """What was asked, and when."""

    metric: str
    estimator: str
    permutations: int
    began: float


def _result(smoothing: Smoothing, distance: SquaredDistance, asked: _Asked, run: Run) -> CompareResult:
    p, q = smoothing.mixtures
    (n, dim), m = p.centers.shape, len(q.centers)
    unbiased = ESTIMATORS[asked.estimator].unbiased
    sign, log_value = _unbiased(distance, n, m) if unbiased else (1, distance.log_value)
    expected = _permutation_mean(distance, n, m) if smoothing.by_point else None
    null, p_value = Null("none"), None
    if expected is not None and _is_hidden(distance, expected):
        null = Null("none", note=WIDE)
    elif asked.permutations and not (smoothing.optimum and smoothing.optimum.interrupted):
        law = permuted(
            p, q, distance, replicates=asked.permutations, unbiased=unbiased, unit=_unit(p, q), run=run
        )
        null, p_value = Null(law.method, law.mean, law.sd, law.replicates), float(law.p_value)
    if expected is not None and unbiased:
        expected = 0.0
    return CompareResult(
        n=n,
        m=m,
        dim=dim,
        metric=asked.metric,
        estimator=asked.estimator,
        value=sign * to_linear(log_value),
        log_value=log_value if sign > 0 else None,
        covariance=meet(p.covariance.name, q.covariance.name),
        sigma=smoothing.summary,
        expected=expected,
        null=null,
        p_value=p_value,
        method="pairs",
        precision=run.precision,
        threads=run.used_threads,
        seconds=time.perf_counter() - asked.began,
        version=__version__,
    )


def _is_hidden(distance: SquaredDistance, expected: float) -> bool:
    """Tell whether rounding of the terms would rule what two samples of one law are apart.

    Equal points are at no distance, whatever the rounding.
    """
    largest = max(distance.pp.log_total, distance.qq.log_total, math.log(2) + distance.pq.log_total)
    spread = expected if expected > 0 else math.exp(min(0.0, distance.log_value))
    return 0 < spread < ROUNDING / PRECISION * to_linear(largest)


def _unbiased(distance: SquaredDistance, n: int, m: int) -> tuple[int, float]:
    """Return sign and logarithm of the distance without the overlaps of points with themselves."""
    return signed_sum(
        (1, distance.pp.log_pairs - math.log1p(-1 / n)),
        (1, distance.qq.log_pairs - math.log1p(-1 / m)),
        (-2, distance.pq.log_pairs),
    )


def _unit(p: Mixture, q: Mixture) -> float:
    """Return σ² if both samples have the same constant σ, else 1."""
    s, t = p.covariance, q.covariance
    return s.variance if isinstance(s, Constant) and isinstance(t, Constant) and s == t else 1.0


def _permutation_mean(distance: SquaredDistance, n: int, m: int) -> float:
    """Return the mean distance over all assignments of the pooled points, (s̄ − k̄)(1/n + 1/m).

    k̄ is the mean overlap of two different points of the pooled sample, and s̄ that of a point with itself:
    each assignment gives the pairs within X, within Y and between them the first of these means.
    """
    log_n, log_m, log_all, log_rest = math.log(n), math.log(m), math.log(n + m), math.log(n + m - 1)
    pp, qq, pq = distance.pp, distance.qq, distance.pq
    sign, log_mean = signed_sum(
        (1, 2 * log_n + pp.log_self - log_all),
        (1, 2 * log_m + qq.log_self - log_all),
        (-1, 2 * log_n + pp.log_pairs - log_all - log_rest),
        (-1, 2 * log_m + qq.log_pairs - log_all - log_rest),
        (-2, log_n + log_m + pq.log_pairs - log_all - log_rest),
    )
    return to_linear(log_mean + math.log(1 / n + 1 / m)) if sign > 0 else 0.0
