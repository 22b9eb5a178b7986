"""Signals that end a command: Ctrl-C (SIGINT), SIGTERM and SIGHUP.

Each raises `KeyboardInterrupt` in the main thread, and `INTERRUPTION` remembers which it was. Exceptions that
are raised while LLVM or a destructor calls Python are swallowed there, so they are raised again later.
"""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_AGAIN_SECONDS = 0.05
_PATIENCE = 2.0  # seconds for cleaning up, in which further signals are ignored


class _Interrupted(KeyboardInterrupt):
    """Raised by a signal: after a bare KeyboardInterrupt has left `exec`, Python always ends by SIGINT."""


class Interruption:
    """The signal that ends this command.

    Attributes
    ----------
    number : int
        Number of the signal; 0 if there was none.
    explained : bool
        A message about it has been printed.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the signal of a command before."""
        self.number, self.explained, self._since = 0, False, 0.0

    def __bool__(self) -> bool:
        """Return whether there was a signal."""
        return bool(self.number)

    @property
    def message(self) -> str:
        """What to print about the signal."""
        by = "" if self.number in (0, signal.SIGINT) else f" by {signal.Signals(self.number).name}"
        return f"interrupted{by}."

    @property
    def exit_code(self) -> int:
        """The exit code of a process that this signal ends."""
        return 128 + (self.number or signal.SIGINT)

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        now = time.monotonic()
        if self.number and now - self._since < _PATIENCE:
            return
        self.number, self._since = number, now
        self.interrupt(number, frame)

    def interrupt(self, _number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, but after a callback from LLVM and not inside it."""
        if not _in_callback(frame):
            raise _Interrupted
        _call_again()


INTERRUPTION = Interruption()


@contextmanager
def reliable_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt on each of the signals that is not ignored, as SIGHUP is under nohup."""
    INTERRUPTION.clear()
    handlers: dict[int, Any] = {
        number: INTERRUPTION.receive for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN
    }
    if hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = INTERRUPTION.interrupt
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    hook = sys.unraisablehook

    def swallowed(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            _call_again()
        else:
            hook(unraisable)

    sys.unraisablehook = swallowed
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _call_again() -> None:
    """Let SIGALRM call `Interruption.interrupt` in a moment."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)


def _in_callback(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_name.startswith("_raw_object_cache"):  # llvmlite/binding/executionengine.py
            return True
        frame = frame.f_back
    return False
