import itertools
import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from scipy.special import hyp1f1
from scipy.stats import binom, energy_distance

from gaedist import GaedistError, Run, compare, compares
from gaedist.api.compare import METRICS
from gaedist.engine import random_directions
from gaedist.metrics.parameters import Parameters, silverman_gamma
from gaedist.metrics.two_samples import TWO_SAMPLE
from gaedist.null.permutations import deal

SCALES = 0.1, 0.2, 0.5, 1, 2, 5, 10
KERNELS = [name for name in TWO_SAMPLE if name != "sliced-wasserstein"]
SIZES = [(7, 7, 2), (40, 25, 5), (13, 300, 2), (300, 300, 24)]


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def two(n, m, dim):
    return sample(n, dim), 0.3 + 1.2 * sample(m, dim, seed=1)


def dense(metric, pooled, gamma=None, scales=SCALES):
    """The kernel matrix, with its factor, and the estimator."""
    dim, squares = pooled.shape[1], cdist(pooled, pooled, "sqeuclidean")
    if metric == "energy":
        return -cdist(pooled, pooled), "v"
    if metric == "mmd":
        return sum(1 / (1 + squares / (2 * dim * scale)) for scale in scales), "u"
    s = squares / (4 * gamma)
    terms = hyp1f1(0.5, dim / 2, -s) if metric == "cramer-wold" else (1 + 4 * s / (2 * dim - 3)) ** -0.5
    return terms / (2 * math.sqrt(math.pi * gamma)), "v"


def transport(x, y, directions):
    """Mean of W₂² along directions: the points of each sample repeated until there are as many."""
    first, second = (
        np.sort(np.repeat(a @ directions.T, len(b), axis=0), axis=0) for a, b in ((x, y), (y, x))
    )
    return ((first - second) ** 2).mean(axis=0)


def value_of(metric, pooled, mask, count=1000):
    if metric == "sliced-wasserstein":
        return transport(pooled[mask], pooled[~mask], random_directions(pooled.shape[1], count, 0)).mean()
    kernel, estimator = dense(metric, pooled, silverman_gamma(mask.sum(), (~mask).sum()))
    return naive.two_sample(kernel, mask, estimator)


@pytest.mark.parametrize("metric", KERNELS)
@pytest.mark.parametrize(("n", "m", "dim"), SIZES)
def test_kernels_agree_with_the_dense_matrix(n, m, dim, metric):
    x, y = two(n, m, dim)
    result = compare(x, y, metric=metric)
    expected = value_of(metric, np.concatenate([x, y]), np.arange(n + m) < n)
    assert_allclose(result.value, expected, rtol=1e-10, atol=1e-13)
    assert_allclose(compare(y, x, metric=metric).value, result.value, rtol=1e-11, atol=1e-13)
    assert (result.metric, result.method, result.value_se) == (metric, "pairs", None)
    assert (result.estimator, result.covariance, result.sigma, result.null.method) == (
        None,
        None,
        None,
        "none",
    )
    assert result.log_value == (None if result.value < 0 else pytest.approx(math.log(result.value)))


@pytest.mark.parametrize("metric", ["energy", "cramer-wold", "mmd"])
def test_one_dimension(metric):
    x, y = two(60, 45, 1)
    result = compare(x, y, metric=metric)
    assert_allclose(
        result.value, value_of(metric, np.concatenate([x, y]), np.arange(105) < 60), rtol=1e-10, atol=1e-12
    )
    if metric == "energy":
        assert_allclose(result.value, energy_distance(x[:, 0], y[:, 0]) ** 2, rtol=1e-11)


@pytest.mark.parametrize(("n", "m", "dim"), [(1, 1, 1), (30, 30, 1), (12, 45, 3), (20, 20, 8)])
def test_sliced_wasserstein_agrees_with_repeated_points(n, m, dim):
    x, y = two(n, m, dim)
    result = compare(x, y, metric="sliced-wasserstein", parameters=Parameters(directions=50))
    costs = transport(x, y, random_directions(dim, 50, 0))
    assert_allclose(result.value, costs.mean(), rtol=1e-12)
    assert_allclose(result.value_se, costs.std(ddof=1) / math.sqrt(50) if dim > 1 else 0, rtol=1e-10)
    swapped = compare(y, x, metric="sliced-wasserstein", parameters=Parameters(directions=50))
    assert_allclose(swapped.value, result.value, rtol=1e-13)
    assert (result.expected, result.parameters, result.method) == (
        None,
        Parameters(directions=50),
        "directions",
    )


def test_parameters_are_used_and_told():
    x, y = two(30, 40, 3)
    pooled, mask = np.concatenate([x, y]), np.arange(70) < 30
    found = compare(x, y, metric="mmd", parameters=Parameters(scales=(0.3, 4)))
    kernel, _ = dense("mmd", pooled, scales=(0.3, 4))
    assert_allclose(found.value, naive.two_sample(kernel, mask, "u"), rtol=1e-10)
    assert found.parameters == Parameters(kernel="inverse-quadratic", scales=(0.3, 4.0))
    found = compare(x, y, metric="mmd", parameters=Parameters(kernel="laplace", scales=(1.0,)))
    kernel = np.exp(-cdist(pooled, pooled) / math.sqrt(6))
    assert_allclose(found.value, naive.two_sample(kernel, mask, "u"), rtol=1e-10)
    found = compare(x, y, metric="cramer-wold", parameters=Parameters(gamma=0.5))
    assert_allclose(
        found.value, naive.two_sample(dense("cramer-wold", pooled, 0.5)[0], mask, "v"), rtol=1e-10
    )
    assert found.parameters == Parameters(gamma=0.5)
    assert compare(x, y, metric="cramer-wold").parameters.gamma == silverman_gamma(30, 40)


@pytest.mark.parametrize("metric", KERNELS)
def test_expected_is_the_mean_over_all_relabelings(metric):
    x, y = two(3, 4, 2)
    pooled = np.concatenate([x, y])
    values = [
        value_of(metric, pooled, np.isin(range(7), chosen)) for chosen in itertools.combinations(range(7), 3)
    ]
    assert_allclose(compare(x, y, metric=metric).expected, np.mean(values), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("metric", TWO_SAMPLE)
@pytest.mark.parametrize(("n", "m", "dim"), [(3, 3, 2), (14, 30, 3), (40, 25, 2), (20, 20, 6)])
def test_permutations_agree_with_naive_ones(n, m, dim, metric):
    x, y = two(n, m, dim)
    few, many = sorted((x, y), key=len)
    pooled = np.concatenate([few, many])
    masks = np.unpackbits(deal(len(few), len(many), 199, 0), axis=1).T[:200].astype(bool)
    values = np.array([value_of(metric, pooled, mask, count=20) for mask in masks])
    parameters = Parameters(directions=20) if metric == "sliced-wasserstein" else None
    result = compare(x, y, metric=metric, parameters=parameters, permutations=199)
    assert (result.null.method, result.null.replicates) == ("permutations", 199)
    assert_allclose(result.null.mean, values[1:].mean(), rtol=1e-9, atol=1e-12)
    assert_allclose(result.null.sd, values[1:].std(ddof=1), rtol=1e-9)
    ties = 1e-11 * np.abs(values).max()
    assert result.p_value == (1 + (values[1:] >= values[0] - ties).sum()) / 200


def test_samples_of_one_law_are_told_apart_as_often_as_promised():
    rng, sets, found = np.random.default_rng(7), 150, []
    for seed in range(sets):
        x, y = rng.normal(size=(2, 6, 2))
        results = compares(
            x,
            y,
            metric=list(TWO_SAMPLE),
            parameters=Parameters(directions=5),
            permutations=19,
            run=Run(seed=seed),
        )
        found.append([result.p_value for result in results])
    low, high = binom.ppf([0.001, 0.999], sets, 0.2)
    rejected = (np.array(found) <= 0.2).sum(axis=0)
    assert ((low <= rejected) & (rejected <= high)).all(), rejected


@pytest.mark.parametrize("metric", TWO_SAMPLE)
@pytest.mark.parametrize("far", [0.0, 1e4])
def test_identical_samples_are_at_the_least_distance(metric, far):
    x = far + sample(60, 3)
    shuffled = np.random.default_rng(3).permutation(x)
    parameters = Parameters(directions=9) if metric == "sliced-wasserstein" else None
    for y in (x, x.copy(), shuffled):
        result = compare(x, y, metric=metric, parameters=parameters, permutations=99)
        assert result.p_value == 1
        assert result.value < 1e-12


@pytest.mark.parametrize("metric", TWO_SAMPLE)
def test_equal_points_are_at_no_distance(metric):
    parameters = Parameters(directions=9) if metric == "sliced-wasserstein" else None
    result = compare(np.ones((3, 2)), np.ones((5, 2)), metric=metric, parameters=parameters, permutations=19)
    assert_allclose(result.value, 0, atol=1e-14)
    assert_allclose(result.null.sd, 0, atol=1e-14)
    assert result.p_value == 1


@pytest.mark.parametrize("metric", TWO_SAMPLE)
def test_a_shift_is_found(metric):
    x, y = sample(50, 4), sample(70, 4, seed=1) + 1
    assert compare(x, y, metric=metric, permutations=99).p_value == 0.01
    lone = compare(x[:1] + 9, y, metric=metric, permutations=199) if metric != "mmd" else None
    assert lone is None or lone.p_value < 0.1


def test_threads_and_seeds():
    x, y = two(300, 200, 3)
    one, two_, other = (
        compares(x, y, metric=list(TWO_SAMPLE), permutations=19, run=run)
        for run in (Run(threads=1), Run(threads=2), Run(seed=1))
    )
    for a, b, c in zip(one, two_, other, strict=True):
        assert (a.value, a.value_se, a.expected, a.null, a.p_value) == (
            b.value,
            b.value_se,
            b.expected,
            b.null,
            b.p_value,
        )
        assert c.null != a.null
        assert (c.value == a.value) == (a.metric != "sliced-wasserstein")


def test_all_metrics_are_those_of_each():
    x, y = two(150, 100, 3)
    found = compares(x, y, [1.0, 0.3], metric="all", permutations=19)
    assert [result.metric for result in found] == ["gaussian", *METRICS]
    assert found[0] != found[1]
    for result in found[1:]:
        sigma = {"sigma": 0.3} if result.metric == "gaussian" else {}
        alone = compare(x, y, metric=result.metric, permutations=19, **sigma)
        assert_allclose(result.value, alone.value, rtol=1e-12, atol=1e-14)
        assert_allclose([result.null.mean, result.null.sd], [alone.null.mean, alone.null.sd], rtol=1e-11)
        assert (result.parameters, result.p_value) == (alone.parameters, alone.p_value)


def test_metrics_share_a_pass():
    x, y = two(1500, 1400, 3)
    totals = []
    for metric in (["energy"], ["gaussian", *KERNELS]):
        seen = []
        compares(x, y, metric=metric, run=Run(progress=lambda *counts, seen=seen: seen.append(counts)))
        totals.append(seen[-1])
    assert totals[0] == totals[1]


def test_a_metric_asked_twice_is_told_once():
    x, y = two(9, 8, 2)
    assert [r.metric for r in compares(x, y, metric=["energy", "mmd", "energy"])] == ["energy", "mmd"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "kl"}, "metric must be one of gaussian, mmd"),
        ({"metric": "energy", "sigma": 2.0}, "are for gaussian, not for energy"),
        ({"metric": "energy", "sigma": np.ones(9), "sigma_b": np.ones(8)}, "are for gaussian, not for"),
        ({"metric": "energy", "sigma_b": 1.0}, "are for gaussian, not for"),
        ({"metric": "energy", "covariance": "full"}, "are for gaussian, not for"),
        ({"metric": "energy", "estimator": "u"}, "are for gaussian, not for"),
        ({"metric": "energy", "sigma_factor": 3.0}, "are for gaussian, not for"),
        ({"metric": "energy", "permutations": -1}, "permutations must be a whole number, at least 0; got -1"),
        (
            {"metric": "energy", "parameters": Parameters(gamma=1)},
            "gamma is for cramer-wold and cramer-wold-approx",
        ),
        ({"parameters": Parameters(directions=5)}, "directions is for sliced-wasserstein, not for gaussian"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(GaedistError, match=message):
        compare(sample(9, 2), sample(8, 2, seed=1), **options)


@pytest.mark.parametrize("metric", TWO_SAMPLE)
def test_dimensions_must_agree(metric):
    with pytest.raises(GaedistError, match="dimensions differ: 2 and 3"):
        compare(sample(4, 2), sample(4, 3), metric=metric)


def test_metrics_that_cannot_be_had_are_told():
    told = {}
    found = compares(sample(9, 1), sample(1, 1), metric="all", failed=told.__setitem__)
    assert list(told) == ["mmd", "cramer-wold-approx"]
    assert "two points in each sample; got 9 and 1" in str(told["mmd"])
    assert "one dimension" in str(told["cramer-wold-approx"])
    assert [result.metric for result in found] == ["gaussian", "cramer-wold", "sliced-wasserstein", "energy"]
    with pytest.raises(GaedistError, match="an unbiased mean takes two points in each"):
        compares(sample(9, 1), sample(1, 1), metric="all")


def test_a_sigma_that_cannot_be_had_is_told():
    told = []
    x, y = two(9, 8, 2)
    found = compares(
        x,
        y,
        [1.0, "optimize", 2.0],
        metric=["gaussian", "energy"],
        permutations=9,
        failed=lambda *failure: told.append(failure),
    )
    assert [name for name, _ in told] == ["gaussian"]
    assert "sigma optimize: labels cannot be permuted" in str(told[0][1])
    assert [result.metric for result in found] == ["gaussian", "gaussian", "energy"]
