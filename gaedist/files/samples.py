"""The samples that a name on the command line stands for: one array, several, or several joined to one.

A name is a file, ``file::array``, ``file::pattern``, or a folder, alone or with one of these. Arrays of a
file are read some at a time, and the file is closed while they are used, so that its writer can go on.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from gaedist.errors import GaedistError, about
from gaedist.files.arrays import is_folder, open_arrays, split_name
from gaedist.files.codes import Latents, read_array, read_latents
from gaedist.files.formats import folder_suffixes
from gaedist.files.layouts import ShapeError
from gaedist.files.names import files_in, is_pattern
from gaedist.files.selection import Selection
from gaedist.files.stacks import Source, stacked
from gaedist.files.stored_array import Listed, StoredArray
from gaedist.files.streams import is_pipe

_AT_ONCE = 1 << 26
"""Bytes of codes after which a file with further arrays is closed."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample that has not been used yet.

    Attributes
    ----------
    name : str
        Its name in messages.
    read : callable
        Returns the codes; raises `GaedistError`, or `MemoryError`, if they cannot be used.
    """

    name: str
    read: Callable[[], Latents]


def read_samples(
    name: str | os.PathLike[str],
    selection: Selection | None = None,
    *,
    stack: bool = False,
    on_error: Callable[[str, GaedistError], None] | None = None,
) -> Iterator[Latents]:
    """Read each sample that a name stands for, in natural order: epoch_2 before epoch_10.

    Parameters
    ----------
    name : str or path
        A file; a folder, for each of its files of codes; or either with ``::pattern``, where the pattern is
        one of `fnmatch` for names of arrays.
    selection : Selection, optional
        Which arrays, if ``name`` has no pattern, which rows, and by which layout.
    stack : bool
        Join all arrays to one sample; an array with one axis is one point. Rows are then those of the sample.
    on_error : callable, optional
        Called as ``on_error(name, error)`` for an array that cannot be used; the others are still read.
        Without it the error is raised.

    Yields
    ------
    Latents
        The codes of one sample.

    Raises
    ------
    GaedistError
        If there is no such file, folder or array, or an array cannot be used.
    """
    for sample in samples(os.fspath(name), selection or Selection(), stack=stack):
        try:
            latents = sample.read()
        except GaedistError as error:
            if on_error is None:
                raise
            on_error(sample.name, error)
        else:
            yield latents


def samples(name: str, selection: Selection, *, stack: bool = False) -> Iterator[Sample]:
    """Yield the samples that a name stands for; what is wrong with one is raised when it is read."""
    try:
        path, wanted, sources = sources_of(name, selection)
    except GaedistError as error:
        yield _of_error(name, error)
        return
    several = stack or any(stands_for_several(source.wanted) for source in sources)
    if selection.width and (several or len(sources) > 1):
        alone = GaedistError(f"{selection.width.option} is for the means in one array: name it, PATH::NAME.")
        yield _of_error(name, alone)
        return
    if stack:
        yield from _stack(path, wanted, sources, selection)
        return
    for source in sources:
        if stands_for_several(source.wanted):
            yield from _each(source, selection)
        else:
            read = partial(read_latents, source.path, source.chosen(selection))
            yield Sample(source.title(*source.wanted or (None,)), read)


def sources_of(name: str, selection: Selection) -> tuple[str, tuple[str, ...], list[Source]]:
    """Return the path in a name, the names and patterns of arrays, and the files to look for them in."""
    path, dataset = split_name(name)
    wanted = (dataset,) if dataset is not None else selection.datasets
    files = files_in(path, folder_suffixes()) if path and is_folder(path) else [path]
    return path, wanted, [Source(file, wanted) for file in files]


def stands_for_several(wanted: tuple[str, ...]) -> bool:
    """Tell whether names of arrays may stand for several."""
    return len(wanted) > 1 or any(map(is_pattern, wanted))


def _of_error(name: str, error: Exception) -> Sample:
    def read() -> Latents:
        raise error

    return Sample(name, read)


def _of_codes(name: str, latents: Latents) -> Sample:
    return Sample(name, lambda: latents)


def _each(source: Source, selection: Selection) -> Iterator[Sample]:
    """Yield each array of a file that is wanted."""
    is_piped = is_pipe(source.path)  # and can be read once
    names: deque[str | None] | None = None
    while names is None or names:
        ready: deque[Sample] = deque()
        try:
            with open_arrays(source.path) as arrays:
                found = dict(source.arrays(arrays))
                if names is None:
                    names = deque(found)
                    _check_axes(found, selection)
                size = 0
                while names and size < _AT_ONCE:
                    name = names.popleft()
                    try:
                        latents = _read_one(found, name, source, selection)
                        size += latents.codes.nbytes
                        ready.append(_of_codes(latents.name, latents))
                    except (GaedistError, MemoryError) as error:
                        ready.append(_of_error(source.title(name), error))
                    if is_piped:
                        yield ready.popleft()
        except (GaedistError, OSError, MemoryError) as error:
            yield _of_error(source.path, error)
            return
        while ready:
            yield ready.popleft()


def _check_axes(found: dict[str | None, Listed], selection: Selection) -> None:
    """Raise `ShapeError` once for several arrays that all have one axis: each is a point of one sample."""
    shapes = [array.shape for array in found.values() if isinstance(array, StoredArray) and not array.fault]
    if (
        len(shapes) == len(found) > 1
        and selection.layout is None
        and all(len(shape) == 1 for shape in shapes)
    ):
        raise ShapeError("", shapes[0], count=len(shapes))


def _read_one(
    found: dict[str | None, Listed], name: str | None, source: Source, selection: Selection
) -> Latents:
    """Read an array now; the name of the file is put in front of an error."""
    with about(source.title(name)):
        if name not in found:
            raise GaedistError("the array is no longer in the file.")
        array = replace(found[name].described(), name=None)
        return replace(read_array(array, source.path, selection), dataset=name)


def _stack(
    path: str, wanted: tuple[str, ...], sources: list[Source], selection: Selection
) -> Iterator[Sample]:
    """Yield an error for each array that cannot be used, and the sample of all others."""
    title = " ".join(wanted) or None
    problems: list[tuple[str, GaedistError]] = []
    try:
        latents = stacked(path, title, sources, selection, problems)
    except (GaedistError, OSError, MemoryError) as error:
        yield from (_of_error(*problem) for problem in problems)
        yield _of_error(path, error)
        return
    yield from (_of_error(*problem) for problem in problems)
    if latents:
        yield _of_codes(latents.name, latents)
