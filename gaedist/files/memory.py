"""The limit on address space that `ulimit -v` and job schedulers set, checked before libraries meet it.

NumPy and SciPy do not survive it: OpenBLAS waits without end, or ends the process, for lack of a buffer.
"""

import sys
from contextlib import suppress
from pathlib import Path

from gaedist.errors import GaedistError

_LEAST = 1 << 30  # bytes of address space for the libraries and a small score
_RESERVE = 1 << 29  # bytes that must remain for their buffers
_GIB = 2**30


def check_limit() -> None:
    """Raise `GaedistError` if the libraries do not fit into the address space."""
    limit = _limit()
    if limit is not None and limit < _LEAST:
        raise GaedistError(
            f"not enough memory: address space is limited to {limit / _GIB:.2f} GiB (ulimit -v), but at "
            f"least {_LEAST / _GIB:.0f} GiB is needed."
        )


def check_fits(size: int) -> None:
    """Raise `GaedistError` if an array of this many bytes leaves too little address space for its score."""
    limit, used = _limit(), _used()
    if limit is not None and used is not None and used + size + _RESERVE > limit:
        raise GaedistError(
            f"needs {size / _GIB:.1f} GiB of memory, but address space is limited to {limit / _GIB:.1f} GiB "
            "(ulimit -v). Use --rows or --subsample."
        )


def _limit() -> int | None:
    """Return the limit in bytes, if there is one."""
    if sys.platform == "win32":
        return None
    from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit

    soft, _ = getrlimit(RLIMIT_AS)
    return None if soft == RLIM_INFINITY else soft


def _used() -> int | None:
    """Return the address space in use, where Linux reports it."""
    if sys.platform == "win32":
        return None
    from resource import getpagesize

    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * getpagesize()
    return None
