"""What the two processes of the sandbox say to each other: frames with a fixed header, JSON and raw bytes."""

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gaedist.files.formats import FORMATS

if TYPE_CHECKING:
    import socket

REQUEST = struct.Struct("<QQQ")
"""Number of the array, first row, last row + 1."""

LOAN = struct.Struct("<Q16s")
"""Bytes of a file that is lent, 0 for a pipe, and the end of its name from the last dot on."""

STATUS = struct.Struct("<iqd")
"""How a fork ended: exit code, or minus a signal; kilobytes of memory; seconds of processor time."""

ARRAYS, ACCEPTED, BLOCK, DONE, ERROR = range(5)
"""Kinds of frames: the arrays of a file; rows will follow; a block of them; no more of them; a message."""

_HEADER = struct.Struct("<4sBIQ")  # mark, kind, bytes of JSON, bytes of data
_MARK = b"gae1"
_MOST_JSON = 1 << 24
_RATE, _TEXT_RATE = 20e6, 1e6  # bytes per second that reading takes at worst
_LEAST_SECONDS = 0.9  # the system counts whole seconds, and a small file takes 0.02
_LEAST_MEMORY, _MOST_MEMORY = 192 << 20, 4 << 30
_UNKNOWN_SIZE = 4 << 30  # of a pipe


@dataclass(frozen=True)
class Limits:
    """What reading a file may take.

    Attributes
    ----------
    size : int
        Bytes of the file.
    rate : float
        Bytes per second that reading takes at worst.
    """

    size: int
    rate: float

    @classmethod
    def of(cls, size: int, suffix: str = "") -> "Limits":
        """Return the limits for a file of ``size`` bytes, 0 for a pipe, whose name ends with ``suffix``."""
        is_text = any(suffix in row.suffixes for row in FORMATS if row.is_text)
        return cls(size or _UNKNOWN_SIZE, _TEXT_RATE if is_text else _RATE)

    def memory(self, requested: int = 0) -> int:
        """Return the memory, beyond that of the libraries, that listing or reading so many bytes may take."""
        return min(_MOST_MEMORY, _LEAST_MEMORY + 3 * (self.size + requested))

    def seconds(self, requested: int = 0) -> float:
        """Return the processor time that listing the file, or reading so many bytes of it, may take."""
        return _LEAST_SECONDS + (self.size + requested) / self.rate


class ChannelError(Exception):
    """The other process is gone, or sent what it never sends."""


class Channel:
    """One end of a socket over which frames are sent."""

    def __init__(self, end: "socket.socket") -> None:
        self.socket = end

    def send(self, kind: int, text: Any = None, data: memoryview | bytes = b"") -> None:
        """Send a frame with what JSON can hold, and bytes."""
        encoded = json.dumps(text).encode()
        self.socket.sendall(_HEADER.pack(_MARK, kind, len(encoded), len(data)) + encoded)
        self.socket.sendall(data)

    def receive(self, most: int = 0) -> tuple[int, Any, bytearray]:
        """Return kind, JSON and at most ``most`` bytes of data of the next frame.

        Raises
        ------
        ChannelError
            If there is none, or it is malformed.
        """
        mark, kind, text_length, length = _HEADER.unpack(self.exactly(_HEADER.size))
        if mark != _MARK or text_length > _MOST_JSON or length > most:
            raise ChannelError
        try:
            text = json.loads(self.exactly(text_length))
        except (ValueError, RecursionError) as error:
            raise ChannelError from error
        return kind, text, self.exactly(length)

    def exactly(self, length: int) -> bytearray:
        """Return the next ``length`` bytes."""
        data = bytearray(length)
        view = memoryview(data)
        while view:
            try:
                count = self.socket.recv_into(view)
            except OSError as error:
                raise ChannelError from error
            if not count:
                raise ChannelError
            view = view[count:]
        return data
