"""Writers of results: JSON lines, TSV, CSV, bare values, or a table with a verdict in words.

All but the table write each row as soon as it is known, the table when all rows are known. Only a terminal
gets colours and wrapped lines.
"""

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, get_args, get_type_hints

from gaedist.api.diagnose import DiagnoseResult
from gaedist.errors import GaedistError, OutputError, printable
from gaedist.files.atomic import output_file
from gaedist.files.outputs import check_text_output
from gaedist.report.diagnosis import check_rows
from gaedist.report.tables import Column, Layout, layout_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

_UNWRAPPED = 1 << 16  # columns
_NOT_REPORTED = (
    "saturated",
    "skewed",
    "expected",
    "two_sided",
    "array",
    "log_p",
    "paragraph",
)  # for people, or for a file of its own


@dataclass(frozen=True)
class Row:
    """A result and the files it is about.

    Attributes
    ----------
    source : dict
        The first keys of the row: files and datasets.
    result : ScoreResult, CompareResult, SigmaResult, ArrayReport or MetricSummary
        The result; None for a place that ``value`` keeps.
    """

    source: dict[str, str | None]
    result: Any

    def as_dict(self) -> dict[str, Any]:
        """Return the row as a dict, with None for what does not apply or is not finite."""
        hints = get_type_hints(type(self.result))
        names = [field.name for field in fields(self.result) if field.name not in _NOT_REPORTED]
        cells = {name: _plain(getattr(self.result, name), hints[name]) for name in names}
        return _finite({**self.source, **cells})


def _plain(value: Any, hint: Any) -> Any:
    """Return a dataclass as a dict, and None in its place as a dict of None: all rows have the same keys."""
    if value is None:
        parts = [part for part in get_args(hint) if is_dataclass(part)]
        return {field.name: None for field in fields(parts[0])} if parts else None
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.name not in _NOT_REPORTED]
        return {name: _plain(getattr(value, name), None) for name in names}
    if isinstance(value, tuple) and any(map(is_dataclass, value)):
        return [_plain(item, None) for item in value]
    return {key: _plain(item, None) for key, item in value.items()} if isinstance(value, dict) else value


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return _finite(value)
        if isinstance(value, list):
            return [finite(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {key: finite(value) for key, value in row.items()}


def expanded(row: Row) -> list[Row]:
    """Return the rows of a result that has several in a table, or the row itself."""
    if isinstance(row.result, DiagnoseResult):
        return [Row(row.source, part) for part in check_rows(row.result)]
    return [row]


class JsonLines:
    """One JSON object per line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def add(self, row: Row) -> None:
        """Write a row."""
        print(json.dumps(row.as_dict(), allow_nan=False), file=self.stream, flush=True)

    def close(self) -> None:
        """Do nothing: every row is written."""


class Tsv:
    """A header, then one line per row; nested keys are joined by an underscore.

    Characters that the encoding lacks are escaped, so that names of files can be told apart.
    """

    delimiter = "\t"

    def __init__(self, stream: TextIO, header: bool = True) -> None:
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "replace":
            stream.reconfigure(errors="backslashreplace")
        self.stream = stream
        self.writer = csv.writer(stream, delimiter=self.delimiter, lineterminator="\n")
        self.wants_header = header

    def add(self, row: Row) -> None:
        """Write a row, or its rows, after the header if it is the first."""
        for part in expanded(row):
            self._write(part)
        self.stream.flush()

    def _write(self, row: Row) -> None:
        cells = _flat(row.as_dict())
        if getattr(row.result, "infinite", False):
            cells["value"] = row.result.value
        if self.wants_header:
            self.writer.writerow(cells)
            self.wants_header = False
        self.writer.writerow(_text(cell) for cell in cells.values())

    def close(self) -> None:
        """Do nothing: every row is written."""


class Csv(Tsv):
    """The same with commas; a cell with a comma is quoted."""

    delimiter = ","


def _text(cell: Any) -> Any:
    """Return nothing for None, and a text without control characters, but with names that are not UTF-8."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    return "".join(c if "\ud800" <= c <= "\udfff" else printable(c) for c in cell)


def _flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            cells |= _flat(value, f"{prefix}{key}_")
        else:
            cells[prefix + key] = _cell(key, value)
    return cells


def _cell(key: str, value: Any) -> Any:
    """Return a value as a cell; names and texts may come from a file, and are made printable."""
    if isinstance(value, tuple):
        value = "; ".join(value) if key == "notes" else _joined(value)
    return printable(value) if isinstance(value, str) else value


def _joined(value: tuple[Any, ...]) -> str:
    """Write a shape as 3x4, other numbers with all their digits, and texts with spaces between them."""
    if all(isinstance(item, str) for item in value):
        return " ".join(value)
    whole = all(isinstance(item, int) for item in value)
    return "x".join(map(str, value)) if whole else ",".join(repr(item).removesuffix(".0") for item in value)


class Value:
    """The bare number, with all its digits."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def add(self, row: Row) -> None:
        """Write a row's value; nan for a row without a result, whose place it keeps."""
        print("nan" if row.result is None else repr(row.result.value), file=self.stream, flush=True)

    def close(self) -> None:
        """Do nothing: every row is written."""


class Table:
    """A table for people, with a verdict in words."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Keep a row until the table is written."""
        self.rows += expanded(row)

    def close(self) -> None:
        """Write the table or tables, then the sentences of the rows."""
        if not self.rows:
            return
        from rich.console import Console
        from rich.text import Text

        terminal = self.stream.isatty()
        console = Console(
            file=self.stream, force_terminal=terminal, width=None if terminal else _UNWRAPPED, highlight=False
        )
        layout = layout_of([row.result for row in self.rows])
        labels = [layout.label(row.source, row.result) for row in self.rows]
        with console.capture() as capture:
            if console.width < layout.least_width:
                for label, row in zip(labels, self.rows, strict=True):
                    console.print(Text(label, style="bold"))
                    console.print(_transposed(layout, row.result))
                    console.print()
            elif layout.summary:
                for label in dict.fromkeys(labels):
                    results = [r.result for r, name in zip(self.rows, labels, strict=True) if name == label]
                    console.print(Text(label, style="bold"))
                    console.print(_drawn(layout, results, None, console))
                    console.print(Text(f"\n{layout.summary(results)}\n"))
            else:
                console.print(_drawn(layout, [row.result for row in self.rows], labels, console))
                for sentence in self._sentences(layout, labels):
                    console.print(Text(f"\n{sentence}"))
        print(
            "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n")),
            file=self.stream,
            flush=True,
        )

    def _sentences(self, layout: Layout, labels: list[str]) -> Iterator[str]:
        """Yield the sentence of each row that has one, or the paragraphs of several rows."""
        results, sigma = [row.result for row in self.rows], layout.columns.get("σ")
        names = [
            f"{label}, σ = {sigma.cell(result)}" if sigma and labels.count(label) > 1 else label
            for label, result in zip(labels, results, strict=True)
        ]
        if layout.paragraphs and len(results) > 1:
            yield from layout.paragraphs(names, results)
            return
        for name, result in zip(names, results, strict=True):
            if sentence := layout.sentence(result):
                yield f"{name}: {sentence}" if len(results) > 1 else sentence


def _drawn(
    layout: Layout, results: Sequence[Any], labels: Sequence[str] | None, console: "Console"
) -> "RichTable":
    """Return a table of results, with a first column of labels if there are any.

    Columns without which it can be read are left out until it fits.
    """
    columns, unlimited = dict(layout.columns), console.options.update_width(_UNWRAPPED)
    table = _table(layout, columns, results, labels)
    for name in layout.dispensable:
        if console.measure(table, options=unlimited).maximum <= console.width:
            break
        columns.pop(name, None)
        table = _table(layout, columns, results, labels)
    return table


def _table(
    layout: Layout, columns: Mapping[str, Column], results: Sequence[Any], labels: Sequence[str] | None
) -> "RichTable":
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(box=None, pad_edge=False, header_style="bold")
    if labels is not None:
        table.add_column("", overflow="fold", min_width=min(layout.label_width, max(map(len, labels))))
    for name, column in columns.items():
        table.add_column(name, justify=column.justify, no_wrap=not column.wraps)
    for k, result in enumerate(results):
        names = ["" if labels is None else labels[k], *layout.part_labels]
        for line, (name, part) in enumerate(zip(names, layout.parts(result), strict=False)):
            before = [] if labels is None else [Text(name)]
            table.add_row(*before, *(Text(column.text(part, line)) for column in columns.values()))
    return table


def _transposed(layout: Layout, result: Any) -> "RichTable":
    """Return a table of one result, with a line for each column of its layout."""
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable.grid(padding=(0, 2, 0, 0))
    for name, column in layout.columns.items():
        table.add_row(Text(f"  {name}"), Text(column.cell(result)))
    return table


FORMATS: dict[str, type[JsonLines | Tsv | Value | Table]] = {
    "table": Table,
    "json": JsonLines,
    "tsv": Tsv,
    "csv": Csv,
    "value": Value,
}
"""Name → writer."""

_SUFFIXES = dict.fromkeys((".json", ".jsonl", ".ndjson"), "json") | {".csv": "csv"}
"""End of the name of a file → its format; other files get TSV."""


@contextmanager
def report(output: Path | None, format_: str, *, header: bool = True) -> Iterator[Callable[[Row], None]]:
    """Yield a function that takes each row as it becomes known.

    ``auto`` is a table on a terminal, JSON or CSV for a file with such a suffix, otherwise TSV. Without
    ``header``, TSV and CSV have rows only. On an exception, the rows so far are written.

    Raises
    ------
    GaedistError
        If the output is a file of codes or cannot be written, or a table has to be without a header.
    OutputError
        If a row cannot be written.
    """
    if output:
        check_text_output(output)
    with nullcontext(sys.stdout) if output is None else output_file(output) as stream:
        if format_ == "auto":
            suffix = output.suffix.lower() if output else ""
            format_ = _SUFFIXES.get(suffix) or ("table" if stream.isatty() else "tsv")
        form = FORMATS[format_]
        if form is Table and not header:
            raise GaedistError("--no-header applies to tsv and csv. Add --format tsv.")
        writer = form(stream) if header or not issubclass(form, Tsv) else form(stream, header=False)

        def add(row: Row) -> None:
            with _explained(output):
                writer.add(row)

        try:
            yield add
        finally:
            with _explained(output):
                writer.close()


@contextmanager
def _explained(output: Path | None) -> Iterator[None]:
    """Raise `OutputError` for an `OSError` of writing results."""
    try:
        yield
    except OSError as error:
        name = f"{output}: " if output else ""
        raise OutputError(f"{name}the results cannot be written: {error.strerror or error}.") from error
