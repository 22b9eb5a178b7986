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
    """Rows of shared files: all of one, or those that an order names, counted through all files.

    Attributes
    ----------
    files : tuple of SharedFile
        The files, one after the other.
    order : array of int, optional
        The rows.
    key : str
        The `array_digest` of the order.
    """

    files: tuple[SharedFile, ...]
    order: NDArray[Any] | None = None
    key: str = ""


def read_rows(files: Sequence[SharedFile], order: NDArray[Any] | None) -> NDArray[Any]:
    """Return the rows of some files; raise `ClusterError` if this machine does not see the same ones."""
    arrays = [file.read() for file in files]
    joined = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    return joined if order is None else joined[order]


class SharedFiles:
    """The files that workers can read, by the arrays of this process that they hold."""

    def __init__(self) -> None:
        self._known: dict[SharedFile, weakref.ref[NDArray[Any]]] = {}
        self._hashes: dict[SharedFile, NDArray[np.uint64]] = {}
        self._found: dict[str, SharedRows | None] = {}

    def add(self, array: NDArray[Any], name: str, selection: Selection) -> None:
        """Keep in mind that a file holds an array, as long as the array exists."""
        self._known = {file: known for file, known in self._known.items() if known() is not None}
        self._known[SharedFile(name, selection, array_digest(array))] = weakref.ref(array)
        self._hashes = {file: hashes for file, hashes in self._hashes.items() if file in self._known}
        self._found.clear()

    def rows(self, array: NDArray[Any], digest: str) -> SharedRows | None:
        """Return where the rows of an array with this digest are; None if files do not hold all of them."""
        if digest not in self._found:
            whole = next((SharedRows((file,)) for file in self._known if file.digest == digest), None)
            self._found[digest] = whole or self._search(array)
        return self._found[digest]

    def _search(self, array: NDArray[Any]) -> SharedRows | None:
        """Look for the rows of an array."""
        kind = array.dtype, array.shape[1:]
        known = {
            file: codes
            for file, reference in self._known.items()
            if (codes := reference()) is not None and (codes.dtype, codes.shape[1:]) == kind
        }
        if array.ndim != 2 or array.dtype != np.float64 or not known:
            return None
        self._hashes |= {file: row_hashes(x) for file, x in known.items() if file not in self._hashes}
        if not any((self._hashes[file] == row_hashes(array[:1])).any() for file in known):
            return None
        wanted = row_hashes(array)
        used = [file for file in known if np.isin(self._hashes[file], wanted).any()]
        order = _places(np.concatenate([self._hashes[file] for file in used]), wanted)
        if order is None or not _are_rows(array, [known[file] for file in used], order):
            return None
        return SharedRows(tuple(used), order, array_digest(order))


def _places(known: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[Any] | None:
    """Return where in an array each of some numbers is; None if one of them is not there."""
    sorter = np.argsort(known)
    order = sorter[np.minimum(np.searchsorted(known, wanted, sorter=sorter), len(known) - 1)]
    order = order.astype(np.uint32 if len(known) <= 1 << 32 else np.uint64)
    return order if np.array_equal(known[order], wanted) else None


def _are_rows(array: NDArray[Any], parts: Sequence[NDArray[Any]], order: NDArray[Any]) -> bool:
    """Return whether an array has the bits of the rows of some arrays in an order."""
    start = 0
    for part in parts:
        mine = np.flatnonzero((order >= start) & (order < start + len(part)))
        for a, b in row_blocks(0, len(mine), array.shape[1] * array.itemsize):
            rows, same = array[mine[a:b]], part[order[mine[a:b]] - start]
            if not np.array_equal(rows.view(np.uint64), same.view(np.uint64)):
                return False
        start += len(part)
    return True
