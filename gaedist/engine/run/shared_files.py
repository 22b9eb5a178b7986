"""Files that all machines of a cluster see, which each worker reads instead of receiving what is in them.

Sums are often over the rows of files in another order, or over those of two files together: workers receive
the order, 4 bytes a row, and read the rows.
"""

import socket
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.run.parcels import array_digest
from gaedist.errors import ClusterError, GaedistError
from gaedist.files.codes import read_latents
from gaedist.files.row_hashes import row_hashes
from gaedist.files.selection import Selection
from gaedist.files.stored_array import row_blocks

_REMEDY = "Leave out --shared-files."
_WORTH = 0.5  # part of the rows of files from which workers read them


@dataclass(frozen=True)
class SharedFile:
    """An array that is read from a file.

    Attributes
    ----------
    name : str
        The file, with an absolute path.
    selection : Selection
        Which array and rows.
    digest : str
        The `array_digest` of what it must hold.
    """

    name: str
    selection: Selection
    digest: str

    def read(self) -> NDArray[Any]:
        """Return the array; raise `ClusterError` if this machine does not see the same file."""
        try:
            found = read_latents(self.name, self.selection).codes
        except (GaedistError, OSError) as error:
            raise ClusterError(f"on worker {socket.gethostname()}: {error} {_REMEDY}") from error
        if array_digest(found) != self.digest:
            raise ClusterError(f"{self.name} differs on worker {socket.gethostname()}. {_REMEDY}")
        return found


@dataclass(frozen=True, eq=False)
class SharedRows:
    """Rows of shared files.

    Attributes
    ----------
    files : tuple of SharedFile
        The files, one after the other.
    order : array of int, optional
        The indices of the rows, which run on from file to file; all rows of one file by default.
    key : str
        The `array_digest` of the order.
    """

    files: tuple[SharedFile, ...]
    order: NDArray[Any] | None = None
    key: str = ""


def read_rows(
    files: Sequence[SharedFile], order: NDArray[Any] | None, kept: dict[SharedFile, NDArray[Any]]
) -> NDArray[Any]:
    """Return the rows of some files, which are read once; raise `ClusterError` as `SharedFile.read` does."""
    found, start = np.empty((0, 0)), 0
    for file in files:
        part = kept[file] = kept[file] if file in kept else file.read()
        if order is None:
            return part
        if not start:
            found = np.empty((len(order), part.shape[1]))
        mine, places = _within(order, start, len(part))
        found[mine] = part[places]
        start += len(part)
    return found


class SharedFiles:
    """The files that workers can read, by the arrays of this process that they hold."""

    def __init__(self) -> None:
        self._known: dict[SharedFile, weakref.ref[NDArray[Any]]] = {}
        self._hashes: dict[SharedFile, NDArray[np.uint64]] = {}
        self._found: dict[str, SharedRows | None] = {}

    def add(self, array: NDArray[Any], name: str, selection: Selection) -> None:
        """Keep in mind that a file holds an array of double, (n, D), as long as the array exists.

        It may be changed afterwards, as whitening does: its hashes are made now.
        """
        self._known = {file: known for file, known in self._known.items() if known() is not None}
        file = SharedFile(name, selection, array_digest(array))
        self._known[file], self._hashes[file] = weakref.ref(array), row_hashes(array)
        self._hashes = {file: self._hashes[file] for file in self._known}
        self._found.clear()

    def rows(self, array: NDArray[Any], digest: str) -> SharedRows | None:
        """Return where the rows of an array with this digest are; None if files do not hold all of them."""
        if digest not in self._found:
            whole = next((SharedRows((file,)) for file in self._known if file.digest == digest), None)
            self._found[digest] = whole or self._search(array)
        return self._found[digest]

    def _search(self, array: NDArray[Any]) -> SharedRows | None:
        """Look for the rows of an array, in as few files as possible."""
        if array.ndim != 2 or array.dtype != np.float64:
            return None
        known = {file: found for file, known in self._known.items() if (found := known()) is not None}
        known = {file: codes for file, codes in known.items() if codes.shape[1] == array.shape[1]}
        first = row_hashes(array[:1])
        if not any((self._hashes[file] == first).any() for file in known):
            return None
        wanted = row_hashes(array)
        held = {file: int(np.isin(wanted, self._hashes[file]).sum()) for file in known}
        order, used, start = np.full(len(wanted), -1), [], 0
        for file in sorted(known, key=lambda file: -held[file]):
            missing = np.flatnonzero(order < 0)
            places = _places(self._hashes[file], wanted[missing])
            if (places >= 0).any():
                order[missing[places >= 0]] = start + places[places >= 0]
                used.append(file)
                start += len(known[file])
        if (order < 0).any() or len(array) < _WORTH * start:
            return None
        if not _are_rows(array, [known[file] for file in used], order):
            return None
        order = order.astype(np.uint32 if start <= 1 << 32 else np.uint64)
        return SharedRows(tuple(used), order, array_digest(order))


def _places(known: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return where in an array each of some numbers is, −1 if it is not there."""
    sorter = np.argsort(known)
    places = sorter[np.minimum(np.searchsorted(known, wanted, sorter=sorter), len(known) - 1)]
    return np.where(known[places] == wanted, places, -1)


def _within(order: NDArray[Any], start: int, count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which rows of an order are among ``count`` from ``start`` on, and their indices there."""
    mine = np.flatnonzero((order >= start) & (order < start + count))
    return mine, order[mine].astype(np.intp) - start


def _are_rows(array: NDArray[Any], parts: Sequence[NDArray[Any]], order: NDArray[Any]) -> bool:
    """Return whether an array has the bits of the rows of some arrays in an order."""
    start = 0
    for part in parts:
        mine, places = _within(order, start, len(part))
        for a, b in row_blocks(0, len(mine), array.shape[1] * array.itemsize):
            rows, same = array[mine[a:b]], part[places[a:b]]
            if not np.array_equal(rows.view(np.uint64), same.view(np.uint64)):
                return False
        start += len(part)
    return True
