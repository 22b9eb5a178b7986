"""A log of results that grows by the rows of one file at a time, and says which files it has."""

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gaedist.errors import GaedistError, printable
from gaedist.report.rows import Row
from gaedist.report.writers import Csv, JsonLines, Tsv, format_of


class Log:
    """A file of rows, TSV, CSV or JSON lines by the end of its name.

    A last line that was cut off, and the rows above it of the same file, are removed when it is opened: that
    file is done again.

    Parameters
    ----------
    path : Path
        The file; it is created when the first rows are added.

    Raises
    ------
    GaedistError
        If the file cannot be read, or is no log.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.format = path, format_of(path)
        self.header: str | None = None
        try:
            text = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
        except OSError as error:
            raise GaedistError(f"{path}: cannot be read: {error.strerror or error}.") from error
        lines = list(io.StringIO(text, newline="\n"))
        names = [self._name(line) for line in lines if line.endswith("\n")]
        if self.format != "json" and names:
            self.header, names = lines[0], names[1:]
        if lines and not lines[-1].endswith("\n"):
            cut = self._cut(lines[-1], names)
            names = names[: len(names) - cut]
            self._keep("".join(lines[: len(lines) - 1 - cut]))
        self.files: set[str] = {name for name in names if name}
        """Names as `printable` writes them."""

    def _cut(self, torn: str, names: Sequence[str]) -> int:
        """Return how many of the last rows are of the file whose row was cut off."""
        if not names or names[-1] not in printable(torn):
            return 0
        return next((k for k, name in enumerate(reversed(names)) if name != names[-1]), len(names))

    def _keep(self, text: str) -> None:
        try:
            os.truncate(self.path, len(text.encode("utf-8", "surrogateescape")))
        except OSError as error:
            raise GaedistError(f"{self.path}: cannot be written: {error.strerror or error}.") from error
        if not text:
            self.header = None

    def _name(self, line: str) -> str:
        """Return the file that a row is about."""
        if self.format == "json":
            try:
                return printable(str(json.loads(line)["file"]))
            except (ValueError, KeyError, TypeError) as error:
                raise self._no_log() from error
        delimiter = {"tsv": "\t", "csv": ","}[self.format]
        cells = next(csv.reader([line], delimiter=delimiter), [])
        if self.header is None:
            self.header = line
            if not cells or cells[0] != "file":
                raise self._no_log()
        return cells[0] if cells else ""

    def _no_log(self) -> GaedistError:
        return GaedistError(f"{self.path}: is no log of gaedist watch. Give another -o.")

    def add(self, rows: Iterable[Row]) -> None:
        """Append the rows of one file, in one piece.

        Raises
        ------
        GaedistError
            If they cannot be written, or have other columns than the log.
        """
        stream = io.StringIO()
        if self.format == "json":
            writer: JsonLines | Tsv = JsonLines(stream)
        else:
            writer = (Tsv if self.format == "tsv" else Csv)(stream)
        for row in rows:
            writer.add(row)
        text = stream.getvalue()
        if self.format != "json":
            header, _, body = text.partition("\n")
            if self.header is not None and self.header.rstrip("\n") != header:
                raise GaedistError(f"{self.path}: has other columns than these results. Give another -o.")
            text, self.header = (text if self.header is None else body), header
        try:
            with self.path.open("ab") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise GaedistError(f"{self.path}: cannot be written: {error.strerror or error}.") from error
