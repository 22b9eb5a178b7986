"""The maximum mean discrepancy: every kernel and its parameters, for one sample and for two.

Values agree with slow twins and scikit-learn, and are negative about half the time.
"""

import math

import naive
import numpy as np
import pytest
import twins
from fuzz import oracles
from fuzz.odd_numbers import ABOUT, check_value
from numpy.testing import assert_allclose
from samples import sample
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import rbf_kernel

from gaedist import GaedistError, Parameters, compare, score
from gaedist.kernels.radial import KERNELS
from gaedist.metrics.kernel_metrics import NARROW

NARROWEST = Parameters(kernel="gaussian", scales=[1e-12])


def test_every_kernel_has_a_twin():
    assert list(twins.KERNELS) == list(KERNELS)


@pytest.mark.parametrize("dim", [1, pytest.param(2, marks=pytest.mark.slow), 8, 32])
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_of_mmd(kernel, dim):
    # the largest errors were 4e-12 where 7 kernels leave 1e-3, and 7e-12 where one leaves 1e-6
    x = sample("heavy-tailed", 15, dim)
    alpha = 0.3 if kernel == "rational-quadratic" else None
    for scales, power in ((None, None), ([0.05], None), ([1.0, 3.0], alpha)):
        parameters = Parameters(kernel=kernel, scales=scales, alpha=power)
        found = score(x, metric="mmd", parameters=parameters, null="none")
        assert_allclose(found.value, twins.mmd(x, kernel, scales or twins.SCALES, power or 2.0), rtol=2e-11)


def test_the_pairs_of_a_gaussian_mmd_agree_with_scikit_learn():
    x = sample("mixture", 80, 4)
    scale, dim = 0.7, 4
    c = 2 * dim * scale
    dense = rbf_kernel(x, gamma=1 / c)
    pair = (dense.sum() - np.trace(dense)) / (80 * 79)
    about = (1 + 2 / c) ** (-dim / 2) * np.exp(-(x**2).sum(axis=1) / (c + 2)).mean()
    found = score(x, metric="mmd", parameters=Parameters(kernel="gaussian", scales=[scale]))
    assert_allclose(found.value, pair - 2 * about + (1 + 4 / c) ** (-dim / 2), rtol=1e-11)


@pytest.mark.parametrize("kernel", KERNELS)
def test_two_samples_by_every_kernel(kernel):
    x, y = sample("normal", 30, 3), sample("shifted", 40, 3)
    squares, mask = cdist(np.concatenate([x, y]), np.concatenate([x, y]), "sqeuclidean"), np.arange(70) < 30
    dense = sum(twins.KERNELS[kernel](squares, 6 * scale, 3, 2.0) for scale in (0.3, 4))
    result = compare(x, y, metric="mmd", parameters=Parameters(kernel=kernel, scales=(0.3, 4)))
    assert_allclose(result.value, naive.two_sample(dense, mask, "u"), rtol=1e-10)
    alpha = 2.0 if kernel == "rational-quadratic" else None
    assert result.parameters == Parameters(kernel=kernel, scales=(0.3, 4.0), alpha=alpha)
    assert result.expected == 0


def test_alpha_is_reported_for_the_kernel_that_takes_it():
    parameters = Parameters(kernel="rational-quadratic")
    assert score(sample("normal", 50, 3), metric="mmd", parameters=parameters).parameters.alpha == 2.0


def test_a_negative_value_has_no_logarithm():
    found = [score(sample("normal", 60, 3, seed), metric="mmd") for seed in range(12)]
    assert 0 < sum(result.value < 0 for result in found) < 12
    for result in found:
        expected = None if result.value < 0 else pytest.approx(math.log(result.value))
        assert result.log_value == expected


def test_a_single_point_has_no_unbiased_mean():
    x = sample("normal", 9, 3)
    with pytest.raises(GaedistError, match="needs two points; got one"):
        score(x[:1], metric="mmd")
    for n, m in ((9, 1), (1, 9)):
        with pytest.raises(GaedistError, match=f"needs two points in each sample; got {n} and {m}"):
            compare(x[:n], x[:m], metric="mmd")


@pytest.mark.parametrize("kernel", ABOUT)
@pytest.mark.parametrize("scale", [1e-12, pytest.param(1e-4, marks=pytest.mark.slow), 1e12])
def test_narrow_and_wide_kernels_keep_their_digits(kernel, scale):
    x = sample("normal", 4, 3)
    found = score(x, metric="mmd", parameters=Parameters(kernel=kernel, scales=[scale]))
    check_value(found, oracles.mmd(oracles.exact(x), kernel, scale), 1e-12)


@pytest.mark.parametrize("far", [1e18, 1e24, 1e80, 1e145])
@pytest.mark.parametrize("kernel", KERNELS)
def test_far_points_keep_their_digits(kernel, far):
    # no pair is nearer than the first two, so that the value is less than 1e-36 of the peak
    x, y = (
        far * np.array([[0.0, 0.0], [3.0, 4.0], [60.0, 10.0]]),
        far * np.array([[-90.0, 8.0], [-200.0, 9.0]]),
    )
    found = compare(x, y, metric="mmd", permutations=9, parameters=Parameters(kernel=kernel))
    k = oracles.two_sample_kernel("mmd", 3, 2, 2, None, kernel)
    check_value(found, oracles.two_samples(k, oracles.exact(x), oracles.exact(y), unbiased=True), 1e-10)
    assert found.p_value is None or 0 < found.p_value <= 1


def test_a_kernel_that_vanishes_between_any_two_points_has_no_p_value():
    x = 100 * sample("normal", 20, 3)
    found = compare(x[:10], x[10:], metric="mmd", permutations=9, parameters=NARROWEST)
    assert (found.value, found.p_value, found.null.note) == (0, None, NARROW)
    assert found.log_value is None or found.log_value < -1e6


def test_a_kernel_whose_mean_underflows_is_refused():
    wide, huge = sample("normal", 5, 300), 1e149 * sample("normal", 5, 3)
    with pytest.raises(GaedistError, match="mean over N\\(0, I\\) at D = 300 is below 1e-140"):
        score(wide, metric="mmd", parameters=NARROWEST)
    with pytest.raises(GaedistError, match="squared distances over its squared width exceed 1e\\+307"):
        score(huge, metric="mmd", parameters=NARROWEST)


@pytest.mark.parametrize("kernel", ["laplace", "gaussian", "rational-quadratic"])
@pytest.mark.parametrize("scale", [3.46e-10, 1e-12, 1e12])
def test_kernels_of_any_width_have_null_distributions_without_warnings(kernel, scale):
    """Determinants of narrow kernels do not cancel to zero; a warning is an error here."""
    result = score(
        sample("normal", 12, 1), metric="mmd", parameters=Parameters(kernel=kernel, scales=(scale,))
    )
    assert result.p_value is None or 0 < result.p_value <= 1
