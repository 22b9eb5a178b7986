"""The datasets of an HDF5 file, listed before any of them is read.

HDF5 follows no link itself: external links are refused, and soft links are resolved as text, among the listed
datasets. `hdf5_storage` says which datasets cannot be read, `hdf5_chunks` reads rows of the others.
"""

import posixpath
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from gaedist.errors import GaedistError
from gaedist.files.format import Format, Source
from gaedist.files.hdf5_chunks import reader
from gaedist.files.hdf5_plugins import plugins_if_allowed
from gaedist.files.hdf5_storage import (
    read_fault,
    reason,
    source_fault,
    type_fault,
)
from gaedist.files.stored_array import StoredArray, dtype_fault, no_blocks
from gaedist.files.streams import Pipe, name_of

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""First bytes of an HDF5 file, or of what follows its user block."""

_SMALLEST_USER_BLOCK = 512  # bytes; larger ones double
_PEEKED = 4096 + len(SIGNATURE)  # bytes of a pipe in which a user block may end
_MARK = "gaedist"  # attribute of datasets that gaedist wrote
_LONGEST_MARK = 64  # bytes
_MATLAB = b"MATLAB_class"  # attribute of the arrays that MATLAB wrote


def is_behind_user_block(stream: BinaryIO | Pipe, size: int) -> bool:
    """Return whether the signature of HDF5 follows a user block, as in the files of MATLAB v7.3."""
    if isinstance(stream, Pipe):  # of which little is read before it is known
        start = stream.peek(_PEEKED)
        return is_behind_user_block(BytesIO(start), len(start))
    place, found = _SMALLEST_USER_BLOCK, False
    while not found and place + len(SIGNATURE) <= size:
        stream.seek(place)
        found = stream.read(len(SIGNATURE)) == SIGNATURE
        place *= 2
    stream.seek(0)
    return found


@contextmanager
def hdf5_arrays(stream: BinaryIO, size: int) -> Iterator[list[StoredArray]]:
    """List the datasets of an HDF5 file, which is opened again by name if it has one."""
    import h5py

    with ExitStack() as stack:
        stack.enter_context(plugins_if_allowed())
        try:
            file = stack.enter_context(h5py.File(name_of(stream) or stream, "r"))
            arrays = _list(file, size)
        except MemoryError:
            raise
        except BlockingIOError as error:
            raise GaedistError(
                "another process has the file open for writing. Wait until it is closed."
            ) from error
        except Exception as error:  # a damaged file raises OSError, RuntimeError, KeyError, ValueError, …
            raise GaedistError(_open_fault(error)) from error
        yield arrays


def _open_fault(error: Exception) -> str:
    """Say why a file cannot be opened: cut short, left open by its writer, or damaged."""
    text = reason(error)
    if match := re.search(r"truncated file: eof = (\d+),.* stored_eof = (\d+)", text):
        return (
            f"cut short: it has {match[1]} of {match[2]} bytes. Copy it again, or wait until it is complete."
        )
    if "already open for" in text:
        return (
            "marked as open for writing. Wait until it is closed; if its writer ended without closing it, "
            "run h5clear -s on a copy."
        )
    return f"not a readable HDF5 file: damaged ({text})."


def _list(file: "h5py.File", size: int) -> list[StoredArray]:
    """List every dataset once, with its other names, and every link to another file."""
    import h5py

    found: dict[object, StoredArray] = {}
    links: list[tuple[str, str]] = []
    groups = [("", file)]  # names are given without the leading slash
    seen = {h5py.h5o.get_info(file.id).addr}
    while groups:
        prefix, group = groups.pop(0)
        for key in group:
            if isinstance(key, bytes):  # not UTF-8, and h5py cannot reach it
                continue
            path = posixpath.join(prefix, key)
            try:
                link = group.get(key, getlink=True)
                item = group[key] if isinstance(link, h5py.HardLink) else None
                address = h5py.h5o.get_info(item.id).addr if item else path
                if isinstance(link, h5py.ExternalLink):
                    fault = f"an external link to {link.filename}, which is not followed"
                    found[path] = StoredArray(path, (), None, fault, no_blocks)
                elif isinstance(link, h5py.SoftLink):
                    target = posixpath.join("/", prefix, link.path)
                    links.append((path, posixpath.normpath(target).lstrip("/")))
                elif isinstance(item, h5py.Group) and address not in seen:
                    groups.append((path, item))
                elif isinstance(item, h5py.Dataset) and address in found:
                    links.append((path, str(found[address].name)))
                elif isinstance(item, h5py.Dataset):
                    found[address] = _dataset(file, item, path, size)
                seen.add(address)
            except MemoryError:
                raise
            except Exception as error:  # one damaged object does not hide the others
                found[path] = StoredArray(path, (), None, f"damaged ({reason(error)})", no_blocks)
    return [replace(array, aliases=_aliases(str(array.name), links)) for array in found.values()]


def _aliases(name: str, links: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return the names that link to this one, directly or through other links."""
    names = [name]
    for known in names:
        names += [path for path, target in links if target == known and path not in names]
    return tuple(names[1:])


def _dataset(file: "h5py.File", dataset: "h5py.Dataset", path: str, size: int) -> StoredArray:
    """Describe one dataset; a fault says why it cannot be read."""
    if fault := source_fault(dataset):  # first of all: even its shape can lead to another file
        return StoredArray(path, (), None, fault, no_blocks)
    try:
        dtype = dataset.dtype
    except TypeError:
        return StoredArray(path, dataset.shape or (), None, "of a type that NumPy does not have", no_blocks)
    if dataset.shape is None:
        return StoredArray(path, (), dtype, "an empty dataset without axes", no_blocks)
    fault = dtype_fault(dtype) or type_fault(dataset) or read_fault(dataset, size)
    return StoredArray(
        path,
        dataset.shape,
        dtype,
        fault,
        no_blocks if fault else reader(file, path, size),
        is_sigma=is_sigma(dataset),
        is_transposed=_has_attribute(dataset, _MATLAB) and len(dataset.shape) == 2,
    )


def is_sigma(dataset: "h5py.Dataset") -> bool:
    """Return whether the dataset is marked by `mark_sigma`.

    A mark of variable length is not read, as that can keep HDF5 busy for ever; nothing else writes one.
    """
    import h5py

    if not _has_attribute(dataset, _MARK.encode()):
        return False
    attribute = h5py.h5a.open(dataset.id, _MARK.encode())
    kind, extent = attribute.get_type(), attribute.get_space().get_simple_extent_type()
    if not isinstance(kind, h5py.h5t.TypeStringID) or extent != h5py.h5s.SCALAR:
        return False
    if kind.is_variable_str():
        return True
    return kind.get_size() <= _LONGEST_MARK and bool(dataset.attrs[_MARK] == b"sigma")


def _has_attribute(dataset: "h5py.Dataset", name: bytes) -> bool:
    import h5py

    return bool(h5py.h5a.exists(dataset.id, name))


def mark_sigma(dataset: "h5py.Dataset") -> None:
    """Mark a dataset as σ written by gaedist."""
    dataset.attrs[_MARK] = "sigma"


def _is_hdf5(source: Source) -> bool:
    if source.start(len(SIGNATURE)) == SIGNATURE:
        return True
    return is_behind_user_block(source.stream, source.size)


FORMAT = Format(
    name="HDF5",
    suffixes=(".h5", ".hdf5", ".hdf", ".mat", ".h5ad", ".nc"),
    holds="a dataset; `.mat` of v7.3 and `.h5ad` too, such as `x.h5ad::obsm/X_scVI`",
    recognises=_is_hdf5,
    arrays=hdf5_arrays,
)
