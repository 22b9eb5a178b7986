"""Values and z over files, in their order, with the band that N(0, I) gives: one row of panels a metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gaedist.errors import one_line
from gaedist.plots import style
from gaedist.plots.style import BAND, COLOURS, FAINT, plain, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 13.0, 3.4  # inches of a row of panels
_MARKED = 60  # files that are drawn as points, more as a line
_TICKS = 12  # names below a panel
_LABEL = 18  # characters of a name below a panel
_WIDE = 20.0  # ratio of values beyond which theirs is
_STYLES = ("-", "--", ":", "-.")
_MARKERS = "osD^vP*X"


@dataclass(frozen=True)
class Point:
    """A score of a file.

    Attributes
    ----------
    run : str
        The folder or the file that it belongs to.
    place : int
        Its place among the files, from 0.
    value, z : float, optional
        Its value, and that in null standard deviations.
    null_mean : float, optional
        The mean of the null distribution.
    band, z_band : tuple of two floats, optional
        Where the middle of the null distribution lies, as a value and as z.
    """

    run: str
    place: int
    value: float | None
    z: float | None
    null_mean: float | None = None
    band: tuple[float, float] | None = None
    z_band: tuple[float, float] | None = None


def trend(rows: Sequence[tuple[str, Sequence[Point]]], labels: Sequence[str], whose: str) -> Figure:
    """Return a figure with two panels for each metric: its value, and its z.

    Parameters
    ----------
    rows : sequence of (str, sequence of Point)
        The name of a metric, and its scores.
    labels : sequence of str
        The names of the files, by their places.
    whose : str
        What these names are part of.
    """
    figure = style.new_figure(_WIDTH, 0.9 + _HEIGHT * len(rows))
    grid = figure.subplots(len(rows), 2, squeeze=False)
    for axes, (name, points) in zip(grid, rows, strict=True):
        values(axes[0], points, labels)
        scores(axes[1], points, labels)
        title(axes[0], plain(name))
    for ax in grid[-1]:
        ax.set_xlabel(style.short(whose))
    runs = list(dict.fromkeys(point.run for _, points in rows for point in points))
    if len(runs) > 1:
        handles, names = grid[0, 0].get_legend_handles_labels()
        columns = max(1, min(len(runs), 4))
        figure.legend(handles, names, loc="outside upper left", ncols=columns)
    if text := band_text([point for _, points in rows for point in points]):
        figure.supxlabel(text, x=0.01, ha="left", fontsize=8, color=FAINT)
    return figure


def band_text(points: Sequence[Point]) -> str:
    """Return what the bands are, or nothing where there are none."""
    grey = "Grey: the middle 99% of the null distribution, N(0, I) at the size of each file."
    return grey if any(point.z_band for point in points) else ""


def named(
    draw: Callable[[Axes, Sequence[Point], Sequence[str]], None],
    points: Sequence[Point],
    labels: Sequence[str],
    text: str,
    whose: str,
    ax: Axes,
) -> None:
    """Draw `values` or `scores` with what they are above, and what names are part of below."""
    draw(ax, points, labels)
    title(ax, plain(text))
    ax.set_xlabel(style.short(whose, 40))
    if len({point.run for point in points}) > 1:
        ax.legend(loc="best")


def values(ax: Axes, points: Sequence[Point], labels: Sequence[str]) -> None:
    """Draw values over files."""
    _bands(ax, [(p.place, p.band) for p in points])
    _lines(ax, points, [p.value for p in points])
    finite = [p.value for p in points if p.value is not None and math.isfinite(p.value)]
    if finite and min(finite) > 0 and max(finite) > _WIDE * min(finite):
        ax.set_yscale("log")
    ax.set_ylabel("value")
    _files(ax, labels)


def scores(ax: Axes, points: Sequence[Point], labels: Sequence[str]) -> None:
    """Draw z over files."""
    known = [z for p in points for z in (p.z, *(p.z_band or ())) if z is not None and math.isfinite(z)] or [
        0.0
    ]
    low, high = min(known), max(known)
    widest = max(-low, high)
    _bands(ax, [(p.place, p.z_band) for p in points])
    _lines(ax, points, [p.z for p in points])
    ax.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
    if widest > style.WIDE_Z:
        ax.set_ylim(low - max(1.0, -0.5 * low), high + max(1.0, 0.5 * high))
    style.z_scale(ax, "y", widest)
    ax.set_ylabel("z")
    _files(ax, labels)


def _bands(ax: Axes, found: Sequence[tuple[int, tuple[float, float] | None]]) -> None:
    """Draw the band of each file that has one, as wide as its place, and of neighbours in one piece."""
    pieces: list[list[tuple[float, float, float]]] = []
    for place, low, high in sorted({(place, *band) for place, band in found if band is not None}):
        ends = [(place - 0.5, low, high), (place + 0.5, low, high)]
        if pieces and pieces[-1][-1][0] == ends[0][0]:
            pieces[-1] += ends
        else:
            pieces.append(ends)
    for piece in pieces:
        ax.fill_between(*np.array(piece).T, color=BAND, linewidth=0, zorder=0)


def _lines(ax: Axes, points: Sequence[Point], numbers: Sequence[float | None]) -> None:
    """Draw a line for each run, with gaps where there is no number."""
    runs = list(dict.fromkeys(point.run for point in points))
    for k, run in enumerate(runs):
        mine = sorted(
            (p.place, math.nan if y is None or not math.isfinite(y) else y)
            for p, y in zip(points, numbers, strict=True)
            if p.run == run
        )
        few = len(mine) <= _MARKED
        ax.plot(
            *np.array(mine).T,
            color=COLOURS[k % len(COLOURS)],
            linestyle=_STYLES[k // len(COLOURS) % len(_STYLES)],
            marker=_MARKERS[k % len(_MARKERS)] if few else None,
            markersize=4,
            linewidth=1.4,
            label=plain(one_line(run, 40)),
            zorder=3,
        )


def _files(ax: Axes, labels: Sequence[str]) -> None:
    """Name some files below a panel, the first and the last among them."""
    count = len(labels)
    shown = np.unique(np.linspace(0, count - 1, min(count, _TICKS)).round().astype(int))
    names = [plain(one_line(labels[k], _LABEL)) for k in shown]
    long = max(map(len, names)) * len(names) > 60
    ax.set_xticks(shown, names, rotation=35 if long else 0, ha="right" if long else "center")
    ax.set_xlim(-0.5, count - 0.5)
