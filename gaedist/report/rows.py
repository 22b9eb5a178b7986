"""Results as rows: a dict of plain values for each, or several rows for a result that has them."""

import math
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from gaedist.api.diagnose import DiagnoseResult
from gaedist.report.diagnosis import check_rows

NOT_REPORTED = (
    "saturated",
    "skewed",
    "expected",
    "two_sided",
    "array",
    "log_p",
    "paragraph",
    "profile",
    "distribution",
)
"""Attributes of results that are for people, or for a file of their own."""


@dataclass(frozen=True)
class Row:
    """A result and the files it is about.

    Attributes
    ----------
    source : dict
        The first keys of the row: files and datasets, and how they were read.
    result : ScoreResult, CompareResult, SigmaResult, ArrayReport or MetricSummary
        The result; None for a place that ``value`` keeps.
    """

    source: dict[str, Any]
    result: Any

    def as_dict(self) -> dict[str, Any]:
        """Return the row as a dict, with None for what does not apply or is not finite."""
        hints = get_type_hints(type(self.result))
        names = [field.name for field in fields(self.result) if field.name not in NOT_REPORTED]
        cells = {name: _plain(getattr(self.result, name), hints[name]) for name in names}
        return _finite({**self.source, **cells})


def _plain(value: Any, hint: Any) -> Any:
    """Return a dataclass as a dict, and None in its place as a dict of None: all rows have the same keys."""
    if value is None:
        parts = [part for part in get_args(hint) if is_dataclass(part)]
        names = [field.name for field in fields(parts[0]) if field.name not in NOT_REPORTED] if parts else []
        return dict.fromkeys(names) if parts else None
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.name not in NOT_REPORTED]
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
