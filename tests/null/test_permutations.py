"""Permuted statistics agree with a dense matrix for every pair of covariance families and both estimators;
ties count, p-values are exact at any sizes, and rounding neither makes nor hides a difference.
"""

import math
from dataclasses import replace

import naive
import numpy as np
import pytest
from members import member
from numpy.testing import assert_allclose
from scipy.stats import binom, chisquare

from gaedist import Run, compare
from gaedist.mixtures.distance import squared_distance
from gaedist.mixtures.families import FAMILIES, Constant, Spherical
from gaedist.mixtures.mixture import Mixture
from gaedist.null.permutations import permute_mixtures, permuted_labels, smallest_permuted_p


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def permute(x, y, s=1.0, t=None, *, replicates=99, seed=0, estimator="v", unit=1.0, run=None):
    """Permute two samples with σ = s, or with covariances s and t."""
    s = Constant(s**2) if isinstance(s, float) else s
    p, q = Mixture(x, s), Mixture(y, t or s)
    distance = squared_distance(p, q, unit=unit)
    run = replace(run or Run(), seed=seed)
    return permute_mixtures(
        p, q, distance, replicates=replicates, unbiased=estimator == "u", unit=unit, run=run
    )


def masks(n, m, replicates, seed):
    """The permuted labels as masks of n + m points, (1 + R, n + m); the observed ones first."""
    return np.unpackbits(permuted_labels(n, m, replicates, seed), axis=1).T[: 1 + replicates].astype(bool)


def check_against_dense(found, kernel, n, m, estimator, replicates, rtol=1e-12):
    # rtol: rounding of the dense matrix and its sums
    values = np.array([naive.two_sample(kernel, mask, estimator) for mask in masks(n, m, replicates, 0)])
    assert_allclose(found.mean, values[1:].mean(), rtol=rtol, atol=rtol * kernel.mean())
    assert_allclose(found.sd, values[1:].std(ddof=1), rtol=rtol)
    ties = 1e-12 * np.abs(values).max()
    assert found.p_value == (1 + (values[1:] >= values[0] - ties).sum()) / (1 + replicates)


def test_labels_keep_the_sizes_and_begin_with_the_observed_ones(monkeypatch):
    bits = permuted_labels(3, 8, 50, 1)
    assert bits.shape == (11, 7)
    labels = np.unpackbits(bits, axis=1)
    assert labels[:, 0].tolist() == [1] * 3 + [0] * 8
    assert (labels[:, :51].sum(axis=0) == 3).all()
    assert not labels[:, 51:].any()
    monkeypatch.setattr("gaedist.null.permutations._LABELS_AT_ONCE", 1)
    assert (permuted_labels(3, 8, 50, 1) == bits).all()
    assert (permuted_labels(3, 8, 50, 2) != bits).any()


def test_every_labeling_is_equally_likely():
    labels = masks(2, 3, 20000, 5)[1:]
    _, counts = np.unique(labels, axis=0, return_counts=True)
    assert len(counts) == 10
    assert chisquare(counts).pvalue > 1e-3  # the seed is fixed


@pytest.mark.parametrize("estimator", ["v", "u"])
@pytest.mark.parametrize(("n", "m", "dim"), [(2, 2, 1), (12, 30, 3), (40, 25, 8)])
def test_one_sigma_agrees_with_the_dense_matrix(n, m, dim, estimator):
    few, many = sorted((sample(n, dim), 1.1 * sample(m, dim, seed=1)), key=len)
    pooled, sigma = np.concatenate([few, many]), 0.8
    kernel = naive.kernel_full(pooled, naive.matrices(Constant(sigma**2), pooled))
    found = permute(few, many, sigma, estimator=estimator, unit=sigma**2)
    scale = (4 * math.pi * sigma**2) ** (dim / 2)
    check_against_dense(found, scale * kernel, len(few), len(many), estimator, 99)
    assert permute(many, few, sigma, estimator=estimator, unit=sigma**2) == found or n == m


def check_families(first, second, estimator, sizes=(14, 23), dim=3):
    x, y = sample(sizes[0], dim), 1.2 * sample(sizes[1], dim, seed=1)
    s, t = member(first, x), member(second, y, seed=1)
    matrices = np.concatenate([naive.matrices(s, x), naive.matrices(t, y)])
    kernel = (4 * math.pi) ** (dim / 2) * naive.kernel_full(np.concatenate([x, y]), matrices)
    found = permute(x, y, s, t, estimator=estimator)
    check_against_dense(found, kernel, *sizes, estimator, 99)


@pytest.mark.parametrize("estimator", ["v", "u"])
def test_each_point_keeps_its_covariance(estimator):
    check_families("spherical", "constant", estimator)
    check_families("spherical", "spherical", estimator, sizes=(20, 20))


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["v", "u"])
@pytest.mark.parametrize("second", FAMILIES)
@pytest.mark.parametrize("first", FAMILIES)
def test_all_families_agree_with_the_dense_matrix(first, second, estimator):
    check_families(first, second, estimator)
    check_families(first, second, estimator, sizes=(1, 9) if estimator == "v" else (9, 9))


@pytest.mark.parametrize("estimator", ["v", pytest.param("u", marks=pytest.mark.slow)])
def test_samples_of_one_distribution_are_rejected_at_the_nominal_rate(estimator):
    rng, sets, rejected = np.random.default_rng(7), 400, 0
    for k in range(sets):
        x, y = rng.normal(size=(2, 6, 2))
        rejected += permute(x, y, replicates=19, seed=k, estimator=estimator).p_value <= 0.05
    low, high = binom.ppf([0.001, 0.999], sets, 0.05)
    assert low <= rejected <= high


def test_so_are_samples_of_unequal_sizes():
    rng, sets = np.random.default_rng(8), 400
    found = [
        permute(rng.normal(size=(3, 2)), rng.normal(size=(9, 2)), replicates=19, seed=k).p_value
        for k in range(sets)
    ]
    low, high = binom.ppf([0.001, 0.999], sets, 0.25)
    assert low <= sum(p <= 0.25 for p in found) <= high


@pytest.mark.parametrize("estimator", ["v", "u"])
@pytest.mark.parametrize("dim", [2, 256])
def test_a_shift_is_found(dim, estimator):
    found = permute(sample(60, dim), sample(90, dim, seed=1) + 1.0, math.sqrt(dim) / 2, estimator=estimator)
    assert found.p_value == 0.01
    assert found.sd > 0


def test_small_overlaps_count_although_those_of_points_with_themselves_are_large():
    x, y = sample(30, 256), sample(30, 256, seed=1) + 0.3
    sigma = 0.6
    found = permute(x, y, sigma, unit=sigma**2)
    assert_allclose(found.mean, 2 / 30, rtol=1e-14)
    assert 0 < found.sd < 1e-60
    alike = Spherical(np.full((30, 1), sigma**2))
    by_point = permute(x, y, alike, unit=sigma**2)
    assert_allclose([by_point.mean, by_point.sd], [found.mean, found.sd], rtol=1e-11)
    assert by_point.p_value == found.p_value


def test_three_thousand_dimensions_do_not_overflow():
    x, y = sample(5, 3000), sample(4, 3000, seed=1)
    found = permute(x, y, 0.5, unit=0.25)
    assert_allclose(found.mean, 1 / 5 + 1 / 4, rtol=1e-14)
    assert 0 < found.p_value <= 1
    assert permute(x, y, 0.5).mean == math.inf


def test_two_samples_of_one_point_give_p_one():
    found = permute(sample(1, 3), sample(1, 3, seed=1))
    assert found.p_value == 1
    assert found.sd < 1e-15


def test_a_single_point_has_the_rank_of_its_distance():
    x, y = np.full((1, 2), 9.0), sample(40, 2)
    assert permute(x, y, replicates=400).p_value < 0.06
    assert permute(y[:1], y[1:], replicates=400) == permute(y[1:], y[:1], replicates=400)


@pytest.mark.parametrize("dim", [1, 2, 20, 256])
def test_identical_samples_give_p_one(dim):
    x = sample(80, dim)
    assert permute(x, x).p_value == 1
    assert permute(x, np.random.default_rng(3).permutation(x)).p_value == 1
    assert permute(x, x + 0.0, 1e-3).p_value == 1
    assert permute(1e3 + x, 1e3 + x, 1e-2).p_value == 1


def duplicated(dim, far=0.0):
    """Samples of seven and five points at two places only, so that every labeling has ties."""
    places = sample(2, dim) * (1 + far) + far
    return np.repeat(places, [5, 2], axis=0), np.repeat(places, [1, 4], axis=0)


@pytest.mark.parametrize("estimator", ["v", "u"])
@pytest.mark.parametrize("far", [0.0, 300.0])
@pytest.mark.parametrize("dim", [1, 3, 17])
def test_duplicated_points_tie(dim, far, estimator):
    x, y = duplicated(dim, far)
    n, m, replicates = 5, 7, 499
    found = permute(y, x, replicates=replicates, estimator=estimator)
    in_first = np.array([True] + [False] * 4 + [True] * 5 + [False] * 2)  # of the pool, the smaller first
    counts = (masks(n, m, replicates, 0) & in_first).sum(axis=1)
    apart = np.abs(counts / n - (6 - counts) / m)  # the distance grows with the difference of the shares
    if estimator == "v":
        expected = (1 + (apart[1:] >= apart[0] - 1e-9).sum()) / (1 + replicates)
    else:
        kernel = naive.kernel_full(points := np.concatenate([y, x]), np.tile(np.eye(dim), (12, 1, 1)))
        assert len(points) == n + m
        values = np.array([naive.two_sample(kernel, mask, "u") for mask in masks(n, m, replicates, 0)])
        expected = (1 + (values[1:] >= values[0] - 1e-9 * kernel.max()).sum()) / (1 + replicates)
    assert found.p_value == expected


def test_swapped_labels_tie():
    x, y = sample(3, 5), sample(3, 5, seed=1)
    replicates = 4000
    found = permute(x, y, replicates=replicates)
    kernel = naive.kernel_full(pooled := np.concatenate([x, y]), np.tile(np.eye(5), (len(pooled), 1, 1)))
    values = np.array([naive.two_sample(kernel, mask, "v") for mask in masks(3, 3, replicates, 0)])
    ties = np.isclose(values, values[0], rtol=1e-12)
    assert ties.sum() > replicates / 20  # two of twenty labelings
    assert found.p_value == (1 + (ties | (values > values[0]))[1:].sum()) / (1 + replicates)


def test_points_with_equal_covariances_tie_across_tiles():
    rng = np.random.default_rng(9)
    places, variances = rng.normal(size=(3, 12)), rng.uniform(0.5, 2, size=(3, 1))
    kinds = rng.integers(0, 3, size=600)
    x, covariance = places[kinds], Spherical(variances[kinds])
    half = np.arange(300)
    y, other = x[half], Spherical(covariance.variances[half])
    assert permute(x[half], y, other, Spherical(other.variances.copy())).p_value == 1


@pytest.mark.parametrize("estimator", ["v", "u"])
def test_a_distance_that_is_all_rounding_gives_p_one(estimator):
    found = permute(sample(300, 4), sample(200, 4, seed=1), 1e6, estimator=estimator)
    assert found.p_value == 1


@pytest.mark.parametrize(("n", "m"), [(400, 400), (20, 700)])
def test_rounding_does_not_hide_a_large_difference(n, m):
    x, y = sample(n, 4), sample(m, 4, seed=1) + 2
    for sigma in (0.5, 1.0, 100.0, 1000.0):
        assert permute(x, y, sigma).p_value == 0.01


def test_values_depend_on_the_seed_and_not_on_threads():
    x, y = sample(400, 10), sample(300, 10, seed=1)
    one = permute(x, y, run=Run(threads=1))
    assert permute(x, y, run=Run(threads=2)) == one
    assert permute(x, y, seed=1) != one


def test_labels_of_codes_near_the_largest_doubles_are_permuted():
    x, y = (1e148 * np.random.default_rng(seed).normal(size=(6, 2)) for seed in (0, 1))
    assert compare(x, y, sigma=1e-8, permutations=99).p_value == 1
    assert compare(x, 3 * y, metric="energy", permutations=99).p_value <= 1


@pytest.mark.parametrize(
    ("n", "m", "replicates", "least"),
    [(2, 2, 99, 1 / 3), (1, 1, 99, 1), (1, 30, 99, 1 / 31), (2, 3, 99, 1 / 10), (50, 60, 99, 1 / 100)],
)
def test_the_smallest_p_value_is_bounded_by_the_number_of_labelings(n, m, replicates, least):
    assert smallest_permuted_p(n, m, replicates) == pytest.approx(least)
    x, y = np.arange(n)[:, np.newaxis], 1e6 + np.arange(m)[:, np.newaxis]
    if n + m < 9:
        p = compare(x, y, metric="energy", permutations=replicates).p_value
        assert p == pytest.approx(max(least, 1 / (1 + replicates)), abs=0.15)
