"""Widths of posteriors are read for the rows of their means, from the same file or another, in any shape.

A file that seems to hold a posterior is never read as its means alone without being asked to.
"""

import h5py
import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection
from gaedist.files.widths import MEANS, WIDTHS, WidthName

N, DIM = 40, 3
RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(N, DIM))
LOGVAR = RNG.uniform(-3, 0, size=(N, DIM))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", mu=MEAN, logvar=LOGVAR, labels=np.arange(N))
    np.save("mu.npy", MEAN)
    np.save("logvar.npy", LOGVAR)
    with h5py.File("x.h5", "w") as file:
        for epoch in (1, 2):
            file[f"epoch_{epoch}/mean"], file[f"epoch_{epoch}/std"] = epoch * MEAN, np.exp(LOGVAR / 2) / epoch


def refused(name, selection=None):
    with pytest.raises(GaedistError) as caught:
        read_latents(name, selection)
    return str(caught.value)


def read(name, width, kind="logvar", **selection):
    return read_latents(name, Selection(width=WidthName(kind, width), **selection))


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("x.npz", "logvar"),
        ("x.npz", "::logvar"),
        ("x.npz::mu", "logvar"),
        ("x.npz", "logvar.npy"),
        ("mu.npy", "logvar.npy"),
        ("mu.npy", "x.npz::logvar"),
        ("mu.npy", "x.npz"),
        ("x.npz::mu", "x.npz::logvar"),
    ],
)
def test_widths_are_an_array_of_the_file_or_another_file(name, width):
    got = read(name, width)
    np.testing.assert_array_equal(got.codes, MEAN)
    np.testing.assert_array_equal(got.widths.values, LOGVAR)
    assert got.widths.name == ("logvar.npy" if width == "logvar.npy" else "x.npz::logvar")


def test_means_are_those_of_the_same_group():
    got = read("x.h5", "epoch_2/std", "sd")
    assert got.dataset == "epoch_2/mean"
    np.testing.assert_array_equal(got.codes, 2 * MEAN)
    np.testing.assert_allclose(got.widths.log_variances, LOGVAR - 2 * np.log(2), rtol=1e-12)


def test_other_arrays_beside_them_are_not_taken_for_means():
    np.savez("z.npz", mu=MEAN, logvar=LOGVAR, z=MEAN + 1)
    np.testing.assert_array_equal(read("z.npz", "logvar").codes, MEAN)
    np.savez("odd.npz", a=MEAN, b=MEAN, spread=LOGVAR)
    assert "several 2-D arrays" in refused("odd.npz", Selection(width=WidthName("logvar", "spread")))


@pytest.mark.parametrize(
    "selection",
    [{"rows": (5, 30)}, {"subsample": 11, "seed": 4}, {"rows": (3, None), "subsample": 9}],
)
@pytest.mark.parametrize("shape", [(N, DIM), (N,), (N, 1), (DIM,), (1, DIM)])
def test_the_same_rows_are_read_of_both(shape, selection):
    logvar = RNG.normal(size=shape)
    np.savez("s.npz", mu=np.arange(N)[:, np.newaxis] + np.zeros(DIM), logvar=logvar)
    got = read("s.npz::mu", "logvar", **selection)
    rows = got.codes[:, 0].astype(int)
    full = np.broadcast_to(logvar[:, np.newaxis] if shape == (N,) else logvar, (N, DIM))
    np.testing.assert_array_equal(np.broadcast_to(got.widths.values, got.codes.shape), full[rows])


def test_rows_are_dropped_from_both():
    means, logvar = MEAN.copy(), LOGVAR.copy()
    means[3, 1], logvar[7, 2], logvar[9, 0] = np.nan, np.nan, np.inf
    np.savez("bad.npz", mu=means, logvar=logvar)
    got = read("bad.npz", "logvar", drop_nonfinite=True)
    kept = np.delete(np.arange(N), [3, 7, 9])
    np.testing.assert_array_equal(got.codes, MEAN[kept])
    np.testing.assert_array_equal(got.widths.values, LOGVAR[kept])
    assert got.dropped == 3
    wanted = Selection(width=WidthName("logvar", "logvar"))
    assert refused("bad.npz", wanted).startswith("bad.npz: row 3 has NaN in column 1; 1 of 40 rows")
    np.savez("bad.npz", mu=MEAN, logvar=logvar)
    assert refused("bad.npz", wanted) == (
        "bad.npz: row 7 of the log-variances bad.npz::logvar has nan in column 2; 2 of 40 rows are not "
        "finite. Drop them with --drop-nonfinite."
    )
    np.savez("bad.npz", mu=means[3:4], logvar=LOGVAR[:1])
    assert "none of the 1 rows" in refused("bad.npz", Selection(width=wanted.width, drop_nonfinite=True))


def test_rows_and_columns_of_both_are_exchanged():
    np.savez("t.npz", mu=MEAN.T, logvar=LOGVAR.T)
    got = read("t.npz", "logvar", transpose=True, rows=(4, 20))
    np.testing.assert_array_equal(got.codes, MEAN[4:20])
    np.testing.assert_array_equal(got.widths.values, LOGVAR[4:20])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((N, 2)),
            "the shape 40 × 2, and the means are 40 × 3. It must have the same shape, or 40 num",
        ),
        (np.zeros((N - 1, DIM)), "the shape 39 × 3"),
        (np.zeros((N, DIM, 1)), "the shape 40 × 3 × 1"),
        (np.zeros(()), "is one number"),
        (np.zeros(0), "the shape 0"),
        (np.array(["a"]), "latent codes are real numbers"),
    ],
)
def test_other_shapes_are_refused(array, message):
    np.savez("s.npz", mu=MEAN, w=array)
    assert message in refused("s.npz::mu", Selection(width=WidthName("logvar", "w")))


def test_as_many_points_as_dimensions():
    np.savez("s.npz", mu=MEAN[:3], w=LOGVAR[:3, 0])
    assert "one per point or one per axis. Save it as 3 × 1" in refused(
        "s.npz::mu", Selection(width=WidthName("logvar", "w"))
    )


def test_negative_standard_deviations_are_log_variances():
    assert refused("x.npz::mu", Selection(width=WidthName("sd", "logvar"), rows=(5, 9))) == (
        f"x.npz: logvar has {LOGVAR[5, 0]:g} in row 5, column 0. A standard deviation is 0 or more. Are "
        "these log-variances? Use --logvar (logvar=)."
    )


def test_no_such_array():
    wanted = Selection(width=WidthName("logvar", "var", hint=" Hint."))
    assert refused("x.npz", wanted).startswith("x.npz: --logvar var is neither an array of this file, which ")
    assert refused("x.npz", wanted).endswith("nor another file. Hint.")
    assert "is neither" in refused("mu.npy", Selection(width=WidthName("logvar", "::logvar.npy")))


def test_one_array_is_not_both():
    assert "logvar is given for both the means and the log-variances. Name two arrays." in refused(
        "x.npz::logvar", Selection(width=WidthName("logvar", "logvar"))
    )


def test_a_standard_deviation_of_0_is_that_of_a_point():
    np.savez("s.npz", mu=MEAN, logvar=np.full((N, DIM), -np.inf), sd=np.zeros((N, DIM)))
    for kind in WIDTHS:
        got = read("s.npz::mu", kind, kind).widths
        assert (got.sds == 0).all()
        assert (got.log_variances == -np.inf).all()


@pytest.mark.parametrize("mean", ["mu", "z_mean", "Mean", "loc", "qz_m"])
@pytest.mark.parametrize(
    ("kind", "name"), [("logvar", "log_var"), ("logvar", "z_log_var"), ("sd", "std"), ("sd", "sigma")]
)
def test_files_that_hold_a_posterior_are_not_read_without_a_name(mean, kind, name):
    for widths in (LOGVAR + 4, LOGVAR[:, 0] + 4, LOGVAR[0] + 4):
        np.savez("p.npz", **{mean: MEAN, name: widths})
        got = refused("p.npz")
        assert f"--{kind} {name} for the posterior, or PATH::{mean} for the means alone" in got
        assert read("p.npz", name, kind).dataset == mean
        np.testing.assert_array_equal(read_latents(f"p.npz::{mean}").codes, MEAN)


def test_files_that_do_not_are_read_as_before():
    np.savez("one.npz", mu=MEAN)
    np.savez("fid.npz", mu=MEAN[0], sigma=np.eye(DIM))
    np.savez("scaled.npz", codes=MEAN, mean=MEAN[0], std=np.ones(DIM))
    for name in ("one", "scaled"):
        np.testing.assert_array_equal(read_latents(f"{name}.npz").codes, MEAN)
    np.testing.assert_array_equal(read_latents("fid.npz").codes, np.eye(DIM))


def test_names_are_in_lower_case_without_separators():
    for names in (MEANS, *(width.names for width in WIDTHS.values())):
        assert all(name == name.lower() and name.isalnum() for name in names)
