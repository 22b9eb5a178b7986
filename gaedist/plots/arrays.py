"""The arrays in files: their scales, means and norms beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gaedist.plots import style
from gaedist.plots.style import BLUE, FAINT, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.3  # inches
_MOST_NAMED = 60  # rows that have a name
_WIDE = 50.0  # ratio beyond which a scale is logarithmic


@dataclass(frozen=True)
class Summary:
    """The moments of an array; None where there are none.

    Attributes
    ----------
    name : str
        Its name.
    sd_min, sd_max : float, optional
        Least and largest standard deviation of an axis.
    norm : float, optional
        Mean of |x|²/D.
    mean_norm : float, optional
        Norm of the mean vector.
    """

    name: str
    sd_min: float | None
    sd_max: float | None
    norm: float | None
    mean_norm: float | None


def page(found: Sequence[Summary]) -> Figure:
    """Return a figure with a row for each array: sds of its axes, |x|²/D and |mean|."""
    figure = style.new_figure(12, 1.6 + _ROW * min(len(found), 2 * _MOST_NAMED))
    left, middle, right = figure.subplots(1, 3, sharey=True)
    places = np.arange(len(found))
    low = _numbers([some.sd_min for some in found])
    high = _numbers([some.sd_max for some in found])
    left.hlines(places, low, high, color=BLUE, linewidth=2)
    for ends in (low, high):
        left.plot(ends, places, "|", color=BLUE, markersize=8)
    middle.plot(_numbers([some.norm for some in found]), places, "o", color=BLUE, markersize=4)
    right.plot(_numbers([some.mean_norm for some in found]), places, "o", color=BLUE, markersize=4)
    _finish(left, "Standard deviations of axes", "least and largest", 1.0, np.concatenate([low, high]))
    _finish(middle, "|x|²/D", "mean of all points", 1.0, _numbers([some.norm for some in found]))
    _finish(right, "|mean|", "norm of the mean vector", 0.0, _numbers([some.mean_norm for some in found]))
    step = -(-len(found) // _MOST_NAMED)
    left.set_yticks(places[::step], [style.short(some.name, 40) for some in found[::step]])
    left.set_ylim(len(found) - 0.5, -0.5)
    figure.supxlabel("Dotted: N(0, I).", x=0.01, ha="left", fontsize=8, color=FAINT)
    return figure


def panel(ax: Axes, some: Summary) -> None:
    """Draw the moments of one array into axes, with what N(0, I) has."""
    rows = [
        ("sd of axes", [some.sd_min, some.sd_max], 1.0),
        ("|x|²/D", [some.norm], 1.0),
        ("|mean|", [some.mean_norm], 0.0),
    ]
    for place, (_, values, usual) in enumerate(rows):
        numbers = _numbers(values)
        ax.plot(numbers, [place] * len(numbers), "|-" if len(numbers) > 1 else "o", color=BLUE)
        ax.plot([usual], [place], "D", color=FAINT, markersize=5, zorder=0)
    ax.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel("grey: N(0, I)")
    title(ax, style.short(some.name, 40))


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None or not np.isfinite(value) else value for value in values])


def _finish(ax: Axes, text: str, below: str, usual: float, values: np.ndarray) -> None:
    """Mark what N(0, I) has, and name the panel."""
    ax.axvline(usual, color=FAINT, linestyle=":", linewidth=1)
    positive = values[values > 0]
    if usual and len(positive) and max(positive.max(), usual) > _WIDE * min(positive.min(), usual):
        ax.set_xscale("log")
    ax.set_xlabel(below)
    title(ax, text)
