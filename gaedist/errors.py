"""`GaedistError`, the exit codes, and the checks of arguments that are needed everywhere."""

import errno
from collections.abc import Collection
from numbers import Integral

DONE, GATE_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


class GaedistError(Exception):
    """An error of usage or data: what is wrong, what was found, and what to do, on one line.

    It is raised where the cause is known. The command line catches it once, prints it and exits with 2.
    """


NO_MEMORY = "not enough memory. Use --rows or --subsample."
"""What to print when memory runs out."""


class OutputError(Exception):
    """Results that cannot be written: what `GaedistError` says, but it ends the whole command."""


def lacks_memory(error: BaseException) -> bool:
    """Return whether an error means that memory has run out, in whatever form the system reports it."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    shortage = "failed to map segment", "cannot allocate memory", "can't start new thread"
    text = str(error).lower() if isinstance(error, (ImportError, OSError, RuntimeError)) else ""
    return isinstance(error, MemoryError) or any(sign in text for sign in shortage)


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise `GaedistError` unless ``value`` is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise GaedistError(f"{name} must be one of {', '.join(choices)}; got {value!r}.")


def check_count(name: str, value: object, least: int) -> int:
    """Return ``value`` as an int; raise `GaedistError` unless it is a whole number ≥ ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise GaedistError(f"{name} must be a whole number, at least {least}; got {value!r}.")
    return int(value)


def check_dims(first: int, second: int) -> None:
    """Raise `GaedistError` unless two samples have the same dimension."""
    if first != second:
        raise GaedistError(f"dimensions differ: {first} and {second}. Compare codes of the same dimension.")


def printable(text: str) -> str:
    """Return a text on one line: control characters are written as Python escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
