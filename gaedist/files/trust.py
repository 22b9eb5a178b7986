"""Whether a file can have been written by anybody but this user: what a program runs or believes unread."""

import os
import stat
from pathlib import Path


def is_own(status: os.stat_result, *, others: tuple[int, ...] = ()) -> bool:
    """Return whether only this user and root can have written what has this status.

    A group that belongs to this user alone may write it; so may everybody if a sticky folder keeps what
    it holds from being replaced. ``others`` are further owners who are trusted.
    """
    if not hasattr(os, "getuid"):  # Windows, where folders of users are private
        return True
    if status.st_uid not in (os.getuid(), 0, *others):
        return False
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return True
    if status.st_mode & stat.S_IWGRP and not _is_private(status.st_gid):
        return False
    return not status.st_mode & stat.S_IWOTH


def read_own(path: Path, *, others: tuple[int, ...] = ()) -> bytes:
    """Return the content of a regular file; raise `PermissionError` unless it and its folder `is_own`."""
    if not is_own(path.parent.stat(), others=others):
        raise PermissionError(f"{path.parent} can be written by others")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not is_own(status, others=others):
            raise PermissionError(f"{path} can be written by others")
        return file.read()


def _is_private(group: int) -> bool:
    """Return whether a group has the name of this user and no other members."""
    import grp
    import pwd

    try:
        user, found = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_name == user and set(found.gr_mem) <= {user}
