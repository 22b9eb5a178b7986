"""Pictures of one line for a terminal, in block characters, or in ASCII where a terminal has no others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gaedist.api.diagnose import DiagnoseResult
from gaedist.api.score_result import ScoreResult
from gaedist.diagnostics.profile import Profile, Sorted
from gaedist.numerics import Array
from gaedist.report.numbers import z_text
from gaedist.report.rows import Row
from gaedist.report.runs import natural, run_of

BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-=+*%#"
"""Characters from the lowest to the highest."""

FEWEST_FILES = 3
"""Fewest files of a trend."""

_CELLS = 40  # columns of a histogram
_ENDS = 8  # columns of the number at each end


def bars(heights: Array, levels: str = BLOCKS) -> str:
    """Write heights as characters: the highest is the last of the levels, 0 a space, NaN a gap."""
    top = float(np.nanmax(heights)) if np.isfinite(heights).any() else 0.0
    if not top > 0:
        return " " * len(heights)
    steps = np.ceil(np.nan_to_num(heights) / top * len(levels)).astype(int)
    return "".join(levels[step - 1] if step > 0 else " " for step in np.clip(steps, 0, len(levels)))


def line(values: Array, levels: str = BLOCKS) -> str:
    """Write values as characters from the lowest, the first of the levels, to the highest; NaN is a space."""
    known = np.isfinite(values)
    if not known.any():
        return " " * len(values)
    low, high = float(values[known].min()), float(values[known].max())
    parts = (np.where(known, values, low) - low) / ((high - low) or 1.0)
    steps = np.rint(parts * (len(levels) - 1)).astype(int)
    return "".join(levels[step] if is_known else " " for step, is_known in zip(steps, known, strict=True))


def diagnosis_lines(rows: Sequence[Row], width: int, levels: str) -> list[str]:
    """Return histograms of the radius and of the worst axis, each above that of N(0, I)."""
    from scipy.special import gammainc, ndtr

    found: list[str] = []
    cells = max(8, min(_CELLS, width - 2 * _ENDS - 14))
    for row in rows:
        profile: Profile = row.result.profile
        edges, counts = _rebinned(profile.radii.edges, profile.radii.counts.astype(float), cells)
        usual = np.diff(gammainc(profile.dim / 2, np.maximum(edges, 0.0) ** 2 / 2))
        found += _histogram("radius", edges, counts, profile.n * usual, levels)
        edges, counts = _counted(profile.axis, cells)
        usual = profile.n * np.diff(ndtr(edges))
        found += _histogram(f"axis {profile.axis.place.indices[0]}", edges, counts, usual, levels)
    return found


def _histogram(name: str, edges: Array, counts: Array, usual: Array, levels: str) -> list[str]:
    """Return a histogram and the one that N(0, I) gives, on one scale."""
    top = max(float(counts.max()), float(usual.max()), 1e-300)
    ends = f"{edges[0]:{_ENDS}.3g}", f"{edges[-1]:.3g}"
    lines = []
    for title, heights, (left, right) in (
        (name, counts, ends),
        ("N(0, I)", usual, (" " * _ENDS, "")),
    ):
        scaled = bars(np.append(np.where(heights < 0.5, 0.0, heights), top), levels)[:-1]
        lines.append(f"{title:12}{left} {scaled} {right}".rstrip())
    return lines


def _rebinned(edges: Array, counts: Array, cells: int) -> tuple[Array, Array]:
    """Return at most so many bins, each of some neighbouring ones."""
    each = math.ceil(len(counts) / cells)
    padded = np.append(counts, np.zeros(-len(counts) % each))
    width = edges[1] - edges[0]
    ends = edges[0] + width * np.arange(0, len(padded) + 1, each)
    return ends, padded.reshape(-1, each).sum(axis=1)


def _counted(found: Sorted, cells: int) -> tuple[Array, Array]:
    """Return a histogram of sorted numbers of which some are known, from −4 to 4 at least."""
    low, high = min(-4.0, float(found.values[0])), max(4.0, float(found.values[-1]))
    edges = np.linspace(low, high, cells + 1)
    below = np.interp(edges, found.values, found.ranks, left=0.0, right=float(found.n))
    return edges, np.diff(below)


def trend_lines(rows: Sequence[Row], width: int, levels: str) -> list[str]:
    """Return z of each metric over the files of each run in their natural order, from three files on."""
    runs = [run_of(row.source["file"], row.source["dataset"]) for row in rows]
    lines = []
    for folder in dict.fromkeys(run.folder for run in runs):
        mine = [(natural(run.name), row) for run, row in zip(runs, rows, strict=True) if run.folder == folder]
        if len({name for name, _ in mine}) < FEWEST_FILES:
            continue
        by_label: dict[str, list[float]] = {}
        for _, row in sorted(mine, key=lambda pair: pair[0]):
            for part in row.result.parts:
                z = math.nan if part.z is None else part.z
                by_label.setdefault(part.scored.label, []).append(z)
        for label, scores in by_label.items():
            known = [z for z in scores if math.isfinite(z)]
            if not known:
                continue
            text = f"z {z_text(scores[0]):>9} "
            rest = f" {z_text(scores[-1]):9} {folder}: {label}"
            cells = max(8, min(2 * _CELLS, width - len(text) - len(rest)))
            lines.append(f"{text}{line(np.arcsinh(_squeezed(np.array(scores), cells)), levels)}{rest}")
    return lines


def _squeezed(values: Array, cells: int) -> Array:
    """Return at most so many values: the one farthest from 0 of each group of neighbours."""
    groups = np.array_split(values, min(cells, len(values)))
    return np.array([g[np.argmax(np.abs(np.nan_to_num(g, nan=0.0)))] for g in groups])


SKETCHES: dict[type, Callable[[Sequence[Row], int, str], list[str]]] = {
    DiagnoseResult: diagnosis_lines,
    ScoreResult: trend_lines,
}
"""Kind of result → its lines, for a width in columns and the levels of a bar."""


def sketches(rows: Sequence[Row], width: int, encoding: str | None) -> list[str]:
    """Return the lines of results of one kind in the characters of an encoding; none for other kinds."""
    found = SKETCHES.get(type(rows[0].result)) if rows else None
    return found(rows, width, levels_in(encoding)) if found else []


def levels_in(encoding: str | None) -> str:
    """Return the levels of a bar that an encoding has."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS
