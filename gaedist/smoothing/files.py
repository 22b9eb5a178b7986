"""Files of σ: `gaedist sigma` writes them, ``--sigma FILE`` reads them."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from gaedist.errors import GaedistError, one_line
from gaedist.files.arrays import exists, find_array, open_arrays, read_rows, split_name
from gaedist.files.atomic import check_regular, whole_file
from gaedist.files.hdf5 import is_sigma, mark_sigma
from gaedist.files.hdf5_plugins import plugins_if_allowed
from gaedist.files.sandbox import sandbox_in_use
from gaedist.files.stored_array import shape_text
from gaedist.mixtures.covariance import check_sigma
from gaedist.numerics import Array

if TYPE_CHECKING:
    import h5py

_DATASET = "sigma"
_MAX_SHOWN = 100  # characters of a text in a message
_LOCK_TIMEOUT = 5.0  # seconds to wait while another process has the file open
_LOCKED = "{}: another process has it open. Try again once that process has closed it."
_HDF5 = (".h5", ".hdf5", ".hdf")


def parse_sigma(text: str, rules: Collection[str], option: str = "--sigma") -> float | str | Array:
    """Return the σ in an option's text: a number, the name of a rule, or the array in a file."""
    if text in rules:
        return text
    with contextlib.suppress(ValueError):
        return check_sigma(float(text))
    if not sigma_files([text], rules):
        shown = one_line(text, _MAX_SHOWN)
        raise GaedistError(
            f"{option} '{shown}' is neither a number, nor a file, nor one of {', '.join(rules)}."
        )
    return read_sigma(text)


def sigma_files(texts: Iterable[str | None], rules: Collection[str]) -> list[str]:
    """Return those texts of an option that name files: they exist, and are neither numbers nor rules."""
    return [
        text
        for text in texts
        if text and text not in rules and not _is_number(text) and exists(split_name(text)[0])
    ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_sigma(name: str) -> Array:
    """Read an array of σ from ``path`` or ``path::dataset``; by default the only one, or the one named sigma.

    Raises
    ------
    GaedistError
        If there is no such file or array, or the array is not numeric or does not have one to three axes.
    """
    path, dataset = split_name(name)
    with open_arrays(path) as arrays:
        if dataset is None and len(arrays) > 1 and any(_DATASET in array.names for array in arrays):
            dataset = _DATASET
        array = find_array(arrays, dataset)
        if fault := array.fault or _shape_fault(array.shape):
            raise GaedistError(f"{array.title} is {fault}.")
        return read_rows(array, range(array.shape[0])).reshape(array.shape)


def _shape_fault(shape: tuple[int, ...]) -> str | None:
    if not 1 <= len(shape) <= 3 or 0 in shape:
        return (
            "not an array of σ: it must have one to three axes, none of them empty, but its shape is "
            f"{shape_text(shape) or 'that of a number'}"
        )
    return None


@dataclass(frozen=True)
class SigmaTarget:
    """The file, or the dataset of an HDF5 file, to which σ is written.

    Attributes
    ----------
    path : Path
        An .npy or an HDF5 file.
    dataset : str, optional
        Name of the dataset in an HDF5 file; other datasets in the file are kept.
    """

    path: Path
    dataset: str | None

    @classmethod
    def parse(cls, name: str) -> "SigmaTarget":
        """Parse ``path.npy``, ``path.h5`` or ``path.h5::dataset``; raise `GaedistError` for other names."""
        text, separator, dataset = name.rpartition("::")
        path = Path(text if separator else name)
        dataset = dataset.strip("/") if separator else _DATASET
        if path.suffix.lower() in _HDF5 and not {"", ".", ".."} & set(dataset.split("/")):
            return cls(path, dataset)
        if path.suffix.lower() != ".npy" or separator:
            raise GaedistError(f"{name!r}: a file of σ must be named PATH.npy, PATH.h5 or PATH.h5::DATASET.")
        return cls(path, None)

    @property
    def name(self) -> str:
        """The file and the dataset, as on the command line."""
        return f"{self.path}::{self.dataset}" if self.dataset else str(self.path)

    def check(self) -> None:
        """Raise `GaedistError`, before a long computation, if writing would fail."""
        check_regular(self.path)
        if self.dataset and self.path.exists() and sandbox_in_use():
            raise GaedistError(
                f"{self.path}: σ are not added to a file that must be read in a sandbox. "
                "Give a new file with -o."
            )
        if self.dataset and self.path.exists():
            with self._opened(self.path, "r") as file:
                self._refuse_foreign(file)

    def write(self, array: Array) -> None:
        """Write the array; the file is never visible half-written, and its other datasets are kept.

        If it cannot be written, the array is saved to a temporary file that the `GaedistError` names, if
        there is room for one.
        """
        try:
            self._write(array)
        except GaedistError as error:
            raise GaedistError(f"{error} {_rescued(array)}") from error

    def _write(self, array: Array) -> None:
        with contextlib.ExitStack() as stack:
            kept = self.dataset is not None and self.path.exists()
            if kept:  # and locked until the copy has replaced it
                stack.enter_context(_locked(self.path))
            partial = stack.enter_context(whole_file(self.path))
            if kept:
                shutil.copyfile(self.path, partial)
            stream = stack.enter_context(partial.open("r+b"))
            if self.dataset is None:
                np.save(stream, array)
                return
            # by its stream, because HDF5 cannot open a file without a name
            with self._opened(stream, "a" if kept else "w") as file:
                self._refuse_foreign(file)
                if self.dataset in file:
                    del file[self.dataset]
                mark_sigma(file.create_dataset(self.dataset, data=array))

    @contextmanager
    def _opened(self, path: Path | BinaryIO, mode: str) -> Iterator["h5py.File"]:
        import h5py

        try:
            with plugins_if_allowed(), h5py.File(path, mode) as file:
                yield file
        except GaedistError:
            raise
        except BlockingIOError as error:
            raise GaedistError(_LOCKED.format(self.name)) from error
        except Exception as error:  # a damaged file raises OSError, RuntimeError, KeyError, ValueError, …
            reason = str(error).partition(", ")[0][:_MAX_SHOWN]
            raise GaedistError(f"{self.name}: cannot be written to this HDF5 file ({reason}).") from error

    def _refuse_foreign(self, file: "h5py.File") -> None:
        """Raise `GaedistError` if the dataset is behind a link, or was not written by gaedist."""
        import h5py

        parts = str(self.dataset).split("/")
        for k in range(1, len(parts) + 1):
            path = "/".join(parts[:k])
            if isinstance(file.get(path, getlink=True), (h5py.ExternalLink, h5py.SoftLink)):
                raise GaedistError(
                    f"{self.name}: {path} is a link, and links are not followed. Give another dataset."
                )
            if path not in file:
                return
        found = file[self.dataset]
        if not isinstance(found, h5py.Dataset) or not is_sigma(found):
            raise GaedistError(
                f"{self.name}: the file already has a {self.dataset} that gaedist did not write. "
                "Give another dataset as PATH.h5::NAME."
            )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock that HDF5 takes on a file it writes, on systems that have file locks."""
    try:
        import fcntl
    except ImportError:  # Windows, where an open file cannot be replaced anyway
        yield
        return
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while True:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise GaedistError(_LOCKED.format(path)) from error
                time.sleep(_LOCK_TIMEOUT / 50)
                continue
            # or another process has replaced the file in the meantime
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield
                return


def _rescued(array: Array) -> str:
    """Save an array in the folder for temporary files; return a sentence about it."""
    try:
        with tempfile.NamedTemporaryFile(prefix="gaedist-sigma-", suffix=".npy", delete=False) as stream:
            try:
                np.save(stream, array)
                stream.flush()
            except BaseException:
                Path(stream.name).unlink()
                raise
    except OSError:
        return f"The σ are lost: nor could they be saved to {tempfile.gettempdir()}. Give another -o."
    return f"The σ were saved to {stream.name} instead."
