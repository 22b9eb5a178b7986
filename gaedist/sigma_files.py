"""Files of σ, as `gaedist sigma` writes them and ``--sigma FILE`` reads them."""

import contextlib
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gaedist.engine import Array
from gaedist.errors import GaedistError
from gaedist.family import check_sigma
from gaedist.latents import find_array, open_arrays, read_rows, split_name
from gaedist.streams import whole_file

if TYPE_CHECKING:
    import h5py

_DATASET = "sigma"
_MARK = "gaedist"
_HDF5 = (".h5", ".hdf5", ".hdf")


def parse_sigma(text: str, rules: Collection[str]) -> float | str | Array:
    """Return a number, the name of a rule, or the array in a file, whichever the text of ``--sigma`` is."""
    if text in rules:
        return text
    with contextlib.suppress(ValueError):
        return check_sigma(float(text))
    if not Path(split_name(text)[0]).exists():
        raise GaedistError(f"--sigma {text}: no number, no file, and none of {', '.join(rules)}.")
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
        text, separator, dataset = name.partition("::")
        path = Path(text)
        if path.suffix.lower() in _HDF5:
            return cls(path, dataset.strip("/") or _DATASET)
        if path.suffix.lower() != ".npy" or separator:
            raise GaedistError(f"{name}: a file of σ is PATH.npy, PATH.h5 or PATH.h5::DATASET.")
        return cls(path, None)

    @property
    def name(self) -> str:
        """The file and the dataset, as on the command line."""
        return f"{self.path}::{self.dataset}" if self.dataset else str(self.path)

    def check(self) -> None:
        """Raise `GaedistError` for what can be known to fail, before a long computation."""
        if not self.path.resolve().parent.is_dir():
            raise GaedistError(f"{self.path}: cannot be written: there is no such folder.")
        if self.path.is_dir():
            raise GaedistError(f"{self.path}: cannot be written: it is a folder.")
        if self.dataset and self.path.exists():
            with self._opened(self.path, "r") as file:
                self._refuse_foreign(file)

    def write(self, array: Array) -> None:
        """Write the array; the file is never seen half-written, and what else it holds is kept."""
        with whole_file(self.path) as partial:
            if self.dataset is None:
                with partial.open("wb") as stream:
                    np.save(stream, array)
                return
            kept = self.path.exists()
            if kept:
                shutil.copyfile(self.path, partial)
            with self._opened(partial, "a" if kept else "w") as file:
                self._refuse_foreign(file)
                if self.dataset in file:
                    del file[self.dataset]
                file.create_dataset(self.dataset, data=array).attrs[_MARK] = _DATASET

    @contextmanager
    def _opened(self, path: Path, mode: str) -> Iterator["h5py.File"]:
        import h5py

        try:
            with h5py.File(path, mode) as file:
                yield file
        except GaedistError:
            raise
        except Exception as error:  # a damaged file raises OSError, RuntimeError, KeyError, ValueError, …
            raise GaedistError(f"{self.name}: cannot be written into that HDF5 file ({error}).") from error

    def _refuse_foreign(self, file: "h5py.File") -> None:
        """Raise `GaedistError` rather than overwrite what gaedist did not write."""
        if self.dataset in file and file[self.dataset].attrs.get(_MARK) != _DATASET:
            raise GaedistError(
                f"{self.name}: there is a {self.dataset} in it that gaedist did not write. "
                "Name another dataset as PATH.h5::NAME."
            )
