"""How much memory there is, checked before codes fill it or libraries meet a limit on address space.

Linux ends a process that fills more than there is. Under the limit that `ulimit -v` and job schedulers set,
OpenBLAS waits without end, or ends the process, for lack of a buffer.
"""

import sys
from contextlib import suppress
from pathlib import Path

from gaedist.errors import GaedistError

_LEAST = 1 << 30  # bytes of address space for the libraries and a small score
_RESERVE = 1 << 29  # bytes of it that must remain for their buffers
_GIB = 2**30
_REMEDY = "Use --rows or --subsample."


def check_limit() -> None:
    """Raise `GaedistError` if the libraries do not fit into the address space."""
    limit = _limit()
    if limit is not None and limit < _LEAST:
        raise GaedistError(
            f"not enough memory: address space is limited to {limit / _GIB:.2f} GiB (ulimit -v), but at "
            f"least {_LEAST / _GIB:.0f} GiB is needed."
        )


def check_fits(size: int) -> None:
    """Raise `GaedistError` if there is no memory for an array of this many bytes and its score."""
    needed = f"needs {size / _GIB:.1f} GiB of memory"
    available, limit, used = _available(), _limit(), _used()
    if available is not None and size > available:
        raise GaedistError(f"{needed}, but {available / _GIB:.1f} GiB are available. {_REMEDY}")
    if limit is not None and used is not None and used + size + _RESERVE > limit:
        raise GaedistError(
            f"{needed}, but address space is limited to {limit / _GIB:.1f} GiB (ulimit -v). {_REMEDY}"
        )


def _limit() -> int | None:
    """Return the limit on address space in bytes, if there is one."""
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


def _available() -> int | None:
    """Return the memory and swap space that can be filled, where Linux reports them."""
    with suppress(OSError, ValueError, KeyError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        return (kib["MemAvailable"] + kib["SwapFree"]) << 10
    return None
