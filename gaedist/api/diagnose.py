"""`gaedist.diagnose`: what is wrong with codes, where, and how sure."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gaedist.api.notes import notes_given
from gaedist.api.posterior import PosteriorReport, Width, measured_codes
from gaedist.api.priors import (
    PriorLike,
    about_check,
    gaussian_prior,
    in_its_units,
    units_sentences,
    worded,
)
from gaedist.diagnostics.divergence import KlParts, kl_parts
from gaedist.diagnostics.panel import CheckResult, examine
from gaedist.diagnostics.power import Detectable, detectable
from gaedist.diagnostics.profile import Profile, profile
from gaedist.diagnostics.registry import CHECKS
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.verdict import verdict
from gaedist.engine import Run
from gaedist.errors import GaedistError, check_choice, check_count
from gaedist.files.codes import Codes, dependence, points_per_item
from gaedist.mixtures.prior import PriorSummary
from gaedist.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes

if TYPE_CHECKING:
    pass

ALPHA = 0.01
"""Family-wise error of the checks, unless another is given."""

TOP = 5
"""Places of a finding that are listed, unless another number is given."""


@dataclass(frozen=True)
class Sizes:
    """The largest departures of a sample, for gates that should not depend on n.

    Attributes
    ----------
    shift : float
        Largest |mean| of an axis.
    sd_min, sd_max : float, optional
        Smallest and largest standard deviation of an axis; None for one point.
    correlation : float, optional
        Largest |correlation| of two axes; None where there is none.
    duplicates : int
        Number of rows that repeat another.
    """

    shift: float
    sd_min: float | None
    sd_max: float | None
    correlation: float | None
    duplicates: int


@dataclass(frozen=True)
class DiagnoseResult:
    """What is wrong with a sample, compared with N(0, I).

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    alpha : float
        Probability that any check finds something in a sample of N(0, I).
    verdict : str
        The findings in a paragraph of plain words, or what would have been found.
    checks : tuple of CheckResult
        One for each check.
    kl : KlParts
        The KL divergence of the Gaussian fit from N(0, I), in nats, and its parts.
    sizes : Sizes
        The largest departures, whatever their p-values.
    detectable : Detectable
        What would be found with 90 % probability at this n.
    notes : tuple of str
        What a user of these codes should know; one sentence each.
    threads : int
        Number of threads, of a cluster those of all workers.
    seconds : float
        Time of the call.
    version : str
        Version of gaedist.
    profile : Profile
        What a picture shows.
    prior : PriorSummary, optional
        The prior in place of N(0, I), in whose units all sizes are.
    posterior : PosteriorReport, optional
        Of a VAE's posteriors: their KL divergence and its split.
    """

    n: int
    dim: int
    alpha: float
    verdict: str
    checks: tuple[CheckResult, ...]
    kl: KlParts
    sizes: Sizes
    detectable: Detectable
    notes: tuple[str, ...]
    threads: int
    seconds: float
    version: str
    profile: Profile = field(repr=False, compare=False)
    prior: PriorSummary | None = None
    posterior: PosteriorReport | None = None

    @property
    def value(self) -> float:
        """The least adjusted p-value; NaN if no check applies."""
        return min((c.p_adjusted for c in self.checks if c.p_adjusted is not None), default=math.nan)

    @property
    def found(self) -> tuple[str, ...]:
        """The names of the checks that found something, those that follow from others left out."""
        return tuple(c.name for c in self.checks if c.found and c.follows_from is None)

    def plot(self, ax: Axes | None = None, *, panel: str = "radius") -> Axes:
        """Draw one panel of the page that ``gaedist diagnose --plot`` draws (extra ``plot``).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.
        panel : str
            One of `gaedist.plots.diagnosis.PANELS`.

        Returns
        -------
        matplotlib.axes.Axes
            These axes.

        Raises
        ------
        GaedistError
            If there is no such panel, or matplotlib is not installed.
        """
        from gaedist.plots.diagnosis import PANELS
        from gaedist.plots.style import own_axes

        check_choice("panel", panel, PANELS)
        ax = own_axes(ax)
        PANELS[panel](ax, self.profile)
        return ax


def diagnose(
    codes: Codes,
    *,
    checks: Sequence[str] | None = None,
    alpha: float = ALPHA,
    top: int = TOP,
    prior: PriorLike | None = None,
    logvar: Width | None = None,
    sd: Width | None = None,
    run: Run | None = None,
) -> DiagnoseResult:
    """Find out what is wrong with a sample: location, scale, dependence, shape, and the points themselves.

    Parameters
    ----------
    codes : (n, D) array_like, Latents or path
        The sample, or the name of a file of codes as on the command line.
    checks : sequence of str, optional
        Names in `gaedist.diagnostics.registry.CHECKS`; by default all of them.
    alpha : float
        Probability that any check finds something in a sample of N(0, I): p-values are adjusted over all
        checks, axes, pairs and directions.
    top : int
        How many axes, pairs, directions or rows of each finding are listed.
    prior : Prior or path, optional
        A Gaussian prior in place of N(0, I): codes are whitened by it, and effects are in its units.
    logvar, sd : array_like, str or path, optional
        ``codes`` are the means of a VAE's posteriors: their log-variances or standard deviations, as in
        `gaedist.score`. A sample z = μ + s ε is diagnosed.
    run : Run, optional
        Threads, progress, and the seed of the halves on which directions are chosen and tested.

    Returns
    -------
    DiagnoseResult
        The verdict in words, and for each check its statistic, p-value, effect and where it is.

    Raises
    ------
    GaedistError
        If ``codes`` is not a non-empty 2-D array of finite real numbers, or an option is out of its range.
    """
    began, run = time.perf_counter(), run or Run()
    names = [*CHECKS] if checks is None else list(dict.fromkeys(checks))
    if not names:
        raise GaedistError(f"no check is given. Choose from {', '.join(CHECKS)}.")
    for name in names:
        check_choice("check", name, CHECKS)
    if not (isinstance(alpha, float | int) and 0 < alpha < 1):
        raise GaedistError(f"alpha must be between 0 and 1; got {alpha!r}.")
    places, given = check_count("top", top, 1), gaussian_prior(prior, "diagnose")
    measured = measured_codes(codes, logvar=logvar, sd=sd, prior=given, run=run)
    notes = (*notes_given(measured.codes, None), *measured.notes)
    sample = Sample(in_its_units(given, measured.codes, codes), run, places)
    no_p = dependence(codes)
    results = [about_check(check, given) for check in examine(sample, names, float(alpha), no_p=no_p)]
    kl = kl_parts(sample)
    power = detectable(sample.n // points_per_item(codes), sample.dim, float(alpha), len(names))
    text = worded(verdict(results, power, no_p), given)
    return DiagnoseResult(
        n=sample.n,
        dim=sample.dim,
        alpha=float(alpha),
        verdict=" ".join(filter(None, (text, *units_sentences(given)))),
        checks=tuple(results),
        kl=kl,
        sizes=_sizes(sample),
        detectable=power,
        notes=notes,
        threads=run.all_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
        prior=given.summary if given else None,
        posterior=measured.report,
        profile=profile(sample, results, kl),
    )


def _sizes(sample: Sample) -> Sizes:
    """Return the largest departures of a sample."""
    correlation = None
    if sample.dim > 1 and sample.n > 1:
        correlation = float(np.abs(np.triu(sample.correlation, 1)).max())
    return Sizes(
        shift=float(np.abs(sample.mean).max()),
        sd_min=float(sample.sds.min()) if sample.n > 1 else None,
        sd_max=float(sample.sds.max()) if sample.n > 1 else None,
        correlation=correlation,
        duplicates=sample.repeated_rows,
    )
