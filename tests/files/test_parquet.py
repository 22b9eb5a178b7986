"""Columns of numbers are the axes; one column of lists is the codes; anything else is named in one line."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gaedist import inspect
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection

X = np.random.default_rng(0).normal(size=(1000, 4))


def columns(x):
    return {f"z{k}": x[:, k] for k in range(x.shape[1])}


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("group", [1000, 300])
def test_columns_and_lists(compression, group):
    single = X.astype("f4")
    fixed = pa.FixedSizeListArray.from_arrays(single.ravel(), 4)
    table = pa.table({"id": [f"cell {k}" for k in range(1000)], "codes": list(X), "other": fixed})
    pq.write_table(table, "lists.parquet", compression=compression, row_group_size=group)
    pq.write_table(pa.table(columns(X)), "x.parquet", compression=compression, row_group_size=group)
    part = Selection(rows=(290, 901))
    for name, expected in (("x.parquet", X), ("lists.parquet::codes", X), ("lists.parquet::other", single)):
        np.testing.assert_array_equal(read_latents(name).codes, expected)
        np.testing.assert_array_equal(read_latents(name, part).codes, expected[290:901])


def test_one_column_of_lists_beside_others_is_the_codes():
    pq.write_table(pa.table({"id": np.arange(1000), "label": ["a"] * 1000, "codes": list(X)}), "x.parquet")
    assert read_latents("x.parquet").name == "x.parquet::codes"


def test_the_index_of_pandas_is_no_axis():
    frame = pd.DataFrame(columns(X), index=np.arange(1000)[::-1])
    frame.to_parquet("x.parquet")
    np.testing.assert_array_equal(read_latents("x.parquet").codes, X)
    frame.rename_axis("cell").to_parquet("x.parquet")
    np.testing.assert_array_equal(read_latents("x.parquet").codes, X)


def test_missing_values_are_not_finite(refused):
    whole = pa.array([1, None, 3])
    pq.write_table(pa.table({"a": [0.5, 1.5, None], "b": whole}), "x.parquet")
    assert refused("x.parquet") == (
        "x.parquet: row 1 has NaN in column 1; 2 of 3 rows are not finite. Drop them with --drop-nonfinite."
    )
    assert read_latents("x.parquet", Selection(drop_nonfinite=True)).codes.tolist() == [[0.5, 1.0]]


@pytest.mark.parametrize("kind", ["f2", "f4", "i1", "u2", "i8", "u8"])
def test_types_of_numbers(kind):
    x = (10 * np.abs(X)).astype(kind)
    pq.write_table(pa.table(columns(x)), "x.parquet")
    np.testing.assert_array_equal(read_latents("x.parquet").codes, x)
    pq.write_table(pa.table({"z": list(x)}), "x.parquet")
    np.testing.assert_array_equal(read_latents("x.parquet").codes, x)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"z": X[:, 0], "label": ["a"] * 1000, "day": pd.date_range("2020", periods=1000)},
            "the array is a table with columns that are not numbers: label (string), day (timestamp[",
        ),
        (
            {"z": X[:, 0], "b": X[:, 0] > 0},
            "the array is a table with columns that are not numbers: b (",
        ),
        (
            {"z": [[1.0, 2.0], [3.0]]},
            "row 1 has a list of 1 numbers, and row 0 one of 2. All must have the same length.",
        ),
        ({"z": [[1.0], [3.0, 4.0, 5.0]]}, "row 1 has a list of 3 numbers, and row 0 one of 1."),
        ({"z": [[1.0], None]}, "row 1 has a list of 0 numbers, and row 0 one of 1."),
        (
            {"z": [["a"], ["b"]]},
            "z is a column of type list<element: string>; latent codes are real",
        ),
        ({"z": [[[1.0]], [[2.0]]]}, "z is a column of type list<element: list<element: double>>; latent"),
        ({}, "the array is empty: 0 points of 0 dimensions."),
        ({"z": np.zeros(0)}, "the array is empty: 0 points of 1 dimensions."),
    ],
)
def test_tables_that_are_no_codes(table, message, refused):
    pq.write_table(pa.table(table), "x.parquet")
    assert refused("x.parquet").startswith(f"x.parquet: {message}")


def test_a_table_that_unpacks_to_very_much_is_refused(refused):
    pq.write_table(pa.table({"z": np.zeros(20_000_000, "f4")}), "x.parquet", compression="zstd")
    assert "the array is not unpacked: a file of " in refused("x.parquet")


def test_inspect_shows_each_column_of_lists():
    pq.write_table(pa.table({"a": list(X), "b": list(X[:, :2]), "id": np.arange(1000)}), "x.parquet")
    assert [(report.dataset, report.shape) for report in inspect("x.parquet")] == [
        ("a", (1000, 4)),
        ("b", (1000, 2)),
    ]
