"""Writers of results: JSON lines, TSV, CSV, bare values, or a table with a verdict in words.

All but the table write each row as soon as it is known, the table when all rows are known.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TextIO

from gaedist.errors import GaedistError, OutputError, printable
from gaedist.files.atomic import output_file
from gaedist.files.outputs import check_text_output
from gaedist.report.rows import Row, expanded
from gaedist.report.table_writer import Table


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
        cells = flat(row.as_dict())
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


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a row with nested keys joined by an underscore, and its values as cells."""
    cells: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            cells |= flat(value, f"{prefix}{key}_")
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


def format_of(path: Path | None) -> str:
    """Return the format of a file by the end of its name."""
    return _SUFFIXES.get(path.suffix.lower() if path else "", "tsv")


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
            format_ = "table" if output is None and stream.isatty() else format_of(output)
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
