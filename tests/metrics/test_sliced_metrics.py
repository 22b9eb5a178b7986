"""Means over random directions: powers of cosines between directions, and the moments of sliced values."""

import math

import numpy as np
import pytest
import twins
from numpy.testing import assert_allclose
from samples import sample
from scipy.special import roots_gegenbauer

from gaedist import Parameters, Run, score
from gaedist.engine import random_directions
from gaedist.engine.directions import Slices, slice_values
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.metrics.sliced_epps_pulley import EppsPulley, epps_pulley_moments
from gaedist.metrics.sliced_metrics import coincidences, mean_powers, mean_triple_products
from gaedist.metrics.sliced_wasserstein import Wasserstein, wasserstein_moments
from gaedist.null.kernel_spectrum import log_harmonics


def angles(dim, count=60):
    """Nodes and weights of a rule for the cosine of the angle between two directions."""
    if dim == 2:
        nodes, weights = np.polynomial.chebyshev.chebgauss(count)
    else:
        nodes, weights = roots_gegenbauer(count, dim / 2 - 1)
    return nodes, weights / weights.sum()


@pytest.mark.parametrize("dim", [2, 3, 5, 64])
def test_powers_of_the_cosine(dim):
    nodes, weights = angles(dim)
    k = np.array([0, 2, 4, 10, 40])
    assert_allclose(mean_powers(dim, k), weights @ nodes[:, np.newaxis] ** k, rtol=1e-10)
    assert_allclose(mean_powers(1, k), 1, rtol=1e-13)


@pytest.mark.parametrize("k", [1, 2, 3, 8])
@pytest.mark.parametrize("dim", [2, 3, 4, 9])
def test_triple_is_the_mean_over_three_directions(dim, k):
    # with u fixed, v·w = c c' + s s' e, and e the cosine of an angle in one dimension less
    c, w = angles(dim, 24)
    e, v = (np.array([-1.0, 1.0]), np.array([0.5, 0.5])) if dim == 2 else angles(dim - 1, 24)
    first, second, third = c[:, None, None], c[None, :, None], e
    cosine = first * second + np.sqrt((1 - first**2) * (1 - second**2)) * third
    expected = np.einsum("ijk,i,j,k->", (first * second * cosine) ** k, w, w, v)
    assert_allclose(mean_triple_products(dim)[k - 1], expected, rtol=1e-11)


@pytest.mark.parametrize("dim", [1, 2, 3, 16, 300])
@pytest.mark.parametrize("k", [1, 2, 7, 400])
def test_eigenvalues_of_powers_of_the_cosine_sum_to_1(dim, k):
    # E (u·u)^k = Σ over harmonics of degree k − 2j of k! Γ(D/2) / (2^k j! Γ(k − j + D/2))
    def log_eigenvalue(j):
        log = math.lgamma(k + 1) - math.lgamma(j + 1) - k * math.log(2)
        return log + math.lgamma(dim / 2) - math.lgamma(k - j + dim / 2)

    def power_sum(power):
        logs = (log_harmonics(dim, k - 2 * j) + power * log_eigenvalue(j) for j in range(k // 2 + 1))
        return math.fsum(map(math.exp, logs))

    assert_allclose(power_sum(1), 1, rtol=1e-11)
    cubes = power_sum(3)
    assert_allclose(mean_triple_products(dim)[k - 1], cubes, rtol=1e-10)
    if dim == 1:
        assert_allclose(cubes, 1, rtol=1e-11)


def three(moments):
    return moments.mean, moments.sd, moments.skewness


@pytest.mark.parametrize(
    "moments_of", [wasserstein_moments, lambda *sizes: epps_pulley_moments(*sizes, 0.8)], ids=["w", "t"]
)
def test_one_direction_is_a_line(moments_of):
    line = three(moments_of(50, 1, 1))
    assert_allclose(three(moments_of(50, 1, 30)), line, rtol=1e-12)
    assert_allclose(three(moments_of(50, 6, 1)), line, rtol=1e-10)
    means, deviations, skewness = zip(
        *[three(moments_of(50, 6, count)) for count in (1, 2, 9, 999)], strict=True
    )
    assert_allclose(means, line[0], rtol=1e-10)
    assert list(deviations) == sorted(deviations, reverse=True)
    assert list(skewness) == sorted(skewness, reverse=True)


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_coincidences_are_counted_over_all_pairs_andmean_triple_products(count):
    pairs, triples = coincidences(3, count)
    pair_sizes = [len({i, j}) for i in range(count) for j in range(count)]
    triple_sizes = [len({i, j, k}) for i in range(count) for j in range(count) for k in range(count)]
    assert_allclose(pairs, [pair_sizes.count(size) / count**2 for size in (1, 2)], rtol=1e-14)
    assert_allclose(triples, [triple_sizes.count(size) / count**3 for size in (1, 2, 3)], rtol=1e-14)
    # on a line all directions are the same
    assert [list(part) for part in coincidences(1, count)] == [[1, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("n", "dim", "count"), [(400, 3, 4), pytest.param(100, 2, 20, marks=pytest.mark.slow)]
)
def test_moments_are_those_of_simulated_samples(n, dim, count):
    # each along directions of its own; moments of W₂² are to first order in 1/n, 2 % off for 400 points
    samples, rng = 1500, np.random.default_rng(7)
    values = []
    for seed in range(samples):
        x, directions = rng.normal(size=(n, dim)), random_directions(dim, count, seed)
        jobs = [Slices(x, directions, statistic) for statistic in (Wasserstein(), EppsPulley(1.0))]
        values.append([row.mean() for row in slice_values(jobs, Run(threads=1))])
    expected = wasserstein_moments(n, dim, count), epps_pulley_moments(n, dim, count, 1.0)
    for found, moments in zip(np.transpose(values), expected, strict=True):
        z = (found - moments.mean) / moments.sd
        assert abs(z.mean()) < 4 / math.sqrt(samples)
        assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(samples)
        assert abs((z**3).mean() - moments.skewness) < 4 * (z**3).std() / math.sqrt(samples)


COUNT, SEED = 7, 5


@pytest.mark.parametrize(
    ("name", "values"),
    [("sliced-wasserstein", twins.sliced_wasserstein), ("sliced-epps-pulley", twins.sliced_epps_pulley)],
)
def test_the_standard_error_is_that_of_a_mean_over_directions(name, values):
    def measured(x, seed=SEED):
        return score(x, metric=name, parameters=Parameters(directions=COUNT), run=Run(seed=seed))

    x = sample("shifted", 30, 4)
    along = values(x, random_directions(4, COUNT, SEED))
    assert_allclose(measured(x).value_se, np.std(along, ddof=1) / math.sqrt(COUNT), rtol=1e-11)
    assert measured(x[:, :1]).value_se == 0
    assert len({measured(x, seed).value for seed in range(3)}) == 3


def test_every_sliced_metric_is_tested_here():
    sliced = [name for name, row in ONE_SAMPLE.items() if "directions" in row.parameters]
    assert sliced == ["sliced-wasserstein", "sliced-epps-pulley"]
