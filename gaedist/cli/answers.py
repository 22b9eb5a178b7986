"""Between a question and the rows of a report: gates that it cannot serve, and those that rows fail."""

from collections.abc import Callable, Sequence

from gaedist.cli.gates import ABOVE, Outcome, P, Result, Z
from gaedist.cli.standard_streams import complain
from gaedist.metrics.base import check_used
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.metrics.registry import TWO_SAMPLE as COMPARE_METRICS

GAUSSIAN = "gaussian"
from gaedist.metrics.parameters import Parameters
from gaedist.null.distributions import smallest_p as least_p
from gaedist.null.monte_carlo import REPLICATES
from gaedist.report.numbers import sizes
from gaedist.report.writers import Row
from gaedist.smoothing.rules import Sigma, is_repeatable
from gaedist.smoothing.smooth import SigmaSummary


def check_comparison(
    outcome: Outcome, metrics: Sequence[str], parameters: Parameters, permutations: int
) -> None:
    """Raise `GaedistError` for a knob that is not used, or a gate that nothing can be held against."""
    check_used(metrics, COMPARE_METRICS, parameters)
    _one_unit(outcome, metrics)
    if not permutations:
        outcome.needs([P], "a p-value. Add --permutations R.")
    outcome.reaches(P, 1 / (1 + permutations), "more --permutations")


def _one_unit(outcome: Outcome, metrics: Sequence[str]) -> None:
    if len(metrics) > 1:
        outcome.needs([ABOVE], "one metric, whose values have one unit. Use --fail-p for several.")


def check_gates(
    outcome: Outcome,
    metrics: Sequence[str],
    sigmas: Sequence[Sigma],
    covariance: str | None,
    target: str,
    null: str,
    replicates: int | None,
) -> None:
    """Raise `GaedistError` for a gate on scores that nothing can be held against, or that cannot fail."""
    _one_unit(outcome, metrics)
    if GAUSSIAN in metrics:
        if not all(map(is_repeatable, sigmas)):
            outcome.needs([Z, P], "what N(0, I) scores, which cannot be known for σ of a file.")
        if null != "monte-carlo" and not all(
            ONE_SAMPLE[GAUSSIAN]
            .for_one_sample()
            .has_closed_form(ScoreOptions(sigma=sigma, covariance=covariance))
            for sigma in sigmas
        ):
            outcome.needs([Z, P], "what N(0, I) scores, which is not known here. Add --null monte-carlo.")
    if null == "none":
        outcome.needs([Z, P], "what N(0, I) scores, which is not known here. Add --null monte-carlo.")
    if null == "monte-carlo":
        two_sided = any(
            ONE_SAMPLE[name].for_one_sample().is_two_sided(ScoreOptions(target=target)) for name in metrics
        )
        least = least_p(replicates or REPLICATES, two_sided=two_sided)
        outcome.reaches(P, least, "more --replicates")


def finish(
    results: Sequence[Result],
    source: dict[str, str | None],
    names: str,
    add: Callable[[Row], None],
    outcome: Outcome,
) -> None:
    """Write results, then hold them against the gates."""
    for result in results:
        add(Row(source, result))
    metrics = {result.metric for result in results}
    several = sum(result.sigma is not None for result in results) > 1
    for result in results:
        which = f", {result.metric}" if len(metrics) > 1 else ""
        which += f", σ = {sizes(result.sigma)}" if several and result.sigma else ""
        with outcome.reporting(names):
            outcome.check(f"{names}{which}", result)
        if result.sigma:
            stop_if_interrupted(names, result.sigma)


def stop_if_interrupted(name: str, sigma: SigmaSummary) -> None:
    """End the command if Ctrl-C ended an optimisation, whose result has been written."""
    if sigma.interrupted:
        complain(f"{name}: interrupted after {sigma.evaluations} evaluations; σ is the best so far.")
        raise KeyboardInterrupt
