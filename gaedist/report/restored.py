"""Results read back from the cells of a row that was written."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from gaedist.report.rows import NOT_REPORTED


def restored(kind: type, cells: Mapping[str, str], prefix: str = "") -> Any:
    """Return a result from its cells, as `gaedist.report.writers.flat` names them.

    What is not reported has its default, or is False.

    Raises
    ------
    ValueError
        If a cell is not what it should be.
    """
    hints, values = get_type_hints(kind), {}
    for field in fields(kind):
        if field.name not in NOT_REPORTED:
            values[field.name] = _value(hints[field.name], cells, prefix + field.name)
        elif field.default is MISSING:
            values[field.name] = False
    return kind(**values)


def _value(hint: Any, cells: Mapping[str, str], name: str) -> Any:
    """Return what a cell, or the cells of a part, are for a type."""
    kinds = [part for part in get_args(hint) if part is not type(None)]
    if type(None) in get_args(hint):
        parts = [text for key, text in cells.items() if key == name or key.startswith(f"{name}_")]
        return _value(kinds[0], cells, name) if any(parts) else None
    if is_dataclass(hint):
        return restored(hint, cells, f"{name}_")  # type: ignore[arg-type]
    text = cells.get(name, "")
    if hint is bool:
        return text == "True"
    if hint is float:
        return float(text) if text else math.nan
    if get_origin(hint) is None:
        return hint(text)
    some = text.split("; " if kinds[0] is str else ",") if text else ()
    return tuple(map(kinds[0], some))
