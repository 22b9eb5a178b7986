"""A page of HTML to hand on: verdicts, trend, the last and the worst file, and how to repeat it.

It asks for nothing outside itself, and can be read without its script, which sorts the table. Whatever comes
from the names of files is escaped.
"""

from __future__ import annotations

import math
import platform
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from importlib.metadata import version
from typing import TYPE_CHECKING

from gaedist.api.compare_result import CompareResult
from gaedist.api.diagnose import DiagnoseResult
from gaedist.api.score_result import ScoreResult
from gaedist.diagnostics.contrast import Contrast
from gaedist.errors import printable
from gaedist.report.comparisons import compare_sentence, compare_verdict
from gaedist.report.diagnosis import rounded
from gaedist.report.numbers import effect_text, p_or_bound, p_text, score_value, z_text
from gaedist.report.page_style import SCRIPT, STYLE
from gaedist.report.pictures import found_text, name_of, names_of, trend_of
from gaedist.report.rows import Row
from gaedist.report.runs import natural
from gaedist.report.svg import panel
from gaedist.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_PACKAGES = ("numpy", "scipy", "numba", "matplotlib")

Cells = dict[str, tuple[str, float | str]]
"""Column → the text of a cell, and what it is sorted by."""

Draw = Callable[["Axes"], object]


@dataclass(frozen=True)
class Kind:
    """How results of one kind are shown.

    Attributes
    ----------
    title : str
        Of the page.
    cells : callable
        From a row to the cells of the table.
    badness : callable
        From a row to a number: the worst has the largest.
    sentence : callable
        From a row to its verdict in words.
    panels : callable
        From a row to its pictures, by their names.
    of : str
        What a row is about.
    """

    title: str
    cells: Callable[[Row], Cells]
    badness: Callable[[Row], float]
    sentence: Callable[[Row], str]
    panels: Callable[[Row], dict[str, Draw]]
    of: str = "file"


def _score_cells(row: Row) -> Cells:
    result: ScoreResult = row.result
    verdict = result.verdict.replace("N(0, I)", "N(0,\xa0I)")
    cells: Cells = {"verdict": (verdict, verdict), "metric": (result.scored.label, result.metric)}
    for k, part in enumerate(result.parts):
        mark = " (smoothed target)" if k else ""
        cells |= {
            f"z{mark}": (z_text(part.z), -math.inf if part.z is None else part.z),
            f"p{mark}": (p_or_bound(part), _or_last(part.p_value)),
            f"value{mark}": (score_value(part), part.value),
        }
    return cells | {"effect": (effect_text(result), _or_last(result.effect))}


def _or_last(value: float | None) -> float:
    return math.inf if value is None else value


def _score_badness(row: Row) -> float:
    """Return the largest |z|, where a distance is two-sided, or z."""
    result: ScoreResult = row.result
    scores = [abs(p.z) if p.two_sided else p.z for p in result.parts if p.z is not None]
    return max([math.inf if result.infinite else -math.inf, *scores])


def _score_sentence(row: Row) -> str:
    from gaedist.report.verdicts import score_sentence

    return score_sentence(row.result) or row.result.verdict


def _score_panels(row: Row) -> dict[str, Draw]:
    return {part.scored.label: part.plot for part in row.result.parts}


def _diagnose_cells(row: Row) -> Cells:
    result: DiagnoseResult = row.result
    least = None if math.isnan(result.value) else result.value
    return {
        "found": (", ".join(result.found) or "nothing", len(result.found)),
        "adjusted p": (p_text(least), _or_last(least)),
        "KL, nats": ("∞" if result.kl.infinite else rounded(result.kl.total), result.kl.total),
    }


def _diagnose_badness(row: Row) -> float:
    """Return −log p of the strongest finding."""
    return max((-check.log_p for check in row.result.checks if check.p_value is not None), default=-math.inf)


def _diagnose_panels(row: Row) -> dict[str, Draw]:
    from gaedist.plots.diagnosis import PANELS

    result: DiagnoseResult = row.result

    def drawer(name: str) -> Draw:
        return lambda ax: result.plot(ax, panel=name)

    return {name: drawer(name) for name in PANELS}


def _compare_cells(row: Row) -> Cells:
    result: CompareResult = row.result
    return {
        "verdict": (compare_verdict(result),) * 2,
        "metric": (result.scored.label, result.metric),
        "value": (f"{result.value:.5g}", result.value),
        "expected": ("–" if result.expected is None else f"{result.expected:.5g}", _or_last(result.expected)),
        "p": (p_text(result.p_value), _or_last(result.p_value)),
    }


def _compare_badness(row: Row) -> float:
    return -_or_last(row.result.p_value)


KINDS: dict[type, Kind] = {
    ScoreResult: Kind("How far from N(0, I)", _score_cells, _score_badness, _score_sentence, _score_panels),
    DiagnoseResult: Kind(
        "What is wrong with codes",
        _diagnose_cells,
        _diagnose_badness,
        lambda row: f"{found_text(row.result)}. {row.result.verdict}",
        _diagnose_panels,
    ),
    CompareResult: Kind(
        "How far apart two samples are",
        _compare_cells,
        _compare_badness,
        lambda row: compare_sentence(row.result),
        lambda row: {row.result.scored.label: row.result.plot},
        "comparison",
    ),
}
"""Kind of result → how a page shows it."""


def page_of(rows: Sequence[Row], command: Sequence[str], planes: Contrast | None = None) -> str:
    """Return a page about the results of a command; ``planes`` are those of two samples."""
    kind = KINDS[type(rows[0].result)]
    ordered = sorted(rows, key=lambda row: natural(name_of(row)))
    last, worst = ordered[-1], max(ordered, key=kind.badness)
    several = name_of(ordered[0]) != name_of(last)
    parts = [
        f"<h1>{escape(kind.title)}</h1>",
        f"<p>{_count(rows, kind)} by gaedist {escape(__version__)}.</p>",
        *_table(ordered, kind),
        *_trend(rows),
        *_file("The last file: " if several else "", _of_one_file(last, rows), kind, "l", planes),
        *(
            _file("The worst file: ", _of_one_file(worst, rows), kind, "w")
            if name_of(worst) != name_of(last)
            else ()
        ),
        *_repeat(command),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>gaedist: {escape(kind.title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + f"\n</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _count(rows: Sequence[Row], kind: Kind) -> str:
    count = len({name_of(row) for row in rows})
    return f"1 {kind.of}" if count == 1 else f"{count} {kind.of}s"


def _table(rows: Sequence[Row], kind: Kind) -> Iterator[str]:
    """Yield a table with a row for each result."""
    cells = [
        {
            kind.of: (name_of(row), name_of(row)),
            **kind.cells(row),
            **{name: (str(size), size) for name in ("n", "m") if (size := getattr(row.result, name, None))},
            "D": (str(row.result.dim), row.result.dim),
        }
        for row in rows
    ]
    columns = list(dict.fromkeys(column for some in cells for column in some))
    measured = {some["metric"][0] for some in cells if "metric" in some}
    if len(measured) == 1:  # which then is no column
        columns.remove("metric")
        yield f"<p>Measured: {escape(measured.pop())}.</p>"
    yield '<h2>Verdicts</h2>\n<div class="wide">\n<table>\n<thead><tr>'
    yield "".join(f'<th scope="col">{escape(column)}</th>' for column in columns) + "</tr></thead>\n<tbody>"
    for place, some in enumerate(cells):
        texts = []
        for column in columns:
            text, key = some.get(column, ("", math.inf))
            order = place if column == kind.of else key  # natural order
            number = ' class="number"' if isinstance(key, int | float) else ""
            texts.append(f'<td{number} data-key="{escape(str(order))}">{escape(text)}</td>')
        yield f"<tr>{''.join(texts)}</tr>"
    yield "</tbody>\n</table>\n</div>"


def _trend(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the trend of scores of several files."""
    if not isinstance(rows[0].result, ScoreResult) or len({name_of(row) for row in rows}) < 2:
        return
    from gaedist.plots import trend

    found, labels, whose = trend_of(rows)
    yield '<h2>Trend</h2>\n<div class="panels">'
    for k, (name, points) in enumerate(found):
        for what, draw in (("value", trend.values), ("z", trend.scores)):
            text = f"{name}: {what}"
            yield _figure(panel(partial(trend.named, draw, points, labels, text, whose), f"t{k}{what}", text))
    grey = trend.band_text([point for _, points in found for point in points])
    yield f'</div>\n<p class="note">{grey}</p>'


def _of_one_file(one: Row, rows: Sequence[Row]) -> list[Row]:
    """Return all results of the file of one of them."""
    return [row for row in rows if name_of(row) == name_of(one)]


def _file(
    title: str, rows: Sequence[Row], kind: Kind, key: str, planes: Contrast | None = None
) -> Iterator[str]:
    """Yield the verdicts and the pictures of one file, or of two samples."""
    name = name_of(rows[0])
    yield f"<h2>{title}<code>{escape(name)}</code></h2>"
    for row in rows:
        start = f"{row.result.scored.label}: " if len(rows) > 1 else ""
        yield from (f"<p>{escape(start + text)}</p>" for text in kind.sentence(row).split("\n\n"))
    yield '<div class="panels">'
    panels = [(label, draw) for row in rows for label, draw in kind.panels(row).items()]
    if planes:
        from gaedist.plots.comparison import drawn_planes

        panels += drawn_planes(planes, names_of(rows[0])).items()
    for k, (label, draw) in enumerate(panels):
        yield _figure(panel(draw, f"{key}{k}", f"{label} of {name}"))
    yield "</div>"


def _figure(svg: str) -> str:
    return f"<figure>{svg}</figure>"


def _repeat(command: Sequence[str]) -> Iterator[str]:
    """Yield the command and the versions that made the page."""
    line = printable(shlex.join(command))
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield f"<h2>To repeat it</h2>\n<pre><code>{escape(line)}</code></pre>"
    yield f"<p>gaedist {escape(__version__)}, Python {platform.python_version()}, {escape(versions)}.</p>"
