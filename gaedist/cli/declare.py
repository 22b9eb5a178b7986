"""How options are declared: their place in the help, choices from registries, flags that enter a context."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

import typer


def option(name: str, group: str, text: str, *short: str, **settings: Any) -> Any:
    """Return an option in a group of the help."""
    return typer.Option(name, *short, help=text, rich_help_panel=group, **settings)


def choice(name: str, group: str, choices: Collection[str], text: str, *, default: str | None = None) -> Any:
    """Return an option whose choices are the keys of a registry; ``default`` describes None."""

    def check(value: str | list[str] | None) -> str | list[str] | None:
        for item in [value] if isinstance(value, str) else value or []:
            if item not in choices:
                raise typer.BadParameter(f"{item!r} is not one of {', '.join(choices)}.")
        return value

    return option(
        name,
        group,
        text,
        metavar="NAME",
        show_default=default or True,
        callback=check,
        autocompletion=lambda: list(choices),
    )


def abouts(registry: Mapping[str, Any]) -> str:
    """Return the choices of a registry with a phrase about each."""
    return "; ".join(f"{name}: {row.about}" for name, row in registry.items())


def entered(context: Callable[[], AbstractContextManager[None]]) -> Callable[[typer.Context, bool], bool]:
    """Return the callback of a flag that has the command run inside a context."""

    def enter(command: typer.Context, wanted: bool) -> bool:
        if wanted:
            command.with_resource(context())
        return wanted

    return enter
