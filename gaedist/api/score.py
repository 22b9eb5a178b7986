"""`gaedist.score` and `gaedist.scores`: how far a sample is from N(0, I), and whether that is chance."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from gaedist.api.companion import OPTIONS as COMPANION
from gaedist.api.companion import Companion, companion_form
from gaedist.api.notes import notes_on
from gaedist.api.posterior import MIXTURE, NOT_POSTERIORS, Measured, Width, check_mixture, measured_codes
from gaedist.api.posterior import SAMPLE as SAMPLE_POSTERIOR
from gaedist.api.priors import PriorLike, about_prior, check_metrics, in_its_units
from gaedist.api.reporting import OnError, apply_each
from gaedist.api.score_result import ScoreResult
from gaedist.engine import SAMPLE, Run, evaluate
from gaedist.errors import GaedistError, check_choice, check_count
from gaedist.files.codes import Codes, dependence
from gaedist.metrics.base import (
    OneSample,
    check_one_metric,
    check_smoothing_used,
    check_used,
    is_optional,
    metric_names,
)
from gaedist.metrics.gaussian.one_sample import GaussianOneSample
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.metrics.significance import NULLS, NullOptions, check_null
from gaedist.mixtures.prior import Prior
from gaedist.mixtures.prior_files import as_prior
from gaedist.null.assessment import Assessment
from gaedist.null.monte_carlo import REPLICATES
from gaedist.null.verdict import Evidence
from gaedist.numerics import Array
from gaedist.smoothing.rules import Sigma, listed
from gaedist.version import __version__

GAUSSIAN = "gaussian"
"""The default metric."""


def score(
    codes: Codes,
    *,
    sigma: Sigma | None = None,
    covariance: str | None = None,
    target: str | None = None,
    estimator: str | None = None,
    metric: str | None = None,
    parameters: Parameters | None = None,
    null: str = "auto",
    replicates: int | None = None,
    cache: bool = True,
    prior: PriorLike | None = None,
    logvar: Width | None = None,
    sd: Width | None = None,
    posterior: str = SAMPLE_POSTERIOR,
    run: Run | None = None,
) -> ScoreResult:
    """Measure how far a sample is from N(0, I), or from another prior.

    By default this is the squared L2 distance between N(0, I) and the sample smoothed by Gaussians, Eqs. (6),
    (7) and (8), compared with its distribution over samples of N(0, I). Other metrics have their own. As long
    as none of ``metric``, ``sigma``, ``covariance``, ``target`` and ``estimator`` is given, the verdict also
    rests on a companion, the smoothed target at σ = √D.

    Parameters
    ----------
    codes : (n, D) array_like, Latents or path
        The sample, or the name of a file of codes as on the command line.
    sigma : float, str or array_like, optional
        Standard deviation σ of the smoothing kernel, 1 by default; or a rule that chooses it, one of
        `gaedist.smoothing.rules.RULES`; or σ for each point, an array as `gaedist.sigma` returns it.
    covariance : str, optional
        Family of the kernel's covariances, one of `gaedist.mixtures.families.FAMILIES`; by default the
        narrowest that fits σ.
    target : str, optional
        What the sample is compared with, one of `gaedist.mixtures.targets.TARGETS`: N(0, I), by default, or
        N(0, I) smoothed by the same kernel.
    estimator : str, optional
        One of `gaedist.mixtures.targets.ESTIMATORS`, by default ``v``; ``u``, the unbiased one, needs the
        smoothed target.
    metric : str, optional
        One of `gaedist.metrics.registry.ONE_SAMPLE`, by default ``gaussian``. The options above are for it
        only.
    parameters : Parameters, optional
        Parameters of other metrics.
    null : str
        Where the null distribution comes from, one of `gaedist.metrics.significance.NULLS`.
    replicates : int, optional
        Number of samples of N(0, I) that ``monte-carlo`` simulates, 999 by default.
    cache : bool
        Keep values of simulated samples in the user's cache folder, to use them again.
    prior : Prior or path, optional
        A prior in place of N(0, I). Codes are whitened by a Gaussian one, and σ, values and effects are in
        its units. A mixture is for ``gaussian`` only, in units of the codes, with a simulated null
        distribution and no companion.
    logvar, sd : array_like, str or path, optional
        ``codes`` are the means of a VAE's posteriors: their log-variances, or their standard deviations, in
        the shape of the means, or (n,) or (D,); or the name of an array in the file of the means, or of
        another file.
    posterior : str
        What is measured of posteriors, one of `gaedist.api.posterior.POSTERIORS`: a sample of the aggregate
        posterior, z = μ + s ε; or ``mixture``, Eq. (6) of the aggregate posterior itself, which takes the
        place of the smoothed sample.
    run : Run, optional
        Threads, method, precision, seed and progress.

    Returns
    -------
    ScoreResult
        The value with its normalisation, null distribution, z and p-value.

    Raises
    ------
    GaedistError
        If ``codes`` is not a non-empty 2-D array of finite real numbers, an option is out of its range or
        does not apply to the metric, or the metric does not apply to these codes.
    KeyboardInterrupt
        On Ctrl-C, except while σ is optimised: then the best σ so far is used.
    """
    if metric is not None:
        check_one_metric(metric, "scores")
    return scores(
        codes,
        None if sigma is None else [sigma],
        covariance=covariance,
        target=target,
        estimator=estimator,
        metric=metric,
        parameters=parameters,
        null=null,
        replicates=replicates,
        cache=cache,
        prior=prior,
        logvar=logvar,
        sd=sd,
        posterior=posterior,
        run=run,
    )[0]


def scores(
    codes: Codes,
    sigmas: Sequence[Sigma] | None = None,
    *,
    covariance: str | None = None,
    target: str | None = None,
    estimator: str | None = None,
    metric: str | Sequence[str] | None = None,
    parameters: Parameters | None = None,
    null: str = "auto",
    replicates: int | None = None,
    cache: bool = True,
    prior: PriorLike | None = None,
    logvar: Width | None = None,
    sd: Width | None = None,
    posterior: str = SAMPLE_POSTERIOR,
    on_error: OnError | None = None,
    run: Run | None = None,
) -> list[ScoreResult]:
    """Measure as `score` does, by several metrics and for several σ, in one pass where they can share it.

    Parameters
    ----------
    codes : (n, D) array_like, Latents or path
        The sample.
    sigmas : sequence of float, str or array_like, optional
        The σ of the gaussian metric, one result for each.
    metric : str or sequence of str, optional
        The metrics, in the order of the results; ``all`` stands for every metric that applies to the codes.
    on_error : callable, optional
        Called as ``on_error(metric, error)`` when a metric does not apply to these codes, such as ``mmd`` to
        a single point; the other metrics are still measured. Without it the first such error is raised,
        unless the metric is one of ``all``.
    covariance, target, estimator, parameters, null, replicates, cache, prior, logvar, sd, posterior, run
        As in `score`.

    Returns
    -------
    list of ScoreResult
        One for each metric, and for ``gaussian`` one for each σ. If Ctrl-C ends an optimisation of σ, there
        are none for the σ that follow.

    Raises
    ------
    GaedistError
        As `score` does.
    """
    began, run, given = time.perf_counter(), run or Run(), as_prior(prior)
    mixture = given.mixture if given else None
    has_companion = is_default(metric, sigmas, covariance, target, estimator) and not mixture
    metric = GAUSSIAN if metric is None else metric
    names = metric_names(metric, ONE_SAMPLE)
    check_choice("null", null, NULLS)
    parameters = parameters or Parameters()
    options = score_options(names, sigmas, covariance, target, estimator, parameters, given)
    for name in names:
        for chosen in _variants(name, options, parameters):
            check_null(null, ONE_SAMPLE[name], chosen)
    if replicates is not None and null != "monte-carlo":
        raise GaedistError("replicates are simulated samples: add --null monte-carlo (null=).")
    count = check_count("replicates", REPLICATES if replicates is None else replicates, 2)
    measured = measured_codes(codes, logvar=logvar, sd=sd, posterior=posterior, prior=given, run=run)
    if posterior == MIXTURE:
        options, has_companion = _of_mixture(measured, names, options, null), False
    no_p = dependence(codes)
    null = "none" if no_p else null
    notes = (*notes_on(measured.codes), *measured.notes)
    x = in_its_units(given, measured.codes, codes)
    applied = [
        some
        for name in names
        for some in _applied(
            name, x, _variants(name, options, parameters), run, on_error, optional=is_optional(name, metric)
        )
    ]
    second = companion_form(x, run) if has_companion else None
    found = evaluate([*(form for _, _, form in applied), *([second] if second else [])], run)
    null_options = NullOptions(replicates=count, run=run, cache=cache)
    companion = None
    if second:
        companion = _companion(second, found.pop(), null, null_options, no_p)
    results = []
    for (name, chosen, form), measurement in zip(applied, found, strict=True):
        assessment = NULLS[null](name, form, chosen, null_options).assess(measurement).noted(no_p)
        result = _result(name, form, chosen, measurement, assessment, companion, notes, run, began)
        results.append(replace(result, posterior=measured.report))
    return [about_prior(result, given) for result in results] if given else results


def _of_mixture(
    measured: Measured, names: Sequence[str], options: Sequence[ScoreOptions], null: str
) -> list[ScoreOptions]:
    """Return the options with the covariances of posteriors in place of a smoothing kernel."""
    check_mixture(names, smoothing_given=len(options) != 1 or options[0].are_given, null=null)
    if measured.sigma is None:
        raise GaedistError(NOT_POSTERIORS)
    return [replace(options[0], sigma=measured.sigma)]


def is_default(
    metric: str | Sequence[str] | None,
    sigmas: Sequence[Sigma] | None,
    covariance: str | None,
    target: str | None,
    estimator: str | None,
) -> bool:
    """Tell whether nothing of the distance was chosen, so that the score has a companion."""
    return all(given is None for given in (metric, sigmas, covariance, target, estimator))


def score_options(
    names: Sequence[str],
    sigmas: Sequence[Sigma] | None,
    covariance: str | None,
    target: str | None,
    estimator: str | None,
    parameters: Parameters,
    prior: Prior | None = None,
) -> list[ScoreOptions]:
    """Return the options for each σ; raise `GaedistError` for an option that no metric takes."""
    check_metrics(names, prior)
    options = [
        ScoreOptions(
            sigma=sigma,
            covariance=covariance,
            target="normal" if target is None else target,
            estimator="v" if estimator is None else estimator,
            parameters=parameters,
            prior=prior.mixture if prior else None,
        )
        for sigma in ([1.0] if sigmas is None else listed(sigmas))
    ]
    check_used(names, ONE_SAMPLE, parameters)
    given = len(options) != 1 or options[0].are_given
    check_smoothing_used(names, ONE_SAMPLE, "sigma, covariance, target and estimator", given=given)
    if any(ONE_SAMPLE[name].smooths for name in names):
        for chosen in options:
            chosen.check_sigma()
    return options


def _variants(name: str, options: Sequence[ScoreOptions], parameters: Parameters) -> Sequence[ScoreOptions]:
    """Return the options with which to apply a metric: those for each σ if it smooths, else one set."""
    return options if ONE_SAMPLE[name].smooths else [ScoreOptions(parameters=parameters)]


def _applied(
    name: str,
    x: Array,
    options: Sequence[ScoreOptions],
    run: Run,
    on_error: OnError | None,
    *,
    optional: bool,
) -> list[tuple[str, ScoreOptions, OneSample]]:
    """Apply a metric to the codes with each set of options."""
    form = ONE_SAMPLE[name].for_one_sample()

    def apply(chosen: ScoreOptions) -> OneSample:
        found = form(x, chosen, run)
        if optional and found.degenerate and not found.degenerate.impossible:
            raise GaedistError(found.degenerate.why)  # the value is the same for any sample
        return found

    check = partial(form.check_size, len(x))
    applied = apply_each(name, options, check, apply, on_error, optional=optional)
    return [(name, chosen, found) for chosen, found in applied]


def _companion(
    form: GaussianOneSample, found: Measurement, null: str, null_options: NullOptions, no_p: str | None
) -> Companion:
    """Compare the companion with its null distribution, simulated only where there is no other p-value."""
    known = null if null == "none" else "auto"
    assessment = NULLS[known](GAUSSIAN, form, COMPANION, null_options).assess(found)
    if assessment.p_value is None and null not in (known, "closed-form"):
        assessment = NULLS[null](GAUSSIAN, form, COMPANION, null_options).assess(found)
    assessment = assessment.noted(no_p)
    return Companion.of(form, found, assessment, _evidence(form, COMPANION, found, assessment))


def _evidence(form: OneSample, options: ScoreOptions, found: Measurement, assessment: Assessment) -> Evidence:
    error = found.error if found.provenance.method == SAMPLE else None
    return Evidence.of(
        assessment, two_sided=form.is_two_sided(options), exact=form.has_exact_moments, error=error
    )


def _result(
    name: str,
    form: OneSample,
    options: ScoreOptions,
    found: Measurement,
    assessment: Assessment,
    companion: Companion | None,
    notes: tuple[str, ...],
    run: Run,
    began: float,
) -> ScoreResult:
    evidence = _evidence(form, options, found, assessment)
    result = ScoreResult(
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
        skewed=assessment.skewed,
        notes=notes,
        method=found.provenance.method,
        precision=found.provenance.precision,
        threads=run.all_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
        infinite=found.log_value == math.inf,
        p_bound=evidence.p_bound,
        effect=form.effect(assessment.excess, two_sided=form.is_two_sided(options)),
        companion=companion,
        p_combined=None,
        verdict="",
        distribution=assessment.distribution,
        device=found.provenance.device,
    )
    judgement = result.judgement
    return replace(result, p_combined=judgement.p if companion else None, verdict=judgement.verdict)
