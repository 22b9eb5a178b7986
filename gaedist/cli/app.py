"""The entry point: the list of commands, and how errors become exit codes.

The commands and the libraries that they need are loaded when one is called: ``gaedist --help`` is fast.
"""

import signal
import sys
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from gaedist.cli.help import ABOUT, option_row, print_help
from gaedist.cli.interrupts import reliable_interrupts
from gaedist.cli.standard_streams import abandon_stdout, complain, prepare_streams
from gaedist.errors import BAD_INPUT, DONE, INTERRUPTED, GaedistError
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
        if not self.commands and name in ABOUT:
            from gaedist.cli.commands import app as commands

            self.commands = cast(TyperGroup, typer.main.get_command(commands)).commands
        return self.commands.get(name)


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
    try:
        prepare_streams()
        check_limit()
        with reliable_interrupts():
            code = app(arguments, prog_name="gaedist", standalone_mode=False)
            sys.stdout.flush()
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "gaedist")
        if message := error.format_message():  # empty if the help was shown instead
            complain(f"{message} See '{command} --help'.")
        return BAD_INPUT
    except GaedistError as error:
        complain(str(error))
        return BAD_INPUT
    except OSError as error:
        abandon_stdout()
        complain(f"the results cannot be written: {error.strerror or error}.")
        return BAD_INPUT
    except MemoryError:
        complain("not enough memory. Use --rows or --subsample.")
        return BAD_INPUT
    except KeyboardInterrupt:  # while the commands are loaded
        code = INTERRUPTED
    if code == INTERRUPTED:
        complain("interrupted.")
    return int(code or DONE)
