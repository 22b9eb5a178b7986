"""One guard for everything that a command writes: no input and no other output is overwritten.

Files are the same if they have the same inode, whatever their names and links; a file that does not exist
yet is known by its path.
"""

import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from gaedist.errors import GaedistError
from gaedist.files.arrays import split_name
from gaedist.files.format import Source
from gaedist.files.formats import FORMATS, format_of

CODE_SUFFIXES = (
    *(suffix for row in FORMATS if not row.is_text for suffix in row.suffixes),
    *(".pkl", ".pickle"),
)
"""Ends of names of files of codes, to which no text is written."""

_Identity = tuple[int, int] | str


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[str], *, stdout: bool = False) -> None:
    """Raise `GaedistError` if an output is an input or another output.

    Parameters
    ----------
    outputs : dict of str to Path
        Option → the file it names, or None.
    inputs : iterable of str
        Names of files as on the command line, perhaps with ``::dataset``; ``-`` is standard input.
    stdout : bool
        Results go to standard output, which may be a file as well.
    """
    taken: dict[_Identity, str] = {}
    for name in inputs:
        for identity in _identities(name):
            taken.setdefault(identity, "an input of this command")
    if stdout and any(identity in taken for identity in _of_stream(sys.stdout)):
        raise GaedistError("standard output is an input of this command. Send the results to another file.")
    for option, path in outputs.items():
        for identity in [] if path is None else _of_path(path):
            if identity in taken:
                raise GaedistError(
                    f"{path}: is {taken[identity]} and would be overwritten. Give another file with {option}."
                )
            taken[identity] = f"the file of {option}"


def check_text_output(path: Path) -> None:
    """Raise `GaedistError` for a path of text that has the name, or holds the content, of a file of codes."""
    for name in (path, Path(os.path.realpath(path))):
        if name.suffix.lower() in CODE_SUFFIXES:
            raise GaedistError(
                f"{path}: the results are text, and {name.suffix} is the name of a file of codes. Use .json, "
                ".tsv, .csv or .txt."
            )
    if path.is_file():
        try:
            with path.open("rb") as stream:
                found = format_of(Source(stream, os.fstat(stream.fileno()).st_size))
        except OSError:
            return  # writing will say so, or replace what nobody can read
        if found:
            raise GaedistError(f"{path}: is a file of codes and would be replaced by text. Give another -o.")


def _identities(name: str) -> list[_Identity]:
    """Return what identifies an input."""
    return _of_stream(sys.stdin) if name == "-" else _of_path(Path(split_name(name)[0]))


def _of_path(path: Path) -> list[_Identity]:
    """Return what identifies the file at a path; nothing for a device, which cannot be overwritten."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return [os.path.realpath(path)]
    return [] if stat.S_ISCHR(status.st_mode) else [(status.st_dev, status.st_ino)]


def _of_stream(stream: TextIO | None) -> list[_Identity]:
    """Return what identifies the regular file behind a standard stream, if there is one."""
    try:
        status = os.fstat(stream.fileno()) if stream else None
    except (OSError, ValueError):  # closed, or replaced by an object in memory
        return []
    return [(status.st_dev, status.st_ino)] if status and stat.S_ISREG(status.st_mode) else []
