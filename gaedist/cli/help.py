"""Help texts of the commands, and how help is laid out.

Options come in groups, in the order of `GROUPS`, one column for their names and one for what they do. The
texts are here, and not with the commands, so that ``gaedist --help`` loads none of them.
"""

import shlex
from collections.abc import Collection, Iterable, Iterator
from contextvars import ContextVar
from textwrap import wrap
from typing import Any

from typer.core import TyperArgument, TyperCommand

ABOUT = {
    "score": """Measure how far codes are from N(0, I), with a p-value.

    Example: gaedist score checkpoints/*.npy --fail-z 4""",
    "compare": """Measure how far apart two samples are, with a p-value.

    Example: gaedist compare codes.h5::train codes.h5::test --permutations 999""",
    "watch": """Score each checkpoint once, as it appears in a folder.

    Example: gaedist watch run/ -o log.tsv --fail-p 1e-6 --stop""",
    "diagnose": """Find out what is wrong with codes, where, and how sure that is.

    Example: gaedist diagnose latents.npy""",
    "sigma": """Choose σ for each point by a rule; write them to a file.

    Example: gaedist sigma codes.npy --sigma optimize -o sigma.npy""",
    "sample": """Draw a sample of a prior, to compare codes with.

    Example: gaedist sample prior.npz -n 10000 -o sample.npy""",
    "inspect": """List the arrays in files, their moments and their faults.

    Example: gaedist inspect codes.h5""",
    "metrics": """List the metrics, or explain some of them in detail.

    Example: gaedist metrics mmd energy""",
}
"""Command → what it does, and an example."""

INPUT, CHECKS, DISTANCE, SIGNIFICANCE, OTHER_METRICS, COMPUTATION, OUTPUT, GATES = GROUPS = (
    "Input",
    "Checks",
    "Distance",
    "Significance",
    "Other metrics",
    "Computation",
    "Output",
    "Gates",
)
"""Groups of options, in the order of help."""

_COMMAND_LINE: ContextVar[tuple[str, ...]] = ContextVar("command line")
_WIDEST = 100  # columns; longer lines are hard to read
_NAMES = 19  # columns that names take at least, so that groups are aligned
_LEAST_TEXT = 20  # columns for what an option does, also where the terminal is narrower
_FILE = "\0"  # before a word that is not an option; no word on a command line has this character
_NO_BREAK = "\xa0"  # a space where textwrap breaks no line


class HelpCommand(TyperCommand):
    """A command whose help shows its options in groups, and which takes ``-::NAME`` for a file.

    Its epilog, if any, is a title, and lines of a name, two spaces and what it is.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line; an array of standard input, ``-::NAME``, is not an option."""
        _COMMAND_LINE.set((ctx.command_path, *args))
        marked = [f"{_FILE}{word}" if word.startswith("-::") else word for word in args]
        rest = super().parse_args(ctx, marked)
        ctx.params = {name: _unmarked(value) for name, value in ctx.params.items()}
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help of this command."""
        sections = list(_option_groups(self.get_params(ctx)))
        if self.epilog:
            title, *lines = self.epilog.splitlines()
            sections.insert(-1, (title, [tuple(line.split("  ", 1)) for line in lines]))
        print_help(self, ctx, sections)


def command_for(file: str, name: str, others: Collection[str]) -> str:
    """Return the command that is running, as a shell takes it, for ``name`` in place of all its files."""
    command, *words = _COMMAND_LINE.get()
    kept = [name if word == file else word for word in words if word == file or word not in others]
    return f"{command} {shlex.join(kept)}"


def _unmarked(value: Any) -> Any:
    """Return the value of a parameter without the marks of `_FILE`."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_unmarked, value))
    return value.removeprefix(_FILE) if isinstance(value, str) else value


def print_help(command: Any, ctx: Any, sections: Iterable[tuple[str, list[tuple[str, ...]]]]) -> None:
    """Print the usage and text of a command, and sections of names, what they are, and a default if any."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.width = width = min(console.width, _WIDEST)
    parameters = command.get_params(ctx)
    arguments = [option_row(parameter)[0] for parameter in parameters if isinstance(parameter, TyperArgument)]
    usage = " ".join([ctx.command_path, "[OPTIONS]", *(arguments or ["COMMAND", "..."])])
    lines = [Text().append("Usage: ", style="bold").append(usage)]
    for paragraph in command.help.split("\n\n"):
        lines += [Text(), *map(Text, _wrapped(paragraph.strip(), width))]
    for title, rows in sections:
        lines += [Text(), *([Text(title, style="bold")] if title else [])]
        names = max(_NAMES, 2 + max(len(row[0]) for row in rows))
        for name, text, *default in rows:
            words = [text, *(f"[default: {value}]".replace(" ", _NO_BREAK) for value in default)]
            first, *others = _wrapped(" ".join(words), width - names - 2)
            lines.append(Text().append(f"  {name:{names}}", style="cyan").append(first))
            lines += [Text(" " * (names + 2) + line) for line in others]
    console.print(Text("\n").join(lines), soft_wrap=True, end="")  # Typer ends the last line


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text at spaces, but not inside words, N(0, I) or a default."""
    text = text.replace("N(0, I)", f"N(0,{_NO_BREAK}I)")
    lines = wrap(text, max(_LEAST_TEXT, width), break_on_hyphens=False, break_long_words=False)
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _option_groups(parameters: Iterable[Any]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Yield each group of parameters that is not empty, and last those of none, such as ``--help``."""
    shown = [parameter for parameter in parameters if not parameter.hidden]
    for group in (*GROUPS, None):
        if rows := [option_row(parameter) for parameter in shown if parameter.rich_help_panel == group]:
            yield group or "", rows


def option_row(parameter: Any) -> tuple[str, ...]:
    """Return the names of a parameter with its metavar, what it does, and its default if that is shown."""
    text = (parameter.help or "").removesuffix(".")
    if isinstance(parameter, TyperArgument):
        return f"{parameter.metavar}{'...' if parameter.nargs != 1 else ''}", text
    names = ", ".join(sorted(parameter.opts, key=len))
    row = f"{names}{'' if parameter.is_flag else f' {parameter.metavar}'}", text
    default = parameter.show_default
    if default is True and not parameter.is_flag and parameter.default is not None:
        values = parameter.default if isinstance(parameter.default, list) else [parameter.default]
        default = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    return (*row, default) if isinstance(default, str) else row
