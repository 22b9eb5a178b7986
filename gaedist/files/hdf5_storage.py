"""Why a dataset of an HDF5 file cannot be read: checks of where it is stored, its type, chunks and filters.

All of them are made before a number is read. A file can claim chunks of any size and filters in any number,
and a filter can expand its input a thousand times, so each claim is held against the others.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py

DEFLATE, SHUFFLE, FLETCHER32, SZIP, NBIT, SCALEOFFSET = range(1, 7)
"""Filters that every HDF5 has, by their numbers."""

FILTERS = {
    DEFLATE: "gzip",
    SHUFFLE: "shuffle",
    FLETCHER32: "fletcher32",
    SZIP: "szip",
    NBIT: "nbit",
    SCALEOFFSET: "scaleoffset",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32018: "fcidecomp",
    32023: "sperr",
    32024: "sz3",
    32026: "blosc2",
    32028: "zfp",
}
"""Number of a filter → its name."""

MAX_CHUNK = 1 << 30
"""Bytes of the largest chunk that is read; h5py makes chunks of 1 MiB at most."""

ANY_CHUNK = 1 << 26
"""Bytes of a chunk that may be larger than its dataset, which can grow."""

_MANY_CHUNKS = 1_000_000  # that HDF5 iterates over in little time


def reason(error: Exception) -> str:
    """Return what HDF5 puts in parentheses after the name of its own function."""
    return str(error).partition("(")[2].rstrip(")") or str(error) or type(error).__name__


def filter_codes(dataset: "h5py.Dataset") -> list[int]:
    """Return the numbers of the filters through which chunks are written, in this order."""
    settings = dataset.id.get_create_plist()
    return [settings.get_filter(index)[0] for index in range(settings.get_nfilters())]


def source_fault(dataset: "h5py.Dataset") -> str | None:
    """Return why the numbers are not in this file, or None if they are; no other file is opened."""
    import h5py

    settings = dataset.id.get_create_plist()
    if settings.get_layout() == h5py.h5d.VIRTUAL:
        return "a virtual dataset, which is not followed; name the file that holds the numbers"
    if settings.get_external_count():
        return "stored in an external file, which is not read"
    return None


def type_fault(dataset: "h5py.Dataset") -> str | None:
    """Return why the elements of this type of HDF5 are not real numbers, though NumPy shows them as such."""
    import h5py

    kind = dataset.id.get_type()
    if isinstance(kind, h5py.h5t.TypeEnumID):
        return "an enumeration, whose numbers stand for names; latent codes are real numbers"
    if isinstance(kind, h5py.h5t.TypeBitfieldID):
        return "of a type of bits; latent codes are real numbers"
    return None


def read_fault(dataset: "h5py.Dataset", size: int) -> str | None:
    """Return why no row can be read from this file of ``size`` bytes, or None if some can."""
    if not dataset.chunks:
        return _contiguous_fault(dataset, size)
    return _chunk_fault(dataset, size) or _filter_fault(dataset)


def _contiguous_fault(dataset: "h5py.Dataset", size: int) -> str | None:
    """Return why a dataset in one piece cannot be read."""
    import h5py

    claimed, held = _bytes(dataset, dataset.shape), dataset.id.get_storage_size()
    if claimed and not held:
        return "without data: no row of it was written"
    if dataset.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS:
        held = min(held, size - (dataset.id.get_offset() or 0))
    if claimed > held:
        return f"cut short or damaged: its header claims {claimed} bytes, but {held} are stored"
    return None


def _chunk_fault(dataset: "h5py.Dataset", size: int) -> str | None:
    """Return why chunks of this shape are not read."""
    chunk, whole = _bytes(dataset, dataset.chunks), _bytes(dataset, dataset.shape)
    if chunk > MAX_CHUNK or chunk > max(ANY_CHUNK, 2 * whole):
        return (
            f"stored in chunks of {chunk / 2**20:.0f} MiB for {whole / 2**20:.3g} MiB of numbers, "
            "which would take too much memory; write it again with smaller chunks"
        )
    count = math.prod(-(-n // k) for n, k in zip(dataset.shape, dataset.chunks, strict=True))
    if count > max(size, _MANY_CHUNKS):
        return f"cut short or damaged: its header claims {count} chunks in a file of {size} bytes"
    return None


def _filter_fault(dataset: "h5py.Dataset") -> str | None:
    """Return why data behind these filters are not read."""
    import h5py

    codes = filter_codes(dataset)
    names = [FILTERS.get(code, f"filter {code}") for code in codes]
    if len(set(codes)) < len(codes):
        return f"damaged or malicious: it repeats a filter ({', '.join(names)})"
    for code, name in zip(codes, names, strict=True):
        if not h5py.h5z.filter_avail(code):
            return (
                f"packed by {name} (HDF5 filter {code}), which is not loaded; "
                "pip install hdf5plugin and add --hdf5-plugins, or write it again with gzip"
            )
    if DEFLATE in codes and not {FLETCHER32}.issuperset(codes[codes.index(DEFLATE) + 1 :]):
        return f"packed more than once ({', '.join(names)}); write it again with gzip alone"
    for index, code in enumerate(codes):
        values = dataset.id.get_create_plist().get_filter(index)[2]
        if code in (NBIT, SCALEOFFSET) and values[2:3] != (math.prod(dataset.chunks),):
            return f"damaged: its filter {FILTERS[code]} does not fit its chunks"
    return None


def _bytes(dataset: "h5py.Dataset", shape: tuple[int, ...]) -> int:
    """Return the bytes of a part of this shape, as they are in the file."""
    return math.prod(shape) * int(dataset.id.get_type().get_size())
