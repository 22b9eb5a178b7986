"""Fourier sums and sums over near pairs on a line agree with NumPy, whatever is in their scratch memory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.engine.compiled.line_sums import LANES, near_sum, wave_sums


def waves(angles, count):
    sums = np.full((2, count), np.nan)
    wave_sums(np.cos(angles), np.sin(angles), sums, np.full((2, count, LANES), np.nan))
    return sums


@pytest.mark.parametrize("n", [1, LANES - 1, LANES, LANES + 1, 1000])
@pytest.mark.parametrize("count", [1, 2, 37, 600])
def test_wave_sums_are_sums_of_cosines_and_sines(n, count):
    angles = np.random.default_rng(n).uniform(-4, 4, size=n)
    multiples = np.arange(1, count + 1)[:, np.newaxis] * angles.astype(np.longdouble)
    # one rounding error of each point in each rotation
    expected = [np.cos(multiples).sum(axis=1), np.sin(multiples).sum(axis=1)]
    assert_allclose(waves(angles, count), np.array(expected, float), rtol=0, atol=4e-16 * count * n)


def test_points_at_the_same_angle():
    k = np.arange(1, 101)
    expected = 70 * np.cos(0.1 * k), 70 * np.sin(0.1 * k)
    assert_allclose(waves(np.full(70, 0.1), 100), expected, atol=1e-11)
    cosines, sines = waves(np.zeros(70), 100)
    assert (cosines == 70).all()
    assert (sines == 0).all()


def test_the_sines_of_opposite_angles_cancel():
    angles = np.random.default_rng(1).uniform(0, 3, size=32)
    _, sines = waves(np.concatenate([angles, -angles]), 50)
    assert_allclose(sines, 0, atol=1e-13)


@pytest.mark.parametrize(
    ("n", "reach", "rate"), [(1, 1.0, 1.0), (2, 9.0, 0.3), (300, 0.5, 2.0), (300, 99.0, 0.1)]
)
def test_near_sum_is_the_sum_over_pairs_in_reach(n, reach, rate):
    points = np.sort(np.random.default_rng(n).normal(size=n))
    last = np.searchsorted(points, points + reach)
    i, j = np.triu_indices(n, 1)
    near = j < last[i]
    expected = (2.0 ** (-rate * (points[j] - points[i])[near] ** 2)).sum()
    assert near.all() == (reach > 1 or n == 1)
    found = near_sum(points, last, rate, np.full(n, np.nan))
    assert_allclose(found, expected, rtol=1e-14)


def test_distant_pairs_add_nothing():
    points = np.array([0.0, 0.0, 1e200])
    assert near_sum(points, np.full(3, 3), 1.0, np.empty(3)) == 1
