"""Zip files, which .npz and the files of PyTorch are.

The directory of the file is checked before any of its members is read: how long it is, and that no two
members share bytes.
"""

import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from gaedist.errors import GaedistError
from gaedist.files.format import Source, starts_with
from gaedist.files.npy import ZIP_ERRORS

_MAX_DIRECTORY = 1 << 22  # bytes; enough for 60,000 members
_LOCAL_HEADER = 30  # bytes before the name and the data of a member
_PICKLE = b"/data.pkl"  # ends the name of the first member of a file of PyTorch
_LONGEST_NAME = 1 << 10  # bytes of it

is_zip = starts_with(b"PK\x03\x04", b"PK\x05\x06")


def is_pytorch(source: Source) -> bool:
    """Return whether a file begins as `torch.save` writes it, with a pickle in a folder."""
    if not is_zip(source):
        return False
    length = int.from_bytes(source.start(_LOCAL_HEADER)[26:28], "little")
    name = source.start(_LOCAL_HEADER + length)[_LOCAL_HEADER:] if length < _LONGEST_NAME else b""
    return name.endswith(_PICKLE)


@contextmanager
def zip_file(stream: BinaryIO, kind: str, remedy: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip file whose directory is sound; ``kind`` and ``remedy`` are words of the error otherwise."""
    bounded = _BoundedReads(stream, _MAX_DIRECTORY, kind)
    try:
        archive = zipfile.ZipFile(cast(BinaryIO, bounded))
    except (*ZIP_ERRORS, OSError, OverflowError) as error:  # a position before the file is an OSError
        raise GaedistError(f"not a readable {kind} file ({error}). {remedy}") from error
    bounded.limit = sys.maxsize
    with archive:
        if _share_bytes(archive.infolist()):
            raise GaedistError(f"damaged: members of the {kind} share bytes. {remedy}")
        yield archive


class _BoundedReads:
    """A file from which no more than a limit is read at once: `zipfile` reads the directory as one piece."""

    def __init__(self, stream: BinaryIO, limit: int, kind: str) -> None:
        self._stream, self.limit, self._kind = stream, limit, kind

    def read(self, size: int = -1) -> bytes:
        """Read as the file does; raise `GaedistError` for a size beyond the limit."""
        if size > self.limit:
            raise GaedistError(
                f"not a readable {self._kind} file: its directory claims {size} bytes, "
                f"more than {self.limit}."
            )
        return self._stream.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _share_bytes(infos: Sequence[zipfile.ZipInfo]) -> bool:
    end = 0
    for start, size in sorted((info.header_offset, info.compress_size) for info in infos):
        if start < end:
            return True
        end = start + _LOCAL_HEADER + size
    return False
