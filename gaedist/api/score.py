"""`gaedist.score` and `gaedist.scores`: how far a sample is from N(0, I)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from gaedist.api.reporting import OnError, reporting
from gaedist.engine import Run, evaluate
from gaedist.errors import GaedistError, check_choice, check_count
from gaedist.files.codes import as_codes
from gaedist.metrics.base import OneSample, check_smoothing_used, check_used, metric_names
from gaedist.metrics.measurement import Measurement, ScoreTerms
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.metrics.significance import NULLS, NullOptions, check_null
from gaedist.null.distributions import Assessment, Null
from gaedist.null.monte_carlo import REPLICATES
from gaedist.numerics import Array
from gaedist.smoothing.rules import Sigma, listed
from gaedist.smoothing.smooth import SigmaSummary
from gaedist.version import __version__


@dataclass(frozen=True)
class ScoreResult:
    """A squared distance to the prior, and what N(0, I) itself would score.

    What does not apply is None; what is beyond a double is inf, with its logarithm in ``log_value``.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    metric : str
        What was measured, one of `METRICS`.
    value, log_value : float
        Eq. (6) or (7), squared and times (4π)^(D/2), or times (4πσ²)^(D/2) to the smoothed target, or in the
        normalisation of its row in `METRICS`, and its natural logarithm; None for an unbiased value that is
        negative.
    value_se : float, optional
        Monte Carlo standard error of a mean over random directions.
    parameters : Parameters
        With what it was measured, where the metric has knobs.
    target, estimator, covariance : str, optional
        For the gaussian metric: against what, how, with which covariance family.
    sigma : SigmaSummary, optional
        The standard deviations used, and where they come from.
    terms : ScoreTerms, optional
        The terms of the value.
    null : Null
        Mean and standard deviation of the value over samples of N(0, I) of this n and D, and where they
        come from.
    excess, z : float, optional
        The value minus the null mean, formed term by term, and that in null standard deviations; None
        without a null law, and where σ is so large that rounding would rule them.
    p_value : float, optional
        How often N(0, I) scores as far out: above the value, or twice the lesser of above and below where a
        value can be too small as well (``two_sided``). None where no law can be trusted: ``null.note``
        says why.
    two_sided : bool
        Whether a value can be too small as well.
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
    value_se: float | None
    parameters: Parameters
    target: str | None
    estimator: str | None
    covariance: str | None
    sigma: SigmaSummary | None
    terms: ScoreTerms | None
    null: Null
    excess: float | None
    z: float | None
    p_value: float | None
    two_sided: bool
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
    estimator: str = "v",
    metric: str = "gaussian",
    parameters: Parameters | None = None,
    null: str = "auto",
    replicates: int | None = None,
    cache: bool = True,
    run: Run | None = None,
) -> ScoreResult:
    """Measure how far a sample is from N(0, I).

    Implements Eqs. (6), (7) and (8), the squared L2 distance of the sample under Gaussian smoothing, with
    the null law of `gaedist.metrics.null`; or another of `METRICS`, with its own.

    Parameters
    ----------
    codes : (n, D) array_like
        The sample.
    sigma : float, str or array_like
        Standard deviation σ of the smoothing kernel, or where those of all points come from: the name of
        one of `gaedist.smoothing.rules.RULES`, or an array as `gaedist.sigma` gives it.
    covariance : str, optional
        Family of the kernel's covariances, one of `gaedist.mixtures.families.FAMILIES`; by default the
        narrowest that fits σ.
    target : str
        The prior, one of `gaedist.mixtures.targets.TARGETS`.
    metric : str
        One of `METRICS`. What follows σ, up to the estimator, is for ``gaussian`` alone.
    parameters : Parameters, optional
        The knobs of other metrics.
    estimator : str
        One of `gaedist.mixtures.targets.ESTIMATORS`; ``u`` is for the smoothed target.
    null : str
        Where the law of the score under N(0, I) comes from, one of `gaedist.metrics.null.NULLS`.
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
        estimator=estimator,
        metric=[metric],
        parameters=parameters,
        null=null,
        replicates=replicates,
        cache=cache,
        run=run,
    )[0]


def scores(
    codes: ArrayLike,
    sigmas: Sequence[Sigma] = (1.0,),
    *,
    covariance: str | None = None,
    target: str = "normal",
    estimator: str = "v",
    metric: str | Sequence[str] = "gaussian",
    parameters: Parameters | None = None,
    null: str = "auto",
    replicates: int | None = None,
    cache: bool = True,
    on_error: OnError | None = None,
    run: Run | None = None,
) -> list[ScoreResult]:
    """Measure what `score` does by several metrics, and for several σ, in one pass where they can share it.

    A result for each metric, for ``gaussian`` one for each σ. ``metric`` may be ``all``. A metric that
    cannot be had for these codes, such as ``kl`` of a singular covariance, is told to ``failed`` with its
    name and the reason, and the others go on; without that the first such reason is raised. ``seconds`` of
    a result is the time until it was known. After a search for σ that Ctrl-C ended, the σ that follow are
    left out.
    """
    began, run = time.perf_counter(), run or Run()
    names = metric_names(metric, ONE_SAMPLE)
    check_choice("null", null, NULLS)
    parameters = parameters or Parameters()
    options = score_options(names, sigmas, covariance, target, estimator, parameters)
    for name in names:
        for chosen in _variants(name, options, parameters):
            check_null(null, ONE_SAMPLE[name], chosen)
    if replicates is not None and null != "monte-carlo":
        raise GaedistError("replicates are simulated samples: add --null monte-carlo (null=).")
    count = check_count("replicates", REPLICATES if replicates is None else replicates, 2)
    x = as_codes(codes)
    applied = [
        some
        for name in names
        for some in _applied(name, x, _variants(name, options, parameters), run, on_error)
    ]
    found = evaluate([form for _, _, form in applied], run)
    null_options = NullOptions(replicates=count, run=run, cache=cache)
    results = []
    for (name, chosen, form), measurement in zip(applied, found, strict=True):
        assessment = NULLS[null](name, form, chosen, null_options).assess(measurement)
        results.append(_result(name, form, chosen, measurement, assessment, run, began))
    return results


def score_options(
    names: Sequence[str],
    sigmas: Sequence[Sigma],
    covariance: str | None,
    target: str,
    estimator: str,
    parameters: Parameters,
) -> list[ScoreOptions]:
    """Return the options for each σ; raise `GaedistError` for those that none of the metrics takes."""
    options = [
        ScoreOptions(
            sigma=sigma, covariance=covariance, target=target, estimator=estimator, parameters=parameters
        )
        for sigma in listed(sigmas)
    ]
    check_used(names, ONE_SAMPLE, parameters)
    given = len(options) != 1 or options[0].are_given
    check_smoothing_used(names, ONE_SAMPLE, "sigma, covariance, target and estimator", given=given)
    if any(ONE_SAMPLE[name].smooths for name in names):
        for chosen in options:
            chosen.check_sigma()
    return options


def _variants(name: str, options: Sequence[ScoreOptions], parameters: Parameters) -> Sequence[ScoreOptions]:
    """Return the options with which a metric is applied: those of each σ if it smooths, else once."""
    return options if ONE_SAMPLE[name].smooths else [ScoreOptions(parameters=parameters)]


def _applied(
    name: str, x: Array, options: Sequence[ScoreOptions], run: Run, on_error: OnError | None
) -> list[tuple[str, ScoreOptions, OneSample]]:
    """Apply a metric to the codes with each of the options.

    After a search for σ that Ctrl-C ended, the σ that follow are left out.
    """
    applied: list[tuple[str, ScoreOptions, OneSample]] = []
    form = ONE_SAMPLE[name].for_one_sample()
    with reporting(name, on_error):
        for chosen in options:
            form.check_size(len(x), chosen)
        for chosen in options:
            with reporting(name, on_error, chosen.sigma if len(options) > 1 else None):
                applied.append((name, chosen, form(x, chosen, run)))
            if applied and applied[-1][2].interrupted:
                break
    return applied


def _result(
    name: str,
    form: OneSample,
    options: ScoreOptions,
    found: Measurement,
    assessment: Assessment,
    run: Run,
    began: float,
) -> ScoreResult:
    return ScoreResult(
        n=form.n,
        dim=form.dim,
        metric=name,
        value=found.value,
        log_value=found.log_value,
        value_se=found.error,
        parameters=found.parameters,
        target=found.target,
        estimator=found.estimator,
        covariance=found.covariance,
        sigma=found.sigma,
        terms=found.terms,
        null=assessment.null.explained(found.provenance.precision),
        excess=assessment.excess,
        z=assessment.z,
        p_value=assessment.p_value,
        two_sided=form.is_two_sided(options),
        saturated=found.saturated,
        method=found.provenance.method,
        precision=found.provenance.precision,
        threads=run.used_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
    )
