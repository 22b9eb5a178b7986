"""The squared distance of smoothed codes to N(0, I) agrees with dense matrices and with 200 digits.

Excess and z keep their digits where the value is constant to rounding, for both targets and estimators.
"""

import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample as known
from scipy.stats import chi2

from gaedist import GaedistError, score


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.mark.parametrize(("n", "dim", "sigma"), [(1, 1, 1.0), (300, 2, 0.3), (700, 8, 1.0), (300, 64, 1.5)])
def test_score_agrees_with_the_dense_matrix(n, dim, sigma):
    x = sample(n, dim)
    result = score(x, sigma=sigma)
    assert_allclose(result.value, naive.score(x, sigma), rtol=1e-11)
    assert_allclose(result.log_value, math.log(result.value), rtol=1e-14, atol=1e-15)
    assert_allclose(result.terms.pair + result.terms.prior - 2 * result.terms.cross, result.value, rtol=1e-11)


def test_sigma_one_is_equation_eight():
    x = sample(40, 3)
    n = len(x)
    pairs = sum(math.exp(-((x[i] - x[j]) ** 2).sum() / 4) for i in range(n) for j in range(i))
    cross = sum(math.exp(-(point**2).sum() / 4) for point in x)
    assert_allclose(score(x).value, 1 + 1 / n + 2 / n**2 * pairs - 2 / n * cross, rtol=1e-13)


@pytest.mark.parametrize(("dim", "sigma"), [(1, 1.0), (8, 0.5), (256, 1.0), (256, 0.7), (1000, 1.0)])
def test_excess_keeps_eight_digits_where_the_value_is_1_to_rounding(dim, sigma):
    x = sample(12, dim)
    result = score(x, sigma=sigma)
    mean, sd = naive.null_moments_mp(len(x), dim, sigma)
    excess = naive.score_mp(x, sigma) - mean
    assert_allclose(result.excess, float(excess), rtol=1e-8)
    assert_allclose(result.z, float(excess / sd), rtol=1e-8)
    if (dim, sigma) == (256, 1.0):
        assert abs(result.excess) < 1e-20


def test_overflow_leaves_the_logarithm_and_z():
    x = sample(5, 3000)
    result = score(x, sigma=0.5)
    assert result.value == math.inf
    assert_allclose(result.log_value, float(naive.MP.log(naive.score_mp(x, 0.5))), rtol=1e-14)
    assert math.isfinite(result.z)


@pytest.mark.parametrize(
    ("dim", "sigma", "scale", "saturated"),
    [(8, 1, 1, False), (64, 1, 1, False), (256, 1, 1, True), (3000, 0.5, 1, True), (256, 1, 0.0, False)],
)
def test_saturation_is_noticed(dim, sigma, scale, saturated):
    assert score(scale * sample(50, dim), sigma=sigma).saturated is saturated


@pytest.mark.parametrize("sigma", [1e7, 1e9, 1e70])
def test_a_kernel_so_wide_that_rounding_hides_the_sample_gives_no_z(sigma):
    for codes in (sample(60, 3), np.zeros((60, 3))):
        result = score(codes, sigma=sigma)
        assert (result.z, result.excess) == (None, None)


def test_z_of_a_wide_kernel_keeps_its_digits():
    x = sample(12, 3)
    mean, sd = naive.null_moments_mp(len(x), 3, 1000.0)
    assert_allclose(score(x, sigma=1000.0).z, float((naive.score_mp(x, 1000.0) - mean) / sd), atol=1e-6)


@pytest.mark.parametrize("scale", [1e11, 1e30, 1e100, 1e149])
def test_codes_far_from_each_other_have_no_pairs(scale):
    x = scale * sample(60, 3)
    assert_allclose(score(x).value, 1 + 1 / 60, rtol=1e-14)
    sigma = max(1 / scale, 1e-74)
    null = "auto" if scale < 1e100 else "none"  # whose moments take seconds
    assert_allclose(
        score(sample(60, 3), sigma=sigma, null=null).log_value,
        -3 * math.log(sigma) - math.log(60),
        rtol=1e-12,
    )


def test_z_is_negative_for_concentrated_codes():
    x = sample(2000, 4)
    assert abs(score(x).z) < 3
    assert score(0.5 * x).z < -10
    assert score(2 * x).z > 10


# The smoothed target


CASES = [(1, 1, 1.0), (2, 3, 0.5), (300, 2, 0.3), (400, 8, 1.0), (200, 64, 1.5), (60, 256, 4.0)]


def smoothed(x, sigma=1.0, **options):
    return score(x, sigma=sigma, target="smoothed", **options)


@pytest.mark.parametrize(("n", "dim", "sigma"), CASES)
def test_the_smoothed_target_agrees_with_the_dense_matrix(n, dim, sigma):
    x = 1.1 * sample(n, dim) + 0.1
    result = smoothed(x, sigma)
    assert (result.target, result.estimator) == ("smoothed", "v")
    assert_allclose(result.value, naive.score_smoothed(x, sigma), rtol=1e-11)
    assert_allclose(result.log_value, math.log(result.value), rtol=1e-13)
    pair, cross, prior = naive.smoothed_terms(x, sigma)
    terms = result.terms
    assert_allclose([terms.pair, terms.cross, terms.prior], [pair, cross, prior], rtol=1e-12)


@pytest.mark.parametrize(("n", "dim", "sigma"), CASES[1:])
def test_the_unbiased_estimator_agrees_with_the_dense_matrix(n, dim, sigma):
    x = 1.1 * sample(n, dim) + 0.1
    result = smoothed(x, sigma, estimator="u")
    pair, cross, prior = naive.smoothed_terms(x, sigma, "u")
    assert (result.target, result.estimator) == ("smoothed", "u")
    assert_allclose(result.value, pair + prior - 2 * cross, rtol=1e-11, atol=1e-14 * prior)
    terms = result.terms
    assert_allclose([terms.pair, terms.cross, terms.prior], [pair, cross, prior], rtol=1e-12)


def test_an_unbiased_value_below_zero_has_no_logarithm():
    found = [smoothed(sample(50, 2, seed), estimator="u") for seed in range(40)]
    below = [result for result in found if result.value < 0]
    assert 10 < len(below) < 39
    assert all(result.log_value is None for result in below)
    assert all(
        result.log_value == pytest.approx(math.log(result.value)) for result in found if result.value > 0
    )


@pytest.mark.parametrize(("n", "dim", "sigma"), [(5, 1, 0.3), (6, 3, 1.0), (4, 8, 20.0), (4, 256, 0.3)])
def test_the_smoothed_target_is_equation_three(n, dim, sigma):
    x = sample(n, dim)
    assert_allclose(smoothed(x, sigma).value, float(naive.score_smoothed_mp(x, sigma)[0]), rtol=1e-9)


@pytest.mark.parametrize("sigma", [1.0, "D/3", "prior"])
@pytest.mark.parametrize(("n", "dim"), [(1, 4), (2, 1), (60, 8), (60, 64), (30, 512), (10, 4096)])
def test_the_smoothed_target_in_many_dimensions(n, dim, sigma):
    # terms are about 1, and the value is some hundredths of that: each term keeps 15 digits
    x, sigma = sample(n, dim), math.sqrt(dim / 3) if sigma == "D/3" else sigma
    number = math.sqrt(dim) if sigma == "prior" else sigma
    v, u = naive.score_smoothed_mp(x, number)
    found = smoothed(x, sigma)
    assert_allclose(found.value, float(v), rtol=2e-13)
    assert_allclose(found.log_value, float(naive.MP.log(v)), rtol=0, atol=2e-13)
    if n > 1:
        assert_allclose(smoothed(x, sigma, estimator="u").value, float(u), rtol=1e-12, atol=2e-13 * float(v))


def test_one_point_has_no_unbiased_estimate():
    with pytest.raises(GaedistError, match=r"there is one point\. Use v"):
        smoothed(sample(1, 3), estimator="u")
    assert smoothed(sample(2, 3), estimator="u").value > -1


@pytest.mark.parametrize("sigma", [0.3, 1.0, 1e3, 1e5, 1e8])
@pytest.mark.parametrize("dim", [1, 256])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e6])
def test_the_smoothed_value_is_never_negative(sigma, dim, scale):
    result = smoothed(scale * sample(30, dim), sigma)
    assert 0 <= result.value <= 4
    if result.value:
        assert_allclose(result.log_value, math.log(result.value), rtol=1e-13, atol=1e-15)
    else:
        assert result.log_value == -math.inf


def test_codes_far_from_each_other_are_single_points():
    x = sample(60, 256)
    assert_allclose(smoothed(x, 0.3).value, 1 / 60, rtol=1e-13)
    assert_allclose(smoothed(1e9 * x).value, 1 / 60 + 2.0**-128, rtol=1e-13)
    assert_allclose(smoothed(x, 0.3, estimator="u").value, naive.score_smoothed(x, 0.3, "u"), rtol=1e-9)


@pytest.mark.parametrize("sigma", [1e4, 1e7])
def test_a_kernel_too_wide_for_doubles_leaves_a_rounding(sigma):
    for x in (sample(40, 3), sample(40, 3) + 1):
        exact = float(naive.score_smoothed_mp(x, sigma)[0])
        assert abs(smoothed(x, sigma).value - exact) < 1e-13
    assert smoothed(sample(40, 3), 1e9).z is None


@pytest.mark.parametrize(("sigma", "rtol"), [(100.0, 1e-3), (1000.0, 1e-3), (10000.0, 0.05)])
@pytest.mark.parametrize(("n", "dim"), [(400, 1), (400, 3), (2000, 64)])
def test_a_wide_kernel_tests_the_mean(n, dim, sigma, rtol):
    # k = 1 − |x − y|²/(4s) + …, so that d² is |mean of x|²/(2s), and n |mean of x|² is χ² with D degrees of
    # freedom
    x = sample(n, dim, seed=1) + 1 / math.sqrt(n)
    result = smoothed(x, sigma)
    mean = x.mean(axis=0)
    assert result.null.method == "limit-law"
    assert_allclose(result.p_value, chi2.sf(n * (mean**2).sum(), dim), rtol=rtol)


def test_a_shift_scores_more_to_the_smoothed_target():
    x = sample(1000, 8)
    values = [smoothed(x + shift).value for shift in (0, 0.1, 0.2, 0.5, 1, 2, 5)]
    assert (np.diff(values) > 0).all()
    assert smoothed(x + 0.1).z > 8
    assert abs(score(x + 0.1).z) < 3
    assert_allclose(values[-1], naive.score_smoothed(x + 5, 1.0), rtol=1e-12)


@pytest.mark.parametrize("name", ["shrunk", "stretched", "shifted", "collapsed", "heavy-tailed", "mixture"])
def test_samples_that_are_not_normal_have_small_p_values(name):
    # five degrees of freedom, and clusters along two of the axes, are detected in few dimensions
    dim = 2
    normal, other = (smoothed(known(kind, 2000, dim), 0.5, estimator="u") for kind in ("normal", name))
    assert abs(normal.z) < 3
    assert other.z > 4
    assert other.value > normal.value
    assert other.p_value < 1e-3 < normal.p_value


def test_collapsed_codes_are_at_distance_0_from_the_normal_target_only():
    x = np.zeros((50, 8))
    assert score(x).value < 1e-14
    assert_allclose(smoothed(x).value, 1 - 2 * 1.5**-4 + 2.0**-4, rtol=1e-13)
