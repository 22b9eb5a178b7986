"""The registry of file formats, over which reading, messages, help, the README and the tests iterate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from gaedist.errors import GaedistError
from gaedist.files import delimited, hdf5, npy, npz, parquet, pytorch, safetensors
from gaedist.files.format import Format, Source
from gaedist.files.stored_array import Listed
from gaedist.files.streams import Pipe

FORMATS: tuple[Format, ...] = (
    npy.FORMAT,
    npz.FORMAT,
    hdf5.FORMAT,
    safetensors.FORMAT,
    pytorch.FORMAT,
    parquet.FORMAT,
    delimited.CSV,  # text comes after all that is recognised by its first bytes
    delimited.TSV,
)
"""In the order in which they are tried. The name of a file matters only where its first bytes say nothing."""

_OTHERS = {
    b"\x80\x02\x8a\x0al\xfc\x9cF": "a PyTorch file of before version 1.6. Load it and save it again.",
    b"\x80": "a pickle, which is never unpickled. Save the codes with numpy.save.",
    b"\x1f\x8b": "packed by gzip. Unpack it with gunzip.",
    b"MATLAB 5.0": "a MATLAB file before v7.3. Save it in MATLAB with -v7.3.",
}
"""First bytes of a file that is not read → what it is, and what to do."""

_SHOWN = 8  # bytes of an unknown file in a message


def names_of_formats() -> str:
    """Return the names of all formats, for the middle of a sentence."""
    *others, last = (row.name for row in FORMATS)
    return f"{', '.join(others)} or {last}"


def folder_suffixes() -> tuple[str, ...]:
    """Return how the names of files end that a folder is searched for: text may be a log."""
    return tuple(suffix for row in FORMATS if not row.is_text for suffix in row.suffixes)


def format_of(source: Source) -> Format | None:
    """Return the format of a file, or None if it is none of these."""
    return next((row for row in FORMATS if row.recognises(source)), None)


@contextmanager
def listed(stream: BinaryIO | Pipe, size: int, suffix: str = "") -> Iterator[Sequence[Listed]]:
    """List the arrays of a stream of ``size`` bytes, whose first bytes, or suffix, say what it is."""
    source = Source(stream, size, suffix)
    row = format_of(source)
    if row is None:
        raise GaedistError(_unknown(source))
    row.load()
    if isinstance(stream, Pipe) and not row.is_streamed:
        stream, size = stream.whole()
    with row.arrays(stream, size) as arrays:
        yield arrays


def _unknown(source: Source) -> str:
    """Say what a file is that is of none of the formats."""
    start = source.start(max(map(len, _OTHERS)))
    for magic, message in _OTHERS.items():
        if start.startswith(magic):
            return message
    found = f"it starts with {start[:_SHOWN]!r}" if start else "it is empty"
    return f"not an {names_of_formats()} file: {found}."
