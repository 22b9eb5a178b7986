"""What long passes have done, in a file, so that a run that is killed goes on from there to the same bits.

A checkpoint has a section for each pass over pairs that the run has begun, in their order: what it is about,
how many tiles are done, and the numbers so far. The file is written anew, as a whole, every few seconds. A
run that comes to the same pass takes these up; one that comes to another pass is refused.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError
from gaedist.files.atomic import whole_file
from gaedist.version import __version__

State = dict[str, NDArray[Any]]
"""The numbers of a pass so far."""

SECONDS = 10.0
"""Between two times that the file is written."""

_MARK = "gaedist checkpoint"
_HEADER = "header"


class Section:
    """What a pass has done.

    Attributes
    ----------
    about : dict of str to str
        What the pass is.
    done : int
        Tiles.
    state : dict of str to array
        The numbers after these; empty at the beginning.
    """

    def __init__(self, about: dict[str, str], done: int = 0, checkpoint: "Checkpoint | None" = None) -> None:
        self.about, self.done, self.checkpoint = about, done, checkpoint
        self.state: State = {}

    def keep(self, done: int, state: State) -> None:
        """Take note of the numbers after so many tiles, and write them if it is time."""
        self.done, self.state = done, state
        if self.checkpoint and time.monotonic() - self.checkpoint.written > SECONDS:
            self.checkpoint.try_to_write()


class Checkpoint:
    """A file of what the passes of a run have done.

    Parameters
    ----------
    path : str or Path
        Where it is, or will be.
    note : callable, optional
        Called once with a sentence if it cannot be written; the run goes on.

    Raises
    ------
    GaedistError
        If something else is there, or it cannot be read.
    """

    def __init__(self, path: str | Path, note: Callable[[str], None] | None = None) -> None:
        self.path, self.note = Path(path), note
        if not self.path.absolute().parent.is_dir():
            raise GaedistError(f"{path} cannot be written: there is no such folder.")
        self.written = time.monotonic()
        self.sections = _load(self.path) if self.path.exists() else []
        self._begun, self._refused = 0, False
        self._digests: dict[int, tuple[NDArray[Any], str]] = {}
        for section in self.sections:
            section.checkpoint = self

    def section(self, data: Sequence[NDArray[Any] | None], settings: dict[str, Any]) -> Section:
        """Return the section of the next pass, which is about some arrays with some settings.

        Raises
        ------
        GaedistError
            If that of another pass is in its place.
        """
        about = _program() | {name: repr(value) for name, value in settings.items()}
        about["data"] = hashlib.sha256("".join(map(self._digest, data)).encode()).hexdigest()
        place, self._begun = self._begun, self._begun + 1
        if place == len(self.sections):
            self.sections.append(Section(about, checkpoint=self))
        elif other := _differences(self.sections[place].about, about):
            self._refused = True
            raise GaedistError(
                f"{self.path} is the checkpoint of another run: {other}. Delete it, or name another "
                "--checkpoint (checkpoint=)."
            )
        return self.sections[place]

    def try_to_write(self) -> None:
        """Write the file, if that can be done: a full disk must not end a run."""
        self.written = time.monotonic()
        try:
            self.write()
        except GaedistError as error:
            if self.note:
                self.note(f"{error} The run goes on without a checkpoint.")
            self.note = None

    def write(self) -> None:
        """Write the file."""
        sections = [{"about": section.about, "done": section.done} for section in self.sections]
        header = np.array(json.dumps({"mark": _MARK, "sections": sections}))
        numbers = {
            f"{place}.{name}": array
            for place, section in enumerate(self.sections)
            for name, array in section.state.items()
        }
        with whole_file(self.path) as partial, partial.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **{_HEADER: header}, **numbers)
        self.written = time.monotonic()

    def remove(self) -> None:
        """Delete the file, as the run has come to its end, unless it is of another."""
        if not self._refused:
            self.path.unlink(missing_ok=True)

    def _digest(self, array: NDArray[Any] | None) -> str:
        """Return a digest of an array, which is looked at once."""
        if array is None:
            return ""
        if id(array) not in self._digests:
            found = f"{array.shape} {hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()}"
            self._digests[id(array)] = array, found  # held, lest another has its id
        return self._digests[id(array)][1]


@contextmanager
def kept(path: Path | None, note: Callable[[str], None] | None) -> Iterator[Checkpoint | None]:
    """Yield the checkpoint that is or will be at a path, and delete it if no exception comes."""
    if path is None:
        yield None
        return
    checkpoint = Checkpoint(path, note)
    yield checkpoint
    checkpoint.remove()


def _load(path: Path) -> list[Section]:
    """Read a checkpoint; nothing is unpickled."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            header = json.loads(str(stored[_HEADER]))
            if header["mark"] != _MARK:
                raise ValueError
            sections = [Section(dict(row["about"]), int(row["done"])) for row in header["sections"]]
            for name in stored.files:
                place, _, key = name.partition(".")
                if key:
                    sections[int(place)].state[key] = stored[name]
    except PermissionError as error:
        raise GaedistError(f"{path}: cannot be read: {error.strerror}.") from error
    except Exception as error:  # random bytes can raise anything
        raise GaedistError(
            f"{path} is there, and is no checkpoint of gaedist. Name another --checkpoint (checkpoint=)."
        ) from error
    return sections


def _program() -> dict[str, str]:
    """Say what decides on the bits of a result, beside what is computed."""
    import numba
    from llvmlite.binding import get_host_cpu_name

    from gaedist.engine.compiled.arithmetic import sources

    return {
        "gaedist": f"{__version__} ({sources()[:8]})",
        "numpy": np.__version__,
        "numba": numba.__version__,
        "processor": get_host_cpu_name(),
    }


def _differences(there: dict[str, str], here: dict[str, str]) -> str:
    """Say in what two passes differ."""
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    return "; ".join(
        "its data are others"
        if name == "data"
        else f"{name} is {there.get(name)} there and {here.get(name)} here"
        for name in names
    )
