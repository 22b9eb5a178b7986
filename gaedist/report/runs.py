"""Files in their natural order, and the runs that they belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from gaedist.errors import printable


@dataclass(frozen=True)
class Run:
    """Where a file belongs.

    Attributes
    ----------
    folder : str
        Its run: a folder, or a file with several arrays.
    name : str
        Its name in there.
    """

    folder: str
    name: str


def run_of(file: str | None, dataset: str | None) -> Run:
    """Return the folder and the name of a file, or the file and the name of an array in it."""
    file = printable(file or "-")
    if dataset is not None:
        return Run(file, printable(dataset))
    path = PurePath(file)
    return Run(str(path.parent), path.name)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which step2 comes before step10, and codes.npy before codes2.npy."""
    stem, dot, suffix = name.rpartition(".")
    parts = re.split(r"(\d+)", stem if dot else name)
    key = [(1, int(part), "") if part.isdecimal() else (2, 0, part) for part in parts if part]
    return (*key, (0, 0, suffix if dot else ""))


def ordered(sources: Sequence[Mapping[str, str | None]]) -> tuple[list[Run], list[str]]:
    """Return the run of each file, and the names of all runs in natural order without what they share.

    Files of one name in several runs share a place in this order.
    """
    runs = [run_of(source["file"], source["dataset"]) for source in sources]
    return runs, sorted({run.name for run in runs}, key=natural)


def shortened(names: Sequence[str]) -> tuple[list[str], str]:
    """Return names without the beginning and the end that all share, and these, with * between.

    Where nothing would be left of a name they are kept whole.
    """
    if len(names) > 1:
        start = _shared(names)
        end = _shared([name[start:][::-1] for name in names])
        cut = [name[start : len(name) - end] for name in names]
        if all(cut) and start + end:
            return cut, f"{names[0][:start]}*{names[0][len(names[0]) - end :]}"
    return list(names), "file"


def _shared(names: Sequence[str]) -> int:
    """Return how many characters all names begin with, numbers and words in one piece."""
    shortest = min(map(len, names))
    count = next((k for k in range(shortest) if len({name[k] for name in names}) > 1), shortest)
    while count and any(
        count < len(name) and name[count - 1].isalnum() and name[count].isalnum()
        and name[count - 1].isdigit() == name[count].isdigit()
        for name in names
    ):  # fmt: skip
        count -= 1
    return count
