"""Filter plugins of HDF5: shared objects that HDF5 loads when a file names a filter that it does not have.

A data file would choose which code runs, so no plugin is loaded unless `allow_plugins` says so.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module

_allowed: ContextVar[bool] = ContextVar("plugins_allowed", default=False)


@contextmanager
def allow_plugins(allowed: bool = True) -> Iterator[None]:
    """Let HDF5 load plugins for the files that are opened in this block."""
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def plugins_are_allowed() -> bool:
    """Return whether this is in a block of `allow_plugins`."""
    return _allowed.get()


@contextmanager
def plugins_if_allowed() -> Iterator[None]:
    """Empty the list of folders in which HDF5 looks for plugins, or register those of hdf5plugin."""
    import h5py

    if plugins_are_allowed():
        with suppress(ImportError):
            import_module("hdf5plugin")  # which registers its filters
        yield
        return
    folders = [h5py.h5pl.get(index) for index in range(h5py.h5pl.size())]
    for _ in folders:
        h5py.h5pl.remove(0)
    try:
        yield
    finally:
        for folder in folders:
            h5py.h5pl.append(folder)
