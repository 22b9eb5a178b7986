"""What a format of files is: how one is recognised, and what lists the arrays of one."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO

from gaedist.errors import GaedistError, lacks_memory
from gaedist.files.stored_array import Listed
from gaedist.files.streams import Pipe

Lister = Callable[[Any, int], AbstractContextManager[Sequence[Listed]]]
"""``arrays(stream, size)`` lists the arrays of a file of ``size`` bytes."""


@dataclass(frozen=True)
class Source:
    """A file by which its format is recognised.

    Attributes
    ----------
    stream : binary stream or Pipe
        The file, at its beginning.
    size : int
        Its bytes; 0 for a pipe.
    suffix : str
        The end of its name, from the last dot on, in lower case; empty for standard input.
    """

    stream: BinaryIO | Pipe
    size: int
    suffix: str = ""

    def start(self, count: int) -> bytes:
        """Return the first bytes, which stay to be read; fewer if there are no more."""
        if isinstance(self.stream, Pipe):
            return self.stream.peek(count)
        self.stream.seek(0)
        start = self.stream.read(count)
        self.stream.seek(0)
        return start


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes
    ----------
    name : str
        What it is called.
    suffixes : tuple of str
        How the names of such files end; the first is the usual one.
    holds : str
        What codes are in such a file.
    recognises : callable
        Whether a `Source` is such a file.
    arrays : callable
        What lists the arrays of one.
    package : str, optional
        The module of an optional package that reads it.
    extra : str, optional
        The extra of gaedist that installs this package.
    is_text : bool
        It has no first bytes of its own, and is recognised by the name of the file.
    is_streamed : bool
        It is read from a pipe as it comes, and not kept in memory as a whole.
    """

    name: str
    suffixes: tuple[str, ...]
    holds: str
    recognises: Callable[[Source], bool]
    arrays: Lister
    package: str | None = None
    extra: str | None = None
    is_text: bool = False
    is_streamed: bool = False

    def load(self) -> None:
        """Import the optional package; raise `GaedistError` without it."""
        if self.package is None:
            return
        try:
            import_module(self.package)
        except ImportError as error:
            if lacks_memory(error):
                raise
            raise GaedistError(
                f"a {self.name} file, which the package {self.package.partition('.')[0]} reads. "
                f"Run pip install 'gaedist[{self.extra}]'."
            ) from error


def starts_with(*magics: bytes) -> Callable[[Source], bool]:
    """Return what recognises files by their first bytes."""

    def recognises(source: Source) -> bool:
        return source.start(max(map(len, magics))).startswith(magics)

    return recognises
