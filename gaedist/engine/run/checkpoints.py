"""Checkpoints: a run that is killed and started again resumes from a file and gives the same bits.

A checkpoint has one record for each pass over pairs that the run has begun, in their order: what identifies
the pass, how many tiles are done, and the numbers so far. The whole file is replaced every few seconds. When
the run is started again, each pass resumes from its record; a run with different passes is refused.

The file is a line with a digest of all that follows, which is an .npz. Nothing of it is looked at before the
digest is right, and nothing that does not fit its pass is used.
"""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.run.program import program
from gaedist.errors import GaedistError, check_count
from gaedist.files.atomic import check_regular, whole_file

State = dict[str, NDArray[Any]]
"""The numbers that a pass has computed so far, by name."""

SECONDS = 10.0
"""Least time between two writes of the file."""

_MARK = b"gaedist checkpoint "
_HEADER = "header"
_LINE = len(_MARK) + 64 + 1  # bytes of the first line
_ANEW = "Delete it to start anew, or name another --checkpoint (checkpoint=)."


class PassRecord:
    """How far one pass over pairs has come.

    Attributes
    ----------
    identity : dict of str to str
        What the bits of the pass depend on: program, data and settings.
    done : int
        Number of tiles that are done.
    state : dict of str to array
        The numbers computed from these tiles; empty at the beginning.
    """

    def __init__(
        self, identity: dict[str, str], done: int = 0, checkpoint: "Checkpoint | None" = None
    ) -> None:
        self.identity, self.done, self.checkpoint = identity, done, checkpoint
        self.state: State = {}

    def resume(self, done: int, **shapes: tuple[int, ...]) -> State:
        """Return the numbers to resume from, after a check that they are those of ``done`` tiles.

        Raises
        ------
        GaedistError
            If the count, the names, the shapes or the types differ: another program wrote the file.
        """
        found = {name: array.shape for name, array in self.state.items()}
        doubles = all(array.dtype == np.float64 for array in self.state.values())
        if self.done != done or found != shapes or not doubles:
            path = self.checkpoint.path if self.checkpoint else "the checkpoint"
            raise GaedistError(f"{path} does not fit its run: gaedist did not write it. {_ANEW}")
        return self.state

    def update(self, done: int, state: State) -> None:
        """Store the numbers after ``done`` tiles; write the file if the last write is `SECONDS` ago."""
        self.done, self.state = done, state
        if self.checkpoint and time.monotonic() - self.checkpoint.written > SECONDS:
            self.checkpoint.try_to_write()


class Checkpoint:
    """The records of all passes of a run, in a file.

    Parameters
    ----------
    path : str or Path
        The file, which is read if it exists.
    note : callable, optional
        Called once with a sentence if the file cannot be written; the run continues.

    Raises
    ------
    GaedistError
        If the folder does not exist, or the file is not a checkpoint or cannot be read.
    """

    def __init__(self, path: str | Path, note: Callable[[str], None] | None = None) -> None:
        self.path, self.note = Path(path), note
        check_regular(self.path)
        self.written = time.monotonic()
        self.records = _load(self.path) if self.path.exists() else []
        self._begun, self._refused = 0, False
        self._digests: dict[int, tuple[NDArray[Any], str]] = {}
        for record in self.records:
            record.checkpoint = self

    def next_pass(self, data: Sequence[NDArray[Any] | None], settings: dict[str, Any]) -> PassRecord:
        """Return the record of the pass that begins, over these arrays with these settings.

        Raises
        ------
        GaedistError
            If the file has the record of a different pass in this place.
        """
        identity = program() | {name: repr(value) for name, value in settings.items()}
        identity["data"] = hashlib.sha256("".join(map(self._digest, data)).encode()).hexdigest()
        place, self._begun = self._begun, self._begun + 1
        if place == len(self.records):
            self.records.append(PassRecord(identity, checkpoint=self))
        elif differences := _differences(self.records[place].identity, identity):
            self._refused = True
            raise GaedistError(f"{self.path} is the checkpoint of another run: {differences}. {_ANEW}")
        return self.records[place]

    def try_to_write(self) -> None:
        """Write the file; if that fails, call `note` and continue, because a full disk must not end a run."""
        self.written = time.monotonic()
        try:
            self.write()
        except GaedistError as error:
            if self.note:
                self.note(f"{error} The run continues without a checkpoint.")
            self.note = None

    def write(self) -> None:
        """Write the file; raise `GaedistError` if that fails."""
        passes = [{"identity": record.identity, "done": record.done} for record in self.records]
        header = np.array(json.dumps({"passes": passes}))
        numbers = {
            f"{place}.{name}": array
            for place, record in enumerate(self.records)
            for name, array in record.state.items()
        }
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **{_HEADER: header}, **numbers)
        with whole_file(self.path) as partial, partial.open("wb") as stream:
            stream.write(_first_line(content.getvalue()))
            stream.write(content.getbuffer())
        self.written = time.monotonic()

    def remove(self) -> None:
        """Delete the file at the end of the run, unless it belongs to another run."""
        if not self._refused:
            self.path.unlink(missing_ok=True)

    def _digest(self, array: NDArray[Any] | None) -> str:
        """Return a digest of an array, computed once."""
        if array is None:
            return ""
        if id(array) not in self._digests:
            found = f"{array.shape} {hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()}"
            self._digests[id(array)] = array, found  # a reference, so that no other array gets its id
        return self._digests[id(array)][1]


@contextmanager
def temporary_checkpoint(
    path: Path | None, note: Callable[[str], None] | None
) -> Iterator[Checkpoint | None]:
    """Yield the checkpoint at a path, new or old, and delete it at the end unless an exception is raised."""
    if path is None:
        yield None
        return
    checkpoint = Checkpoint(path, note)
    yield checkpoint
    checkpoint.remove()


def _load(path: Path) -> list[PassRecord]:
    """Read the records of a checkpoint, without unpickling anything."""
    try:
        with path.open("rb") as stream:
            line = stream.read(_LINE)
            content = stream.read() if line.startswith(_MARK) else b""
    except OSError as error:
        raise GaedistError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if not line.startswith(_MARK):
        raise GaedistError(
            f"{path} exists and is not a checkpoint of gaedist. Name another --checkpoint (checkpoint=)."
        )
    if line != _first_line(content):
        raise GaedistError(f"{path} is a damaged checkpoint: its digest is wrong. {_ANEW}")
    try:
        return _parsed(content)
    except Exception as error:  # what another program wrote can raise anything
        raise GaedistError(f"{path} is a checkpoint that gaedist did not write. {_ANEW}") from error


def _first_line(content: bytes) -> bytes:
    return _MARK + hashlib.sha256(content).hexdigest().encode() + b"\n"


def _parsed(content: bytes) -> list[PassRecord]:
    """Return the records in an .npz; raise any exception if it is not one of `Checkpoint.write`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        passes = json.loads(str(stored[_HEADER]))["passes"]
        records = [PassRecord(_texts(row["identity"]), check_count("done", row["done"], 0)) for row in passes]
        for name in stored.files:
            place, _, key = name.partition(".")
            if key:
                records[int(place)].state[key] = np.require(stored[name], requirements=["C", "W"])
    return records


def _texts(identity: dict[str, str]) -> dict[str, str]:
    if not all(isinstance(text, str) for text in identity.values()):
        raise TypeError
    return identity


def _differences(stored: dict[str, str], now: dict[str, str]) -> str:
    """Describe how the pass in the file and the present one differ; empty if they do not."""
    names = [name for name in {**stored, **now} if stored.get(name) != now.get(name)]
    return "; ".join(
        "its data differ"
        if name == "data"
        else f"{name} is {stored.get(name)} in the file and {now.get(name)} now"
        for name in names
    )
