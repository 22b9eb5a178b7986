"""The arrays of an .npz, of which only those that are needed are opened.

Before any of them, `zips` checks the directory of the file; no member may claim to unpack to more than its
bytes can hold.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, cast

from gaedist.errors import GaedistError
from gaedist.files.format import Format
from gaedist.files.npy import ZIP_ERRORS, npy_array
from gaedist.files.stored_array import MAX_DEFLATE_RATIO, StoredArray, no_blocks
from gaedist.files.zips import is_pytorch, is_zip, zip_file

_FREE_SIZE = 1 << 27  # bytes of codes to which anything may unpack
_MAX_UNPACKED_RATIO = 100  # beyond that size


@contextmanager
def npz_arrays(stream: BinaryIO, size: int) -> Iterator[list["Member"]]:
    """List the arrays of an .npz of ``size`` bytes."""
    with zip_file(stream, ".npz", "Write it again with numpy.savez.") as archive:
        yield [
            Member(info.filename.removesuffix(".npy"), info, size, partial(_open, archive, info))
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        ]


def _open(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    return cast(BinaryIO, archive.open(info))


@dataclass(frozen=True, eq=False)
class Member:
    """An array of an .npz, as the directory of the file lists it.

    Attributes
    ----------
    name : str
        Its name, without .npy.
    info : zipfile.ZipInfo
        Its entry in the directory.
    archive_size : int
        Size of the file.
    reopen : callable
        Opens it at its beginning.
    """

    name: str
    info: zipfile.ZipInfo
    archive_size: int
    reopen: Callable[[], BinaryIO]

    @property
    def names(self) -> tuple[str]:
        """Its one name."""
        return (self.name,)

    def described(self) -> StoredArray:
        """Read the header; a fault says why the array cannot be read."""
        try:
            if fault := self._entry_fault():
                raise GaedistError(fault)
            with self.reopen() as stream:
                array = npy_array(self.name, stream, self.info.file_size, self.reopen)
            if not array.fault and (fault := self._unpacked_fault(array)):
                raise GaedistError(fault)
        except GaedistError as error:
            return self._unreadable(str(error))
        except (*ZIP_ERRORS, OSError, RuntimeError) as error:
            return self._unreadable(f"damaged: it cannot be opened ({error})")
        return array

    def _unreadable(self, fault: str) -> StoredArray:
        return StoredArray(self.name, (), None, fault.rstrip("."), no_blocks)

    def _entry_fault(self) -> str | None:
        """Return what is wrong with the entry in the directory, if anything is."""
        info = self.info
        if info.flag_bits & 1:
            return "encrypted; write it again with numpy.savez"
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return "compressed by a method that numpy.savez does not use"
        if info.file_size > self._held * (MAX_DEFLATE_RATIO if self._is_packed else 1):
            return f"damaged: its header claims {info.file_size} bytes in a file of {self.archive_size}"
        return None

    def _unpacked_fault(self, array: StoredArray) -> str | None:
        """Return why an array is not unpacked that becomes so much larger that few files of codes do."""
        assert array.dtype is not None  # it has no fault
        codes = self.info.file_size // array.dtype.itemsize * 8
        if codes > _FREE_SIZE and self.info.file_size > self._held * _MAX_UNPACKED_RATIO:
            return (
                f"not unpacked: its {self._held} bytes claim to hold {self.info.file_size}. "
                "If they do, write it again with numpy.savez, which does not pack"
            )
        return None

    @property
    def _held(self) -> int:
        return min(self.info.compress_size, self.archive_size)

    @property
    def _is_packed(self) -> bool:
        return self.info.compress_type == zipfile.ZIP_DEFLATED


FORMAT = Format(
    name=".npz",
    suffixes=(".npz",),
    holds="an array, or one of several by its name",
    recognises=lambda source: is_zip(source) and not is_pytorch(source),
    arrays=npz_arrays,
)
