"""`gaedist.inspect`: the arrays of a file, the moments of their finite rows, and what is wrong with them."""

from dataclasses import fields

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import ArrayReport, GaedistError, inspect


@pytest.fixture
def codes():
    return 2 + np.random.default_rng(0).normal(size=(50, 3)) * [1, 2, 0.5]


def test_the_order_of_fields_is_the_order_of_json_keys():
    names = "dataset shape dtype problem mean_norm sd_min sd_max norm scale distinct notes posterior"
    assert " ".join(field.name for field in fields(ArrayReport)) == names


def test_moments_are_those_of_numpy(tmp_path, codes):
    np.save(tmp_path / "x.npy", codes.astype(np.float32))
    (found,) = inspect(str(tmp_path / "x.npy"))
    assert (found.dataset, found.shape, found.dtype, found.problem) == (None, (50, 3), "float32", None)
    x = codes.astype(np.float32).astype(float)
    assert_allclose(found.mean_norm, np.linalg.norm(x.mean(axis=0)), rtol=1e-13)
    assert_allclose([found.sd_min, found.sd_max], [x.std(axis=0).min(), x.std(axis=0).max()], rtol=1e-12)
    assert_allclose(found.norm, (x**2).mean(), rtol=1e-13)
    assert_allclose((found.scale * x).var(axis=0).mean(), 1, rtol=1e-12)


def test_every_array_of_a_file_is_described_or_the_one_that_is_named(tmp_path, codes):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["codes"], file["labels"] = codes, np.arange(50)
    found = {report.dataset: report for report in inspect(str(path))}
    assert found.keys() == {"codes", "labels"}
    assert found["codes"].problem is None
    assert found["labels"].problem
    assert found["labels"].mean_norm is None
    assert inspect(f"{path}::codes") == inspect(str(path), dataset="codes") == [found["codes"]]
    with pytest.raises(GaedistError, match="nothing"):
        inspect(f"{path}::nothing")


def test_rows_that_are_not_finite_are_a_problem_and_left_out_of_the_moments(tmp_path, codes):
    holes = codes.copy()
    holes[[7, 30], 1] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    np.save(tmp_path / "rest.npy", np.delete(codes, [7, 30], axis=0))
    (found,), (rest,) = inspect(str(tmp_path / "holes.npy")), inspect(str(tmp_path / "rest.npy"))
    assert found.problem == "2 of 50 rows are not finite, first row 7"
    moments = "mean_norm", "sd_min", "sd_max", "norm", "scale"
    assert [getattr(found, name) for name in moments] == [getattr(rest, name) for name in moments]


def test_no_finite_row_leaves_no_moments(tmp_path):
    np.save(tmp_path / "x.npy", np.full((4, 2), np.inf))
    (found,) = inspect(str(tmp_path / "x.npy"))
    assert found.problem == "4 of 4 rows are not finite, first row 0"
    assert (found.mean_norm, found.norm, found.scale) == (None, None, None)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e100])
def test_codes_that_do_not_vary_have_no_scale(tmp_path, value):
    np.save(tmp_path / "x.npy", np.full((30, 2), value))
    (found,) = inspect(str(tmp_path / "x.npy"))
    assert found.scale is None
    assert_allclose(found.norm, value**2, rtol=1e-13)


def test_a_path_is_read_as_its_name(tmp_path, codes):
    np.save(tmp_path / "x.npy", codes)
    assert inspect(tmp_path / "x.npy") == inspect(str(tmp_path / "x.npy"))


def test_distinct_rows_are_counted_among_finite_rows(tmp_path, codes):
    np.save(tmp_path / "x.npy", np.vstack([codes, codes[:7], np.full((1, 3), np.nan)]))
    (found,) = inspect(tmp_path / "x.npy")
    assert found.distinct == 50
    assert found.notes == (
        "57 rows hold only 50 distinct points. No p-value holds where rows are copies or padding.",
    )


def test_notes_describe_every_array(tmp_path):
    np.savez(tmp_path / "fid.npz", mu=np.zeros(4), sigma=np.cov(np.random.default_rng(0).normal(size=(4, 9))))
    mu, sigma = inspect(tmp_path / "fid.npz")
    assert (mu.notes, mu.distinct) == ((), None)
    assert "looks like a covariance matrix" in sigma.notes[0]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(GaedistError, match=r"none\.npy"):
        inspect(str(tmp_path / "none.npy"))
