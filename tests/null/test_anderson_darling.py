"""A² equals its definition and its integral; its tail is that of the weighted sum of χ² variables; that of a
fitted normal distribution is the table of Stephens, and both are those of simulated samples.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from gaedist.null.anderson_darling import log_tail, log_tail_fitted, of_normal, statistics
from gaedist.null.chi_square_sums import chi_square_sum


def test_statistic_is_the_one_of_scipy():
    x = np.random.default_rng(0).normal(size=200)
    z = np.sort((x - x.mean()) / x.std(ddof=1))
    assert_allclose(of_normal(z[np.newaxis])[0], _of_scipy(x), rtol=1e-10)


def _of_scipy(x):
    # with the parameters fitted, as scipy.stats.anderson has it
    z = np.sort((x - x.mean()) / x.std(ddof=1))
    n, i = len(z), np.arange(1, len(z) + 1)
    return -n - np.sum((2 * i - 1) / n * (stats.norm.logcdf(z) + stats.norm.logsf(z[::-1])))


def test_statistic_is_its_integral():
    """A² = n ∫ (F_n − u)²/(u (1 − u)) du."""
    u = np.sort(np.random.default_rng(1).uniform(size=6))
    grid = (np.arange(2_000_000) + 0.5) / 2_000_000
    share = np.searchsorted(u, grid, side="right") / len(u)
    integral = len(u) * np.mean((share - grid) ** 2 / (grid * (1 - grid)))
    assert_allclose(statistics(np.log(u), np.log1p(-u)), integral, rtol=1e-4)


@pytest.mark.parametrize("a", [0.2, 1.0, 2.492, 3.878, 9.0, 30.0])
def test_tail_is_that_of_a_sum_of_chi_squares(a):
    j = np.arange(1.0, 401)
    rest = 1 / (len(j) + 1)  # the mean of what is left out
    expected = chi_square_sum(1 / (j * (j + 1)), np.ones(len(j))).upper_tail(a - rest)
    assert_allclose(math.exp(log_tail(a)), expected, rtol=3e-3)


def test_tail_has_the_published_quantiles():
    assert_allclose(np.exp(log_tail(np.array([1.933, 2.492, 3.878]))), [0.1, 0.05, 0.01], rtol=2e-2)
    assert log_tail(1e4) < -9000
    assert log_tail(0.0) == pytest.approx(0.0, abs=3e-3)


def test_fitted_tail_has_the_published_quantiles():
    """D'Agostino and Stephens, table 4.7."""
    a = np.array([0.631, 0.752, 0.873, 1.035])
    assert_allclose(np.exp(log_tail_fitted(a, 10**9)), [0.1, 0.05, 0.025, 0.01], rtol=2e-2)
    values = log_tail_fitted(np.linspace(0.01, 400, 4000), 100)
    assert (np.diff(values) <= 1e-3).all()  # its four pieces meet to that


@pytest.mark.parametrize("n", [8, 100])
def test_p_values_of_normal_samples_are_uniform(n):
    z = np.sort(np.random.default_rng(n).normal(size=(20_000, n)), axis=1)
    fitted = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, ddof=1, keepdims=True)
    for p in (np.exp(log_tail(of_normal(z))), np.exp(log_tail_fitted(of_normal(fitted), n))):
        assert stats.kstest(p[p < 0.5] * 2, "uniform").statistic < 0.03
        assert 0.8 < np.mean(p < 0.01) / 0.01 < 1.25


def test_far_points_are_finite():
    z = np.sort(np.array([[-1e6, 0.0, 0.1, 1e6]]))
    assert np.isfinite(of_normal(z)).all()
