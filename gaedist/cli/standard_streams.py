"""Standard output and standard error, which may be closed, full, or in an encoding without σ."""

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TextIO

from gaedist.errors import MAX_MESSAGE, PREFIX, GaedistError, OutputError, one_line
from gaedist.files.atomic import open_text


def prepare_streams() -> None:
    """Make both streams accept every character; raise `GaedistError` if standard output is closed."""
    if sys.stderr is None:
        sys.stderr = open_text(Path(os.devnull))
    if sys.stdout is None:
        raise GaedistError("standard output is closed.")
    for stream, otherwise in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            unicode = stream.encoding.lower().replace("-", "").startswith("utf")
            stream.reconfigure(errors="surrogateescape" if unicode else otherwise)


def flush_results() -> None:
    """Write what is in the buffer of standard output; if that fails, discard it and raise `OutputError`."""
    try:
        sys.stdout.flush()
    except OSError as error:
        abandon_stdout()
        raise OutputError(f"the results cannot be written: {error.strerror or error}.") from error


def complain(message: str) -> None:
    """Print a message, unless it is empty, on one line of standard error and within `MAX_MESSAGE`."""
    if not message:
        return
    line = one_line(PREFIX + message.replace("\n", " "), MAX_MESSAGE)
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:  # a full disk must not change the exit code
        _abandon(sys.stderr)


def abandon_stdout() -> None:
    """Discard what is left in the buffer of standard output, which the interpreter would try to write."""
    _abandon(sys.stdout)


def _abandon(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
