"""Writing files that appear under their names only when they are complete.

A file that is being written has no name, so that nothing of it is left when the process is killed. Where the
system has no such files, it has a temporary name, and the next process that writes to the folder removes what
dead ones have left there.
"""

import contextlib
import errno
import hashlib
import os
import platform
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TextIO

from gaedist.errors import GaedistError

_PREFIX = ".gaedist-"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the path of a new, empty file, which replaces ``path`` if the block raises no exception.

    Raises
    ------
    GaedistError
        If the file cannot be written, or ``path`` is a folder, a device or a pipe.
    """
    check_regular(path)
    with _explained(path):
        unfinished = _Unfinished(path)
        try:
            yield unfinished.path
            unfinished.commit()
        finally:
            unfinished.discard()


@contextmanager
def output_file(path: Path) -> Iterator[TextIO]:
    """Open a text file that appears under its name when it is complete, and only if it has content.

    An interrupt keeps what has been written so far; any other exception leaves the file as it was. A device
    or a pipe is written to directly.

    Raises
    ------
    GaedistError
        If the file cannot be opened for writing, or not be completed.
    """
    with _explained(path):
        regular = _is_regular(path)
        if not regular:
            stream = open_text(path)
    if not regular:
        with stream:
            yield stream
        return
    check_regular(path)
    with _explained(path):
        unfinished = _Unfinished(path)
    try:
        with _explained(path):
            stream = open_text(unfinished.path)
        try:
            yield stream
        finally:
            with _explained(path):
                stream.close()
        with _explained(path):
            unfinished.commit()
    except KeyboardInterrupt:
        with _explained(path):
            unfinished.commit()
        raise
    finally:
        unfinished.discard()


def check_regular(path: Path) -> None:
    """Raise `GaedistError`, before a long computation, unless a path is a file or could become one."""
    with _explained(path):
        regular = _is_regular(path)
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            raise GaedistError(f"{path}: cannot be written: there is no such folder.")
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if not regular:
        raise GaedistError(f"{path}: cannot be written: it is not a regular file.")


def open_text(path: Path) -> TextIO:
    """Open a file for text that may contain file names which are not UTF-8."""
    return path.open("w", encoding="utf-8", errors="surrogateescape", newline="")


def _is_regular(path: Path) -> bool:
    """Return whether a path is a regular file, or would become one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise `GaedistError` for an `OSError` of writing to a path."""
    try:
        yield
    except OSError as error:
        raise GaedistError(f"{path}: cannot be written: {error.strerror or error}.") from error


class _Unfinished:
    """A new file beside the one that it will replace, with the mode that this one has or would get.

    Attributes
    ----------
    path : Path
        Where it can be opened.
    """

    def __init__(self, path: Path) -> None:
        self.target = Path(os.path.realpath(path))
        self._name = self.target.with_name(f"{_PREFIX}{_place()}-{os.getpid()}-{secrets.token_hex(4)}")
        _remove_stale(self.target.parent)
        unnamed = _unnamed(self.target.parent)
        if unnamed is None:
            self.path = self._name
            self._descriptor = os.open(self._name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        else:
            self.path, self._descriptor = _opened(unnamed), unnamed
        with contextlib.suppress(FileNotFoundError):
            self.path.chmod(stat.S_IMODE(self.target.stat().st_mode))

    def commit(self) -> None:
        """Give the file its name, unless it is empty, when all of it is on the disk."""
        if not self.path.stat().st_size:
            return
        os.fsync(self._descriptor)
        if self.path != self._name:  # with a descriptor of a folder, os.link follows the link in /proc
            os.link(self.path, self._name, src_dir_fd=self._descriptor, follow_symlinks=True)
        self._name.replace(self.target)
        with contextlib.suppress(OSError):  # the name, too; not every system can
            folder = os.open(self.target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def discard(self) -> None:
        """Remove the file, unless it has got its name."""
        os.close(self._descriptor)
        self._name.unlink(missing_ok=True)


def _unnamed(folder: Path) -> int | None:
    """Open a new file without a name in a folder; None where there is no such thing (Linux has it)."""
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666)
    except (AttributeError, OSError):  # another system, or a file system without them
        return None
    if _opened(descriptor).exists():
        return descriptor
    os.close(descriptor)  # /proc is not mounted
    return None


def _opened(descriptor: int) -> Path:
    """Return the path of an open file."""
    return Path(f"/proc/self/fd/{descriptor}")


@cache
def _place() -> str:
    """Return what tells the numbers of processes of this computer, or container, from those of others."""
    space = ""
    with contextlib.suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


@cache
def _remove_stale(folder: Path) -> None:
    """Remove, once in a process, the unfinished files that killed processes have left in a folder."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{_PREFIX}{_place()}-*-*"):
            number = path.name.split("-")[2]
            if number.isdecimal() and not _is_alive(int(number)):
                path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True
