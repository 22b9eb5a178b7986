"""Opening a file, a pipe or standard input, of which no more is read than is asked for."""

import io
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from weakref import WeakSet

from gaedist.errors import GaedistError

STANDARD_INPUT = "-"
"""The path that stands for standard input."""

_CHUNK = 1 << 20
_MOST_PIPED = 1 << 32  # bytes of a pipe that are kept in memory
_TICK = 0.02  # seconds, more than between two ticks of the clock that gives files their times
_CHANGED = "the file was written to while it was being read. Wait until it is complete."
_read_before: WeakSet[BinaryIO] = WeakSet()  # standard inputs


class Pipe:
    """A stream that is read once and only forwards, as much of `BinaryIO` as reading an .npy needs.

    Parameters
    ----------
    stream : binary stream
        It need not be able to seek.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._position = 0
        self._peeked = b""

    def peek(self, size: int) -> bytes:
        """Return the first bytes, which stay to be read; fewer if the stream ends."""
        self._peeked += self._stream.read(max(0, size - len(self._peeked)))
        return self._peeked[:size]

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer if the stream ends."""
        peeked, self._peeked = self._peeked[:size], self._peeked[size:]
        data = peeked + self._stream.read(size - len(peeked)) if len(peeked) < size else peeked
        self._position += len(data)
        return data

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._position

    def seek(self, position: int) -> int:
        """Skip the bytes before a position."""
        while (skipped := min(_CHUNK, position - self._position)) > 0 and self.read(skipped):
            pass
        return self._position

    def fileno(self) -> int:
        """Return the descriptor of the stream, from which nothing was read."""
        return self._stream.fileno()

    def whole(self) -> tuple[BinaryIO, int]:
        """Return all of it in memory, and its size."""
        data = io.BytesIO()
        while chunk := self.read(_CHUNK):
            data.write(chunk)
            if data.tell() > _MOST_PIPED:
                raise GaedistError(
                    f"more than {_MOST_PIPED >> 30} GiB in a pipe. Write them to a file, and name that."
                )
        return data, data.tell()


def is_pipe(path: str) -> bool:
    """Return whether a path is standard input or a pipe, which can be read once."""
    try:
        return path == STANDARD_INPUT or stat.S_ISFIFO(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def name_of(stream: BinaryIO) -> str | None:
    """Return the name by which a library opens a file again, or None if it is in memory."""
    name = getattr(stream, "name", None)
    return f"/dev/fd/{name}" if isinstance(name, int) else name  # a number if opened by its descriptor


@contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO | Pipe, int]]:
    """Open a file, or standard input if the path is ``-``; yield it and its size, 0 for a `Pipe`."""
    if not path:
        raise GaedistError("the name of the file is empty.")
    if "\0" in path:
        raise GaedistError("the name of the file has a null character.")
    if path == STANDARD_INPUT:
        yield Pipe(_standard_input()), 0
        return
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            with _unchanged(file.fileno()):
                yield file, os.fstat(file.fileno()).st_size
        else:
            yield Pipe(cast(BinaryIO, file)), 0


@contextmanager
def _unchanged(descriptor: int) -> Iterator[None]:
    """Raise `GaedistError` if a file is written to in the block, whatever else has become of that."""
    status = os.fstat(descriptor)
    if 0 <= time.time() - status.st_mtime < _TICK:  # or the next write might not change that time
        time.sleep(_TICK)
    before = _last_write(descriptor)
    try:
        yield
    except GaedistError as error:
        if _last_write(descriptor) != before:
            raise GaedistError(_CHANGED) from error
        raise
    if _last_write(descriptor) != before:
        raise GaedistError(_CHANGED)


def _last_write(descriptor: int) -> tuple[int, int]:
    """Return what tells that a file has been written to: its size, and when it was written last."""
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise GaedistError("standard input is closed.")
    if sys.stdin.isatty():
        raise GaedistError("standard input is a terminal. Pipe a file into it, or name one.")
    stream = sys.stdin.buffer
    if stream in _read_before:
        raise GaedistError("standard input can be read only once, and was read already. Name it once.")
    _read_before.add(stream)
    return stream
