"""The entry point: the list of commands, and how errors become exit codes.

The commands and the libraries that they need are loaded when one is called: ``gaedist --help`` is fast.
"""

import contextlib
import signal
import sys
from collections.abc import MutableMapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from gaedist.cli.help import ABOUT, option_row, print_help
from gaedist.cli.interrupts import INTERRUPTION, reliable_interrupts
from gaedist.cli.standard_streams import abandon_stdout, complain, flush_results, prepare_streams
from gaedist.errors import (
    BAD_INPUT,
    DONE,
    INTERRUPTED,
    NO_MEMORY,
    GaedistError,
    OutputError,
    lacks_memory,
)
from gaedist.files.memory import check_limit
from gaedist.version import __version__


class _Commands(TyperGroup):
    """The group of commands, which are loaded when one is called."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the commands without loading them."""
        commands: list[tuple[str, ...]] = [(name, about.partition("\n")[0]) for name, about in ABOUT.items()]
        options = [option_row(parameter) for parameter in self.get_params(ctx)]
        print_help(self, ctx, [("Commands", commands), ("Options", options)])

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return list(ABOUT)

    def get_command(self, ctx: Any, name: str) -> Any:
        """Load all commands, and return the one with this name."""
        return _loaded().get(name) if name in ABOUT else None


@cache
def _loaded() -> MutableMapping[str, Any]:
    """Return all commands by name; to make them of their functions takes as long as a small score."""
    from gaedist.cli.commands import app as commands

    return cast(TyperGroup, typer.main.get_command(commands)).commands


app = typer.Typer(
    cls=_Commands,
    name="gaedist",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gaedist {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Measure how far latent codes are from N(0, I), or from another sample, with a p-value."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly when `head` closes the pipe
    INTERRUPTION.clear()
    try:
        prepare_streams()
        check_limit()
        if ABOUT.keys() & set(sys.argv[1:] if arguments is None else arguments):
            import_module("gaedist.cli.commands")  # now, because an import can swallow an interrupt
        with reliable_interrupts():
            code = app(arguments, prog_name="gaedist", standalone_mode=False)
            flush_results()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if not INTERRUPTION:  # otherwise it is what has become of the interrupt
            complain(_explanation(error))
            return BAD_INPUT
        code = INTERRUPTED
    if code != INTERRUPTED:
        return int(code or DONE)
    with contextlib.suppress(OutputError):
        flush_results()
    if not INTERRUPTION.explained:
        complain(INTERRUPTION.message)
    return INTERRUPTION.exit_code


_RANGES = {
    "Input should be less than or equal to": "it must be at most",
    "Input should be greater than or equal to": "it must be at least",
}
"""Phrases of Typer about numbers out of range, and plainer ones."""


def _explanation(error: Exception) -> str:
    """Return what to print about an error; raise it if it is a fault of the program."""
    if isinstance(error, typer.TyperException):
        command = getattr(getattr(error, "ctx", None), "command_path", "gaedist")
        message = error.format_message()
        if not message:  # the help was shown instead, without the end of its last line
            print()
            return ""
        for words, shorter in _RANGES.items():
            message = message.replace(words, shorter)
        return f"{message.rstrip('.')}. See '{command} --help'."
    if isinstance(error, OutputError):
        abandon_stdout()
    if isinstance(error, (GaedistError, OutputError)):
        return str(error)
    if lacks_memory(error):
        return NO_MEMORY
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}."
    raise error
