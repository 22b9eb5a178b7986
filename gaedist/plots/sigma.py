"""σ of each point against its radius, with the mean field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gaedist.plots import style
from gaedist.plots.style import BLUE, FAINT, GREEN, ORANGE, RED, plain, title
from gaedist.smoothing.profile import SigmaProfile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = (BLUE, GREEN)
_LINES = ((RED, "-"), (ORANGE, "-"), (FAINT, "--"))
_WIDE = 20.0  # ratio of σ beyond which the scale is logarithmic


def against_radius(ax: Axes, profile: SigmaProfile, rule: str = "") -> None:
    """Draw σ of each point, its range over the axes where there are several, and the mean field."""
    size = float(np.clip(150 / np.sqrt(len(profile.radii)), 3, 6))
    for colour, (name, sigmas) in zip(_POINTS, profile.sigmas.items(), strict=False):
        low, median, high = sigmas.T
        several = bool((low < high).any())
        if several:
            ax.vlines(profile.radii, low, high, color=colour, alpha=0.15, linewidth=0.8)
        label = "σ of a point" if name == "all" else f"σ {name}"
        label += ": median and range over axes" if several else ""
        ax.plot(
            profile.radii,
            median,
            ".",
            color=colour,
            markersize=size,
            markeredgewidth=0,
            label=label,
            zorder=3,
        )
    styles = _LINES[:1] + _LINES[2:] if len(profile.curves) == 2 else _LINES
    for (colour, line), (name, curve) in zip(styles, profile.curves.items(), strict=True):
        ax.plot(profile.grid, curve, color=colour, linestyle=line, linewidth=1.5, label=name)
    lowest = min(float(s.min()) for s in profile.sigmas.values())
    highest = max(float(s.max()) for s in profile.sigmas.values())
    if highest > _WIDE * lowest:
        ax.set_yscale("log")
    ax.set_xlim(left=0)
    ax.set_xlabel("radius r = |x|")
    ax.set_ylabel("σ")
    ax.legend(loc="upper left")
    title(ax, "σ against radius", plain(rule))


def page(profile: SigmaProfile, name: str, rule: str) -> Figure:
    """Return a figure with σ against radius."""
    figure = style.new_figure(8, 5)
    against_radius(figure.add_subplot(), profile, rule)
    figure.suptitle(style.short(name), x=0.01, ha="left")
    return figure
