"""What every metric offers: its row in the registry, and its one-sample and two-sample forms.

A form is a class. An instance is the metric applied to codes: it has the sums over pairs or along directions
that it needs, and makes a `Measurement` of their totals. So all metrics that are wanted share their passes
(`gaedist.engine.evaluate`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gaedist.engine import PairSum, PairTotal, Run, Slices
from gaedist.errors import GaedistError, check_choice
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.options import CompareOptions, ScoreOptions
from gaedist.metrics.parameters import Parameters
from gaedist.null.assessment import NullDistribution
from gaedist.null.distributions import Degenerate
from gaedist.null.permutations import Permutations
from gaedist.numerics import Array

ALL = "all"
"""Stands for every metric."""


class Form(ABC):
    """A metric applied to codes: the sums that it needs, and the measurement that it makes of their totals.

    Attributes
    ----------
    pairs : sequence of PairSum
        Sums over pairs of points that it needs.
    slices : sequence of Slices
        Statistics along directions that it needs.
    interrupted : bool
        Ctrl-C ended the search for its σ, which are the best so far.
    """

    pairs: Sequence[PairSum] = ()
    slices: Sequence[Slices] = ()
    interrupted: bool = False

    @abstractmethod
    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the measurement, from the totals of ``pairs`` and the values of ``slices``."""


class OneSample(Form):
    """The form of a metric that measures codes x, (n, D), against the prior.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    degenerate : Degenerate, optional
        The null distribution for codes of singular covariance, of a metric that needs an invertible one.
    why_no_null : str, optional
        Why there is no null distribution for these codes, simulated or not.
    has_exact_moments : bool
        Mean and standard deviation of the null distribution are exact, so that z bounds an unknown p.
    """

    n: int
    dim: int
    degenerate: Degenerate | None = None
    why_no_null: str | None = None
    has_exact_moments: bool = True

    @abstractmethod
    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Prepare the sums; raise `GaedistError` if the metric does not apply to these codes."""

    @abstractmethod
    def null_distribution(self) -> NullDistribution:
        """Return the null distribution in closed form."""

    def shift_curve(self) -> ShiftCurve | None:
        """Return how the value grows with a shift of the mean, if it does."""
        return None

    def effect(self, excess: float | None, *, two_sided: bool) -> float | None:
        """Return the shift |m| for which samples of N(m, I) have this excess over the null mean on average.

        An excess below 0 is no shift, 0, or None where a value can be too small (``two_sided``). It is inf
        where no shift gives as much.
        """
        curve = None if excess is None else self.shift_curve()
        if curve is None or excess is None:
            return None
        if excess > 0:
            return curve.shift(excess)
        return None if two_sided else 0.0

    @classmethod
    def check_size(cls, n: int, options: ScoreOptions) -> None:
        """Raise `GaedistError` if there are too few points for any σ."""

    @classmethod
    def is_two_sided(cls, options: ScoreOptions) -> bool:
        """Tell whether a value can be too small as well as too large."""
        return False

    @classmethod
    def has_closed_form(cls, options: ScoreOptions) -> bool:
        """Tell whether these options have a null distribution that is known without simulation."""
        return True

    @classmethod
    def can_be_simulated(cls, options: ScoreOptions) -> bool:
        """Tell whether these options can also be applied to a simulated sample."""
        return True


class TwoSample(Form):
    """The form of a metric that measures codes x, (n, D), against codes y, (m, D)."""

    @abstractmethod
    def __init__(self, x: Array, y: Array, options: CompareOptions, run: Run) -> None:
        """Prepare the sums; raise `GaedistError` if the metric does not apply to these codes."""

    @classmethod
    def check_sizes(cls, n: int, m: int, options: CompareOptions) -> None:
        """Raise `GaedistError` if there are too few points for any σ."""

    def check_permutable(self) -> None:
        """Raise `GaedistError` where permuted labels would change more than the labels."""

    @abstractmethod
    def permute(self, measurement: Measurement, replicates: int) -> Permutations:
        """Return the null distribution over so many permutations of the pooled labels."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A row of the registry.

    Attributes
    ----------
    name : str
        Its name in options and results.
    summary : str
        What it is, in one phrase.
    formula : str
        Its formula and normalisation, for one sample and for two.
    detects : str
        Which differences it detects.
    reference : str
        Authors, title, year, and DOI or arXiv number.
    null : str
        Its null distribution for one sample; for two samples it is by permutations.
    parameters : tuple of str
        The fields of `Parameters` that it takes.
    smooths : bool
        It smooths the codes by Gaussians: it takes σ, the covariance family, the target and the estimator,
        and gives a result for each σ.
    one_sample : type of OneSample, optional
        Its form for one sample; not None if `gaedist.score` can measure it.
    two_sample : type of TwoSample, optional
        Its form for two samples; not None if `gaedist.compare` can measure it.
    """

    name: str
    summary: str
    formula: str
    detects: str
    reference: str
    null: str
    parameters: tuple[str, ...] = ()
    smooths: bool = False
    one_sample: type[OneSample] | None = None
    two_sample: type[TwoSample] | None = None

    def for_one_sample(self) -> type[OneSample]:
        """Return the form for one sample, of a metric that has one."""
        assert self.one_sample is not None
        return self.one_sample

    def for_two_samples(self) -> type[TwoSample]:
        """Return the form for two samples, of a metric that has one."""
        assert self.two_sample is not None
        return self.two_sample


def metric_names(metric: str | Sequence[str], registry: Mapping[str, Metric]) -> list[str]:
    """Return the names of the wanted metrics, each once; raise `GaedistError` for an unknown one."""
    wanted = [metric] if isinstance(metric, str) else list(metric)
    if not wanted:
        raise GaedistError(f"no metric is given. Choose from {', '.join(registry)}.")
    for name in wanted:
        check_choice("metric", name, [*registry, ALL])
    return list(dict.fromkeys(name for some in wanted for name in (registry if some == ALL else [some])))


def check_one_metric(metric: str, function: str) -> None:
    """Raise `GaedistError` for several metrics where there is one result; ``function`` measures several."""
    if not isinstance(metric, str) or metric == ALL:
        raise GaedistError(f"metric must be one name; got {metric!r}. Use gaedist.{function} for several.")


def is_optional(name: str, metric: str | Sequence[str]) -> bool:
    """Tell whether a metric is wanted only as one of ``all``, and is left out where it does not apply."""
    wanted = [metric] if isinstance(metric, str) else list(metric)
    return ALL in wanted and name not in wanted


def option_of(parameter: str) -> str:
    """Return the option of the command line that sets a parameter."""
    return "--scale" if parameter == "scales" else f"--{parameter}"


def check_used(names: Sequence[str], registry: Mapping[str, Metric], parameters: Parameters) -> None:
    """Raise `GaedistError` for a parameter that none of these metrics takes."""
    for parameter in parameters.given:
        if not any(parameter in registry[name].parameters for name in names):
            takers = [name for name, row in registry.items() if parameter in row.parameters]
            raise GaedistError(
                f"{option_of(parameter)} is for {' and '.join(takers) or 'other commands'}, "
                f"not for {', '.join(names)}."
            )


def check_smoothing_used(
    names: Sequence[str], registry: Mapping[str, Metric], options: str, *, given: bool
) -> None:
    """Raise `GaedistError` if smoothing options are given, and none of these metrics smooths."""
    if given and not any(registry[name].smooths for name in names):
        takers = [name for name, row in registry.items() if row.smooths]
        raise GaedistError(f"{options} are for {' and '.join(takers)}, not for {', '.join(names)}.")
