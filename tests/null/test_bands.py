"""Bands hold sorted numbers and counts with the probability they promise, by mpmath and by exact sums;
eigenvalues are quantiles of the Marchenko–Pastur law, whose density mpmath integrates.
"""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.null.bands import LEVEL, count_band, eigenvalue_quantiles, normal_band, sd_band, uniform_band

TAIL = (1 - LEVEL) / 2


@pytest.mark.parametrize(("n", "k"), [(1, 1), (4, 1), (4, 3), (300, 300), (4096, 17)])
def test_sorted_uniform_numbers(n, k):
    low, middle, high = uniform_band(n, np.array([float(k)]))
    for end, p in ((low, TAIL), (middle, 0.5), (high, 1 - TAIL)):
        assert_allclose(float(mpmath.betainc(k, n + 1 - k, 0, end[0], regularized=True)), p, rtol=1e-9)


def test_sorted_normal_numbers():
    ends = zip(normal_band(7, np.array([2.0])), uniform_band(7, np.array([2.0])), strict=True)
    for normal, uniform in ends:
        assert_allclose(float(mpmath.ncdf(normal[0])), uniform[0], rtol=1e-9)


@pytest.mark.parametrize(("n", "dim"), [(2, 1), (30, 4), (500, 64)])
def test_sorted_standard_deviations(n, dim):
    uniform = uniform_band(dim, np.arange(1.0, dim + 1))
    for sds, p in zip(sd_band(n, dim), uniform, strict=True):
        for k in (0, dim - 1):
            found = mpmath.gammainc((n - 1) / 2, 0, (n - 1) * sds[k] ** 2 / 2, regularized=True)
            assert_allclose(float(found), p[k], rtol=1e-8)


@pytest.mark.parametrize("p", [0.0, 1e-6, 0.01, 0.3, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("n", [1, 7, 60])
def test_counts(n, p):
    (low,), (high,) = count_band(n, np.array([p]))
    q = Fraction(p)
    masses = [math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n + 1)]
    for found, level in ((low, TAIL), (high, 1 - TAIL)):
        k = int(found)
        assert k == found
        assert sum(masses[: k + 1]) >= level - 1e-12
        assert k == 0 or sum(masses[:k]) < level + 1e-12


@pytest.mark.parametrize(("n", "dim"), [(1001, 4), (301, 100), (101, 100), (51, 200)])
def test_eigenvalues(n, dim):
    gamma = dim / (n - 1)
    a, b = (1 - math.sqrt(gamma)) ** 2, (1 + math.sqrt(gamma)) ** 2

    def density(t):
        return mpmath.sqrt((b - t) * (t - a)) / (2 * mpmath.pi * gamma * t)

    found = eigenvalue_quantiles(n, dim)
    zeros = max(0.0, 1 - 1 / gamma)
    assert np.all(found[: int(zeros * dim)] == 0)
    for k in (int(zeros * dim), (int(zeros * dim) + dim) // 2, dim - 1):
        below = zeros + float(mpmath.quad(density, mpmath.linspace(a, found[k], 8)))
        assert_allclose(below, (k + 0.5) / dim, atol=2e-6)
