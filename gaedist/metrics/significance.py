"""Where the null distribution of a one-sample metric comes from: `NULLS` has a function for each choice."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from gaedist.engine import SAMPLE, Run, evaluate
from gaedist.errors import GaedistError
from gaedist.metrics.base import Metric, OneSample
from gaedist.metrics.gaussian.one_sample import FOREIGN, OF_MIXTURE
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.null.assessment import NullDistribution
from gaedist.null.distributions import NoDistribution, Simulated
from gaedist.null.monte_carlo import seconds_to_simulate, simulated
from gaedist.null.on_demand import OnDemand
from gaedist.numerics import Array


@dataclass(frozen=True, kw_only=True)
class NullOptions:
    """How a null distribution is simulated.

    Attributes
    ----------
    replicates : int
        Number of samples to simulate.
    run : Run
        Threads, progress and seed.
    cache : bool
        Keep simulated values in the user's cache folder.
    """

    replicates: int
    run: Run
    cache: bool


@dataclass(frozen=True)
class Statistic:
    """The varying part of a metric's value, as a function of a simulated sample that can be pickled.

    Attributes
    ----------
    metric : str
        One of `ONE_SAMPLE`.
    options : ScoreOptions
        Its options; σ is a number or a rule.
    """

    metric: str
    options: ScoreOptions

    @property
    def key(self) -> dict[str, Any]:
        """Everything that the value depends on, apart from the sample and the seed."""
        row, posterior = ONE_SAMPLE[self.metric], self.options.of_posterior
        sigma = posterior.digest if posterior else self.options.sigma
        options = asdict(replace(self.options, sigma=sigma, prior=None))
        parameters = options.pop("parameters")
        options["prior"] = self.options.prior.digest if self.options.prior else None
        key = {"metric": self.metric, **{name: parameters[name] for name in row.parameters}}
        return key | options if row.smooths else key

    def numbers(self, dim: int) -> int:
        """Return how many standard normal numbers make a point of a simulated sample."""
        return dim + 1 if self.options.prior else dim

    def of(self, x: Array, run: Run) -> float:
        """Return the varying part of the value for a sample made of normal numbers.

        It is a sample of a mixture prior, or the means of posteriors, if the options have these.
        """
        options = self.options
        if options.prior:
            x = options.prior.pushed(x)
        if posterior := options.of_posterior:
            posterior = posterior.first(len(x))
            x, options = posterior.null_means(x), replace(options, sigma=posterior)
        applied = ONE_SAMPLE[self.metric].for_one_sample()(x, options, run)
        (measurement,) = evaluate([applied], run)
        if applied.interrupted:
            raise KeyboardInterrupt  # a σ that is not optimal must not enter the simulated values
        return measurement.varying


def _closed_form(
    name: str, applied: OneSample, options: ScoreOptions, null_options: NullOptions
) -> NullDistribution:
    return applied.degenerate or applied.null_distribution()


def _monte_carlo(
    name: str, applied: OneSample, options: ScoreOptions, null_options: NullOptions
) -> NullDistribution:
    if applied.interrupted:
        return NoDistribution("the search for σ was interrupted.")
    if applied.why_no_null:
        return NoDistribution(applied.why_no_null)
    return applied.degenerate or _simulated(name, applied, options, null_options)


def _simulated(
    name: str, applied: OneSample, options: ScoreOptions, null_options: NullOptions
) -> NullDistribution:
    statistic = Statistic(name, options.for_simulation)
    values = simulated(
        applied.n,
        statistic.numbers(applied.dim),
        statistic,
        replicates=null_options.replicates,
        run=null_options.run,
        stored=null_options.cache,
    )
    return Simulated(values, two_sided=applied.is_two_sided(options))


def _auto(
    name: str, applied: OneSample, options: ScoreOptions, null_options: NullOptions
) -> NullDistribution:
    closed, run = _closed_form(name, applied, options, null_options), null_options.run
    # the p-value of an estimate would be that of its error
    if applied.degenerate or applied.interrupted or applied.why_no_null or run.method == SAMPLE:
        return closed
    if not applied.can_be_simulated(options):
        return closed
    statistic = Statistic(name, options.for_simulation)
    seconds = partial(
        seconds_to_simulate,
        applied.n,
        statistic.numbers(applied.dim),
        statistic,
        replicates=null_options.replicates,
        run=run,
        stored=null_options.cache,
    )
    return OnDemand(closed, seconds, partial(_simulated, name, applied, options, null_options))


def _none(
    name: str, applied: OneSample, options: ScoreOptions, null_options: NullOptions
) -> NullDistribution:
    return NoDistribution()


NULLS: dict[str, Callable[[str, OneSample, ScoreOptions, NullOptions], NullDistribution]] = {
    "auto": _auto,
    "closed-form": _closed_form,
    "monte-carlo": _monte_carlo,
    "none": _none,
}
"""Name → function that returns the null distribution of a metric applied to codes.

``auto`` is the closed form; or, where that gives no p-value, simulated, if it takes up to about ten seconds.
"""


def check_null(null: str, metric: Metric, options: ScoreOptions) -> None:
    """Raise `GaedistError` for a null distribution that is not known with these options."""
    form = metric.for_one_sample()
    if null == "closed-form" and options.prior:
        raise GaedistError(OF_MIXTURE)
    if null == "closed-form" and not form.has_closed_form(options):
        raise GaedistError(
            "a closed form of the null distribution needs one σ for all points, not chosen to minimise the "
            "distance. Use --null monte-carlo (null=), or leave it at auto."
        )
    if null == "monte-carlo" and not form.can_be_simulated(options):
        raise GaedistError(f"{FOREIGN} Leave out --null monte-carlo (null=).")
