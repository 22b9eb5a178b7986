"""Panels of a diagnosis: radius, axes, eigenvalues, Q–Q plots, the worst plane, correlations, KL."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gaedist.diagnostics.base import Place
from gaedist.diagnostics.profile import Profile, Sorted
from gaedist.null.bands import (
    LEVEL,
    count_band,
    eigenvalue_quantiles,
    normal_band,
    sd_band,
)
from gaedist.numerics import Array
from gaedist.plots import style
from gaedist.plots.style import BAND, BLUE, FAINT, INK, ORANGE, PAPER, RED, message, p_words, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKED = 64  # numbers that are drawn as points, more as a line
_TICKED = 16  # axes that are named below theirs
_CIRCLES = (0.5, 0.9, 0.99)  # probabilities of N(0, I) within contours
_WIDE = 10.0  # largest coordinate beyond which only the last contour is labelled
_HORIZONTAL = 10  # names of axes below a matrix that have room
_FAR = 6.0  # from 0, beyond which a point is drawn larger
_LOADINGS = 3  # of a direction that are written
_ROUNDING = 1e-12  # nats
_BELOW = f"Grey: where {LEVEL:.0%} of samples of N(0, I) of this size lie, for each number by itself."


def radius(ax: Axes, profile: Profile) -> None:
    """Draw a histogram of |x| with the band of counts that N(0, I) gives; areas of square roots."""
    from scipy.special import gammainc

    edges, counts = profile.radii.edges, profile.radii.counts
    below = gammainc(profile.dim / 2, np.maximum(edges, 0.0) ** 2 / 2)
    low, high = count_band(profile.n, np.diff(below))
    ax.stairs(high, edges, baseline=low, fill=True, color=BAND, label=f"N(0, I), {LEVEL:.0%} of samples")
    ax.stairs(counts, edges, color=BLUE, linewidth=1.5, label="codes")
    ax.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0.0)), np.square))
    top = max(float(counts.max()), float(high.max()), 1.0)
    ax.set_ylim(0, 1.7 * top)  # room for the legend
    ax.set_yticks(_root_ticks(top))
    ax.set_xlabel("radius |x|")
    ax.set_ylabel("points per bin (root scale)")
    ax.axvline(math.sqrt(profile.dim), color=FAINT, linestyle=":", linewidth=1, label="√D")
    ax.legend(loc="upper right")
    title(ax, "Radius", _p_note(profile, "radius"))


def _root_ticks(top: float) -> list[float]:
    """Return a few round numbers from 0 to a largest, further apart the larger they are."""
    ticks = [0.0]
    for part in (1 / 16, 1 / 4, 9 / 16, 1.0):
        unit = 10 ** math.floor(math.log10(max(1.0, part * top)))
        step = max(1.0, unit / 2)
        tick = math.floor(part * top / step) * step
        if tick > ticks[-1]:
            ticks.append(tick)
    return ticks


def means(ax: Axes, profile: Profile) -> None:
    """Draw the mean of every axis, sorted, with the band of N(0, 1/n)."""
    scale = 1 / math.sqrt(profile.n)
    low, middle, high = normal_band(profile.dim, np.arange(1.0, profile.dim + 1))
    _sorted_axes(ax, profile.means, low * scale, middle * scale, high * scale)
    ax.set_ylabel("mean")
    title(ax, "Mean of every axis", _p_note(profile, "location"))


def sds(ax: Axes, profile: Profile) -> None:
    """Draw the standard deviation of every axis, sorted, with the band of N(0, I)."""
    if profile.n < 2:
        message(ax, "One point has no standard deviation.")
        return
    _sorted_axes(ax, profile.sds, *sd_band(profile.n, profile.dim))
    ax.set_ylabel("standard deviation")
    title(ax, "Standard deviation of every axis", _p_note(profile, "scale"))


def _sorted_axes(ax: Axes, values: Array, low: Array, middle: Array, high: Array) -> None:
    """Draw a number of each axis in ascending order, and name the first and last if outside the band."""
    dim = len(values)
    order = np.argsort(values, kind="stable")
    ranks = np.arange(1.0, dim + 1)
    _band(ax, ranks, low, middle, high)
    _observed(ax, ranks, values[order])
    ax.set_xlim(*_margins(1, dim))
    if dim <= _TICKED:
        ax.set_xticks(ranks, [str(j) for j in order])
        ax.set_xlabel("axis")
        return
    ax.set_xlabel("axes, in ascending order")
    for k, gap in ((0, low[0] - values[order[0]]), (dim - 1, values[order[-1]] - high[-1])):
        if gap > 0:
            style.beside(ax, f"axis {order[k]}", (ranks[k], values[order[k]]), left=k > 0)


def eigenvalues(ax: Axes, profile: Profile) -> None:
    """Draw the eigenvalues of the covariance against quantiles of the Marchenko–Pastur law."""
    from matplotlib.ticker import MaxNLocator

    values = profile.eigenvalues[np.isfinite(profile.eigenvalues)]
    if not len(values):
        message(ax, "There are no eigenvalues.")
        return
    ranks = np.arange(1.0, len(values) + 1)
    expected = eigenvalue_quantiles(profile.n, profile.dim)
    ax.plot(ranks, expected[::-1], color=FAINT, linewidth=4, alpha=0.6, label="Marchenko–Pastur law")
    _observed(ax, ranks, values[::-1], label="codes")
    positive = values[values > 1e-9 * values[-1]]
    if values[-1] > 30 * positive[0] if len(positive) else False:
        ax.set_yscale("log")
        ax.set_ylim(bottom=0.5 * min(positive[0], expected[expected > 0].min()))
    else:
        ax.margins(y=0.2)
    ax.set_xlim(*_margins(1, len(values)))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("rank")
    ax.set_ylabel("eigenvalue of the covariance")
    ax.legend(loc="upper right")
    title(ax, "Eigenvalues", _p_note(profile, "dependence"))


def axis_quantiles(ax: Axes, profile: Profile) -> None:
    """Draw the Q–Q plot of the axis that is least normal."""
    _quantiles(ax, profile.axis)
    ax.set_ylabel(f"axis {profile.axis.place.indices[0]}")
    title(ax, f"Worst axis: {profile.axis.place.indices[0]}", _p_note(profile, "marginals"))


def direction_quantiles(ax: Axes, profile: Profile) -> None:
    """Draw the Q–Q plot of the direction that is least normal, of rows on which it was not chosen."""
    if profile.direction is None:
        message(ax, "There is one direction: the axis.")
        return
    _quantiles(ax, profile.direction)
    ax.set_ylabel(loadings(profile.direction.place))
    title(ax, "Worst direction, standardised", _p_note(profile, "directions"))


def _quantiles(ax: Axes, found: Sorted) -> None:
    low, middle, high = normal_band(found.n, found.ranks)
    _band(ax, middle, low, middle, high)
    ax.plot(middle, found.values, ".", color=BLUE, markersize=4, zorder=3)
    ax.set_xlabel("quantile of N(0, 1)")


def plane(ax: Axes, profile: Profile) -> None:
    """Draw points in the plane of the two worst directions, with contours of N(0, I)."""
    found = profile.plane
    if found is None:
        message(ax, "One dimension has no plane.")
        return
    size = float(np.clip(150 / math.sqrt(len(found.points)), 3, 6))
    ax.plot(*found.points.T, ".", color=BLUE, markersize=size, alpha=0.5, markeredgewidth=0, zorder=2)
    far = found.points[np.linalg.norm(found.points, axis=1) > _FAR]
    ax.plot(*far.T, ".", color=BLUE, markersize=6, zorder=2)
    angles = np.linspace(0, 2 * np.pi, 361)
    crowded = float(np.abs(found.points).max()) > _WIDE
    for p in _CIRCLES:
        r = math.sqrt(-2 * math.log1p(-p))
        ax.plot(r * np.cos(angles), r * np.sin(angles), color=ORANGE, linewidth=1.2, zorder=3)
        if crowded and p < _CIRCLES[-1]:
            continue
        ax.annotate(f"{p:.0%}", (0, r), ha="center", va="center", fontsize=7, color=INK, zorder=4,
                    bbox={"boxstyle": "square,pad=0.1", "facecolor": PAPER, "edgecolor": "none"})  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel(loadings(found.across))
    ax.set_ylabel(loadings(found.up))
    title(ax, "The two worst directions", "circles: N(0, I)")


def correlations(ax: Axes, profile: Profile) -> None:
    """Draw the correlations of the axes that have the largest."""
    matrix, axes = np.array(profile.correlations), profile.correlated
    if len(axes) < 2 or profile.n < 2:
        message(ax, "There are no correlations.")
        return
    np.fill_diagonal(matrix, np.nan)
    noise = 2.6 / math.sqrt(profile.n)
    largest = min(1.0, max(float(np.nanmax(np.abs(matrix))), noise))
    image = ax.imshow(matrix, cmap=style.signed_colours(), vmin=-largest, vmax=largest)
    ax.set_xticks(
        range(len(axes)), [str(j) for j in axes], rotation=90 if axes[-1] > 99 or len(axes) > 10 else 0
    )
    ax.set_yticks(range(len(axes)), [str(j) for j in axes])
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_xlabel("axis")
    ax.set_ylabel("axis")
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.04, 0.0, 0.05, 1.0)))
    bar.outline.set_visible(False)
    title(ax, "Correlations" if len(axes) == profile.dim else f"Correlations of {len(axes)} axes")


def divergence(ax: Axes, profile: Profile) -> None:
    """Draw the parts of the KL divergence, and the axes with most of it."""
    kl = profile.kl
    parts = {"mean": kl.mean, "scales": kl.scales, "correlations": kl.correlations}
    axes = {f"axis {place.indices[0]}": place.effect for place in kl.axes[:5]}
    names = [name if value < math.inf else f"{name}: ∞" for name, value in (parts | axes).items()]
    values = [value if value < math.inf else 0.0 for value in (parts | axes).values()]
    places = np.array([*range(len(parts)), *(k + len(parts) + 0.5 for k in range(len(axes)))])
    colours = [BLUE] * len(parts) + [style.SKY] * len(axes)
    ax.barh(places, values, color=colours, height=0.7)
    if kl.null_mean is not None:
        ax.axvline(kl.null_mean, color=RED, linestyle="--", linewidth=1, label="N(0, I): mean of the total")
        ax.legend(loc="lower right", frameon=True, framealpha=1, edgecolor="none")
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.set_xlabel("KL(Gaussian fit ‖ N(0, I)), nats")
    total = "∞" if kl.infinite else f"{0.0 if kl.total < _ROUNDING else kl.total:.3g}"
    title(ax, "Where KL comes from", f"total {total} nats")


PANELS: dict[str, Callable[[Axes, Profile], None]] = {
    "radius": radius,
    "means": means,
    "sds": sds,
    "eigenvalues": eigenvalues,
    "axis": axis_quantiles,
    "direction": direction_quantiles,
    "plane": plane,
    "correlations": correlations,
    "kl": divergence,
}
"""Name → panel, in the order of the page."""


def page(profile: Profile, name: str, found: str) -> Figure:
    """Return a figure with all panels, the name of the codes, and what was found."""
    figure = style.new_figure(13.5, 11.5)
    grid = figure.subplots(3, 3).ravel()
    for ax, panel in zip(grid, PANELS.values(), strict=True):
        panel(ax, profile)
    figure.suptitle(
        f"{style.short(name)}   {profile.n} × {profile.dim}\n{style.plain(found)}", x=0.01, ha="left"
    )
    figure.supxlabel(_BELOW, x=0.01, ha="left", fontsize=8, color=FAINT)
    return figure


def loadings(place: Place) -> str:
    """Write a direction by its largest components."""
    terms = zip(place.indices[:_LOADINGS], place.loadings[:_LOADINGS], strict=False)
    text = " ".join(f"{'−' if w < 0 else '+'} {abs(w):.2f}·{j}" for j, w in terms if abs(w) >= 0.005)
    rest = " + …" if sum(w**2 for w in place.loadings[:_LOADINGS]) < 0.99 else ""
    return text.removeprefix("+ ") + rest


def _band(ax: Axes, x: Array, low: Array, middle: Array, high: Array) -> None:
    ax.fill_between(x, low, high, color=BAND, linewidth=0)
    ax.plot(x, middle, color=FAINT, linewidth=0.8)


def _observed(ax: Axes, x: Array, y: Array, **settings: Any) -> None:
    """Draw few numbers as points, and many as a line."""
    if len(x) <= _MARKED:
        ax.plot(x, y, "o", color=BLUE, markersize=4, zorder=3, **settings)
    else:
        ax.plot(x, y, color=BLUE, linewidth=1.5, zorder=3, **settings)


def _margins(low: float, high: float) -> tuple[float, float]:
    margin = max(0.5, 0.02 * (high - low))
    return low - margin, high + margin


def _p_note(profile: Profile, name: str) -> str:
    """Write the adjusted p-value of a check."""
    for check in profile.checks:
        if check.name == name and check.p_adjusted is not None:
            return p_words(check.p_adjusted)
    return ""
