"""The number of processors that this process may use, from its affinity and its control groups (Linux)."""

import math
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = Path("/")


def available_threads() -> int:
    """Return the number of threads that this process may use, at most NUMBA_NUM_THREADS."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    wanted = int(limit) if limit.isdecimal() else count
    return max(1, min(count, wanted, _quota()))


@cache  # evaluations ask often; the affinity, which a program may change itself, is asked each time
def _quota() -> int:
    """Return the number of processors that all control groups allow, rounded up, as they were at first."""
    return min(map(math.ceil, _quotas()), default=sys.maxsize)


def _quotas() -> Iterator[float]:
    """Yield the number of processors, not always whole, of each control group that limits it."""
    for group in _groups():
        for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):  # versions 2 and 1
            try:
                quota, period = " ".join((group / name).read_text() for name in names).split()
                processors = int(quota) / int(period)
            except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max", which means no limit
                continue
            if processors > 0:  # −1 means no limit
                yield processors


def _groups() -> Iterator[Path]:
    """Yield the folders of the control groups of this process, and of all their parents."""
    try:
        lines = (_ROOT / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = _ROOT / "sys/fs/cgroup" / controllers
        inner = path.strip("/").split("/") if path.strip("/") else []
        for depth in range(len(inner) + 1):
            yield base.joinpath(*inner[:depth])
