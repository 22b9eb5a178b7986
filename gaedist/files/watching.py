"""Files as they appear in a folder, or under a pattern: each once, when it is complete.

A file is complete when its size and its time of change are the same at two looks, or when it was renamed into
place: then its content is older than its name. One that was not changed for longer than the time between
looks is complete at first sight.
"""

import contextlib
import glob
import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gaedist.errors import GaedistError, printable

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5")
"""Ends of the names of files that are looked for in a folder; a pattern finds any name."""

_RENAMED = 2_000_000  # nanoseconds by which the time of a rename is later than that of the last change

State = tuple[int, int, int]
"""Inode, size and time of the last change."""


@dataclass
class Watched:
    """The files of a folder or a pattern, and what is known of them.

    Attributes
    ----------
    where : str
        A folder, or a pattern with ``*``, ``?``, ``[…]`` or ``**``.
    interval : float
        Seconds between looks.
    done : set of str
        Names, as `printable` writes them, of files that are not looked at any more.
    without : collection of Path
        Files that are never looked at, such as the log.
    """

    where: str
    interval: float
    done: set[str]
    without: Collection[Path] = ()
    _seen: dict[str, State] = field(default_factory=dict)
    _failed: dict[str, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a folder that does not exist."""
        if "::" in self.where:
            raise GaedistError(
                f"{self.where}: files are watched, not arrays in one. Give a folder, or a pattern such as "
                "'run/*.h5', and --dataset NAME for the array in each."
            )
        if not glob.has_magic(self.where) and not Path(self.where).is_dir():
            raise GaedistError(
                f"{self.where}: there is no such folder. Give a folder, or a pattern such as 'run/*.npy'."
            )
        self._skipped = {os.path.realpath(path) for path in self.without}

    def look(self) -> tuple[list[str], list[str]]:
        """Return the files that are complete and not done, and those that are gone since the last look."""
        now, complete, found = time.time_ns(), [], set()
        for name in self._names():
            if printable(name) in self.done:
                continue
            try:
                status = Path(name).stat()
            except OSError:
                continue
            found.add(name)
            state = status.st_ino, status.st_size, status.st_mtime_ns
            if self._failed.get(name) == state:
                continue
            steady = self._seen.get(name) == state
            old = now - status.st_mtime_ns > self.interval * 1e9
            renamed = name not in self._seen and status.st_ctime_ns - status.st_mtime_ns > _RENAMED
            if status.st_size and (steady or old or renamed):
                complete.append(name)
            self._seen[name] = state
        gone = [name for name in self._seen if name not in found and printable(name) not in self.done]
        for name in gone:
            self.forget(name)
        return complete, gone

    def failed(self, name: str) -> None:
        """Do not look at a file again until it changes."""
        if name in self._seen:
            self._failed[name] = self._seen[name]

    def forget(self, name: str) -> None:
        """Forget a file, as if it had never been seen."""
        self._seen.pop(name, None)
        self._failed.pop(name, None)

    def _names(self) -> Iterator[str]:
        """Yield the names of all files that could be codes."""
        with contextlib.suppress(OSError):  # the folder is gone, or may not be read
            for path in self._paths():
                if path.is_file() and os.path.realpath(path) not in self._skipped:
                    yield str(path)

    def _paths(self) -> Iterator[Path]:
        if not glob.has_magic(self.where):
            listed = Path(self.where).iterdir()
            yield from (p for p in listed if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
            return
        parts = Path(self.where).parts
        first = next(k for k, part in enumerate(parts) if glob.has_magic(part))
        yield from Path(*parts[:first]).glob(str(Path(*parts[first:])))
