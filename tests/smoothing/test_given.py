"""A σ that is a number or an array scores the same in every family that contains it; any other is refused."""

import numpy as np
import pytest
from members import sample
from numpy.testing import assert_allclose

import gaedist
from gaedist import GaedistError
from gaedist.mixtures.families import FAMILIES


def test_a_number_is_constant_unless_a_wider_family_is_chosen():
    x = sample(40, 3)
    values = [gaedist.score(x, sigma=0.8, covariance=family).value for family in (None, *FAMILIES)]
    assert_allclose(values, values[0], rtol=1e-12)  # five formulas of one number
    assert gaedist.score(x, sigma=0.8).null.mean is not None
    assert gaedist.score(x, sigma=0.8, covariance="radial").null.mean is None


def test_two_columns_in_two_dimensions_need_a_covariance_option():
    x, sigmas = sample(5, 2), np.abs(sample(5, 2, seed=1)) + 0.5
    with pytest.raises(GaedistError, match=r"can be radial or diagonal at D = 2\. Choose one with"):
        gaedist.score(x, sigma=sigmas)
    radial, diagonal = (gaedist.score(x, sigma=sigmas, covariance=name) for name in ("radial", "diagonal"))
    assert radial.value != pytest.approx(diagonal.value, rel=1e-6)


@pytest.mark.parametrize(
    ("sigma", "covariance", "message"),
    [
        (np.ones(4), None, r"sigma for 5 points in 3 dimensions must .* \(5,\) \(spherical\).*got \(4,\)"),
        (np.ones((5, 7)), None, "got"),
        (np.ones((5, 3)), "radial", "shape of the diagonal family, which the radial family does not contain"),
        (np.ones(5), "constant", "shape of the spherical family, which the constant family does not contain"),
        ([1, 1, 0, 1, 1], None, "row 2 has 0"),
        ([1, 1, -2, 1, 1], None, "row 2 has -2. Is it a log-variance"),
        ([1, 1, 1, 1, np.nan], None, "sigma is not finite in row 4"),
        (["a"] * 5, None, "sigma must be a number, the name of a rule or an array of numbers"),
        ([[1], [1, 2]], None, "sigma is not an array: its rows have different lengths"),
        (np.stack([np.eye(3)] * 4 + [np.diag([1, 1, -1])]), None, "covariance 4 is not positive definite"),
        (np.stack([np.eye(3)] * 4 + [np.eye(3) + np.eye(3, k=1)]), None, "covariance 4 is not symmetric"),
    ],
)
def test_invalid_sigma_is_refused(sigma, covariance, message):
    with pytest.raises(GaedistError, match=message):
        gaedist.score(sample(5, 3), sigma=sigma, covariance=covariance)
