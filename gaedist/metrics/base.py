"""What all metrics have in common: a row of a registry, and which knobs they take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gaedist.errors import GaedistError, check_choice
from gaedist.metrics.parameters import Parameters

GAUSSIAN, ALL = "gaussian", "all"


@dataclass(frozen=True)
class Metric:
    """What a sample can be measured by.

    Attributes
    ----------
    about : str
        What it is, and in what normalisation.
    detects : str
        What it sees.
    reference : str
        Where it comes from.
    takes : tuple of str
        The `Parameters` that it takes.
    """

    about: str
    detects: str
    reference: str
    takes: tuple[str, ...]


def metric_names(metric: str | Sequence[str], registry: Mapping[str, Metric]) -> list[str]:
    """Return the metrics that are asked for, each once; raise `GaedistError` for one that there is not."""
    asked = [metric] if isinstance(metric, str) else list(metric)
    if not asked:
        raise GaedistError(f"no metric is given. Take one of {', '.join(registry)}.")
    for name in asked:
        check_choice("metric", name, [*registry, ALL])
    return list(dict.fromkeys(name for some in asked for name in (registry if some == ALL else [some])))


def option_of(knob: str) -> str:
    """Return the option of the command line that sets a parameter."""
    return "--scale" if knob == "scales" else f"--{knob}"


def check_used(names: Sequence[str], registry: Mapping[str, Metric], parameters: Parameters) -> None:
    """Raise `GaedistError` for a parameter that none of these metrics takes."""
    for knob in parameters.given:
        if not any(knob in registry[name].takes for name in names):
            takers = [name for name, row in registry.items() if knob in row.takes]
            raise GaedistError(
                f"{option_of(knob)} is for {' and '.join(takers) or 'other commands'}, "
                f"not for {', '.join(names)}."
            )
