"""Sums of independent positive variables on a logarithmic grid have the distributions of their closed forms,
over hundreds of e-folds, and exact means.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special, stats

from gaedist.null.log_grid import LogGrid


def exponential(step):
    """The exponential distribution, by the trapezoidal rule in the logarithm."""
    logs = np.arange(-60.0, 4.5, 0.001)
    weights = np.exp(logs - np.exp(logs))
    return LogGrid.of(logs, weights / weights.sum(), step)


@pytest.mark.parametrize("count", [1, 2, 7, 32])
def test_a_sum_of_exponentials_is_a_gamma_variable(count):
    found, peer = exponential(0.01).sum_of(count), stats.gamma(count)
    for share in (1e-6, 0.01, 0.3, 0.7, 0.99, 1 - 1e-6):
        x = peer.ppf(share)
        below, above = found.tails(np.array([math.log(x)]))
        assert_allclose((below[0], above[0]), (peer.cdf(x), peer.sf(x)), rtol=0.04)


@pytest.mark.parametrize("count", [3, 64, 1000])
def test_a_sum_of_levy_variables_is_one_of_them_times_the_square_of_their_number(count):
    # 1/χ²₁: tails from e^(−1/x) to x^(−½), so that the largest is as large as all others together
    logs = np.arange(-5.0, 300.0, 0.01)
    weights = np.exp(-logs / 2 - np.exp(-logs) / 2)
    found = LogGrid.of(logs, weights / weights.sum(), 0.1).sum_of(count)
    x = count**2 * np.exp(np.array([-2.0, -1.0, 0.0, 3.0, 30.0, 200.0]))
    root = np.sqrt(count**2 / (2 * x))
    below, above = found.tails(np.log(x))
    assert_allclose(above, special.erf(root), rtol=0.02)
    # the step smooths the steep lower tail
    assert_allclose(below, special.erfc(root), rtol=0.08)


@pytest.mark.parametrize("count", [1, 5, 40])
def test_masses_sum_to_one_and_the_mean_is_exact(count):
    logs, weights = np.array([-300.0, -0.3, 1.234]), np.array([0.2, 0.5, 0.3])
    found = LogGrid.of(logs, weights, 0.05).sum_of(count)
    assert_allclose(found.masses.sum(), 1, rtol=1e-12)
    assert_allclose(found.masses @ np.exp(found.logs), count * weights @ np.exp(logs), rtol=1e-12)


def test_terms_of_a_sum_may_differ_by_any_magnitude():
    one, other = (
        LogGrid.of(np.array([log, log + 2.0]), np.array([0.25, 0.75]), 0.5) for log in (0.0, -500.0)
    )
    for found in (one.plus(other), other.plus(one)):
        kept = found.masses > 1e-12
        assert_allclose(found.logs[kept], [0.0, 2.0])
        assert_allclose(found.masses[kept], [0.25, 0.75], rtol=1e-9)


def test_beyond_the_grid_there_is_nothing_above_and_the_least_probability_below():
    found = exponential(0.05).sum_of(3)
    below, above = found.tails(np.array([-1e4, 1e4]))
    assert (below[1], above[1]) == (1, 0)
    assert 0 < below[0] < 1e-15
    assert above[0] == 1


def test_the_spread_is_that_between_the_first_and_the_last_tenth():
    assert_allclose(exponential(0.01).log_spread, math.log(math.log(10) - math.log(10 / 9)), atol=0.01)
    single = LogGrid.of(np.array([-800.0]), np.ones(1), 0.5)
    assert single.log_spread == -math.inf
