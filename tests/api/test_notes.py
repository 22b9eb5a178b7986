"""Codes that may not be what their user takes them for have a note, and other codes have none.

Distinct rows are counted as `numpy.unique` counts them. Notes reach every result, standard error, TSV
and JSON.
"""

import json

import numpy as np
import pytest

from gaedist import compare, score, sigma
from gaedist.api import notes
from gaedist.api.notes import counts_of_rows, notes_on


def normal(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


REPEATED = np.repeat(normal(30, 4), 10, axis=0)
PADDED = np.vstack([normal(1000, 4), np.zeros((50, 4))])


@pytest.mark.parametrize(
    ("codes", "note"),
    [
        (normal(4, 300), "4 points of 300 dimensions: is the array transposed?"),
        (normal(1, 2), "1 point of 2 dimensions: is the array transposed?"),
        (
            np.cov(normal(4, 100)),
            "a symmetric 4 × 4 array: it looks like a covariance matrix, such as sigma in a file of FID "
            "statistics, and is read as codes.",
        ),
        (
            REPEATED,
            "300 rows hold only 30 distinct points. No p-value holds where rows are copies or padding.",
        ),
        (
            PADDED,
            "1050 rows hold only 1001 distinct points. No p-value holds where rows are copies or padding.",
        ),
        (
            np.ones((20, 2)),
            "20 rows hold only 1 distinct point. No p-value holds where rows are copies or padding.",
        ),
    ],
)
def test_what_has_a_note(codes, note):
    assert notes_on(codes) == (note,)
    assert notes_on(codes.astype("f4").astype(float)) == (note,)


@pytest.mark.parametrize(
    "codes",
    [
        normal(300, 4),
        normal(1, 1),
        normal(4, 4),
        -np.cov(normal(4, 100)),
        np.triu(np.ones((4, 4))),
        np.vstack([normal(99, 2), normal(1, 2)]),  # one row twice, of no consequence
        normal(20_000, 2).astype("f4").astype(float),
    ],
)
def test_what_has_none(codes):
    assert notes_on(codes) == ()


def test_codes_may_have_several_notes():
    assert len(notes_on(np.ones((5, 8)))) == 2


@pytest.mark.parametrize("dim", [1, 2, 7])
@pytest.mark.parametrize("scale", [1e-300, 0.5, 1, 3, 1e100])
def test_rows_are_counted_as_by_numpy(dim, scale, monkeypatch):
    monkeypatch.setattr("gaedist.files.stored_array.BLOCK_BYTES", 1000)
    whole = np.random.default_rng(0).integers(-3, 4, (2000, dim)) * scale
    whole[::7] *= -1  # −0 and 0 are equal
    expected = np.unique(whole + 0.0, axis=0, return_counts=True)[1]
    np.testing.assert_array_equal(np.sort(counts_of_rows(whole)), np.sort(expected))


@pytest.mark.parametrize(
    "values", [np.arange(1000.0), 2.0 ** np.arange(-500, 500), 1 + np.arange(1000) * 2.0**-23]
)
def test_numbers_of_few_digits_are_told_apart(values):
    grid = np.stack(np.meshgrid(values, values), axis=-1).reshape(-1, 2)[:500_000]
    assert len(counts_of_rows(grid)) == len(grid)


def test_many_rows_in_few_dimensions_are_not_counted(monkeypatch):
    monkeypatch.setattr(notes, "_MOST_COUNTED", 299)
    assert notes_on(REPEATED) == ()
    assert len(notes_on(np.tile(REPEATED, 3))) == 1


def test_every_result_has_the_notes():
    (note,) = notes_on(REPEATED)
    assert score(REPEATED).notes == (note,)
    assert sigma(REPEATED).notes == (note,)
    assert compare(REPEATED, normal(50, 4)).notes == (f"the first sample: {note}",)
    assert compare(normal(50, 4), REPEATED).notes == (f"the second sample: {note}",)


def test_notes_on_the_command_line(gaedist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.ones((5, 8)))
    np.save("y.npy", normal(50, 8))
    found = notes_on(np.ones((5, 8)))
    for options in (["--sigma", "1"], ["--sigma", "1", "--sigma", "2"]):
        code, out, err = gaedist("score", "x.npy", *options, "--format", "json")
        assert json.loads(out.splitlines()[0])["notes"] == list(found)
        assert (code, err) == (0, "".join(f"gaedist: x.npy: {note}\n" for note in found))
    assert gaedist("score", "x.npy", "--quiet", "--format", "value")[2] == ""
    out = gaedist("score", "x.npy", "--format", "tsv")[1]
    header, row = (line.split("\t") for line in out.splitlines())
    assert row[header.index("notes")] == "; ".join(found)
    err = gaedist("compare", "y.npy", "x.npy", "--format", "value")[2]
    assert err == "".join(f"gaedist: y.npy and x.npy: the second sample: {note}\n" for note in found)
    assert gaedist("sigma", "x.npy", "--format", "json")[2].count("\n") == 2
    code, out, err = gaedist("inspect", "x.npy", "--format", "table")
    assert (code, err) == (0, "")
    assert out.endswith("\n\n" + " ".join(found) + "\n")
