"""Writing files that appear under their names only when they are complete."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gaedist.errors import GaedistError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the path of a new, empty file, which replaces ``path`` if the block raises no exception.

    Raises
    ------
    GaedistError
        If the file cannot be written, or ``path`` is a folder, a device or a pipe.
    """
    if not _is_regular(path):
        raise GaedistError(f"{path}: cannot be written: it is not a regular file.")
    try:
        with _temporary(path.resolve()) as stream:
            partial = Path(stream.name)
    except OSError as error:
        raise GaedistError(f"{path}: cannot be written: {error.strerror or error}.") from error
    try:
        yield partial
        partial.replace(path.resolve())
    except OSError as error:
        raise GaedistError(f"{path}: cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def output_file(path: Path) -> Iterator[TextIO]:
    """Open a text file that appears under its name when it is complete, and only if it has content.

    Ctrl-C keeps what has been written so far; any other exception leaves the file as it was. A device or a
    pipe is written to directly.

    Raises
    ------
    GaedistError
        If the file cannot be opened for writing.
    """
    try:
        regular = _is_regular(path)
        stream = _temporary(path.resolve()) if regular else open_text(path)
    except OSError as error:
        raise GaedistError(f"{path}: cannot be written: {error.strerror or error}.") from error
    if not regular:
        with stream:
            yield stream
        return
    partial = Path(stream.name)
    try:
        with stream:
            try:
                yield stream
            finally:
                stream.flush()
        if partial.stat().st_size:
            partial.replace(path.resolve())
    except KeyboardInterrupt:
        if partial.stat().st_size:
            partial.replace(path.resolve())
        raise
    finally:
        partial.unlink(missing_ok=True)


def _is_regular(path: Path) -> bool:
    """Return whether a path is a regular file, or would become one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def open_text(path: Path) -> TextIO:
    """Open a file for text that may contain file names which are not UTF-8."""
    return path.open("w", encoding="utf-8", errors="surrogateescape", newline="")


def _temporary(target: Path) -> TextIO:
    """Open a new file in the folder of the target, with the mode that the target has or would get."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    umask = os.umask(0)
    os.umask(umask)
    Path(name).chmod(stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~umask)
    os.close(descriptor)
    return open_text(Path(name))
