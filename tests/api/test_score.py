import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import GaedistError, Run, score


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
def test_excess_keeps_eight_digits_where_it_is_nothing_beside_one(dim, sigma):
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
def test_a_kernel_so_wide_that_rounding_rules_gives_no_z(sigma):
    for codes in (sample(60, 3), np.zeros((60, 3))):
        result = score(codes, sigma=sigma)
        assert (result.z, result.excess) == (None, None)


def test_z_keeps_its_digits_as_long_as_it_is_given():
    x = sample(12, 3)
    mean, sd = naive.null_moments_mp(len(x), 3, 1000.0)
    assert_allclose(score(x, sigma=1000.0).z, float((naive.score_mp(x, 1000.0) - mean) / sd), atol=1e-6)


@pytest.mark.parametrize("scale", [1e11, 1e30, 1e100, 1e149])
def test_codes_far_out_score_as_single_points(scale):
    x = scale * sample(60, 3)
    assert_allclose(score(x).value, 1 + 1 / 60, rtol=1e-14)
    sigma = max(1 / scale, 1e-74)
    assert_allclose(
        score(sample(60, 3), sigma=sigma).log_value, -3 * math.log(sigma) - math.log(60), rtol=1e-12
    )


def test_verdict_of_z_goes_both_ways():
    x = sample(2000, 4)
    assert abs(score(x).z) < 3
    assert score(0.5 * x).z < -10
    assert score(2 * x).z > 10


def test_equal_results_for_equal_codes():
    x = sample(600, 5)
    value = score(x).value
    rotation, _ = np.linalg.qr(sample(5, 5, seed=1))
    order = np.random.default_rng(2).permutation(len(x))
    assert_allclose(score(x @ rotation).value, value, rtol=1e-13)
    assert_allclose(score(x[order]).value, value, rtol=1e-13)
    assert score(np.asfortranarray(x)).value == value
    assert score(x[::-1][::-1]).value == value
    assert score(x.tolist()).value == value
    single = x.astype(np.float32)
    assert score(single).value == score(single.astype(float)).value
    assert score(x, run=Run(threads=1)).value == value
    frozen = x.copy()
    frozen.flags.writeable = False
    assert score(frozen).value == value


def test_codes_are_left_alone():
    x = sample(300, 3) + 1e7
    before = x.copy()
    score(x)
    assert (x == before).all()


def test_null_can_be_left_out():
    result = score(sample(10, 2), null="none")
    assert (result.null.method, result.null.mean, result.excess, result.z) == ("none", None, None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": 0}, "sigma must be a positive, finite number; got 0"),
        ({"sigma": -1}, "positive"),
        ({"sigma": math.nan}, "got nan"),
        ({"sigma": math.inf}, "got inf"),
        ({"sigma": 1e-200}, "must lie between"),
        ({"null": "guess"}, "null must be one of auto, closed-form, monte-carlo, none; got 'guess'"),
        ({"target": "flat"}, "target must be one of normal, smoothed; got 'flat'"),
        ({"metric": "entropy"}, "metric must be one of gaussian, bhep, "),
        ({"covariance": "round"}, "covariance must be one of constant"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(GaedistError, match=message):
        score(sample(3, 2), **options)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros(3), "1 axis"),
        (np.zeros((2, 2, 2)), "3 axes"),
        (np.zeros((0, 2)), "empty"),
        (np.zeros((2, 0)), "empty"),
        (np.zeros((2, 2), complex), "complex"),
        (np.full((2, 2), "a"), "latent codes are real numbers"),
        (np.full((2, 2), None), "object array"),
        (
            np.array([[1.0, 2.0], [3.0, math.nan]]),
            "the codes are not finite: row 1 has NaN in column 1; 1 of 2 rows are not finite.$",
        ),
        (
            np.array([[1.0, 2.0], [1e200, 0]]),
            "row 1 has 1e\\+200 in column 0; 1 of 2 rows .* beyond 1e\\+150",
        ),
    ],
)
def test_codes_that_are_none(codes, message):
    with pytest.raises(GaedistError, match=message):
        score(codes)


def test_run_settings_out_of_range():
    for settings in ({"threads": 0}, {"method": "guess"}, {"precision": "half"}):
        with pytest.raises(GaedistError, match="must be"):
            Run(**settings)
