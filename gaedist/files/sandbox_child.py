"""The process of the sandbox: it loads the libraries once, and forks for each file that it is lent.

A fork has one file and one socket, cannot write files, has little memory and time, and ends with its file.
"""

import math
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError
from gaedist.files.arrays import described
from gaedist.files.format import Source
from gaedist.files.formats import format_of, listed
from gaedist.files.sandbox_wire import (
    ACCEPTED,
    ARRAYS,
    BLOCK,
    DONE,
    ERROR,
    LOAN,
    REQUEST,
    STATUS,
    Channel,
    ChannelError,
    Limits,
)
from gaedist.files.stored_array import Columns, StoredArray
from gaedist.files.streams import Pipe

_OPENED = 3  # files: PyTorch opens its own three times
_BUSY = 8  # seconds of waiting for each second of processor time


def serve(descriptor: int) -> None:
    """Read files until the other process ends."""
    import encodings.cp437  # noqa: F401  for names in a .npz: nothing can be loaded in a fork
    import zipfile  # noqa: F401

    import h5py  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=descriptor)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, LOAN.size, 2)
        if len(descriptors) != 2:
            return
        size, end_of_name = LOAN.unpack(message)
        suffix = end_of_name.rstrip(b"\0").decode(errors="replace")
        if size:
            with os.fdopen(os.dup(descriptors[0]), "rb") as file:
                _load_library(Source(file, size, suffix))  # once, for all files of this format
        lives, held = os.pipe()  # which the fork holds until it ends
        child = os.fork()
        if child == 0:
            try:
                os.close(descriptor)
                os.close(lives)
                _read_file(descriptors[0], descriptors[1], size, suffix)
            finally:
                os._exit(0)
        for lent in (*descriptors, held):
            os.close(lent)
        ready, _, _ = select.select([control.fileno(), lives], [], [])
        if lives not in ready:  # the other process has ended, as it asks for nothing before it has an answer
            os.kill(child, signal.SIGKILL)
        os.close(lives)
        _, status, usage = os.wait4(child, 0)
        control.sendall(
            STATUS.pack(os.waitstatus_to_exitcode(status), usage.ru_maxrss, usage.ru_utime + usage.ru_stime)
        )


def _load_library(source: Source) -> None:
    """Import the package that reads a file, if there is one: no more can be loaded under the limits."""
    with suppress(GaedistError, OSError, ImportError, MemoryError):  # said when the file is listed
        if row := format_of(source):
            row.load()


def _read_file(descriptor: int, end: int, size: int, suffix: str) -> None:
    """Answer the requests for one file; give up silently if nobody listens."""
    with suppress(ChannelError, OSError), os.fdopen(descriptor, "rb") as file:
        stream = file if size else Pipe(file)
        _load_library(Source(stream, size, suffix))
        allowance = _Allowance(Limits.of(size, suffix), is_pipe=size == 0)
        _limit_files(max(descriptor, end))
        channel = Channel(socket.socket(fileno=end))
        allowance.renew(0)
        try:
            with listed(stream, size, suffix) as arrays:
                found = described(arrays)
                channel.send(ARRAYS, [_description(array) for array in found])
                while True:
                    signal.alarm(0)
                    index, start, stop = REQUEST.unpack(channel.exactly(REQUEST.size))
                    array = found[index]
                    allowance.renew((stop - start) * _row_bytes(array))
                    _answer(channel, array, start, stop)
        except Exception as error:
            if isinstance(error, ChannelError):
                raise
            channel.send(ERROR, _message(error))


def _row_bytes(array: StoredArray) -> int:
    return math.prod(array.shape[1:]) * (array.dtype.itemsize if array.dtype else 0)


def _answer(channel: Channel, array: StoredArray, start: int, stop: int) -> None:
    """Send rows of an array, or why they cannot be read."""
    try:
        blocks = array.blocks(start, stop)
        channel.send(ACCEPTED)
        for rows, across, block in blocks:
            for c, d, part in _parts(across, math.prod(array.shape[1:]), block):
                data = np.ascontiguousarray(part, array.dtype).reshape(-1).view(np.uint8)
                channel.send(BLOCK, [rows.start, rows.stop, c, d], data.data)
        channel.send(DONE)
    except (ChannelError, ConnectionError):
        raise
    except Exception as error:
        channel.send(ERROR, _message(error))


def _parts(
    across: Columns, columns: int, block: NDArray[np.generic]
) -> Iterator[tuple[int, int, NDArray[np.generic]]]:
    """Yield first and last + 1 of adjacent columns, and their part of a block."""
    if isinstance(across, slice):
        first, last, _ = across.indices(columns)
        yield first, last, block
    else:
        for place, column in enumerate(across):
            yield int(column), int(column) + 1, block[:, place : place + 1]


def _description(array: StoredArray) -> dict[str, object]:
    return {
        "name": array.name,
        "shape": array.shape,
        "dtype": None if array.dtype is None else array.dtype.str,
        "fault": array.fault,
        "aliases": array.aliases,
        "is_sigma": array.is_sigma,
        "is_transposed": array.is_transposed,
    }


def _message(error: Exception) -> str:
    if isinstance(error, GaedistError):
        return str(error)
    if isinstance(error, MemoryError):
        return "needs more memory than the sandbox has. It is damaged or malicious, or leave out --sandbox."
    if isinstance(error, OSError):
        return f"{error.strerror or error}."
    return f"cannot be read ({type(error).__name__}). It is damaged or malicious."


def _limit_files(highest: int) -> None:
    """Take away the right to write files, to start processes, and to open files, but a few."""
    spare = 0
    while spare <= highest:  # no descriptor below that of the last file is free
        spare = os.open(os.devnull, os.O_RDONLY)
    os.close(spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare + _OPENED, spare + _OPENED))
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(kind, (0, 0))


class _Allowance:
    """The memory and the time that a fork may take, enforced by the system."""

    def __init__(self, limits: Limits, *, is_pipe: bool) -> None:
        self.limits, self.is_pipe, self.loaded = limits, is_pipe, 0
        with suppress(OSError, ValueError):  # where the system does not say
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            self.loaded = pages * resource.getpagesize()

    def renew(self, requested: int) -> None:
        """Allow what listing the file, or reading so many bytes of it, takes; a pipe may keep it waiting."""
        seconds = self.limits.seconds(requested)
        processor = math.ceil(time.process_time() + seconds)
        _lower(resource.RLIMIT_CPU, processor)
        if self.loaded:
            _lower(resource.RLIMIT_AS, self.loaded + self.limits.memory(requested))
        signal.alarm(0 if self.is_pipe else math.ceil(_BUSY * seconds))


def _lower(kind: int, most: int) -> None:
    """Set a limit that can be raised for the next request, unless the user has set a lower one."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
