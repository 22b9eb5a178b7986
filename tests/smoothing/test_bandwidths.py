"""Bandwidths follow their formulas, for one sample or two together, and score as the numbers they give."""

import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

import gaedist
from gaedist import GaedistError, Run, compare, score
from gaedist.smoothing.bandwidths import BANDWIDTHS, silverman_gamma

POOLED = [*BANDWIDTHS, "best"]


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def found(x, rule, run=None):
    """The one σ of a rule, as a score reports it."""
    summary = score(x, sigma=rule, null="none", run=run).sigma
    assert summary.rule == rule
    assert summary.min == summary.median == summary.max
    return summary.median


@pytest.mark.parametrize(("n", "dim"), [(1, 1), (2, 3), (100, 8), (1000, 2)])
def test_bandwidths_of_the_number_of_points_alone(n, dim):
    x = 5 * sample(n, dim) + 3
    assert_allclose(found(x, "silverman") ** 2, (4 / (3 * n)) ** (2 / 5), rtol=1e-14)
    assert_allclose(found(x, "scott"), n ** (-1 / (dim + 4)), rtol=1e-14)


@pytest.mark.parametrize(("n", "dim"), [(2, 1), (3, 2), (101, 8), (600, 64)])
def test_median_is_that_of_all_pairs(n, dim):
    x = sample(n, dim) * np.linspace(0.1, 2, dim) + 10
    assert_allclose(found(x, "median"), naive.median_sigma(x), rtol=1e-13)


def test_median_grows_with_the_codes():
    x = sample(50, 3)
    assert_allclose(found(7 * x + 1, "median"), 7 * found(x, "median"), rtol=1e-13)


def test_median_of_many_points_is_that_of_some_of_them():
    x, notes = sample(3200, 2), []
    few = found(x, "median", Run(note=notes.append))
    assert notes == [
        "the median distance is computed from 3000 of 3200 points, drawn at random (--seed).",
    ]
    assert found(x, "median") == few
    assert found(x, "median", Run(seed=1)) != few
    full = naive.median_sigma(x)
    assert few != full
    assert_allclose(few, full, rtol=0.01)
    assert found(x[:3000], "median", Run(note=notes.append)) == found(x[:3000], "median", Run(seed=1))
    assert len(notes) == 1


def test_median_takes_fewer_points_of_many_dimensions(monkeypatch):
    monkeypatch.setattr("gaedist.smoothing.bandwidths._MAX_WORK", 1e4)
    for dim, most in ((2, 100), (8, 50), (10**5, 2)):
        notes = []
        found(sample(110, dim), "median", Run(note=notes.append))
        assert f"from {most} of 110 points" in notes[0]


def test_one_point_has_no_median():
    with pytest.raises(GaedistError, match=r"needs at least 2 points\. Give sigma as a number"):
        score(np.ones((1, 3)), sigma="median")


def test_a_median_distance_of_0_gives_way_to_that_of_different_points():
    notes = []
    codes = np.repeat([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], [8, 1, 1], axis=0)
    different = [5.0] * 8 + [1.0] * 8 + [math.hypot(3, 3)]
    sigma = found(codes, "median", Run(note=notes.append))
    assert_allclose(sigma, np.median(different) / math.sqrt(2), rtol=1e-15)
    assert "is taken from that of 17 pairs of different points." in notes[0]
    # for equal points, that of N(0, I): |x − y|² is 2D on average
    assert_allclose(found(np.ones((9, 3)), "median"), math.sqrt(3), rtol=1e-15)


@pytest.mark.parametrize("scale", [0.3, pytest.param(1.0, marks=pytest.mark.slow), 2.0])
@pytest.mark.parametrize(("n", "dim"), [(1, 2), (60, 1), (60, 2), (100, 8), (100, 32)])
def test_best_is_the_least_of_equation_seven(n, dim, scale):
    x = scale * sample(n, dim)
    sigma = found(x, "best")
    least = naive.score(x, sigma)
    grid = np.geomspace(0.02, 20, 200)
    values = [naive.score(x, s) for s in grid]
    assert least <= min(values) + 1e-7
    k = int(np.argmin(values))
    end = minimize_scalar(
        lambda log_s: naive.score(x, math.exp(log_s)),
        bounds=np.log(grid[[k - 1, k + 1]]),
        method="bounded",
        options={"xatol": 1e-6},
    )
    assert_allclose(least, end.fun, atol=1e-7)  # flat there: log σ² is sought to 1e-3
    assert_allclose(sigma, math.exp(end.x), rtol=5e-3)


@pytest.mark.parametrize("rule", POOLED)
def test_a_bandwidth_scores_as_its_number(rule):
    x = sample(80, 3)
    by_rule = score(x, sigma=rule)
    given = score(x, sigma=by_rule.sigma.median)
    assert by_rule.covariance == "constant"
    assert_allclose(by_rule.value, given.value, rtol=1e-13)
    if rule == "best":  # the least of many is not what a σ given beforehand would score
        assert by_rule.null.mean is None
    else:
        assert_allclose([by_rule.z, by_rule.p_value], [given.z, given.p_value], rtol=1e-10)


@pytest.mark.parametrize("rule", POOLED)
@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal", "full"])
def test_a_bandwidth_in_a_wider_family_is_its_number(rule, family):
    x = sample(30, 3)
    by_rule = score(x, sigma=rule, covariance=family)
    given = score(x, sigma=found(x, rule), covariance=family)
    assert by_rule.covariance == given.covariance == family
    assert_allclose(by_rule.value, given.value, rtol=1e-13)


@pytest.mark.parametrize("rule", POOLED)
def test_sigma_of_each_point_is_the_same(rule):
    x = sample(40, 3)
    result = gaedist.sigma(x, sigma=rule)
    assert (result.covariance, result.shape) == ("spherical", (40,))
    assert_allclose(result.array, np.full(40, found(x, rule)), rtol=1e-14)
    radial = gaedist.sigma(x, sigma=rule, covariance="radial")
    assert_allclose(radial.array, np.full((40, 2), found(x, rule)), rtol=1e-14)


def test_two_samples_share_the_bandwidth_of_the_pooled_points():
    x, y = sample(90, 3), 0.5 * sample(40, 3, seed=1) + 1
    pooled = np.concatenate([x, y])
    size = 2 / (1 / 90 + 1 / 40)
    expected = {
        "silverman": (4 / (3 * size)) ** (1 / 5),
        "scott": size ** (-1 / 7),
        "median": naive.median_sigma(pooled),
        "prior": math.sqrt(3),
        "best": found(pooled, "best"),
    }
    assert list(expected) == POOLED
    for rule, sigma in expected.items():
        result = compare(x, y, sigma=rule)
        assert result.sigma.min == result.sigma.max
        assert result.sigma.rule == rule
        assert_allclose(result.sigma.median, sigma, rtol=1e-12)
        assert_allclose(result.value, naive.compare(x, y, sigma), rtol=1e-11)
        assert compare(x, y, sigma=rule, sigma_b=rule).value == result.value


@pytest.mark.parametrize("rule", POOLED)
def test_an_exchange_of_points_leaves_the_shared_bandwidth(rule):
    x, y = sample(30, 2), 2 * sample(50, 2, seed=1)
    order = np.random.default_rng(2).permutation(80)
    pooled = np.concatenate([x, y])[order]
    before, after = compare(x, y, sigma=rule), compare(pooled[:30], pooled[30:], sigma=rule)
    # points in another order are added in another order: 1e-16 of a loss, of whose minimum little is known
    assert_allclose(after.sigma.median, before.sigma.median, rtol=1e-11)
    assert_allclose(after.expected, before.expected, rtol=1e-11)
    assert after.value != pytest.approx(before.value, rel=1e-3)


def test_two_large_samples_share_the_median_of_some_points():
    x, y, notes = sample(1800, 2), 3 * sample(1700, 2, seed=1), []
    sigma = compare(x, y, sigma="median", run=Run(note=notes.append)).sigma.median
    assert "3000 of 3500 points" in notes[0]
    assert_allclose(sigma, naive.median_sigma(np.concatenate([x, y])), rtol=0.02)
    assert compare(x, y, sigma="median", run=Run(seed=1)).sigma.median != sigma


def test_two_equal_single_points_have_the_median_of_normal_samples():
    equal = compare(np.ones((1, 2)), np.ones((1, 2)), sigma="median").sigma.median
    assert_allclose(equal, math.sqrt(2), rtol=1e-15)
    assert_allclose(compare(np.zeros((1, 2)), np.ones((1, 2)), sigma="median").sigma.median, 1.0, rtol=1e-15)


@pytest.mark.parametrize("sizes", [(1,), (100,), (3, 50)])
def test_gamma_of_silverman_is_its_squared_bandwidth(sizes):
    samples = [sample(n, 2) for n in sizes]
    sigma = BANDWIDTHS["silverman"].find(tuple(samples), Run())
    assert_allclose(silverman_gamma(*sizes), sigma**2, rtol=1e-15)  # two roundings apart
