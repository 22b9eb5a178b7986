"""Panels of a comparison: permuted values, and both samples in the planes where they differ and vary most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gaedist.diagnostics.contrast import Contrast, Plane
from gaedist.plots import style
from gaedist.plots.diagnosis import loadings
from gaedist.plots.scores import Scored, bars, null_panel
from gaedist.plots.style import BLUE, ORANGE, message, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NULLS = 3  # panels of permuted values
_PERMUTED = "permuted labels"


def permuted(ax: Axes, found: Scored) -> None:
    """Draw the values for permuted labels, and the observed one."""
    if found.z is None:
        message(ax, f"{found.value:.4g}\n\nAdd --permutations R (permutations=)\nfor its null distribution.")
        title(ax, found.label)
    else:
        null_panel(ax, found, _PERMUTED, "observed")


def plane(ax: Axes, found: Plane | None, names: tuple[str, str], text: str, note: str = "") -> None:
    """Draw the points of both samples in a plane."""
    if found is None:
        message(ax, "One dimension has no plane.")
        return
    size = float(np.clip(120 / np.sqrt(max(len(found.first), len(found.second))), 2.5, 5))
    shown = (found.first, names[0], BLUE, "o"), (found.second, names[1], ORANGE, "^")
    for points, name, colour, marker in shown:
        ax.plot(
            *points.T,
            marker,
            color=colour,
            markersize=size,
            alpha=0.45,
            markeredgewidth=0,
            label=style.short(name, 40),
        )
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.2 * (high - low))  # room for the legend
    ax.legend(loc="upper left", markerscale=1.6)
    ax.set_xlabel(loadings(found.across))
    ax.set_ylabel(loadings(found.up))
    title(ax, text, note)


def drawn_planes(planes: Contrast, names: tuple[str, str]) -> dict[str, Callable[[Axes], None]]:
    """Return a function that draws each plane, by what it is."""

    def drawer(found: Plane | None, text: str, note: str = "") -> Callable[[Axes], None]:
        return lambda ax: plane(ax, found, names, text, note)

    worst, principal = "Where they differ most", "First two principal axes"
    return {
        worst: drawer(planes.worst, worst, "rows not used to choose it"),
        principal: drawer(planes.principal, principal),
    }


def page(found: Sequence[Scored], planes: Contrast, names: tuple[str, str], sizes: str) -> Figure:
    """Return a figure with the values of all metrics, and both planes."""
    few, judged = len(found) <= _MOST_NULLS, any(some.z is not None for some in found)
    columns = 0 if not judged else len(found) if few else 1
    figure = style.new_figure(5.6 * (columns + 2), max(4.8, 1.6 + 0.34 * len(found)))
    axes = np.ravel(figure.subplots(1, columns + 2))
    if few and judged:
        for ax, some in zip(axes, found, strict=False):
            permuted(ax, some)
    elif judged:
        bars(axes[0], found, _PERMUTED)
        title(axes[0], "Metrics")
    for ax, draw in zip(axes[-2:], drawn_planes(planes, names).values(), strict=True):
        draw(ax)
    values = [] if judged else [f"{some.label}: {some.value:.4g}" for some in found]
    head = "   ".join([f"{style.short(names[0])} and {style.short(names[1])}", sizes])
    figure.suptitle("\n".join([head, "   ".join(values)] if values else [head]), x=0.01, ha="left")
    return figure
