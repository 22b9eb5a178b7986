"""Results as values that can be compared to the last bit."""

from dataclasses import asdict

import numpy as np

MEASURED = "seconds", "threads"
"""What differs from run to run."""


def bits(result):
    """All of a result, but how long it took and with how many threads."""
    return {name: _plain(value) for name, value in asdict(result).items() if name not in MEASURED}


def _plain(value):
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else type(value)
