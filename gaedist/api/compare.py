"""`gaedist.compare` and `gaedist.compares`: how far two samples are from each other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from gaedist.api.reporting import OnError, reporting
from gaedist.engine import Run, evaluate
from gaedist.errors import check_count, check_dims
from gaedist.files.codes import as_codes
from gaedist.metrics.base import TwoSample, check_smoothing_used, check_used, metric_names
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.options import CompareOptions
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import TWO_SAMPLE
from gaedist.null.distributions import NoDistribution, Null
from gaedist.numerics import Array
from gaedist.smoothing.rules import Sigma, listed
from gaedist.smoothing.smooth import FACTOR, SigmaSummary
from gaedist.version import __version__


@dataclass(frozen=True)
class CompareResult:
    """A squared distance between two samples.

    What does not apply is None; what is beyond a double is inf, with its logarithm in ``log_value``.

    Attributes
    ----------
    n, m, dim : int
        Sizes of the samples and their dimension.
    metric : str
        What was measured, one of `METRICS`.
    estimator : str, optional
        Provenance, for the gaussian metric.
    value, log_value : float
        The squared distance and its natural logarithm: Eq. (5), times (4πσ²)^(D/2), where both samples
        have the same constant σ; else the distance of sec. II.B times (4π)^(D/2); or in the normalisation of
        its row in `METRICS`. An unbiased value may be negative, and has no logarithm then.
    value_se : float, optional
        Monte Carlo standard error of a mean over random directions.
    parameters : Parameters
        With what it was measured, where the metric has knobs.
    covariance : str, optional
        The family of the covariances, for the gaussian metric.
    sigma : SigmaSummary, optional
        The standard deviations used, of both samples together.
    expected : float, optional
        Mean value over all assignments of the pooled points, with their σ, to samples of n and m: what
        two samples of one law would give. None where the σ of a point may depend on the sample it is in, and
        where there is no closed form.
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
    estimator: str | None
    value: float
    log_value: float | None
    value_se: float | None
    parameters: Parameters
    covariance: str | None
    sigma: SigmaSummary | None
    expected: float | None
    null: Null
    p_value: float | None
    method: str
    precision: str
    threads: int
    seconds: float
    version: str


def compare(
    x: ArrayLike,
    y: ArrayLike,
    *,
    sigma: Sigma = 1.0,
    sigma_b: Sigma | None = None,
    covariance: str | None = None,
    sigma_factor: float = FACTOR,
    estimator: str = "v",
    metric: str = "gaussian",
    parameters: Parameters | None = None,
    permutations: int = 0,
    run: Run | None = None,
) -> CompareResult:
    """Measure the squared L2 distance between two samples, both Gaussian-smoothed, or another distance.

    Implements Eq. (5), and the distance of sec. II.B for covariances that differ from point to point; or
    another of `METRICS`.

    Parameters
    ----------
    x, y : (n, D) and (m, D) array_like
        The samples.
    sigma : float, str or array_like
        Standard deviation σ of the smoothing kernel, or where those of all points come from: the name of
        one of `gaedist.smoothing.rules.RULES` (bandwidths are chosen for both samples together, others for
        each by itself), an array as `gaedist.sigma` gives it, or ``joint``, which minimises the distance over
        the σ of both.
    sigma_b : float, str or array_like, optional
        The same for ``y``, if it differs.
    covariance : str, optional
        Family of the kernel's covariances, one of `gaedist.mixtures.families.FAMILIES`; by default the
        narrowest that fits σ.
    sigma_factor : float
        By how much ``joint`` may change a σ from its mean field. Without a bound it would end at σ → ∞,
        where any two samples are at no distance.
    estimator : str
        One of `gaedist.mixtures.targets.ESTIMATORS`.
    metric : str
        One of `METRICS`. All that is above is for ``gaussian`` alone.
    parameters : Parameters, optional
        The knobs of other metrics.
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
        finite or does not fit, labels cannot be permuted because σ depends on them, or an option is out of
        its range or of another metric.
    """
    return compares(
        x,
        y,
        [sigma],
        sigma_b=sigma_b,
        covariance=covariance,
        sigma_factor=sigma_factor,
        estimator=estimator,
        metric=[metric],
        parameters=parameters,
        permutations=permutations,
        run=run,
    )[0]


def compares(
    x: ArrayLike,
    y: ArrayLike,
    sigmas: Sequence[Sigma] = (1.0,),
    *,
    sigma_b: Sigma | None = None,
    covariance: str | None = None,
    sigma_factor: float = FACTOR,
    estimator: str = "v",
    metric: str | Sequence[str] = "gaussian",
    parameters: Parameters | None = None,
    permutations: int = 0,
    on_error: OnError | None = None,
    run: Run | None = None,
) -> list[CompareResult]:
    """Measure what `compare` does by several metrics and for several σ, in one pass where they can share it.

    A result for each metric, for ``gaussian`` one for each σ. ``metric`` may be ``all``. A metric that cannot
    be had for these samples is told to ``failed`` with its name and the reason, and the others go on; without
    that the first such reason is raised. ``seconds`` of a result is the time until it was known. After a
    search for σ that Ctrl-C ended, the σ that follow are left out.
    """
    began, run, parameters = time.perf_counter(), run or Run(), parameters or Parameters()
    names = metric_names(metric, TWO_SAMPLE)
    check_used(names, TWO_SAMPLE, parameters)
    options = [
        CompareOptions(
            sigma=sigma,
            sigma_b=sigma_b,
            covariance=covariance,
            sigma_factor=sigma_factor,
            estimator=estimator,
            parameters=parameters,
        )
        for sigma in listed(sigmas)
    ]
    given = len(options) != 1 or options[0].are_given
    smoothing = "sigma, sigma_b, covariance, sigma_factor and estimator"
    check_smoothing_used(names, TWO_SAMPLE, smoothing, given=given)
    count = check_count("permutations", permutations, 0)
    x, y = as_codes(x), as_codes(y)
    check_dims(x.shape[1], y.shape[1])
    applied = []
    for name in names:
        variants = options if TWO_SAMPLE[name].smooths else [CompareOptions(parameters=parameters)]
        applied += _applied(name, x, y, variants, run, on_error, permuted=count > 0)
    found = evaluate([form for _, form in applied], run)
    shape = len(x), len(y), x.shape[1]
    return [
        _result(name, form, measurement, shape, count, run, began)
        for (name, form), measurement in zip(applied, found, strict=True)
    ]


def _applied(
    name: str,
    x: Array,
    y: Array,
    options: Sequence[CompareOptions],
    run: Run,
    on_error: OnError | None,
    *,
    permuted: bool,
) -> list[tuple[str, TwoSample]]:
    """Apply a metric to both samples with each of the options.

    After a search for σ that Ctrl-C ended, the σ that follow are left out.
    """
    applied: list[tuple[str, TwoSample]] = []
    form = TWO_SAMPLE[name].for_two_samples()
    with reporting(name, on_error):
        for chosen in options:
            form.check_sizes(len(x), len(y), chosen)
        for chosen in options:
            with reporting(name, on_error, chosen.sigma if len(options) > 1 else None):
                found = form(x, y, chosen, run)
                if permuted:
                    found.check_permutable()
                applied.append((name, found))
            if applied and applied[-1][1].interrupted:
                break
    return applied


def _result(
    name: str,
    form: TwoSample,
    found: Measurement,
    shape: tuple[int, int, int],
    permutations: int,
    run: Run,
    began: float,
) -> CompareResult:
    n, m, dim = shape
    judged = permutations and found.note is None and not form.interrupted
    null = form.permute(found, permutations) if judged else NoDistribution(found.note)
    assessment = null.assess(found)
    return CompareResult(
        n=n,
        m=m,
        dim=dim,
        metric=name,
        estimator=found.estimator,
        value=found.value,
        log_value=found.log_value,
        value_se=found.error,
        parameters=found.parameters,
        covariance=found.covariance,
        sigma=found.sigma,
        expected=found.expected,
        null=assessment.null.explained(found.provenance.precision),
        p_value=assessment.p_value,
        method=found.provenance.method,
        precision=found.provenance.precision,
        threads=run.used_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
    )
