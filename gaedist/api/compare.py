"""`gaedist.compare` and `gaedist.compares`: how far two samples are apart, and whether that is chance."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from gaedist.api.compare_result import CompareResult
from gaedist.api.notes import notes_on
from gaedist.api.posterior import (
    MIXTURE,
    NOT_POSTERIORS_BOTH,
    SAMPLE,
    Measured,
    Width,
    check_mixture,
    measured_codes,
    widths_of_second,
)
from gaedist.api.priors import PriorLike, gaussian_prior, in_its_units
from gaedist.api.reporting import OnError, apply_each
from gaedist.api.shared_rows import shared_rows_note
from gaedist.engine import Run, evaluate
from gaedist.errors import GaedistError, check_count, check_dims
from gaedist.files.codes import Codes, dependence
from gaedist.metrics.base import (
    TwoSample,
    check_one_metric,
    check_smoothing_used,
    check_used,
    is_optional,
    metric_names,
)
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.options import CompareOptions
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import TWO_SAMPLE
from gaedist.mixtures.prior import PriorSummary
from gaedist.null.distributions import NoDistribution
from gaedist.numerics import Array
from gaedist.smoothing.rules import Sigma, listed
from gaedist.smoothing.smooth import FACTOR
from gaedist.version import __version__


def compare(
    x: Codes,
    y: Codes,
    *,
    sigma: Sigma = 1.0,
    sigma_b: Sigma | None = None,
    covariance: str | None = None,
    sigma_factor: float = FACTOR,
    estimator: str = "v",
    metric: str = "gaussian",
    parameters: Parameters | None = None,
    permutations: int = 0,
    prior: PriorLike | None = None,
    logvar: Width | None = None,
    sd: Width | None = None,
    logvar_b: Width | None = None,
    sd_b: Width | None = None,
    posterior: str = SAMPLE,
    run: Run | None = None,
) -> CompareResult:
    """Measure how far two samples are from each other.

    By default this is the squared L2 distance between the samples, both smoothed by Gaussians: Eq. (5), and
    the distance of sec. II.B for covariances that differ from point to point.

    Parameters
    ----------
    x, y : (n, D) and (m, D) array_like, Latents or path
        The samples, or the names of files of codes as on the command line.
    sigma : float, str or array_like
        Standard deviation σ of the smoothing kernel; or a rule that chooses it, one of
        `gaedist.smoothing.rules.RULES`: a bandwidth is chosen for both samples together, other σ for each
        sample by itself; or ``joint``, which minimises the distance over the σ of both samples; or σ for each
        point of ``x``, an array as `gaedist.sigma` returns it.
    sigma_b : float, str or array_like, optional
        The same for ``y``, if it differs.
    covariance : str, optional
        Family of the kernel's covariances, one of `gaedist.mixtures.families.FAMILIES`; by default the
        narrowest that fits σ.
    sigma_factor : float
        The largest factor by which ``joint`` may change a σ from its mean field. Without a bound the optimum
        would be at σ → ∞, where the distance between any two samples is 0.
    estimator : str
        One of `gaedist.mixtures.targets.ESTIMATORS`.
    metric : str
        One of `gaedist.metrics.registry.TWO_SAMPLE`. The options above are for ``gaussian`` only.
    parameters : Parameters, optional
        Parameters of other metrics.
    permutations : int
        Number of random permutations of the labels, for the p-value; 0 for none.
    prior : Prior or path, optional
        A Gaussian prior by which both samples are whitened first.
    logvar, sd : array_like, str or path, optional
        ``x`` are the means of a VAE's posteriors: their log-variances or standard deviations, as in
        `gaedist.score`. The name of an array in the file of ``x`` counts for the file of ``y`` too.
    logvar_b, sd_b : array_like, str or path, optional
        The same for ``y``; ``none`` if these are codes and not means.
    posterior : str
        What is measured of posteriors, one of `gaedist.api.posterior.POSTERIORS`; for ``mixture`` both
        samples must be posteriors.
    run : Run, optional
        Threads, method, precision, seed and progress.

    Returns
    -------
    CompareResult
        The value with its normalisation, null distribution and p-value.

    Raises
    ------
    GaedistError
        If a sample is not a non-empty 2-D array of finite real numbers, the dimensions differ, labels cannot
        be permuted because σ depends on them, an option is out of its range or does not apply to the metric,
        or the metric does not apply to these samples.
    KeyboardInterrupt
        On Ctrl-C, except while σ is optimised: then the best σ so far is used.
    """
    check_one_metric(metric, "compares")
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
        prior=prior,
        logvar=logvar,
        sd=sd,
        logvar_b=logvar_b,
        sd_b=sd_b,
        posterior=posterior,
        run=run,
    )[0]


def compares(
    x: Codes,
    y: Codes,
    sigmas: Sequence[Sigma] = (1.0,),
    *,
    sigma_b: Sigma | None = None,
    covariance: str | None = None,
    sigma_factor: float = FACTOR,
    estimator: str = "v",
    metric: str | Sequence[str] = "gaussian",
    parameters: Parameters | None = None,
    permutations: int = 0,
    prior: PriorLike | None = None,
    logvar: Width | None = None,
    sd: Width | None = None,
    logvar_b: Width | None = None,
    sd_b: Width | None = None,
    posterior: str = SAMPLE,
    on_error: OnError | None = None,
    run: Run | None = None,
) -> list[CompareResult]:
    """Measure as `compare` does, by several metrics and for several σ, in one pass where they can share it.

    Parameters
    ----------
    x, y : (n, D) and (m, D) array_like, Latents or path
        The samples.
    sigmas : sequence of float, str or array_like
        The σ of the gaussian metric, one result for each.
    metric : str or sequence of str
        The metrics, in the order of the results; ``all`` stands for every metric that applies to the codes.
    on_error : callable, optional
        Called as ``on_error(metric, error)`` when a metric does not apply to these samples; the other metrics
        are still measured. Without it the first such error is raised, unless the metric is one of ``all``.
    sigma_b, covariance, sigma_factor, estimator, parameters, permutations, prior, run
        As in `compare`.
    logvar, sd, logvar_b, sd_b, posterior
        As in `compare`.

    Returns
    -------
    list of CompareResult
        One for each metric, and for ``gaussian`` one for each σ. If Ctrl-C ends an optimisation of σ, there
        are none for the σ that follow.

    Raises
    ------
    GaedistError
        As `compare` does.
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
    no_p = dependence(x) or dependence(y)
    count = 0 if no_p else count
    whitening, codes = gaussian_prior(prior, "compare"), (x, y)
    widths_b = widths_of_second(logvar=logvar, sd=sd, logvar_b=logvar_b, sd_b=sd_b)
    a = measured_codes(x, logvar=logvar, sd=sd, posterior=posterior, prior=whitening, run=run)
    b = measured_codes(y, **widths_b, posterior=posterior, prior=whitening, run=run, second=True)
    if posterior == MIXTURE:
        check_mixture(names, smoothing_given=given)
        if a.sigma is None or b.sigma is None:
            raise GaedistError(NOT_POSTERIORS_BOTH)
        options = [replace(options[0], sigma=a.sigma, sigma_b=b.sigma)]
    x, y = a.codes, b.codes
    check_dims(x.shape[1], y.shape[1])
    shared = shared_rows_note(x, y)
    notes = (*_notes("first", a), *_notes("second", b), *([shared] if shared else []))
    x, y = in_its_units(whitening, x, codes[0]), in_its_units(whitening, y, codes[1])
    applied = []
    for name in names:
        variants = options if TWO_SAMPLE[name].smooths else [CompareOptions(parameters=parameters)]
        optional = is_optional(name, metric)
        applied += _applied(name, x, y, variants, run, on_error, permuted=count > 0, optional=optional)
    found = evaluate([form for _, form in applied], run)
    shape = len(x), len(y), x.shape[1]
    summary = whitening.summary if whitening else None
    return [
        replace(
            _result(name, form, measurement, shape, count, no_p, notes, run, began, summary),
            posterior_a=a.report,
            posterior_b=b.report,
        )
        for (name, form), measurement in zip(applied, found, strict=True)
    ]


def _notes(which: str, sample: Measured) -> tuple[str, ...]:
    """Return the notes on one of the samples."""
    return tuple(f"the {which} sample: {note}" for note in (*notes_on(sample.codes), *sample.notes))


def _applied(
    name: str,
    x: Array,
    y: Array,
    options: Sequence[CompareOptions],
    run: Run,
    on_error: OnError | None,
    *,
    permuted: bool,
    optional: bool,
) -> list[tuple[str, TwoSample]]:
    """Apply a metric to both samples with each set of options."""
    form = TWO_SAMPLE[name].for_two_samples()

    def apply(chosen: CompareOptions) -> TwoSample:
        found = form(x, y, chosen, run)
        if permuted:
            found.check_permutable()
        return found

    check = partial(form.check_sizes, len(x), len(y))
    applied = apply_each(name, options, check, apply, on_error, optional=optional)
    return [(name, found) for _, found in applied]


def _result(
    name: str,
    form: TwoSample,
    found: Measurement,
    shape: tuple[int, int, int],
    permutations: int,
    no_p: str | None,
    notes: tuple[str, ...],
    run: Run,
    began: float,
    prior: PriorSummary | None,
) -> CompareResult:
    n, m, dim = shape
    judged = permutations and found.note is None and not form.interrupted
    null = form.permute(found, permutations) if judged else NoDistribution(found.note)
    assessment = null.assess(found).noted(no_p)
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
        expected=None if no_p else found.expected,
        null=assessment.null.explained(found.provenance.precision),
        p_value=assessment.p_value,
        notes=notes,
        method=found.provenance.method,
        precision=found.provenance.precision,
        threads=run.all_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
        prior=prior,
        distribution=assessment.distribution,
        device=found.provenance.device,
    )
