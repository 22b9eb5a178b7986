"""Groups of options that several commands share: a parameter of a command can stand for a whole group."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Any

from gaedist.cli import options
from gaedist.cli.cluster import connected
from gaedist.engine import Run
from gaedist.files.selection import Selection, parse_rows
from gaedist.files.widths import width_name
from gaedist.metrics.parameters import Parameters


def with_groups(command: Callable[..., int]) -> Callable[..., int]:
    """Return a command that takes the options of its groups one by one, as Typer reads them."""
    given = inspect.signature(command).parameters.values()
    groups: dict[str, Any] = {
        parameter.name: parameter.annotation for parameter in given if is_dataclass(parameter.annotation)
    }
    flat = [option for parameter in given for option in _options(parameter, groups)]

    @wraps(command)
    def run(**values: Any) -> int:
        made = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        return command(**values, **made)

    run.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in flat}
    return run


def _options(parameter: inspect.Parameter, groups: dict[str, Any]) -> list[inspect.Parameter]:
    """Return the options of a group, or the parameter itself."""
    if parameter.name not in groups:
        return [parameter.replace(kind=parameter.KEYWORD_ONLY)]
    return [
        inspect.Parameter(field.name, parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in fields(groups[parameter.name])
    ]


@dataclass(frozen=True)
class Widths:
    """The widths of a VAE's posteriors."""

    logvar: options.LogVar = None
    sd: options.Sd = None


@dataclass(frozen=True)
class Posteriors(Widths):
    """The same, and what is measured of posteriors."""

    posterior: options.Posterior = "sample"


@dataclass(frozen=True)
class Trust:
    """How far files are trusted; the options act when they are parsed."""

    hdf5_plugins: options.Plugins = False
    sandbox: options.Sandbox = False


class _Selecting:
    """A group of options that are attributes of a `Selection`."""

    def selection(self, widths: Widths | None = None) -> Selection:
        """Return what these options select of each file."""
        given = {name: value for name, value in vars(self).items() if name != "stack"}
        given |= {"dataset": tuple(given["dataset"] or ()) or None, "rows": parse_rows(given.get("rows"))}
        return Selection(**given, width=width_name(widths.logvar, widths.sd) if widths else None)


@dataclass(frozen=True)
class Arrays(_Selecting):
    """Which arrays of files are listed, and how they are arranged."""

    dataset: options.Dataset = None
    seed: options.Seed = 0
    layout: options.Layout = None
    channels: options.Channels = None
    positions: options.Positions = None


@dataclass(frozen=True)
class Reading(_Selecting):
    """Which codes of files are read."""

    dataset: options.Dataset = None
    rows: options.Rows = None
    subsample: options.Subsample = None
    seed: options.Seed = 0
    drop_nonfinite: options.Drop = False
    transpose: options.Transpose = False
    layout: options.Layout = None
    channels: options.Channels = None
    positions: options.Positions = None
    stack: options.Stack = False


class _Choosing:
    """A group of options that are attributes of `Parameters`."""

    def parameters(self) -> Parameters:
        """Return them as metrics take them."""
        given = dict(vars(self))
        return Parameters(scales=given.pop("scale"), **given)


@dataclass(frozen=True)
class OfTwoSamples(_Choosing):
    """Parameters of metrics that compare two samples."""

    kernel: options.Kernel = None
    scale: options.Scales = None
    alpha: options.Alpha = None
    gamma: options.Gamma = None
    directions: options.Directions = None


@dataclass(frozen=True)
class OfOneSample(_Choosing):
    """Parameters of metrics that compare a sample with N(0, I)."""

    kernel: options.Kernel = None
    scale: options.Scales = None
    alpha: options.Alpha = None
    beta: options.Beta = None
    gamma: options.Gamma = None
    directions: options.Directions = None


@dataclass(frozen=True)
class Workers:
    """What computes: threads, here or of the workers of a cluster."""

    threads: options.Threads = None
    scheduler: options.Scheduler = None
    scheduler_file: options.SchedulerFile = None
    shared_files: options.SharedFiles = False

    def connected(self) -> AbstractContextManager[Any]:
        """Return a context with the cluster, None if there is none."""
        return connected(self.scheduler, self.scheduler_file, self.shared_files)

    def run(self, cluster: Any, **settings: Any) -> Run:
        """Return how to compute, on a cluster or here."""
        return Run(threads=self.threads, client=cluster, **settings)


@dataclass(frozen=True)
class Computing(Workers):
    """The same, and how sums over pairs are computed."""

    method: options.Method = "auto"
    precision: options.Precision = "double"
    device: options.Device = None

    def run(self, cluster: Any, **settings: Any) -> Run:
        """Return how to compute, on a cluster or here."""
        chosen = {"method": self.method, "precision": self.precision, "device": self.device}
        return super().run(cluster, **chosen, **settings)
