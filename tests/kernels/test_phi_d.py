"""The polynomial of φ_D is ₁F₁(½; D/2; −s) to the precision it states, near and far, and the engine sums it.

Oracles: ₁F₁ of mpmath with 30 digits, and the approximation of the paper in many dimensions.
"""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist.engine import SERIES_BLOCK, PairSum, Run, log_pair_sums
from gaedist.kernels.phi_d import phi_d_series

DIMENSIONS = [1, 2, 3, 4, 5, 8, 16, 64, 512, 3000]


def phi_d_mp(dim, s):
    """₁F₁(½; D/2; −s) with 30 digits."""
    with mpmath.workdps(30):
        half = mpmath.mpf(dim) / 2
        return np.array([float(mpmath.hyp1f1(0.5, half, -mpmath.mpf(float(one)))) for one in np.ravel(s)])


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_series_equals_the_hypergeometric_function(dim):
    # three times the largest errors measured: 6.4e-14 at D = 64, 4.2e-14 at 8, 2.7e-14 at 1, 7e-15 else
    s = np.concatenate([[0.0], np.geomspace(1e-4, 1e9, 80), np.linspace(0.3, 45, 40)])
    assert_allclose(phi_d_series(dim).at(s), phi_d_mp(dim, s), rtol=0, atol=2e-13)


@pytest.mark.parametrize("dim", DIMENSIONS[1:])
def test_relative_precision_is_kept_for_large_s(dim):
    s = np.array([1e2, 1e5, 1e9, 1e15, 1e30]) * dim
    assert_allclose(phi_d_series(dim).at(s), phi_d_mp(dim, s), rtol=1e-12)


def test_series_approaches_the_approximation_of_the_paper_in_many_dimensions():
    # Knop et al., Cramer-Wold Auto-Encoder, JMLR 21 (2020), Remark 1; its error is 0.19/D where largest
    s = np.geomspace(1e-3, 1e7, 40)
    assert_allclose(phi_d_series(3000).at(s), (1 + 4 * s / (2 * 3000 - 3)) ** -0.5, rtol=1e-4)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_coefficients_fill_whole_blocks_of_the_engine(dim):
    blocks, rest = divmod(len(phi_d_series(dim).coefficients), SERIES_BLOCK)
    assert rest == 0
    assert 1 <= blocks <= 4
    assert phi_d_series(dim).coefficients[:SERIES_BLOCK].any()


def engine_sum(profile, x, y=None):
    params_y = None if y is None else np.zeros((1, len(y)))
    job = PairSum(profile, x, y, np.zeros((1, len(x))), params_y, 0.0, max(profile.rates))
    return np.exp(log_pair_sums([job], Run()))[0]


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_engine_sums_the_series(dim):
    rng = np.random.default_rng(1)
    points, other = rng.normal(size=(40, min(dim, 64))), rng.normal(size=(30, min(dim, 64)))
    rates, series = np.array([0.03, 0.5, 40.0]), phi_d_series(dim)
    within, across = cdist(points, points, "sqeuclidean"), cdist(points, other, "sqeuclidean")
    within = within[np.tril_indices(40, -1)]
    profile = series.profile(rates)
    found = engine_sum(profile, points), engine_sum(profile, points, other)
    expected = [sum(series.at(rate * squares).sum() for rate in rates) for squares in (within, across)]
    assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 64])
def test_engine_sums_the_hypergeometric_function(dim):
    rng = np.random.default_rng(2)
    points, rates = rng.normal(size=(14, dim)), np.array([0.1, 2.0])
    squares = cdist(points, points, "sqeuclidean")[np.tril_indices(14, -1)]
    expected = sum(phi_d_mp(dim, rate * squares).sum() for rate in rates)
    assert_allclose(engine_sum(phi_d_series(dim).profile(rates), points), expected, rtol=1e-12)
