"""The squared distance of two smoothed samples agrees with dense matrices; permuted labels with enumeration.

Its expected value is the mean over all labelings, and what depends on the labels is not permuted.
"""

import itertools
import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist import GaedistError, Run, compare
from gaedist.metrics.registry import TWO_SAMPLE


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.mark.parametrize(
    ("n", "m", "dim", "sigma"), [(1, 1, 1, 1.0), (300, 500, 2, 0.3), (700, 200, 16, 1.5)]
)
def test_compare_agrees_with_the_dense_matrix(n, m, dim, sigma):
    x, y = sample(n, dim), 1.2 * sample(m, dim, seed=1)
    result = compare(x, y, sigma=sigma)
    assert_allclose(result.value, naive.compare(x, y, sigma), rtol=1e-11)
    assert_allclose(compare(y, x, sigma=sigma).value, result.value, rtol=1e-13)


def test_many_dimensions_do_not_overflow():
    x, y = sample(4, 3000), sample(3, 3000, seed=1)
    assert_allclose(compare(x, y, sigma=0.5).value, 1 / 4 + 1 / 3, rtol=1e-14)


def test_identical_samples_are_at_no_distance():
    x = sample(300, 3)
    assert compare(x, x).value < 1e-14


def test_expected_is_the_mean_over_all_labelings():
    x, y = sample(3, 2), sample(4, 2, seed=1)
    pooled = np.concatenate([x, y])
    values = []
    for chosen in itertools.combinations(range(7), 3):
        rest = [k for k in range(7) if k not in chosen]
        values.append(naive.compare(pooled[list(chosen)], pooled[rest], 0.8))
    assert len(values) == math.comb(7, 3)
    assert_allclose(compare(x, y, sigma=0.8).expected, np.mean(values), rtol=1e-13)


def test_a_wide_kernel_leaves_no_distance():
    result = compare(sample(9, 2), sample(8, 2, seed=1), sigma=1e70)
    assert result.expected >= 0
    assert result.value < 1e-14


def permuted(x, y, sigma, count, seed=0, estimator="v"):
    """Distances for labels permuted by NumPy alone, independently of the package's permutations."""
    pooled, rng = np.concatenate([x, y]), np.random.default_rng(seed)
    kernel = np.exp(-cdist(pooled, pooled, "sqeuclidean") / (4 * sigma**2))
    labels = np.arange(len(pooled)) < len(x)
    return np.array([naive.two_sample(kernel, rng.permutation(labels), estimator) for _ in range(count)])


def test_permutations_agree_with_the_exact_distribution_of_few_points():
    x, y = sample(3, 2), sample(4, 2, seed=1) + 1
    pooled = np.concatenate([x, y])
    kernel = np.exp(-cdist(pooled, pooled, "sqeuclidean") / (4 * 0.8**2))
    masks = [np.isin(range(7), chosen) for chosen in itertools.combinations(range(7), 3)]
    for estimator in ("v", "u"):
        values = np.array([naive.two_sample(kernel, mask, estimator) for mask in masks])
        result = compare(x, y, sigma=0.8, estimator=estimator, permutations=20000)
        assert (result.null.method, result.null.replicates) == ("permutations", 20000)
        exact = (values >= values[0] - 1e-12).mean()
        assert abs(result.p_value - exact) < 5 * math.sqrt(exact * (1 - exact) / 20000)  # standard errors
        assert abs(result.null.mean - values.mean()) < 5 * values.std() / math.sqrt(20000)
        assert_allclose(result.null.sd, values.std(), rtol=0.05)


@pytest.mark.parametrize("estimator", ["v", "u"])
def test_permutations_of_larger_samples(estimator):
    x, y = sample(60, 3), sample(90, 3, seed=1) + 0.3
    result = compare(x, y, sigma=0.7, estimator=estimator, permutations=999)
    values = permuted(x, y, 0.7, 999, estimator=estimator)
    assert abs(result.null.mean - values.mean()) < 7 * values.std() / math.sqrt(999)
    assert_allclose(result.null.sd, values.std(ddof=1), rtol=0.2)
    assert (result.p_value * 1000) == pytest.approx(round(result.p_value * 1000))
    assert result.p_value < 0.05
    assert abs(result.null.mean - result.expected) < 5 * result.null.sd / math.sqrt(999)
    again, other = (
        compare(x, y, sigma=0.7, estimator=estimator, permutations=999, run=Run(seed=seed)) for seed in (0, 1)
    )
    assert (again.p_value, again.null) == (result.p_value, result.null)
    assert other.null != result.null


@pytest.mark.parametrize("estimator", ["v", "u"])
@pytest.mark.parametrize("sigma", [0.5, "median", "mean-field"])
def test_identical_samples_have_the_largest_p_value(sigma, estimator):
    x = sample(40, 3)
    assert compare(x, x, sigma=sigma, estimator=estimator, permutations=199).p_value == 1


def test_samples_far_apart_have_the_smallest_p_value():
    result = compare(sample(40, 3), sample(50, 3, seed=1) + 2, permutations=199)
    assert result.p_value == 1 / 200


@pytest.mark.parametrize(
    ("sigma", "options", "message"),
    [
        ("optimize", {}, r"σ \(optimize\) may depend on the sample that a point is in"),
        ("joint", {}, r"σ \(joint\)"),
        (np.ones(9), {"sigma_b": np.ones(8)}, r"σ \(given\)"),
        (0.5, {"sigma_b": 2.0}, r"σ \(given\)"),
        ("mean-field", {"sigma_b": 1.0}, r"σ \(mean-field, given\)"),
        ("median", {"sigma_b": "scott"}, r"σ \(median, scott\)"),
    ],
)
def test_labels_that_cannot_be_permuted(sigma, options, message):
    with pytest.raises(GaedistError, match=message):
        compare(sample(9, 2), sample(8, 2, seed=1), **{"sigma": sigma, "permutations": 9, **options})


@pytest.mark.parametrize(("first", "second"), [(0.5, 2.0), ("mean-field", 0.5), ("mean-field", "optimize")])
def test_sigmas_that_differ_by_sample_have_no_mean_over_labels(first, second):
    x, y = sample(30, 2), sample(30, 2, seed=1)
    assert compare(x, y, sigma=first, sigma_b=second).expected is None
    assert compare(x, y, sigma=0.5, sigma_b=0.5).expected == compare(x, y, sigma=0.5).expected
    assert compare(x, y, sigma="mean-field", sigma_b="mean-field").expected > 0


@pytest.mark.parametrize(
    ("n", "m", "dim", "sigma"), [(2, 2, 1, 1.0), (300, 200, 2, 0.3), (100, 300, 16, 1.5)]
)
def test_the_unbiased_estimator_agrees_with_the_dense_matrix(n, m, dim, sigma):
    x, y = sample(n, dim), 1.2 * sample(m, dim, seed=1)
    pooled = np.concatenate([x, y])
    kernel = np.exp(-cdist(pooled, pooled, "sqeuclidean") / (4 * sigma**2))
    result = compare(x, y, sigma=sigma, estimator="u")
    assert_allclose(result.value, naive.two_sample(kernel, np.arange(n + m) < n, "u"), rtol=1e-10, atol=1e-14)
    assert (result.estimator, result.expected) == ("u", 0.0)
    assert_allclose(compare(y, x, sigma=sigma, estimator="u").value, result.value, rtol=1e-12, atol=1e-14)


def test_an_unbiased_value_below_zero_has_no_logarithm():
    found = [compare(sample(30, 2, k), sample(30, 2, k + 100), estimator="u") for k in range(30)]
    below = [result for result in found if result.value < 0]
    assert 5 < len(below) < 30
    for result in found:
        expected = None if result.value < 0 else pytest.approx(math.log(result.value))
        assert result.log_value == expected


def test_an_unbiased_distance_needs_two_points_in_each_sample():
    for n, m in ((1, 5), (5, 1)):
        with pytest.raises(GaedistError, match=f"two points in each sample; got {n} and {m}"):
            compare(sample(n, 2), sample(m, 2, seed=1), estimator="u")


@pytest.mark.parametrize("name", TWO_SAMPLE)
@pytest.mark.parametrize("point", [0.0, 0.1, 1e6])
def test_collapsed_samples_tie_under_every_labeling(name, point):
    x, y = np.full((50, 3), point), np.full((40, 3), point)
    found = compare(x, y, metric=name, permutations=99)
    assert found.p_value == 1
    assert found.null.note is None
    assert_allclose(found.value, 0, atol=1e-13)


def test_collapsed_samples_tie_with_the_unbiased_estimator_and_a_sigma_of_each_point():
    x, y = np.full((50, 3), 0.1), np.full((40, 3), 0.1)
    for options in ({"estimator": "u"}, {"sigma": "mean-field"}, {"sigma": 1e9}):
        found = compare(x, y, **options, permutations=99)
        assert (found.value, found.p_value, found.expected) == (0, 1, 0)
