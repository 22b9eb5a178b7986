"""The one exception that a user of gaedist meets."""

from collections.abc import Collection


class GaedistError(Exception):
    """What is wrong, what was found, and what to do, in one line.

    Raised where the cause is known; the command line catches it once, prints it and exits with 2.
    """


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise `GaedistError` unless ``value`` is one of the choices."""
    if value not in choices:
        raise GaedistError(f"{name} must be one of {', '.join(choices)}; got {value!r}.")
