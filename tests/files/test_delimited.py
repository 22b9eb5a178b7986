"""Text as NumPy, pandas, R and spreadsheets write it; a line that is not numbers is named by its number."""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection

X = np.random.default_rng(0).normal(size=(300, 3))


def read(text, name="x.csv", **selection):
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_latents(name, Selection(**selection)).codes.tolist()


@pytest.mark.parametrize("settings", [{}, {"index": False}, {"header": False, "index": False}])
@pytest.mark.parametrize(("name", "separator"), [("x.csv", ","), ("x.tsv", "\t")])
def test_what_pandas_writes(name, separator, settings):
    """With an index and a header of numbers, by default, or without."""
    frame = pd.DataFrame(X)
    frame.to_csv(name, sep=separator, **settings)
    np.testing.assert_array_equal(read_latents(name).codes, X)
    frame.set_axis([f"cell {k}" for k in range(300)]).set_axis(["a", "b", "c"], axis=1).to_csv(
        name, sep=separator
    )
    np.testing.assert_array_equal(read_latents(name).codes, X)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("1,2\n3,4", [[1, 2], [3, 4]]),
        ("a,b\r\n1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
        ('"x, y",b\n1,2\n', [[1, 2]]),
        ("\ufeffa,b\n1,2\n", [[1, 2]]),
        ("\ufeff1,2\n3,4\n", [[1, 2], [3, 4]]),
        ('"","a"\n"r1",1\n"r2",2\n', [[1], [2]]),
        ("# by hand\n\n1, 2\n\n  \n# more\n 3,4 \n", [[1, 2], [3, 4]]),
        ("z\n1\n2\n", [[1], [2]]),
        ("1e-3,-.5\n+2,3.\n", [[0.001, -0.5], [2, 3]]),
        ('"1","2"\n', [[1, 2]]),
        ("0,1\n0.5,2\n", [[0.5, 2]]),
        ("größe,b\n1,2\n".encode("latin-1"), [[1, 2]]),
    ],
)
def test_lines(text, codes):
    assert read(text) == codes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n\n3\n", "line 4 has 1 fields, and line 1 has 2."),
        ("1,2\n3,4,5\n", "line 2 has 3 fields, and line 1 has 2."),
        ("a,b\n1,2\n3,x\n", "line 3, field 2: 'x' is not a number."),
        ("a,b\n1,2\n3,1_0\n", "line 3, field 2: '1_0' is not a number."),
        (
            "1;2\n3;4\n",
            "line 2, field 1: '3;4' is not a number. The fields of a .csv are separated by commas.",
        ),
        ("a,b\n", "the array is empty: 0 points of 2 dimensions."),
        ("# nothing\n\n", "a file of text without a line of numbers."),
        ("a,b\n1,2\n3,\n", "row 1 has NaN in column 1; 1 of 2 rows are not finite. Drop them with"),
        ("a,b\n1,NA\n3,4\n", "row 0 has NaN in column 1; 1 of 2 rows are not finite. Drop them with"),
        (",0,2\n0,3,4\n", "row 0 has NaN in column 0; 1 of 2 rows are not finite"),  # pandas of some columns
        ("1,1e999\n3,4\n", "row 0 has inf in column 1; 1 of 2 rows are not finite"),
        ('a,b\n1,"2\n3,4"\n', "line 3, field 2: '4\"' is not a number."),
    ],
)
def test_lines_that_are_no_codes(text, message, refused):
    Path("x.csv").write_text(text)
    assert refused("x.csv").startswith(f"x.csv: {message}")


def test_lines_are_counted_through_blocks(refused, monkeypatch):
    monkeypatch.setattr("gaedist.files.stored_array.BLOCK_BYTES", 500)
    lines = ["a,b", *(f"{k},{k}.5" for k in range(1000))]
    assert read("\n".join(lines), rows=(700, 702)) == [[700, 700.5], [701, 701.5]]
    lines[901] = "900"
    Path("x.csv").write_text("\n".join(lines))
    assert refused("x.csv") == "x.csv: line 902 has 1 fields, and line 1 has 2."
    assert len(read_latents("x.csv", Selection(rows=(0, 800))).codes) == 800


def test_missing_values_are_dropped_on_request():
    assert read("a,b\n1,\n3,4\nnull,2\n", drop_nonfinite=True) == [[3, 4]]


def test_a_line_without_end_is_refused(refused, monkeypatch):
    monkeypatch.setattr("gaedist.files.delimited._LONGEST_LINE", 1 << 20)
    Path("x.csv").write_text("1," * (1 << 20))
    assert refused("x.csv") == "x.csv: line 1 has more than 1 MiB."


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "1\t2\n3\t4\n", "a\tb,c\n1\t2\n3\t4\n"])
def test_a_pipe_shows_its_delimiter(text, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert read_latents("-").codes.tolist() == [[1, 2], [3, 4]]


def test_text_of_another_name_is_no_table(refused):
    Path("x.txt").write_text("1,2\n")
    assert "not an .npy, .npz, HDF5" in refused("x.txt")
