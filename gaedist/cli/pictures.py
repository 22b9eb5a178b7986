"""The options ``--plot`` and ``--report``: results are kept, and drawn when all are known."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gaedist.engine import Run
from gaedist.errors import GaedistError
from gaedist.files.atomic import check_regular, whole_file
from gaedist.numerics import Array
from gaedist.report.rows import Row

if TYPE_CHECKING:
    from gaedist.diagnostics.contrast import Contrast

Add = Callable[[Row], None]


@contextmanager
def drawn(
    add: Add,
    plot: Path | None,
    planes: "Callable[[], Contrast] | None" = None,
    *,
    page: Path | None = None,
    before: Sequence[Row] = (),
) -> Iterator[Add]:
    """Yield a function that takes each row as ``add`` does, and draw all of them at the end.

    On an interrupt, the rows so far are drawn. ``planes`` returns those of two samples; rows ``before`` are
    drawn with the others.
    """
    if plot is None and page is None:
        yield add
        return
    rows = list(before)

    def keep(row: Row) -> None:
        add(row)
        if row.result is not None:
            rows.append(row)

    try:
        yield keep
    except KeyboardInterrupt:
        _draw(rows, plot, planes, page)
        raise
    _draw(rows, plot, planes, page)


def _draw(
    rows: Sequence[Row], plot: Path | None, planes: "Callable[[], Contrast] | None", page: Path | None
) -> None:
    from gaedist.report.page import page_of
    from gaedist.report.pictures import picture

    found = planes() if rows and planes else None
    if rows and plot:
        _write(plot, picture(rows, plot, found))
    if rows and page:
        _write(page, page_of(rows, ["gaedist", *sys.argv[1:]], found).encode("utf-8", "backslashreplace"))


def _write(target: Path, content: bytes) -> None:
    with whole_file(target) as path:
        path.write_bytes(content)


def check_picture(
    plot: Path | None, files: Sequence[str], *, pages: bool = False, page: Path | None = None
) -> None:
    """Raise `GaedistError`, before anything is computed, if a picture cannot be drawn or written.

    With ``pages`` each file has a page of its own, and only a PDF has several.
    """
    if plot is None and page is None:
        return
    from gaedist.plots.style import check_matplotlib, check_plot

    if page is not None:
        if page.suffix.lower() not in (".html", ".htm"):
            raise GaedistError(f"{page}: a report is a page of HTML. Use --report FILE.html.")
        check_matplotlib()
        check_regular(page)
    if plot is None:
        return

    check_plot(plot)
    if pages and len(files) > 1 and plot.suffix.lower() != ".pdf":
        raise GaedistError(
            f"{plot}: {plot.suffix} has one page, and there are {len(files)} files. Use --plot FILE.pdf, "
            "which has a page for each file."
        )
    check_regular(plot)


def planes_of(x: Array, y: Array, seed: int) -> "Callable[[], Contrast]":
    """Return a function that finds the planes in which two samples differ and vary most."""

    def find() -> "Contrast":
        from gaedist.diagnostics.contrast import contrast

        return contrast(x, y, Run(seed=seed))

    return find
