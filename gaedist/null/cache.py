"""Simulated values, kept in the user's cache folder between commands.

An entry is a JSON file named by a digest of its key, and holds the key, the values and a digest of the
values. An entry that is damaged, or that another user can have written, counts as missing, and no failure to
read or write stops a run.
"""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from gaedist.files.atomic import whole_file
from gaedist.files.trust import is_own, read_own
from gaedist.numerics import Array

_PRIVATE = 0o700

Key = dict[str, Any]
"""Everything that the values depend on."""


def folder() -> Path:
    """Return the folder of the entries, such as ~/.cache/gaedist, which need not exist yet."""
    from platformdirs import user_cache_path

    return user_cache_path("gaedist", appauthor=False)


def load(key: Key, count: int) -> Array | None:
    """Return the stored values, or None if there are none, or not ``count`` finite ones."""
    try:
        entry = json.loads(read_own(_path(key)).decode())
        values = np.array(entry["values"], dtype=np.float64)
        good = entry["key"] == json.loads(json.dumps(key)) and entry["digest"] == _digest(values)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return values if good and values.shape == (count,) and np.isfinite(values).all() else None


def store(key: Key, values: Array) -> None:
    """Store the values, if a file can be written."""
    entry = {"key": key, "digest": _digest(values), "values": values.tolist()}
    with contextlib.suppress(Exception):
        path = _path(key)
        path.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if not is_own(path.parent.stat()):
            path.parent.chmod(_PRIVATE)
        text = json.dumps(entry, allow_nan=False)
        with whole_file(path) as partial:
            partial.chmod(_PRIVATE & 0o666)
            partial.write_text(text, encoding="utf-8")


def _path(key: Key) -> Path:
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    return folder() / f"{name}.json"


def _digest(values: Array) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()
