"""`GaedistError`, the exit codes, and the checks of arguments that are needed everywhere."""

import errno
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from numbers import Integral

DONE, GATE_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""

PREFIX = "gaedist: "
"""What every line on standard error begins with."""

MAX_MESSAGE = 1000
"""Characters of a line on standard error; the prefix and a message together have no more."""

_MAX_LISTED = 10  # names in a message
_MAX_NAME = 60  # characters of one of them


class GaedistError(Exception):
    """An error of usage or data: what is wrong, what was found, and what to do, on one line.

    It is raised where the cause is known. The command line catches it once, prints it and exits with 2.
    Names that the message quotes may come from a file, so it is made printable and bounded here.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message, MAX_MESSAGE - len(PREFIX)))


class ClusterError(GaedistError):
    """What is wrong with a Dask cluster, so that no other metric or σ is tried for the codes.

    Attributes
    ----------
    ends_all : bool
        Other codes would fail as well.
    """

    def __init__(self, message: str, *, ends_all: bool = False) -> None:
        super().__init__(message)
        self.ends_all = ends_all


@contextmanager
def about(names: str) -> Iterator[None]:
    """Put the names of the files in front of an error about their codes."""
    try:
        yield
    except ClusterError as error:
        if error.ends_all:
            raise
        raise ClusterError(f"{names}: {error}") from error
    except GaedistError as error:
        raise GaedistError(f"{names}: {error}") from error


class MissingExtraError(GaedistError, ImportError):
    """A package that an extra of gaedist installs is not there."""

    def __init__(self, extra: str, package: str, purpose: str) -> None:
        super().__init__(f"{purpose} need {package}, which is not installed: pip install 'gaedist[{extra}]'")


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


def one_line(text: str, length: int) -> str:
    """Return a printable text of at most ``length`` characters: the middle of a longer one is left out."""
    return _shortened(printable(_shortened(text, 2 * length)), length)


def _shortened(text: str, length: int) -> str:
    """Leave out the middle: a message begins with what is wrong, and ends with what to do."""
    if len(text) <= length:
        return text
    end = length // 3
    return f"{text[: length - end - 3]} … {text[-end:]}"


def short_name(name: str) -> str:
    """Return a name from a file as a message quotes it."""
    return one_line(name, _MAX_NAME)


def some_of(names: Iterable[str], count: int) -> str:
    """Return the first ten of ``count`` names, and how many more there are."""
    shown = ", ".join(islice(names, _MAX_LISTED))
    return f"{shown} and {count - _MAX_LISTED} more" if count > _MAX_LISTED else shown
