"""Ctrl-C during compilation: LLVM calls Python back, and swallows exceptions raised there."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN_SECONDS = 0.05


@contextmanager
def reliable_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C, but after a callback from LLVM and not inside it."""
    before = signal.signal(signal.SIGINT, _interrupt)
    alarm = signal.signal(signal.SIGALRM, _interrupt) if hasattr(signal, "SIGALRM") else None
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if alarm is not None:
            signal.signal(signal.SIGALRM, alarm)


def _interrupt(_signal: int, frame: FrameType | None) -> None:
    if _in_callback(frame) and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)  # SIGALRM calls this function again
    else:
        raise KeyboardInterrupt


def _in_callback(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_name.startswith("_raw_object_cache"):  # llvmlite/binding/executionengine.py
            return True
        frame = frame.f_back
    return False
