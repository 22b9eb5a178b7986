"""Full covariances must be symmetric and positive definite in doubles; the message names the first."""

import itertools

import numpy as np
import pytest
from members import assert_exact, member, sample, special

from gaedist import GaedistError
from gaedist.mixtures.full import Full
from gaedist.mixtures.mixture import Mixture


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        (np.ones((3, 2)), r"full covariances of 3 points must have shape \(3, 2, 2\); got \(3, 2\)"),
        (np.array([np.eye(2), [[1, 0.5], [0.4, 1]], np.eye(2)]), "covariance 1 is not symmetric"),
        (np.array([np.eye(2), np.eye(2), np.full((2, 2), np.nan)]), "covariances must be below .* got nan"),
        (
            np.array([np.eye(2), [[1, 2], [2, 1]], -np.eye(2)]),
            "covariance 1 is not positive definite .* eigenvalue is -1, .* 2 of 3 covariances",
        ),
        (np.array([np.eye(2), np.eye(2), np.ones((2, 2))]), "covariance 2 is not positive definite"),
        (np.array([np.eye(2), np.eye(2), 1e160 * np.eye(2)]), "covariances must be below .* got 1e"),
    ],
)
def test_invalid_matrices_are_refused(matrices, message):
    with pytest.raises(GaedistError, match=message):
        Mixture(np.array([[1.0, 2], [0, 0], [3, 4]]), Full(matrices))


def test_a_step_from_a_matrix_without_a_cholesky_factor_is_refused():
    with pytest.raises(GaedistError, match="differ by more than double precision can resolve"):
        Full(np.diag([1.0, -1.0])[np.newaxis]).displaced(np.zeros((3, 1)))


@pytest.mark.parametrize(
    ("scale", "dim"), [*itertools.product([1e-60, 1e-20, 1e20, 1e60], [1, 4, 5]), (1e-60, 21), (1e60, 21)]
)
def test_overlaps_are_exact_where_products_of_pivots_leave_the_range_of_a_double(scale, dim):
    x, y = special(6, dim), sample(9, dim, seed=1)
    if dim > 8:  # one pair takes a tenth of a second
        x, y = x[:3], y[:4]
    c, g = (Full(member("full", z, seed=k).matrices * scale**2) for k, z in enumerate((x, y)))
    assert_exact(scale * x, c, scale * y, g, rtol=1e-14, atol=1e-13)
