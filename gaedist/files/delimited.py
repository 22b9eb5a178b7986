"""The numbers in a .csv or .tsv file, one point per line, perhaps below a header.

A first pass counts the lines and notes where blocks of them begin, so that memory is allocated once. NumPy
reads the blocks; one that it refuses is read field by field, which finds missing values or the line to blame.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import BinaryIO

import numpy as np

from gaedist.errors import GaedistError, short_name
from gaedist.files import stored_array
from gaedist.files.format import Format, Source
from gaedist.files.stored_array import Block, StoredArray
from gaedist.files.streams import Pipe
from gaedist.numerics import Array

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMMENT = b"#"  # begins lines that are skipped, as in `numpy.savetxt`
_LONGEST_LINE = 1 << 26  # bytes
_MOST_LINES = 1 << 15  # of a block
_MISSING = {"", "na", "n/a", "<na>", "nan", "null", "none"}
"""What stands for a missing value, in lower case."""

_PEEKED = 256  # bytes that show whether a file is text
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f")) + b"\x7f"

_Line = tuple[int, int, bytes]
"""Number of a line, from 1 on, its position in the file, and its bytes."""


def _recognised(suffix: str, delimiter: bytes, others: bytes, source: Source) -> bool:
    """Return whether a file is text, with the suffix, or in a pipe without a name, with the delimiter."""
    start = source.start(_PEEKED)
    if not start or any(byte in _CONTROLS for byte in start):
        return False
    if source.suffix or not isinstance(source.stream, Pipe):
        return source.suffix == suffix
    first = start.partition(b"\n")[0]
    return delimiter in first and not any(other in first for other in others)


@dataclass(frozen=True, eq=False)
class _Table:
    """The lines of numbers of a file.

    Attributes
    ----------
    stream : binary stream
        The file.
    delimiter : str
        What stands between two numbers of a line.
    first : int
        Number of the first line, which may be a header.
    fields : int
        Fields of this line and of all others, that of an index included.
    has_index : bool
        The first column has an empty name, as pandas and R write an index, and is left out.
    marks : list of tuple of int
        Row, position in the file and number of the line, at the first row of each block.
    rows : int
        Number of rows.
    """

    stream: BinaryIO
    delimiter: str
    first: int
    fields: int
    has_index: bool
    marks: list[tuple[int, int, int]]
    rows: int

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield rows start … stop − 1."""
        for k, (first, position, number) in enumerate(self.marks):
            end = self.marks[k + 1][0] if k + 1 < len(self.marks) else self.rows
            a, b = max(start, first), min(stop, end)
            if a >= b:
                continue
            found = _data_lines(self.stream, number, position)
            lines = list(islice(found, a - first, b - first))
            if len(lines) != b - a:
                raise GaedistError(
                    "the file became shorter while it was being read. Wait until it is complete."
                )
            yield slice(a, b), slice(None), self._numbers(lines)[:, self.has_index :]

    def _numbers(self, lines: list[_Line]) -> Array:
        """Return the numbers in lines, (lines, fields)."""
        with suppress(ValueError, OverflowError):
            texts = [line.decode() for *_, line in lines]
            found = np.loadtxt(texts, delimiter=self.delimiter, comments=None, quotechar='"', ndmin=2)
            if found.shape == (len(lines), self.fields):
                return found
        found = np.empty((len(lines), self.fields))
        for row, line in zip(found, lines, strict=True):
            fields = _split(line, self.delimiter)
            if len(fields) != self.fields:
                raise GaedistError(
                    f"line {line[0]} has {len(fields)} fields, and line {self.first} has {self.fields}."
                )
            row[self.has_index :] = [
                _number(field, line[0], k) for k, field in enumerate(fields) if k or not self.has_index
            ]
        return found


def _number(field: str, line: int, column: int) -> float:
    """Return the number in a field, NaN if it is missing."""
    if _is_number(field):
        return float(field)
    if _is_missing(field):
        return np.nan
    hint = " The fields of a .csv are separated by commas." if {";", "\t"} & set(field) else ""
    raise GaedistError(f"line {line}, field {column + 1}: {short_name(field)!r} is not a number.{hint}")


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def _is_missing(field: str) -> bool:
    return field.strip().lower() in _MISSING


def _data_lines(stream: BinaryIO, number: int, position: int) -> Iterator[_Line]:
    """Yield lines that are neither empty nor comments, from the one at this position, of this number, on."""
    stream.seek(position)
    while line := stream.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise GaedistError(f"line {number} has more than {_LONGEST_LINE >> 20} MiB.")
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if text.strip() and not text.startswith(_COMMENT):
            yield number, position, text
        number, position = number + 1, position + len(line)


def _split(line: _Line, delimiter: str) -> list[str]:
    """Return the fields of a line, without the quotes around them."""
    number, _, text = line
    try:
        return next(csv.reader([text.decode(errors="replace").rstrip("\r\n")], delimiter=delimiter))
    except csv.Error as error:
        raise GaedistError(f"line {number} cannot be read ({error}).") from error


@contextmanager
def _delimited_arrays(delimiter: str, stream: BinaryIO, _size: int) -> Iterator[list[StoredArray]]:
    """List the one array of a file."""
    table = _table(stream, delimiter)
    shape = table.rows, table.fields - table.has_index
    yield [StoredArray(None, shape, np.dtype(np.float64), None, table.blocks)]


def _table(stream: BinaryIO, delimiter: str) -> _Table:
    """Count the lines of a file, and split the first one."""
    lines = _data_lines(stream, 1, 0)
    first = next(lines, None)
    if first is None:
        raise GaedistError("a file of text without a line of numbers.")
    names = _split(first, delimiter)
    has_header = _is_header(names)
    marks: list[tuple[int, int, int]] = []
    rows = end = 0
    for number, position, _ in lines if has_header else chain([first], lines):
        if position >= end or rows == marks[-1][0] + _MOST_LINES:
            marks.append((rows, position, number))
            end = position + stored_array.BLOCK_BYTES
        rows += 1
    has_index = has_header and len(names) > 1 and not names[0].strip()
    return _Table(stream, delimiter, first[0], len(names), has_index, marks, rows)


def _is_header(fields: list[str]) -> bool:
    """Return whether the first line holds names: no numbers, or 0, 1, 2, … as in pandas."""
    names = fields[1:] if not fields[0].strip() else fields
    if len(fields) > 1 and names == [str(k) for k in range(len(names))]:
        return True
    return not all(_is_number(field) or _is_missing(field) for field in fields)


def _format(name: str, suffix: str, delimiter: str, others: bytes) -> Format:
    return Format(
        name=name,
        suffixes=(suffix,),
        holds="one point per line; a first column without a name is an index, and left out",
        recognises=partial(_recognised, suffix, delimiter.encode(), others),
        arrays=partial(_delimited_arrays, delimiter),
        is_text=True,
    )


CSV = _format("CSV", ".csv", ",", others=b"\t")
TSV = _format("TSV", ".tsv", "\t", others=b"")
