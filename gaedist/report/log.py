"""A log of results that grows by the rows of one file at a time, and says which files it has."""

import csv
import io
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gaedist.api.score_result import ScoreResult
from gaedist.errors import GaedistError, OutputError, printable
from gaedist.report.restored import restored
from gaedist.report.rows import Row
from gaedist.report.writers import Csv, JsonLines, Tsv, flat, format_of
from gaedist.smoothing.smooth import GIVEN

_SOURCE = ("file", "dataset")
_SETTINGS = (
    *("dataset", "rows", "subsample", "transpose", "layout", "channels", "positions", "stack", "seed"),
    *("posterior_form", "posterior_width", "posterior_name", "posterior_seed", "prior_file"),
    *("target", "estimator", "covariance", "sigma_rule", "companion_target", "precision"),
)
"""Columns that have to be the same in all rows of a metric, as do its parameters and a σ that was given."""

_OF_SIZE = "parameters_gamma"  # whose default depends on the number of points

Cells = Mapping[str, str]


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
        self._columns: Sequence[str] = ()
        try:
            text = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
        except OSError as error:
            raise GaedistError(f"{path}: cannot be read: {error.strerror or error}.") from error
        lines = list(io.StringIO(text, newline="\n"))
        cells = [self._cells(line) for line in lines if line.endswith("\n")]
        if self.format != "json" and cells:
            self.header, cells = lines[0], cells[1:]
        if lines and not lines[-1].endswith("\n"):
            cut = self._cut(lines[-1], [some["file"] for some in cells])
            cells = cells[: len(cells) - cut]
            self._keep("".join(lines[: len(lines) - 1 - cut]))
        self._logged = [some for some in cells if some["file"]]

    @property
    def files(self) -> set[str]:
        """Names of the files that it has, as `printable` writes them."""
        return {some["file"] for some in self._logged}

    @property
    def rows(self) -> list[Row]:
        """The rows that it has."""
        try:
            return [
                Row({key: some.get(key) or None for key in _SOURCE}, restored(ScoreResult, some))
                for some in self._logged
            ]
        except ValueError as error:
            raise self._no_log() from error

    def check_metrics(self, metrics: Collection[str]) -> None:
        """Raise `GaedistError` if it has rows of a metric that is not one of these."""
        for metric in dict.fromkeys(some.get("metric", "") for some in self._logged):
            if metric not in metrics:
                raise GaedistError(self._differs("metric", metric, ", ".join(metrics)))

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

    def _cells(self, line: str) -> dict[str, str]:
        """Return the cells of a row, or of the header."""
        if self.format == "json":
            try:
                return _texts(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise self._no_log() from error
        delimiter = {"tsv": "\t", "csv": ","}[self.format]
        texts = next(csv.reader([line], delimiter=delimiter), [])
        if not self._columns:
            self._columns = texts
            if not texts or texts[0] != "file":
                raise self._no_log()
        cells = dict(zip(self._columns, texts, strict=False))
        return {**cells, "file": printable(cells.get("file", ""))}

    def _no_log(self) -> GaedistError:
        return GaedistError(f"{self.path}: is no log of gaedist watch. Give another -o.")

    def _differs(self, name: str, old: str, new: str) -> str:
        return f"{self.path}: was written with {name} {old or 'none'}, not {new or 'none'}. Give another -o."

    def add(self, rows: Iterable[Row]) -> None:
        """Append the rows of one file, in one piece.

        Raises
        ------
        OutputError
            If they cannot be written, or have other settings or columns than those of the log.
        """
        rows = list(rows)
        self._check_settings([_texts(row.as_dict()) for row in rows])
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
                raise OutputError(f"{self.path}: has other columns than these results. Give another -o.")
            text, self.header = (text if self.header is None else body), header
        try:
            with self.path.open("ab") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror or error}.") from error

    def _check_settings(self, found: Sequence[Cells]) -> None:
        """Raise `OutputError` if rows have other settings than those of the log."""
        logged = _by_metric(some for some in self._logged if some["file"] == self._logged[-1]["file"])
        for metric, rows in _by_metric(found).items():
            for old, new in zip(logged.get(metric, ()), rows, strict=False):
                for name in _settings(old, new):
                    if old.get(name, "") != new.get(name, ""):
                        raise OutputError(self._differs(name, old.get(name, ""), new.get(name, "")))
            if metric in logged and len(logged[metric]) != len(rows):
                counts = str(len(logged[metric])), str(len(rows))
                raise OutputError(self._differs(f"number of σ of {metric}", *counts))


def _texts(row: dict[str, Any]) -> dict[str, str]:
    """Return the cells of a row as texts."""
    row = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    parameters = row.get("parameters") or {}
    if isinstance(parameters.get("scales"), list):
        row["parameters"] = {**parameters, "scales": tuple(parameters["scales"])}
    cells = {key: "" if value is None else str(value) for key, value in flat(row).items()}
    return {**cells, "file": printable(cells["file"])}


def _by_metric(rows: Iterable[Cells]) -> dict[str, list[Cells]]:
    found: dict[str, list[Cells]] = {}
    for row in rows:
        found.setdefault(row.get("metric", ""), []).append(row)
    return found


def _settings(old: Cells, new: Cells) -> list[str]:
    """Return the columns that have to be the same in two rows of a metric."""
    parameters = [name for name in new if name.startswith("parameters_")]
    if (old.get("n"), old.get("dim")) != (new.get("n"), new.get("dim")):
        parameters = [name for name in parameters if name != _OF_SIZE]
    smoothing = ["sigma_min", "sigma_max"] if new.get("sigma_rule") == GIVEN else []
    return [*_SETTINGS, *parameters, *smoothing]
