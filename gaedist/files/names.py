"""Names of files and arrays: their natural order, patterns of arrays, and the files of a folder."""

import re
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from gaedist.errors import GaedistError, short_name, some_of
from gaedist.files.stored_array import Listed

_NUMBER = re.compile("([0-9]+)")
_WILD = frozenset("*?[")

NaturalKey = tuple[tuple[str | tuple[int, str], ...], str]


def natural_key(name: str) -> NaturalKey:
    """Return a key by which epoch_2 comes before epoch_10; numbers may have any length."""
    parts = _NUMBER.split(name)
    numbers = [(len(digits), digits) for digits in (part.lstrip("0") for part in parts[1::2])]
    return tuple(x for pair in zip(parts[::2], [*numbers, (0, "")], strict=True) for x in pair), name


def in_natural_order(names: Sequence[str]) -> list[int]:
    """Return the order of names in which those that differ in numbers only are in natural order.

    They keep their places among the other names: a user may have given those in any order.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(_NUMBER.sub("0", name), []).append(place)
    order = list(range(len(names)))
    for alike in places.values():
        for place, source in zip(alike, sorted(alike, key=lambda k: natural_key(names[k])), strict=True):
            order[place] = source
    return order


def is_pattern(name: str) -> bool:
    """Tell whether a name may stand for several arrays."""
    return not _WILD.isdisjoint(name)


def matching(arrays: Sequence[Listed], wanted: Iterable[str]) -> list[tuple[str | None, Listed]]:
    """Return the arrays with these names, or of these patterns, each once with the name that it matches.

    Those of a pattern are in natural order. An array of a file that names none, an .npy, has the name "".

    Raises
    ------
    GaedistError
        If there is no array with a name, or none that matches a pattern.
    """
    names = [(name, array) for array in arrays for name in array.names or (None,)]
    index: dict[str, list[tuple[str | None, Listed]]] = {}
    for name, array in names:
        index.setdefault((name or "").strip("/"), []).append((name, array))
    found: dict[int, tuple[str | None, Listed]] = {}
    for text in wanted:
        pattern = text.strip("/")
        hits = index.get(pattern) if pattern else None
        if not hits and is_pattern(pattern):
            keys = sorted((key for key in index if fnmatchcase(key, pattern)), key=natural_key)
            hits = [hit for key in keys for hit in index[key]]
        if not hits:
            what = "no array matches" if is_pattern(pattern) else "no array"
            held = some_of((short_name(key) for key in index if key), len(index) - ("" in index))
            raise GaedistError(
                f"{what} '{short_name(text)}'{'' if is_pattern(pattern) else ' in this file'}. "
                f"It holds: {held or 'one array without a name' if index else 'no arrays'}."
            )
        for name, array in hits:
            found.setdefault(id(array), (name, array))
    return list(found.values())


def files_in(folder: str, suffixes: Collection[str]) -> list[str]:
    """Return the files of codes in a folder in natural order; hidden files and other folders are left out.

    Raises
    ------
    GaedistError
        If there is none, or the folder cannot be read.
    """
    try:
        paths = [path for path in Path(folder).iterdir() if path.suffix.lower() in suffixes]
        names = [path.name for path in paths if not path.name.startswith(".") and not path.is_dir()]
    except OSError as error:
        raise GaedistError(f"{folder}: {error.strerror or error}.") from error
    if not names:
        raise GaedistError(f"{folder}: no files of codes in this folder ({', '.join(suffixes)}).")
    return [str(Path(folder) / name) for name in sorted(names, key=natural_key)]
