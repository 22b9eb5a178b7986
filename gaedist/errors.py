"""The one exception that a user of gaedist meets, and the exit codes."""

from collections.abc import Collection
from numbers import Integral

DONE, GATE_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


class GaedistError(Exception):
    """What is wrong, what was found, and what to do, in one line.

    Raised where the cause is known; the command line catches it once, prints it and exits with 2.
    """


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise `GaedistError` unless ``value`` is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise GaedistError(f"{name} must be one of {', '.join(choices)}; got {value!r}.")


def check_count(name: str, value: object, least: int) -> int:
    """Return a whole number; raise `GaedistError` unless it is one, and not below the least."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise GaedistError(f"{name} must be a whole number, at least {least}; got {value!r}.")
    return int(value)


def check_dims(first: int, second: int) -> None:
    """Raise `GaedistError` unless two samples have the same dimension."""
    if first != second:
        raise GaedistError(f"dimensions differ: {first} and {second}. Compare codes of one dimension.")


def printable(text: str) -> str:
    """Return a text that stays in its line: control characters are written as in Python."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
