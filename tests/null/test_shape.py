"""The middle part and the density of a null distribution agree with mpmath and with closed forms, and the
upper tail with the p-value that was reported.
"""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist
from gaedist.null.distributions import Gamma, LogNormal, NoDistribution, Simulated
from gaedist.null.shape import density, middle

GAMMA = Gamma(0.0, 1.0, 0.8, 500)


def gamma_density(z, skewness):
    shape = 4 / skewness**2
    x = shape + 2 / skewness * z
    return float(mpmath.exp(-x) * x ** (shape - 1) / mpmath.gamma(shape) * 2 / skewness)


def test_density_of_a_gamma_distribution():
    z, found = density(GAMMA)
    some = slice(4, None, 12)
    assert_allclose(found[some], [gamma_density(t, 0.8) for t in z[some]], rtol=2e-3, atol=2e-4)


def test_middle_of_a_gamma_distribution():
    for z, p in zip(middle(GAMMA), (0.005, 0.995), strict=True):
        below = mpmath.gammainc(4 / 0.64, 0, 4 / 0.64 + 2 / 0.8 * z, regularized=True)
        assert_allclose(float(below), p, rtol=5e-3)


def test_density_of_a_log_normal_distribution():
    ratio = 0.3
    square = np.log1p(ratio**2)
    z, found = density(LogNormal(1.0, ratio, trusted=True))
    y = 1 + z * ratio
    expected = np.exp(-((np.log(y) + square / 2) ** 2) / (2 * square)) / (y * np.sqrt(2 * np.pi * square))
    assert_allclose(found, expected * ratio, rtol=2e-3, atol=2e-4)


def test_middle_of_simulated_values():
    values = np.random.default_rng(3).normal(5, 2, size=4000)
    scores = (values - values.mean()) / values.std(ddof=1)
    assert_allclose(
        middle(Simulated(values, two_sided=False)), np.quantile(scores, [0.005, 0.995]), rtol=1e-3
    )
    assert density(Simulated(values, two_sided=False)) is None


def test_unknown_tails_have_no_shape():
    for unknown in (None, NoDistribution(), Gamma(0.0, 1.0, 5.0, 500)):
        assert middle(unknown) is None
        assert density(unknown) is None


@pytest.mark.parametrize("dim", [3, 64])
def test_the_upper_tail_is_that_of_the_p_value(dim):
    x = np.random.default_rng(dim).normal(size=(400, dim))
    results = [*gaedist.scores(x, metric=["gaussian", "kl", "mmd", "energy"]), *gaedist.score(x).parts]
    assert {r.null.method for r in results} >= {"limit-law", "gamma" if dim == 3 else "radial-sum"}
    for result in results:
        tail = result.distribution.upper_tail(result.z)
        p = 2 * min(tail, 1 - tail) if result.two_sided else tail
        assert_allclose(p, result.p_value, rtol=1e-6)


def test_a_density_is_integrated_to_one():
    x = np.random.default_rng(1).normal(size=(300, 8))
    for result in gaedist.score(x).parts:
        z, found = density(result.distribution)
        assert_allclose(np.trapezoid(found, z), 0.9998, atol=2e-4)
