"""The entry point of ``gaedist`` and ``python -m gaedist``.

Until the handlers of signals are installed, Python answers Ctrl-C with a traceback. So nothing is imported
before that Python has not loaded when it starts: not even `signal`, which loads `enum`.
"""

import _signal as signal  # type: ignore[import-not-found]
import os
import sys


def _end(number: int, _frame: object) -> None:
    """End the process while it has neither begun a file nor started another process."""
    os.write(2, b"gaedist: interrupted.\n")
    os._exit(128 + number)


def main() -> int:
    """Run the command line as a process of its own; return the exit code."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]  # nohup
    for number in numbers:
        signal.signal(number, _end)
    from gaedist.cli.app import main as run

    code = run()
    for number in numbers:  # from here on, the exit code is decided
        signal.signal(number, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    sys.exit(main())
