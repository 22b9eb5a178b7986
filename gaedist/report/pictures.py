"""Pictures of all results of a command: which picture each kind of result has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gaedist.api.diagnose import DiagnoseResult
from gaedist.api.inspect import ArrayReport
from gaedist.api.score_result import ScoreResult
from gaedist.api.sigma import SigmaResult
from gaedist.diagnostics.contrast import Contrast
from gaedist.null.shape import middle
from gaedist.plots import style
from gaedist.report.rows import Row
from gaedist.report.runs import ordered, shortened
from gaedist.report.tables import named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gaedist.plots.trend import Point

_MOST_NULLS = 3  # panels beside each other


def picture(rows: Sequence[Row], path: Path, planes: Contrast | None = None) -> bytes:
    """Return the picture of the results of a command, in the format that the end of a name is.

    ``planes`` are those of two samples that were compared.
    """
    with style.styled():
        figures = PICTURES[type(rows[0].result)](rows) if planes is None else [_comparison(rows, planes)]
        return style.rendered(figures, path.suffix.lower())


def _comparison(rows: Sequence[Row], planes: Contrast) -> Figure:
    from gaedist.plots.comparison import page

    result, names = rows[0].result, names_of(rows[0])
    sizes = f"{result.n} and {result.m} × {result.dim}"
    return page([row.result.scored for row in rows], planes, names, sizes)


def _sigmas(rows: Sequence[Row]) -> list[Figure]:
    from gaedist.plots.sigma import page

    return [page(row.result.profile, name_of(row), row.result.described) for row in rows]


def _arrays(rows: Sequence[Row]) -> list[Figure]:
    from gaedist.plots.arrays import Summary, page

    found = []
    for row in rows:
        r = row.result
        found.append(Summary(named(row.source["file"], r.dataset), r.sd_min, r.sd_max, r.norm, r.mean_norm))
    return [page(found)]


def _diagnoses(rows: Sequence[Row]) -> list[Figure]:
    from gaedist.plots.diagnosis import page

    return [page(row.result.profile, name_of(row), found_text(row.result)) for row in rows]


def _scores(rows: Sequence[Row]) -> list[Figure]:
    from gaedist.plots import scores
    from gaedist.plots.trend import trend

    if len({name_of(row) for row in rows}) > 1:
        return [trend(*trend_of(rows))]
    parts = [part for row in rows for part in row.result.parts]
    found = [part.scored for part in parts]
    if len(found) <= _MOST_NULLS:
        return [scores.nulls(found, f"{name_of(rows[0])}   {parts[0].n} × {parts[0].dim}")]
    return [scores.metrics(found, f"{name_of(rows[0])}   {parts[0].n} × {parts[0].dim}")]


def trend_of(rows: Sequence[Row]) -> tuple[list[tuple[str, list[Point]]], list[str], str]:
    """Return the points of each metric, the names of the files in natural order, and what they share."""
    from gaedist.plots.trend import Point

    runs, names = ordered([row.source for row in rows])
    bands: dict[object, tuple[float, float] | None] = {}
    parts = [(part, run) for row, run in zip(rows, runs, strict=True) for part in row.result.parts]
    for part, _ in parts:
        if part.distribution and _of_null(part) not in bands:
            bands[_of_null(part)] = middle(part.distribution)
    found: dict[str, list[Point]] = {}
    for part, run in parts:
        label, mean, sd = part.scored.label, part.null.mean, part.null.sd
        z_band = bands.get(_of_null(part))
        band = None
        if z_band and mean is not None and sd is not None:
            band = mean + sd * z_band[0], mean + sd * z_band[1]
        point = Point(run.folder, names.index(run.name), part.value, part.z, mean, band, z_band)
        found.setdefault(label, []).append(point)
    cut, whole = shortened(names)
    folders = {run.folder for run in runs}
    return list(found.items()), cut, f"{folders.pop()}/{whole}" if len(folders) == 1 else whole


def _of_null(part: ScoreResult) -> object:
    """Return what tells null distributions apart; that of a result from a file is not known itself."""
    return part.n, part.dim, part.scored.label, part.null.method, part.sigma


def name_of(row: Row) -> str:
    """Return the name of what a row is about: an array, or two of them."""
    if "file_a" in row.source:
        return " and ".join(names_of(row))
    return named(row.source["file"], row.source["dataset"])


def names_of(row: Row) -> tuple[str, str]:
    """Return the names of the two samples that a row compares."""
    source = row.source
    return named(source["file_a"], source["dataset_a"]), named(source["file_b"], source["dataset_b"])


def found_text(result: DiagnoseResult) -> str:
    """Return the names of what was found, and how sure that is."""
    found = ", ".join(result.found) or "nothing"
    return f"Found: {found} (family-wise error {100 * result.alpha:g} %)"


PICTURES: dict[type, Callable[[Sequence[Row]], list[Figure]]] = {
    DiagnoseResult: _diagnoses,
    ScoreResult: _scores,
    SigmaResult: _sigmas,
    ArrayReport: _arrays,
}
"""Kind of result → the figures of all results of a command."""
