"""Panels of scores of one file: a value on its null distribution, and z of several metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gaedist.null.assessment import NullDistribution
from gaedist.null.distributions import Simulated
from gaedist.null.permutations import Permutations
from gaedist.null.shape import LEVEL, density, middle
from gaedist.numerics import Array
from gaedist.plots import style
from gaedist.plots.style import BAND, BLUE, FAINT, RED, message, p_words, title
from gaedist.smoothing.smooth import SigmaSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PRIOR = "N(0, I)"
_UNLIKELY = 0.001  # p-value below which a bar is that of a finding
_NARROW = 1e-5  # of the mean: an sd below it cannot be read from an axis of values
_FEWEST_BINS, _MOST_BINS = 8, 50
_ROW = 0.34  # inches of a bar
_LEAST_WIDTH = 4.0  # standard deviations that an axis of bars shows at least


@dataclass(frozen=True)
class Scored:
    """A value and the null distribution that it was compared with.

    Attributes
    ----------
    label : str
        What was measured.
    value : float
        The value.
    z, p_value : float, optional
        How far out it is in null standard deviations, and its p-value.
    mean, sd : float, optional
        Of the null distribution.
    distribution : NullDistribution, optional
        Its shape.
    """

    label: str
    value: float
    z: float | None
    p_value: float | None
    mean: float | None
    sd: float | None
    distribution: NullDistribution | None

    @property
    def is_known(self) -> bool:
        """There is a mean and a standard deviation to draw."""
        known = self.mean, self.sd, self.z
        return all(number is not None and math.isfinite(number) for number in known) and self.sd != 0


def labelled(metric: str, sigma: SigmaSummary | None, target: str | None = None) -> str:
    """Return the name of what was measured, with its target and σ if it smooths."""
    if sigma is None:
        return metric
    few = sigma.min == sigma.max
    sizes = f"{sigma.median:.4g}" if few else f"{sigma.min:.3g} … {sigma.max:.3g}"
    return ", ".join(filter(None, [metric, target and f"{target} target", f"σ = {sizes}"]))


def null_panel(ax: Axes, found: Scored, whose: str = PRIOR, who: str = "these codes") -> None:
    """Draw the density of a null distribution, or a histogram of simulated values, and the value."""
    from matplotlib.ticker import MaxNLocator

    if not found.is_known:
        message(ax, "There is no null distribution to draw.")
        title(ax, found.label)
        return
    mean, sd, z = found.mean, found.sd, found.z
    assert mean is not None
    assert sd is not None
    assert z is not None
    shift = mean if sd > _NARROW * abs(mean) else 0.0

    def at(scores: Array) -> Array:
        return shift + sd * scores

    scores = _scores(found.distribution)
    curve = None if scores is not None else density(found.distribution)
    if scores is not None:
        bins = int(np.clip(2 * len(scores) ** (1 / 3), _FEWEST_BINS, _MOST_BINS))
        heights, edges = np.histogram(at(scores), bins)
        ax.stairs(heights, edges, fill=True, color=BAND, label=f"{len(scores)} values under {whose}")
        ax.set_ylabel("values per bin")
    elif curve is not None:
        ax.fill_between(at(curve[0]), curve[1] / sd, color=BAND, linewidth=0, label=f"density under {whose}")
        ax.set_ylabel("density")
    elif middle(found.distribution) is not None:
        message(ax, f"The null distribution is too skewed to be drawn.\n{p_words(found.p_value)}".strip())
        title(ax, found.label)
        return
    else:
        ax.axvspan(*at(np.array([-1.0, 1.0])), color=BAND, label=f"mean ± sd under {whose}")
        ax.set_yticks([])
    ax.plot([shift, shift], [0, ax.get_ylim()[1]], color=FAINT, linewidth=1, linestyle=":", label="its mean")
    ax.axvline(shift + sd * z, color=RED, linewidth=2, label=who)
    ax.set_ylim(0, 1.45 * ax.get_ylim()[1])  # room for the legend
    ax.legend(loc="upper left" if z > 0 else "upper right")
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel("value" if shift else "value − its mean under the null distribution")
    title(ax, found.label, ", ".join(filter(None, [f"z = {style.signed(z)}", p_words(found.p_value)])))


def _scores(distribution: NullDistribution | None) -> Array | None:
    """Return z of each simulated or permuted value, of a distribution that consists of them."""
    return distribution.scores if isinstance(distribution, Simulated | Permutations) else None


def nulls(found: Sequence[Scored], name: str) -> Figure:
    """Return a figure with a panel for each value."""
    figure = style.new_figure(6.4 * len(found), 4.2)
    for ax, some in zip(np.ravel(figure.subplots(1, len(found))), found, strict=True):
        null_panel(ax, some)
    figure.suptitle(style.short(name), x=0.01, ha="left")
    return figure


def bars(ax: Axes, found: Sequence[Scored], whose: str = PRIOR) -> None:
    """Draw z of several metrics as bars, each with its p-value and the middle of its null distribution."""
    places = np.arange(len(found))
    finite = [some.z for some in found if some.z is not None and math.isfinite(some.z)]
    largest = max([_LEAST_WIDTH, *map(abs, finite)])
    scores = [0.0 if some.z is None else min(max(some.z, -largest), largest) for some in found]
    clear = [some.p_value is not None and some.p_value < _UNLIKELY for some in found]
    widest = max([_LEAST_WIDTH, *map(abs, scores)])
    ends = [middle(some.distribution) for some in found]
    for place, end in zip(places, ends, strict=True):
        if end is not None:
            ax.barh(place, end[1] - end[0], left=end[0], height=0.9, color=BAND, zorder=1)
    ax.barh(places, scores, height=0.45, color=[RED if c else BLUE for c in clear], zorder=2)
    for place, some in zip(places, found, strict=True):
        text = "no z" if some.z is None else f"{style.signed(some.z)}   {p_words(some.p_value)}"
        style.beside(ax, text, (max(scores[place], (ends[place] or (0.0, 0.0))[1]), float(place)))
    ax.axvline(0, color=FAINT, linewidth=0.8, zorder=3)
    ax.set_xlim(
        min([-_LEAST_WIDTH, *(1.15 * z for z in scores)]), widest * (1.6 if widest <= style.WIDE_Z else 8)
    )
    style.z_scale(ax, "x", widest)
    ax.set_yticks(places, [style.short(some.label, 34) for some in found])
    ax.invert_yaxis()
    ax.set_xlabel(f"z: standard deviations above the mean under {whose}")


def metrics(found: Sequence[Scored], name: str) -> Figure:
    """Return a figure of z of several metrics."""
    figure = style.new_figure(9, 1.6 + _ROW * len(found))
    ax = figure.add_subplot()
    bars(ax, found)
    figure.suptitle(style.short(name), x=0.01, ha="left")
    grey = f"Grey: the middle {LEVEL:.0%} of each null distribution. Red: p below {_UNLIKELY:g}."
    figure.supxlabel(grey, x=0.01, ha="left", fontsize=8, color=FAINT)
    return figure
