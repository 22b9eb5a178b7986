"""Remainders and means of the kernel are bounded, and the bounds are sharp where that can be seen."""

import math

import numpy as np
import pytest
from expansions import expansion, features, kernel, sample, squares
from numpy.testing import assert_allclose

from gaedist.engine.series.hermite_bounds import least_mean, remainders


@pytest.mark.parametrize("dim", [1, 2, 4, 6])
@pytest.mark.parametrize("t", [0.05, 0.3, 0.7])
def test_remainders_are_one_less_the_squared_terms(dim, t):
    x = np.linspace(0, 40, 81)[:, np.newaxis] * sample("normal", 1, dim) / math.sqrt(dim)
    radii = np.sqrt(squares(x, np.zeros((1, dim)))[:, 0])
    found = remainders(radii, 0.25, t, dim, range(3, 9))
    for degree, bound in zip(range(3, 9), found, strict=True):
        a = features(expansion(dim, degree, t=t), x)
        expected = 1 - np.square(a).sum(axis=1)
        assert (bound >= expected - 1e-14).all()
        assert (bound <= 1).all()
        small = expected < 0.01  # where the bound of the rest is negligible
        assert_allclose(bound[small], expected[small], rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize("kind", ["normal", "shifted", "anisotropic", "clusters", "outlier"])
@pytest.mark.parametrize("s", [0.25, 1.0, 30.0])
def test_the_least_mean_is_a_lower_bound_and_exact_for_two_points(kind, s):
    x = sample(kind, 300, 4)
    x -= np.median(x, axis=0) + 0.2
    norms = np.square(x).sum(axis=1)
    assert 0 < least_mean(x, norms, 1 / (4 * s)) <= (kernel(x, x, s).sum() - 300) / 300**2
    two = x[:2]
    assert_allclose(least_mean(two, norms[:2], 1 / (4 * s)), kernel(two, two, s)[0, 1] / 2, rtol=1e-9)
