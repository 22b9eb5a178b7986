"""Pictures of all results of a command: which picture each kind of result has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gaedist.api.diagnose import DiagnoseResult
from gaedist.plots import style
from gaedist.report.rows import Row
from gaedist.report.tables import named

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture(rows: Sequence[Row], path: Path) -> bytes:
    """Return the picture of the results of a command, in the format that the end of a name is."""
    with style.styled():
        return style.rendered(PICTURES[type(rows[0].result)](rows), path.suffix.lower())


def _diagnoses(rows: Sequence[Row]) -> list[Figure]:
    from gaedist.plots.diagnosis import page

    return [page(row.result.profile, _name(row), found_text(row.result)) for row in rows]


def _name(row: Row) -> str:
    return named(row.source["file"], row.source["dataset"])


def found_text(result: DiagnoseResult) -> str:
    """Return the names of what was found, and how sure that is."""
    found = ", ".join(result.found) or "nothing"
    return f"Found: {found} (family-wise error {100 * result.alpha:g} %)"


PICTURES: dict[type, Callable[[Sequence[Row]], list[Figure]]] = {
    DiagnoseResult: _diagnoses,
}
"""Kind of result → the figures of all results of a command."""
