"""Reading untrusted files in another process: what this process asks for, and what it believes.

A damaged file can crash the HDF5 library, or keep it busy for ever. `sandboxed` starts a process,
`sandbox_child`, that is lent each open file and reads it in a fork with limits on memory and time. Headers of
a fixed form and raw numbers come back through a socket: nothing is unpickled, each header is checked here.
"""

import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from gaedist.errors import GaedistError
from gaedist.files.hdf5_plugins import plugins_are_allowed
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
from gaedist.files.stored_array import Block, StoredArray, no_blocks

_COMMAND = (
    "import sys; sys.path.insert(0, sys.argv[1]); import gaedist; del sys.path[0]; "
    "from gaedist.files.sandbox_child import serve; serve(int(sys.argv[2]))"
)
_ENVIRONMENT = {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_START_SECONDS = 120.0  # in which the process has loaded its libraries, on a busy machine
_END_SECONDS = 10.0  # in which a fork without a socket ends
_BUSY = 10.0  # seconds of waiting for each second of processor time
_DTYPE = re.compile(r"[<>|=][a-zA-Z]\d*(\[\d*\w+\])?")

_sandbox: ContextVar["Sandbox | None"] = ContextVar("sandbox", default=None)


@contextmanager
def sandboxed() -> Iterator[None]:
    """Have the files that are opened in this block read by another process.

    Raises
    ------
    GaedistError
        If the system cannot lend files to a process.
    """
    sandbox = Sandbox()
    token = _sandbox.set(sandbox)
    try:
        yield
    finally:
        _sandbox.reset(token)
        sandbox.close()


def sandbox_in_use() -> "Sandbox | None":
    """Return the sandbox of the enclosing block of `sandboxed`, or None."""
    return _sandbox.get()


class Sandbox:
    """A process that reads files, each in a fork of its own; it is started at once, and not waited for.

    Attributes
    ----------
    status : tuple of int, int and float
        Of the fork that read the last file: exit code or minus a signal, kilobytes of memory, and seconds of
        processor time.
    """

    def __init__(self) -> None:
        self.status = 0, 0, 0.0
        self._start()

    def _start(self) -> None:
        import socket

        if not hasattr(socket, "send_fds"):
            raise GaedistError("--sandbox needs Linux or macOS.")
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _COMMAND, Path(__file__).parents[2], str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=os.environ | _ENVIRONMENT,
                start_new_session=True,
            )

    def close(self) -> None:
        """End the process and its forks."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._control.close()

    @contextmanager
    def arrays(self, descriptor: int, size: int, suffix: str) -> Iterator[Sequence[StoredArray]]:
        """List the arrays of an open file of ``size`` bytes, 0 for a pipe, whose name ends with ``suffix``.

        Raises
        ------
        GaedistError
            With the message of the process, or if it ended.
        """
        import socket

        if plugins_are_allowed():
            raise GaedistError("--sandbox loads no plugins. Leave out --hdf5-plugins.")
        if self._process.poll() is not None:
            self._control.close()
            self._start()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, suppress(OSError):  # if the process has ended, nothing comes back
                loan = LOAN.pack(size, suffix.encode(errors="replace"))
                socket.send_fds(self._control, [loan], [descriptor, theirs.fileno()])
            lent = _Loan(self, Channel(ours), Limits.of(size, suffix), is_pipe=size == 0)
            try:
                yield lent.arrays()
                lent.end()
            except GaedistError:
                lent.end()
                raise
            except BaseException:  # interrupted: do not wait until what is being read has been read
                self.close()
                raise

    def await_status(self) -> None:
        """Wait until the fork that read the last file has ended, and end the process if it does not."""
        self._control.settimeout(_END_SECONDS)
        try:
            self.status = STATUS.unpack(Channel(self._control).exactly(STATUS.size))
        except ChannelError:
            self.close()
            self.status = self._process.returncode, 0, 0.0


class _Loan:
    """One file that is lent to the process, and the arrays that it found."""

    def __init__(self, sandbox: Sandbox, channel: Channel, limits: Limits, *, is_pipe: bool) -> None:
        self.sandbox, self.channel, self.limits, self.is_pipe = sandbox, channel, limits, is_pipe
        self.ended = False

    def end(self) -> None:
        """Take the file back."""
        if not self.ended:
            self.ended = True
            self.channel.socket.close()
            self.sandbox.await_status()

    def arrays(self) -> list[StoredArray]:
        """Return the arrays of the file."""
        self._patience(0, _START_SECONDS)
        _, found, _ = self._receive(ARRAYS)
        try:
            return [self._array(index, row) for index, row in enumerate(found)]
        except (TypeError, ValueError, KeyError) as error:
            raise self._death() from error

    def _array(self, index: int, row: dict[str, Any]) -> StoredArray:
        """Check the description of an array."""
        shape, fault, dtype = tuple(row["shape"]), row["fault"], row["dtype"]
        names = [row["name"], fault, *row["aliases"]]
        if not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
            raise ValueError
        if not all(name is None or isinstance(name, str) for name in [*names, dtype]):
            raise TypeError
        if dtype is not None and not _DTYPE.fullmatch(dtype):
            raise ValueError
        kind = None if dtype is None else np.dtype(dtype)
        if not fault and (kind is None or kind.kind not in "fiu"):
            raise ValueError

        def blocks(start: int, stop: int) -> Iterator[Block]:
            assert kind is not None
            return self._blocks(index, start, stop, math.prod(shape[1:]), kind)

        return StoredArray(
            row["name"],
            shape,
            kind,
            fault,
            no_blocks if fault else blocks,
            aliases=tuple(row["aliases"]),
            is_sigma=row["is_sigma"] is True,
            is_transposed=row["is_transposed"] is True,
        )

    def _blocks(
        self, index: int, start: int, stop: int, columns: int, dtype: np.dtype[np.generic]
    ) -> Iterator[Block]:
        """Ask for rows; return their blocks, which come one by one, once they are granted."""
        if self.ended:
            raise GaedistError("not read: the sandbox ended while another array was read.")
        self._patience((stop - start) * columns * dtype.itemsize)
        with suppress(OSError):  # what is wrong is said when nothing comes back
            self.channel.socket.sendall(REQUEST.pack(index, start, stop))
        self._receive(ACCEPTED)
        return self._received(start, stop, columns, dtype)

    def _received(self, start: int, stop: int, columns: int, dtype: np.dtype[np.generic]) -> Iterator[Block]:
        left = (stop - start) * columns
        while True:
            kind, place, data = self._receive(BLOCK, DONE, most=left * dtype.itemsize)
            if kind == DONE:
                break
            try:
                a, b, c, d = map(int, place)
            except (TypeError, ValueError) as error:
                raise self._death() from error
            inside = start <= a < b <= stop and 0 <= c < d <= columns
            if not inside or len(data) != (b - a) * (d - c) * dtype.itemsize:
                raise self._death()
            left -= (b - a) * (d - c)
            yield slice(a, b), slice(c, d), np.frombuffer(data, dtype).reshape(b - a, d - c)
        if left:
            raise self._death()

    def _patience(self, requested: int, more: float = 0.0) -> None:
        """Set how long to wait for what comes next; a pipe may take any time."""
        seconds = None if self.is_pipe else more + _BUSY * (1 + self.limits.seconds(requested))
        self.channel.socket.settimeout(seconds)

    def _receive(self, *kinds: int, most: int = 0) -> tuple[int, Any, bytearray]:
        """Return the next frame; raise `GaedistError` for a message, and if the process ended."""
        try:
            kind, text, data = self.channel.receive(most)
        except ChannelError as error:
            raise self._death() from error
        if kind == ERROR and isinstance(text, str):
            raise GaedistError(text)
        if kind not in kinds:
            raise self._death()
        return kind, text, data

    def _death(self) -> GaedistError:
        """Return why nothing more comes."""
        self.end()
        code, _, seconds = self.sandbox.status
        if -code in (signal.SIGXCPU, signal.SIGALRM):
            return GaedistError(
                f"reading it was stopped after {seconds:.0f} s, too long for its size. "
                "It is damaged or malicious."
            )
        if code < 0:
            how = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            return GaedistError(f"reading it crashed the sandbox ({how}). It is damaged or malicious.")
        if code > 0:
            return GaedistError(f"the sandbox could not be started (exit code {code}).")
        return GaedistError("the sandbox gave no answer that makes sense. The file is damaged or malicious.")
