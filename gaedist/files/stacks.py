"""Several arrays, of one file or of many, joined to one sample.

What the arrays are is found out first, so that memory is checked and allocated once; then each is read to its
place. Files are opened one at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from gaedist.errors import GaedistError, about
from gaedist.files.arrays import Rows, fill, new_codes, open_arrays, selected_blocks
from gaedist.files.codes import Latents, arranged, latents_of
from gaedist.files.finite_rows import usable
from gaedist.files.layouts import Arrangement
from gaedist.files.names import matching
from gaedist.files.selection import Selection, pick_rows
from gaedist.files.stored_array import Block, Listed, StoredArray

_EVERYTHING = ("*",)


@dataclass(frozen=True)
class Source:
    """A file, and the names or patterns of the arrays that are wanted of it.

    Attributes
    ----------
    path : str
        Path of the file.
    wanted : tuple of str
        Names and patterns; empty for the only array of codes.
    """

    path: str
    wanted: tuple[str, ...]

    def chosen(self, selection: Selection) -> Selection:
        """Return a selection of the arrays that are wanted."""
        return replace(selection, dataset=self.wanted or None)

    def title(self, name: str | None) -> str:
        """Return the name of an array on the command line."""
        return f"{self.path}::{name}" if name else self.path

    def arrays(self, arrays: Sequence[Listed]) -> list[tuple[str | None, Listed]]:
        """Return the arrays that are wanted; σ that gaedist wrote only by its name."""
        found = [
            (name, array)
            for name, array in matching(arrays, self.wanted or _EVERYTHING)
            if name in self.wanted or not (isinstance(array, StoredArray) and array.is_sigma)
        ]
        if not found:
            raise GaedistError("σ that gaedist wrote, and no codes. Name them if they are codes.")
        return found


@dataclass(frozen=True, eq=False)
class _Part:
    """An array of a sample, and how its rows become points."""

    source: Source
    name: str | None
    array: StoredArray
    arrangement: Arrangement

    @property
    def title(self) -> str:
        return self.source.title(self.name)


def stacked(
    path: str,
    dataset: str | None,
    sources: Sequence[Source],
    selection: Selection,
    problems: list[tuple[str, GaedistError]],
) -> Latents | None:
    """Read all arrays of some files as one sample; None if there is none that can be used.

    Parameters
    ----------
    path, dataset : str
        The names of the sample in results.
    sources : sequence of Source
        The files.
    selection : Selection
        Which rows of the sample, and the layout of each array.
    problems : list
        Takes the name of each file or array that cannot be used, and why.

    Raises
    ------
    GaedistError
        If dimensions differ, or a row cannot be used.
    """
    if len(sources) == 1:
        with open_arrays(sources[0].path) as arrays:  # once: it may be a pipe
            parts = _parts(sources[0], arrays, selection, problems)
            try:
                return _joined(path, dataset, parts, selection, lambda _: nullcontext(parts))
            except GaedistError as error:
                failure = error  # has its name already
        raise failure
    parts = []
    for source in sources:
        try:
            with open_arrays(source.path) as arrays:
                parts += _parts(source, arrays, selection, problems)
        except GaedistError as error:
            problems.append((source.path, error))

    @contextmanager
    def again(source: Source) -> Iterator[list[_Part]]:
        with open_arrays(source.path) as arrays:
            yield _parts(source, arrays, selection, [])

    return _joined(path, dataset, parts, selection, again)


def _parts(
    source: Source,
    arrays: Sequence[Listed],
    selection: Selection,
    problems: list[tuple[str, GaedistError]],
) -> list[_Part]:
    """Return the arrays of a file that can be used."""
    parts = []
    for name, listed in source.arrays(arrays):
        try:
            with about(source.title(name)):
                array = replace(listed.described(), name=None)
                chosen = selection
                if len(array.shape) == 1 and not array.fault:
                    array, chosen = as_row(array), replace(selection, transpose=False)
                parts.append(_Part(source, name, *arranged(array, chosen)))
        except GaedistError as error:
            problems.append((source.title(name), error))
    return parts


def as_row(array: StoredArray) -> StoredArray:
    """Return an array with one axis as an array of one row."""

    def blocks(start: int, stop: int) -> Iterator[Block]:
        for rows, _, block in array.blocks(0, array.shape[0]) if start < stop else ():
            yield slice(0, 1), rows, block.T

    return replace(array, shape=(1, *array.shape), blocks=blocks, runs=None)


def _joined(
    path: str,
    dataset: str | None,
    parts: Sequence[_Part],
    selection: Selection,
    opened: Callable[[Source], AbstractContextManager[Sequence[_Part]]],
) -> Latents | None:
    """Read the arrays to one sample; ``opened`` gives those of a file while it is open."""
    if not parts:
        return None
    name = f"{path}::{dataset}" if dataset else path
    _check_dims(parts)
    ends = np.cumsum([part.array.shape[0] for part in parts])  # in rows of the sample
    with about(name):
        rows = pick_rows(int(ends[-1]), selection)
        picks = [
            _within(rows, int(end) - part.array.shape[0], int(end))
            for part, end in zip(parts, ends, strict=True)
        ]
        counts = [len(picked) * part.arrangement.per_item for part, picked in zip(parts, picks, strict=True)]
        stops = np.cumsum(counts)  # in points
        codes = new_codes(int(stops[-1]), parts[0].arrangement.dim)
    place = 0
    for source, group in groupby(parts, key=lambda part: part.source):
        wanted = list(group)
        with opened(source) as found:
            now = {part.name: part for part in found}
            for part in wanted:
                picked, stop = picks[place], int(stops[place])
                if len(picked):
                    with about(part.title):
                        part = _unchanged(part, now)
                        entropy = selection.seed, selection.draw, place
                        blocks = selected_blocks(part.array, picked, part.arrangement, entropy)
                        fill(codes[stop - counts[place] : stop], blocks, part.arrangement)
                place += 1

    def title(point: int) -> str:
        index = int(np.searchsorted(stops, point, side="right"))
        part, first = parts[index], int(stops[index]) - counts[index]
        item, position = divmod(point - first, part.arrangement.per_item)
        where = part.arrangement.place(int(picks[index][item]), position)
        return f"{part.name or Path(part.source.path).name}: {where}"

    with about(name):
        codes, dropped = usable(codes, title, selection)
    widest = max((part.arrangement for part in parts), key=lambda arrangement: arrangement.per_item)
    transposed = any(part.array.is_transposed for part in parts)
    return latents_of(codes, path, dataset, dropped, transposed, widest, selection, len(parts))


def _check_dims(parts: Sequence[_Part]) -> None:
    """Raise `GaedistError`, naming two arrays, unless all have the same dimension."""
    first = parts[0]
    for part in parts:
        if part.arrangement.dim != first.arrangement.dim:
            raise GaedistError(
                f"{first.title} has points of {first.arrangement.dim} dimensions, and {part.title} of "
                f"{part.arrangement.dim}: they cannot be joined. Choose arrays by PATH::PATTERN."
            )


def _within(rows: Rows, start: int, stop: int) -> Rows:
    """Return the selected rows of one array, counted from its first one."""
    if isinstance(rows, range):
        return range(max(rows.start, start) - start, max(start, min(rows.stop, stop)) - start)
    first, last = np.searchsorted(rows, (start, stop))
    return rows[first:last] - start


def _unchanged(part: _Part, now: Mapping[str | None, _Part]) -> _Part:
    """Return the array as it is now; raise `GaedistError` if it is not what it was."""
    found = now.get(part.name)
    if found is None or found.array.shape != part.array.shape:
        raise GaedistError("the array changed while the others were read. Wait until all are complete.")
    return found
