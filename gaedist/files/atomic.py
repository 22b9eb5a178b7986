"""Files that appear under their names when they are whole."""

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
    """Yield the name of a new, empty file, which takes the place of ``path`` if no exception comes."""
    if not _is_regular(path):
        raise GaedistError(f"{path}: cannot be written: it is no regular file.")
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
    """Open a file that appears under its name when it is complete, and only if it has content.

    What was complete when Ctrl-C came is kept; any other exception leaves the file as it was. A device or
    a pipe is written to directly.
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
    """Tell whether a path is a file, or will be."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def open_text(path: Path) -> TextIO:
    """Open a file to write text that may name any file."""
    return path.open("w", encoding="utf-8", errors="surrogateescape", newline="")


def _temporary(target: Path) -> TextIO:
    """Open a new file beside the target, with the mode that the target has or would get."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    umask = os.umask(0)
    os.umask(umask)
    Path(name).chmod(stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~umask)
    os.close(descriptor)
    return open_text(Path(name))
