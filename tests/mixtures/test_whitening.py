"""Whitening is L⁻¹(x − c), whatever the form of the covariance; equal rows stay equal, and what cannot be
whitened is refused with what is wrong.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gaedist.errors import GaedistError
from gaedist.mixtures.whitening import Whitening, root_of


def covariance(dim, seed=0):
    root = np.random.default_rng(seed).normal(size=(dim, dim)) + 2 * np.eye(dim)
    return root @ root.T


def whitened(x, mean, cov):
    out = np.empty_like(x)
    Whitening(np.asarray(mean), root_of(np.asarray(cov))).whitened(x, out)
    return out


@pytest.mark.parametrize("dim", [1, 2, 7, 64])
@pytest.mark.parametrize("n", [1, 255, 700])
def test_full(n, dim):
    rng = np.random.default_rng(n)
    cov, mean, x = covariance(dim), rng.normal(size=dim), rng.normal(size=(n, dim))
    expected = np.linalg.solve(np.linalg.cholesky(cov), (x - mean).T).T
    assert_allclose(whitened(x, mean, cov), expected, rtol=1e-9, atol=1e-10)


def test_mahalanobis_distances():
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(1)
    cov, mean, x = covariance(5), rng.normal(size=5), rng.normal(size=(50, 5))
    expected = cdist(x, mean[np.newaxis], "mahalanobis", VI=np.linalg.inv(cov))[:, 0]
    assert_allclose(np.linalg.norm(whitened(x, mean, cov), axis=1), expected, rtol=1e-10)


def test_one_number_variances_and_a_diagonal_matrix_are_the_same():
    x = np.random.default_rng(2).normal(size=(300, 3))
    forms = 4.0, [4.0] * 3, 4.0 * np.eye(3)
    for form in forms:
        assert_array_equal(whitened(x, 1.0, form), (x - 1) / 2)
        assert root_of(np.asarray(form)).ndim < 2


@pytest.mark.parametrize("cov", [1.0, np.ones(6), np.eye(6)])
def test_of_n_0_i_nothing_changes(cov):
    x = np.random.default_rng(3).normal(size=(300, 6))
    assert_array_equal(whitened(x, 0.0, cov), x)


def test_in_place():
    x = np.random.default_rng(4).normal(size=(600, 9))
    expected = whitened(x, 2.0, covariance(9))
    Whitening(np.asarray(2.0), root_of(covariance(9))).whitened(x, x)
    assert_array_equal(x, expected)


@pytest.mark.parametrize("dim", [3, 8, 65, 200])
def test_equal_rows_stay_equal_wherever_they_are(dim):
    rng = np.random.default_rng(dim)
    x = rng.normal(size=(1000, dim))
    places = [0, 1, 255, 256, 511, 700, 998, 999]
    x[places] = x[5]
    found = whitened(x, rng.normal(size=dim), covariance(dim))
    assert_array_equal(found[places], np.tile(found[5], (len(places), 1)))


@pytest.mark.parametrize("cov", [2.0, [1.0, 2.0, 3.0], covariance(3)])
def test_colouring_is_the_inverse(cov):
    z = np.random.default_rng(5).normal(size=(40, 3))
    map_ = Whitening(np.array([1.0, -2.0, 0.5]), root_of(np.asarray(cov)))
    out = np.empty_like(z)
    map_.whitened(map_.coloured(z), out)
    assert_allclose(out, z, rtol=1e-12, atol=1e-13)


def test_scales_of_axes_do_not_matter_for_the_condition():
    scales = 10.0 ** np.arange(-20, 20, 10)
    cov = covariance(4) * scales * scales[:, np.newaxis]
    assert_allclose(root_of(cov), np.linalg.cholesky(covariance(4)) * scales[:, np.newaxis], rtol=1e-12)


def test_single_precision_is_symmetric_enough():
    single = covariance(30).astype(np.float32)
    single[3, 4] *= 1 + 2e-7
    assert root_of(single.astype(float)).shape == (30, 30)


@pytest.mark.parametrize(
    ("cov", "message"),
    [
        ([[1.0, 0.5], [0.1, 1.0]], r"not symmetric: its elements \[0, 1\] and \[1, 0\] are 0.5 and 0.1"),
        ([[1.0, 2.0], [2.0, 1.0]], "not positive definite: the smallest eigenvalue .* is -1"),
        ([[1.0, 0.1], [0.1, -3.0]], "not positive definite: the variance of axis 1 is -3"),
        ([[1.0, 1 - 1e-12], [1 - 1e-12, 1.0]], r"ill-conditioned: .* is 2(\.\d+)?e\+12"),
        (np.ones((3, 3)) + np.eye(3) * 1e-14, "ill-conditioned: "),
        (np.ones((2, 3)), r"\(D, D\) matrix; got shape 2 × 3"),
        (np.ones((2, 2, 2)), "got shape 2 × 2 × 2"),
        ([1.0, 0.0], "variances must lie between"),
        ([[1.0, 0.0], [0.0, 0.0]], "variances must lie between"),
    ],
)
def test_refused(cov, message):
    with pytest.raises(GaedistError, match=message):
        root_of(np.asarray(cov))


def test_mean_and_covariance_of_different_dimensions():
    with pytest.raises(GaedistError, match="mean has 2 numbers, and the covariance 3 axes"):
        Whitening(np.zeros(2), np.ones(3))
