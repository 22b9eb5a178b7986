"""The datasets of an HDF5 file, listed before any of them is read.

Datasets that would make HDF5 read another file (external links, external storage, virtual datasets) are
refused, and so are datasets that claim more bytes than the file holds. HDF5 follows no link itself: soft
links are resolved as text, among the listed datasets.
"""

import math
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from gaedist.errors import GaedistError
from gaedist.files.stored_array import (
    MAX_DEFLATE_RATIO,
    Block,
    StoredArray,
    dtype_fault,
    no_blocks,
    row_blocks,
)

if TYPE_CHECKING:
    import h5py

_MARK = "gaedist"  # attribute of datasets that gaedist wrote


@contextmanager
def hdf5_arrays(stream: BinaryIO, _size: int) -> Iterator[list[StoredArray]]:
    """List the datasets of an HDF5 file, which is opened again by name if it has one."""
    import h5py

    try:
        with h5py.File(getattr(stream, "name", stream), "r") as file:
            yield _list(file)
    except (GaedistError, MemoryError):
        raise
    except BlockingIOError as error:
        raise GaedistError(
            "another process has the file open for writing. Wait until it is closed."
        ) from error
    except Exception as error:  # a damaged file raises OSError, RuntimeError, KeyError, ValueError, …
        raise GaedistError(f"not a readable HDF5 file ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    """Return what HDF5 puts in parentheses after the name of its own function."""
    return str(error).partition("(")[2].rstrip(")") or str(error)


def _list(file: "h5py.File") -> list[StoredArray]:
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
            path, link = posixpath.join(prefix, key), group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                fault = f"an external link to {link.filename}, which is not followed"
                found[path] = StoredArray(path, (), None, fault, no_blocks)
            elif isinstance(link, h5py.SoftLink):
                target = posixpath.join("/", prefix, link.path)
                links.append((path, posixpath.normpath(target).lstrip("/")))
            else:
                item = group[key]
                address = h5py.h5o.get_info(item.id).addr
                if isinstance(item, h5py.Group) and address not in seen:
                    groups.append((path, item))
                elif isinstance(item, h5py.Dataset) and address in found:
                    links.append((path, str(found[address].name)))
                elif isinstance(item, h5py.Dataset):
                    found[address] = _dataset(item, path)
                seen.add(address)
    return [replace(array, aliases=_aliases(str(array.name), links)) for array in found.values()]


def _aliases(name: str, links: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return the names that link to this one, directly or through other links."""
    names = [name]
    for known in names:
        names += [path for path, target in links if target == known and path not in names]
    return tuple(names[1:])


def _dataset(dataset: "h5py.Dataset", path: str) -> StoredArray:
    """Describe one dataset; a fault says why it cannot be read."""
    try:
        dtype = dataset.dtype
    except TypeError:
        return StoredArray(path, dataset.shape or (), None, "of a type that NumPy does not have", no_blocks)
    if dataset.shape is None:
        return StoredArray(path, (), dtype, "an empty dataset without axes", no_blocks)

    def blocks(start: int, stop: int) -> Iterator[Block]:
        multiple = dataset.chunks[0] if dataset.chunks else 1
        columns = math.prod(dataset.shape[1:])
        for a, b in row_blocks(start, stop, columns * dtype.itemsize, multiple):
            try:
                block = dataset[a:b].reshape(b - a, columns)
            except (OSError, RuntimeError, ValueError) as error:  # a damaged chunk
                raise GaedistError(f"{path} is damaged ({_reason(error)}).") from error
            yield slice(a, b), slice(None), block

    fault = dtype_fault(dtype) or _storage_fault(dataset)
    return StoredArray(path, dataset.shape, dtype, fault, blocks, is_sigma=is_sigma(dataset))


def is_sigma(dataset: "h5py.Dataset") -> bool:
    """Return whether the dataset is marked by `mark_sigma`."""
    return bool(dataset.attrs.get(_MARK) == "sigma") if _MARK in dataset.attrs else False


def mark_sigma(dataset: "h5py.Dataset") -> None:
    """Mark a dataset as σ written by gaedist."""
    dataset.attrs[_MARK] = "sigma"


def _storage_fault(dataset: "h5py.Dataset") -> str | None:
    """Return why the data cannot be read from this file, or None if they can."""
    if dataset.external:
        return "stored in an external file, which is not read"
    if dataset.is_virtual:
        return "a virtual dataset, which is not followed; name the file that holds the numbers"
    claimed, held = math.prod(dataset.shape) * dataset.dtype.itemsize, dataset.id.get_storage_size()
    filtered = dataset.id.get_create_plist().get_nfilters() > 0
    if claimed > held * (MAX_DEFLATE_RATIO if filtered else 1):
        return f"cut short or incomplete: its header claims {claimed} bytes, but {held} are stored"
    return None
