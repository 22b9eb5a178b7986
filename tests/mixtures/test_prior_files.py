"""A prior is the same from arrays, .npz and HDF5; what is missing, misnamed or not finite is refused with the
name of the file and what it holds.
"""

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gaedist.errors import GaedistError
from gaedist.mixtures.prior import Prior
from gaedist.mixtures.prior_files import NAMES, as_prior, read_prior

COV = np.array([[2.0, 0.5], [0.5, 1.0]])
FORMS = {
    "numbers": {"mean": 0.5, "std": 2.0},
    "axes": {"mean": np.array([1.0, 2.0]), "var": np.array([4.0, 9.0])},
    "channels": {"mean": np.ones((1, 2, 1, 1)), "std": np.float32([[[[2.0]], [[3.0]]]])},
    "matrix": {"mean": np.array([1, 2]), "cov": COV},
    "mixture": {"weights": np.array([0.25, 0.75]), "means": np.eye(2), "covs": np.stack([COV, np.eye(2)])},
}


def points(prior):
    return prior.sample(7, dim=2)


@pytest.mark.parametrize("form", FORMS)
def test_npz_and_hdf5_are_the_arrays(form, tmp_path):
    arrays = FORMS[form]
    np.savez(tmp_path / "prior.npz", **arrays)
    with h5py.File(tmp_path / "prior.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = file[f"run/{name}"] = array
    expected = points(Prior(**arrays))
    for name in ("prior.npz", "prior.h5", "prior.h5::run", "prior.h5::/run/"):
        found = read_prior(f"{tmp_path}/{name}")
        assert_array_equal(points(found), expected)
        assert (found.kind, found.file) == (Prior(**arrays).kind, f"{tmp_path}/{name}")
    assert_array_equal(points(as_prior(tmp_path / "prior.npz")), expected)


def test_forms_of_one_gaussian_are_the_same():
    expected = points(Prior([1.0, 1.0], std=[2.0, 3.0]))
    for spread in ({"var": [4.0, 9.0]}, {"cov": [4.0, 9.0]}, {"cov": np.diag([4.0, 9.0])}):
        assert_array_equal(points(Prior(1.0, **spread)), expected)


def test_a_sample_depends_on_the_seed_alone():
    prior = Prior(0.0, std=1.0)
    assert_array_equal(prior.sample(5, dim=3, seed=1), prior.sample(5, dim=3, seed=1))
    assert (prior.sample(5, dim=3, seed=1) != prior.sample(5, dim=3, seed=2)).all()


def test_no_prior():
    assert as_prior(None) is None
    prior = Prior(0.0, cov=1.0)
    assert as_prior(prior) is prior
    with pytest.raises(GaedistError, match=r"must be a gaedist\.Prior or the name of a file; got int"):
        as_prior(3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"mu": np.zeros(2), "sigma": COV},
            r"needs mean and one of cov, var, std.* holds: mu \(2 float64\), s",
        ),
        ({"mean": np.zeros(2)}, "got mean. The file holds: mean"),
        ({"std": np.ones(2)}, "got std"),
        ({"mean": np.zeros(2), "std": 1.0, "cov": COV}, "got mean and cov and std"),
        ({"mean": np.zeros(2), "means": np.eye(2), "covs": 1.0}, "both mean and means are given"),
        ({"std": np.zeros(2), "covs": 1.0}, "both std and covs are given"),
        (
            {"means": np.eye(2), "weights": np.ones(2) / 2},
            "a mixture prior needs means and covs; got weights",
        ),
        (
            {"mean": np.zeros((2, 3)), "std": 1.0},
            r"mean must be one number or \(D,\) numbers; got shape 2 × 3",
        ),
        ({"mean": np.zeros(3), "cov": COV}, "mean has 3 numbers, and the covariance 2 axes"),
        ({"mean": np.array([0, np.nan]), "std": 1.0}, "mean has nan at 1. A prior needs finite numbers"),
        ({"mean": 0.0, "cov": np.array([[1, np.inf], [np.inf, 1]])}, "cov has inf at 0, 1"),
        ({"mean": 0.0, "var": np.array([1.0, -2.0])}, "var must be positive; got -2"),
        ({"mean": 0.0, "std": np.array([1.0, 0.0])}, "std must be positive; got 0"),
        ({"mean": 0.0, "std": 1e-200}, "sigma must lie between|std must"),
        ({"mean": 0.0, "cov": np.array([[1, 2], [2, 1.0]])}, "not positive definite"),
        ({"mean": np.zeros(0), "std": 1.0}, "mean is empty"),
        ({"mean": np.array(["a"]), "std": 1.0}, "mean is of type <U1"),
        ({"mean": np.array([1j]), "std": 1.0}, "mean is complex"),
        ({"means": np.eye(2), "covs": 1.0, "weights": np.array([0.5, 0.4])}, "with sum 1; .* sum 0.9"),
    ],
)
def test_refused(arrays, message, tmp_path):
    np.savez(tmp_path / "prior.npz", **arrays)
    with pytest.raises(GaedistError, match=message) as caught:
        read_prior(f"{tmp_path}/prior.npz")
    assert str(caught.value).startswith(f"{tmp_path}/prior.npz: ")
    assert "\n" not in str(caught.value)
    if arrays.keys() <= set(NAMES):
        with pytest.raises(GaedistError):
            Prior(**arrays)


def test_other_files_are_refused(tmp_path):
    np.save(tmp_path / "codes.npy", np.eye(2))
    (tmp_path / "text.npz").write_text("mean std")
    with h5py.File(tmp_path / "prior.h5", "w") as file:
        file["a/mean"] = 0.0
    for name, message in (
        ("codes.npy", "got none of these. The file holds: array"),
        ("text.npz", "not an .npy, .npz, HDF5"),
        ("none.npz", "No such file"),
        ("prior.h5::b", "got none of these. The file holds: a/mean"),
    ):
        with pytest.raises(GaedistError, match=message):
            read_prior(f"{tmp_path}/{name}")


def test_codes_of_another_dimension_are_refused():
    prior = Prior(np.zeros(4), std=1.0, file="constants.npz")
    with pytest.raises(
        GaedistError, match=r"constants\.npz is a prior in 4 dimensions, and the codes have 1024"
    ):
        prior.whitened(np.zeros((3, 1024)))
    with pytest.raises(GaedistError, match="in 4 dimensions"):
        prior.sample(3, dim=5)
    with pytest.raises(GaedistError, match="Give dim"):
        Prior(0.0, std=1.0).sample(3)


def test_codes_that_are_too_far_out_are_refused():
    with pytest.raises(GaedistError, match="row 1 is too far from the mean of the prior"):
        Prior(0.0, std=1e-74).whitened(np.array([[0.0], [1e100]]))
