"""Read, write and compare tables in Markdown files, each between `<!-- name -->` and `<!-- end -->`."""

import re

from numpy.testing import assert_allclose

NUMBER = re.compile(r"-?\d+(?:\.\d+(?:e[+-]?\d+)?|e[+-]?\d+)")
"""A number that is not an integer; those are compared as text."""


def _between_marks(name):
    return re.compile(f"(?<=<!-- {name} -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)


def shown(file, name):
    """Return the lines of a table in a file."""
    return _between_marks(name).search(file.read_text())[1].strip().splitlines()


def rewritten(text, tables):
    """Return the text of a file with new lines in its tables."""
    for name, lines in tables.items():
        text = _between_marks(name).sub(lambda _, new=lines: "\n".join(["", *new, "", ""]), text, count=1)
    return text


def row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def header(*cells):
    """Return the first two lines of a table."""
    yield row(*cells)
    yield "|---" * len(cells) + "|"


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


def assert_same(found, expected, **tolerance):
    """Compare texts: all but numbers character by character, and numbers with a tolerance."""
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected)
    assert_allclose(numbers(found), numbers(expected), **tolerance)
