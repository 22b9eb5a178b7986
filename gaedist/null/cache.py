"""Numbers that took long to compute, kept in the user's cache folder between commands.

An entry is a JSON file named by a digest of what it is about. It says so inside, with a digest of its
numbers: one that is damaged, or not ours, is as if it were not there. Nothing here can stop a run.
"""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from gaedist.files.atomic import whole_file
from gaedist.numerics import Array

Key = dict[str, Any]
"""What the numbers are about: all that they depend on."""


def folder() -> Path:
    """Return where entries are, such as ~/.cache/gaedist; there may be no such folder yet."""
    from platformdirs import user_cache_path

    return user_cache_path("gaedist", appauthor=False)


def code_digest() -> str:
    """Return a digest of all code of gaedist, whose numbers another code may not give."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load(key: Key, count: int) -> Array | None:
    """Return the numbers that were stored, or None if there are not that many good ones."""
    try:
        path = _path(key)
        if not path.is_file():  # a pipe would not end
            return None
        entry = json.loads(path.read_text(encoding="utf-8"))
        values = np.array(entry["values"], dtype=np.float64)
        good = entry["key"] == json.loads(json.dumps(key)) and entry["digest"] == _digest(values)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return values if good and values.shape == (count,) and np.isfinite(values).all() else None


def store(key: Key, values: Array) -> None:
    """Keep the numbers, if a file can be written."""
    entry = {"key": key, "digest": _digest(values), "values": values.tolist()}
    with contextlib.suppress(Exception):
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_text(json.dumps(entry, allow_nan=False), encoding="utf-8")


def _path(key: Key) -> Path:
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    return folder() / f"{name}.json"


def _digest(values: Array) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()
