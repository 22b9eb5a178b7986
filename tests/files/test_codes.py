"""Codes are finite C-ordered doubles, the selected rows in their order, whatever the file's type and order.

What cannot be used is refused with the place of the first bad number; checked codes are not checked again.
"""

import re
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.files.codes import Latents, as_codes, read_latents
from gaedist.files.selection import Selection, parse_rows

X = np.random.default_rng(0).normal(size=(1000, 4))


TYPES = "f2", "f4", "f8", ">f8", "g", "i1", "i8", "u2"


@pytest.mark.parametrize(
    ("dtype", "order"),
    [
        *((dtype, "C") for dtype in TYPES),
        *(pytest.param(t, "F", marks=[] if t in ("f4", ">f8", "i8") else pytest.mark.slow) for t in TYPES),
    ],
)
def test_every_type_and_order_in_every_format(dtype, order):
    x = np.array((10 * X).astype(dtype), order=order)
    np.save("x.npy", x)
    np.savez("x.npz", x)
    np.savez_compressed("packed.npz", x=x)
    with h5py.File("x.h5", "w") as file:
        file["codes/x"] = x
        file.create_dataset("packed", data=x, chunks=(100, 3), compression="gzip")
    expected = x.astype(float)
    for name in ("x.npy", "x.npz", "packed.npz", "x.h5::codes/x", "x.h5::/packed"):
        for rows in (None, (100, 900), (None, 1), (-5, None)):
            for subsample in (None, 1, 50, 10**6):
                latents = read_latents(name, Selection(rows=rows, subsample=subsample, seed=3))
                codes, part = latents.codes, expected[slice(*rows or (None,))]
                assert codes.dtype == np.float64
                assert codes.flags.c_contiguous
                if subsample in (None, 10**6):
                    np.testing.assert_array_equal(codes, part)
                else:
                    picked = np.random.default_rng(3).choice(
                        len(part), min(subsample, len(part)), replace=False
                    )
                    np.testing.assert_array_equal(codes, part[np.sort(picked)])


def test_selected_rows(refused):
    np.save("x.npy", X)
    assert parse_rows("3:7") == (3, 7)
    assert parse_rows(":") == (None, None)
    assert parse_rows(None) is None
    for text in ("3", "a:b", "1:2:3", "1.5:2", ""):
        with pytest.raises(GaedistError, match="--rows must be A:B with whole numbers"):
            parse_rows(text)
    assert refused("x.npy", Selection(rows=(7, 7))) == "x.npy: rows 7:7 select none of the 1000 rows."
    assert refused("x.npy", Selection(rows=(2000, None))) == "x.npy: rows 2000: select none of the 1000 rows."
    assert refused("x.npy", Selection(rows=(None, 0))) == "x.npy: rows :0 select none of the 1000 rows."
    assert refused("x.npy", Selection(rows=(-3, -5))) == "x.npy: rows -3:-5 select none of the 1000 rows."


def test_rows_that_are_not_finite(refused):
    x = X.copy()
    x[17, 3] = np.nan
    x[[40, 50], 0] = np.inf, -np.inf
    x[60, 1] = 1e200
    np.save("x.npy", x)
    assert refused("x.npy") == (
        "x.npy: row 17 has NaN in column 3; 4 of 1000 rows are not finite. Drop them with --drop-nonfinite."
    )
    assert refused("x.npy", Selection(rows=(30, 60))).startswith("x.npy: row 40 has inf in column 0; 2 of 30")
    assert refused("x.npy", Selection(rows=(55, 65))).startswith(
        "x.npy: row 60 has 1e+200 in column 1; 1 of 10"
    )
    latents = read_latents("x.npy", Selection(drop_nonfinite=True))
    assert latents.dropped == 4
    np.testing.assert_array_equal(latents.codes, np.delete(X, [17, 40, 50, 60], axis=0))
    for bad in ([0], [999], [0, 1, 2, 997, 999], range(0, 1000, 2), range(500, 1000)):
        x = X.copy()
        x[bad, 1] = np.nan
        np.save("x.npy", x)
        kept = read_latents("x.npy", Selection(drop_nonfinite=True)).codes
        np.testing.assert_array_equal(kept, np.delete(X, bad, axis=0))
        assert kept.flags.c_contiguous
    np.save("x.npy", np.full((3, 2), np.nan))
    assert refused("x.npy", Selection(drop_nonfinite=True)) == (
        "x.npy: none of the 3 rows can be used: every column has NaN or infinity in each row."
    )


def test_no_row_that_can_be_used(refused):
    def message(x):
        np.save("x.npy", x)
        found = {refused("x.npy", Selection(drop_nonfinite=drop)) for drop in (True, False)}
        with pytest.raises(GaedistError) as caught:
            as_codes(x)
        (text,) = {*found, f"x.npy: {str(caught.value).removeprefix('the codes are not finite: ')}"}
        return text.removeprefix("x.npy: none of the 300 rows can be used: ")

    x = np.random.default_rng(0).normal(size=(300, 8))
    x[:, 3] = np.nan
    assert message(x) == "column 3 has NaN or infinity in each row. Leave out this column."
    x[:, 5:] = np.inf
    assert message(x) == "columns 3, 5, 6, 7 have NaN or infinity in each row. Leave out these columns."
    x[:150, 3] = x[150:, 5:] = 0
    assert message(x) == "each has NaN or infinity."
    x[:] = 1e199
    assert message(x) == (
        "every column has NaN, infinity or a number beyond 1e+150 in each row. Scale the codes down."
    )
    x[:, 1:] = 0
    assert message(x).startswith("column 0 has NaN, infinity or a number beyond 1e+150 in each row. Scale")
    wide = np.full((300, 50), np.nan)
    wide[:, 0] = 0
    assert message(wide).startswith("columns 1, 2, 3, 4, 5 … have NaN")


def test_a_path_is_read_as_the_command_line_reads_it():
    np.save("x.npy", X)
    np.savez("x.npz", a=X, b=X[:5])
    for name in (
        "x.npy",
        Path("x.npy"),
        Path("x.npy").absolute(),
        "x.npz::a",
        Path("x.npz::a"),
        np.str_("x.npy"),
    ):
        np.testing.assert_array_equal(as_codes(name), X)
    for name in ("none.npy", Path("none.npy")):
        with pytest.raises(GaedistError, match=r"^none\.npy: No such file or directory\.$"):
            as_codes(name)
    with pytest.raises(GaedistError, match="several 2-D arrays"):
        as_codes(Path("x.npz"))


def test_a_signalling_nan_is_refused_without_a_warning(refused):
    x = np.ones((4, 3), "<f4")
    x.view("<u4")[2, 1] = 0x7F800001  # a signalling NaN
    np.save("x.npy", x)
    assert refused("x.npy").startswith("x.npy: row 2 has NaN in column 1")


def test_memory_is_the_codes_and_one_block():
    x = np.random.default_rng(0).normal(size=(400_000, 16)).astype("f4")
    np.save("long.npy", x.reshape(-1, 1))
    np.save("c.npy", x)
    np.save("f.npy", np.asfortranarray(x))
    np.savez_compressed("x.npz", x)
    with h5py.File("x.h5", "w") as file:
        file["x"] = x
    x[::1000, 3] = np.nan
    np.save("bad.npy", x)
    for name in ("c.npy", "f.npy", "x.npz", "x.h5", "long.npy", "bad.npy"):
        tracemalloc.start()
        codes = read_latents(name, Selection(drop_nonfinite=True)).codes
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < codes.nbytes + 20e6  # a block is 4 MiB, and HDF5 holds it unpacked twice


def test_a_selection_is_given_by_names():
    with pytest.raises(TypeError):
        Selection("codes")


def test_arrays_that_need_no_conversion_are_not_copied():
    assert as_codes(X) is X
    for other in (X.astype("f4"), np.asfortranarray(X), X[::-1], X.tolist()):
        codes = as_codes(other)
        assert codes.flags.c_contiguous
        np.testing.assert_array_equal(codes, np.asarray(other, float))


def test_latents_are_not_checked_again(monkeypatch):
    np.save("x.npy", X)
    latents = read_latents("x.npy")

    def check(codes):
        raise AssertionError

    monkeypatch.setattr("gaedist.files.codes.nonfinite_rows", check)
    assert as_codes(latents) is latents.codes
    with pytest.raises(AssertionError):
        as_codes(latents.codes)


def test_latents_that_were_read_pass_the_check():
    x = X.copy()
    x[[0, 17], 3] = np.nan
    np.save("x.npy", x.astype(">f4"))
    selection = Selection(rows=(None, 900), subsample=300, drop_nonfinite=True)
    codes = as_codes(read_latents("x.npy", selection))
    assert as_codes(codes) is codes


def test_latents_are_named_as_on_the_command_line():
    assert Latents(X, "x.h5", "run/codes", 0).name == "x.h5::run/codes"
    assert Latents(X, "x.npy", None, 0).name == "x.npy"


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([[1.0], [1.0, 2.0]], "the codes are not an array: their rows differ in length."),
        (np.ma.masked_less(X, 0), "the codes have masked elements. Drop those rows, or fill them."),
        (X[0], "the codes are an array with 1 axis; latent codes have two, (points, dimensions)."),
        (X[:0], "the codes are empty: 0 points of 4 dimensions."),
        (X + 1j, "the codes are complex; save real and imaginary parts as columns."),
        (
            [[1.0], [np.nan], [-np.inf]],
            "the codes are not finite: row 1 has NaN in column 0; 2 of 3 rows are not finite.",
        ),
    ],
)
def test_codes_that_cannot_be_used_are_refused(codes, message):
    with pytest.raises(GaedistError, match=f"^{re.escape(message)}$"):
        as_codes(codes)
