"""Files of σ, as `gaedist sigma` writes them and ``--sigma FILE`` reads them."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gaedist.errors import GaedistError
from gaedist.files.arrays import find_array, open_arrays, read_rows, split_name
from gaedist.files.atomic import whole_file
from gaedist.files.hdf5 import is_sigma, mark_sigma
from gaedist.mixtures.covariance import check_sigma
from gaedist.numerics import Array

if TYPE_CHECKING:
    import h5py

_DATASET = "sigma"
_LONGEST_SHOWN = 100
_PATIENCE = 5.0  # seconds that another process may have the file open
_BUSY = "{}: another process has it open. Wait until that has closed it."
_HDF5 = (".h5", ".hdf5", ".hdf")


def parse_sigma(text: str, rules: Collection[str], option: str = "--sigma") -> float | str | Array:
    """Return a number, the name of a rule, or the array in a file, whichever the text of an option is."""
    if text in rules:
        return text
    with contextlib.suppress(ValueError):
        return check_sigma(float(text))
    try:
        found = text and Path(split_name(text)[0]).exists()
    except OSError:  # a name too long for a file
        found = False
    if not found:
        shown = text if len(text) < _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        raise GaedistError(f"{option} {shown!r}: no number, no file, and none of {', '.join(rules)}.")
    return read_sigma(text)


def read_sigma(name: str) -> Array:
    """Read an array of σ from ``path`` or ``path::dataset``; in a file with several, the one named sigma.

    Raises
    ------
    GaedistError
        If there is no such file or array, or it holds no real numbers in one to three axes.
    """
    path, dataset = split_name(name)
    with open_arrays(path) as arrays:
        if dataset is None and len(arrays) > 1 and any(array.name == _DATASET for array in arrays):
            dataset = _DATASET
        array = find_array(arrays, dataset)
        if fault := array.fault or _shape_fault(array.shape):
            raise GaedistError(f"{array.name or 'the array'} is {fault}.")
        return read_rows(array, range(array.shape[0])).reshape(array.shape)


def _shape_fault(shape: tuple[int, ...]) -> str | None:
    if not 1 <= len(shape) <= 3 or 0 in shape:
        return f"no file of σ, which has one to three axes, none of them empty: its shape is {shape}"
    return None


@dataclass(frozen=True)
class SigmaTarget:
    """Where a file of σ is to be written.

    Attributes
    ----------
    path : Path
        An .npy or an HDF5 file.
    dataset : str, optional
        Name in an HDF5 file; the other datasets of the file stay.
    """

    path: Path
    dataset: str | None

    @classmethod
    def parse(cls, name: str) -> "SigmaTarget":
        """Parse ``path.npy``, ``path.h5`` or ``path.h5::dataset``; raise `GaedistError` if it cannot be."""
        text, separator, dataset = name.rpartition("::")
        path = Path(text if separator else name)
        dataset = dataset.strip("/") if separator else _DATASET
        if path.suffix.lower() in _HDF5 and not {"", ".", ".."} & set(dataset.split("/")):
            return cls(path, dataset)
        if path.suffix.lower() != ".npy" or separator:
            raise GaedistError(f"{name!r}: a file of σ is PATH.npy, PATH.h5 or PATH.h5::DATASET.")
        return cls(path, None)

    @property
    def name(self) -> str:
        """The file and the dataset, as on the command line."""
        return f"{self.path}::{self.dataset}" if self.dataset else str(self.path)

    def check(self, inputs: Collection[str] = ()) -> None:
        """Raise `GaedistError` for what can be known to fail, before a long computation.

        That includes an .npy that is one of the inputs of the command, which would be lost.
        """
        try:
            if not self.path.resolve().parent.is_dir():
                raise GaedistError(f"{self.path}: cannot be written: there is no such folder.")
            existing = self.path.exists()
        except OSError as error:
            raise GaedistError(f"{self.path}: cannot be written: {error.strerror}.") from error
        if not existing:
            return
        if not self.path.is_file():
            raise GaedistError(f"{self.path}: cannot be written: it is no regular file.")
        if self.dataset:
            with self._opened(self.path, "r") as file:
                self._refuse_foreign(file)
        elif any(self.path.samefile(name) for name in inputs if Path(name).exists()):
            raise GaedistError(f"{self.path}: is read by this command, and would be lost. Name another -o.")

    def write(self, array: Array) -> None:
        """Write the array; the file is never seen half-written, and what else it holds is kept.

        If it cannot be written, the array is put where it can, and the `GaedistError` says where.
        """
        try:
            self._write(array)
        except GaedistError as error:
            raise GaedistError(f"{error} The σ are in {_rescued(array)} instead.") from error

    def _write(self, array: Array) -> None:
        with contextlib.ExitStack() as stack:
            kept = self.dataset is not None and self.path.exists()
            if kept:  # and locked until the copy has taken its place
                stack.enter_context(_locked(self.path))
            partial = stack.enter_context(whole_file(self.path))
            if kept:
                shutil.copyfile(self.path, partial)
            if self.dataset is None:
                with partial.open("wb") as stream:
                    np.save(stream, array)
                return
            with self._opened(partial, "a" if kept else "w") as file:
                self._refuse_foreign(file)
                if self.dataset in file:
                    del file[self.dataset]
                mark_sigma(file.create_dataset(self.dataset, data=array))

    @contextmanager
    def _opened(self, path: Path, mode: str) -> Iterator["h5py.File"]:
        import h5py

        try:
            with h5py.File(path, mode) as file:
                yield file
        except GaedistError:
            raise
        except BlockingIOError as error:
            raise GaedistError(_BUSY.format(self.name)) from error
        except Exception as error:  # a damaged file raises OSError, RuntimeError, KeyError, ValueError, …
            reason = str(error).partition(", ")[0][:_LONGEST_SHOWN]
            raise GaedistError(f"{self.name}: cannot be written into that HDF5 file ({reason}).") from error

    def _refuse_foreign(self, file: "h5py.File") -> None:
        """Raise `GaedistError` rather than follow a link, or overwrite what gaedist did not write."""
        import h5py

        parts = str(self.dataset).split("/")
        for k in range(1, len(parts) + 1):
            path = "/".join(parts[:k])
            if isinstance(file.get(path, getlink=True), (h5py.ExternalLink, h5py.SoftLink)):
                raise GaedistError(f"{self.name}: {path} is a link, which is not followed. Name another.")
            if path not in file:
                return
        found = file[self.dataset]
        if not isinstance(found, h5py.Dataset) or not is_sigma(found):
            raise GaedistError(
                f"{self.name}: there is a {self.dataset} in it that gaedist did not write. "
                "Name another dataset as PATH.h5::NAME."
            )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock that HDF5 takes on a file that it writes; what cannot be locked is left alone."""
    try:
        import fcntl
    except ImportError:  # Windows, where an open file cannot be replaced anyway
        yield
        return
    deadline = time.monotonic() + _PATIENCE
    while True:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise GaedistError(_BUSY.format(path)) from error
                time.sleep(_PATIENCE / 50)
                continue
            if os.path.samestat(
                os.fstat(file.fileno()), path.stat()
            ):  # and not what another took the place of
                yield
                return


def _rescued(array: Array) -> str:
    """Write an array into the folder for temporary files; return where."""
    with tempfile.NamedTemporaryFile(prefix="gaedist-sigma-", suffix=".npy", delete=False) as stream:
        np.save(stream, array)
    return stream.name
