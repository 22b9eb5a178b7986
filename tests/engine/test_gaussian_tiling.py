"""Sums of Gaussians with one σ agree with the dense matrix, in both precisions and for every shape of tile;
their bits do not depend on threads; and single precision is used only where its error is small.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from gaedist.engine.gaussian_tiling import WORST, gaussian_total, tall_tiles
from gaedist.engine.run.threads import limited_threads
from gaedist.engine.work import Work
from gaedist.mixtures.families import Constant

SIZES = [1, 2, 255, 256, 257, 511, 512, 513, 700, 1025, 1300]


def codes(n, dim, seed=0):
    return np.random.default_rng((seed, dim)).normal(size=(n, dim))


def job(x, y=None, sigma=1.0, weights=None):
    covariance = Constant(sigma**2)
    log2 = np.zeros(len(x)) if weights is None else np.log2(weights)
    return covariance.pair_sum(covariance, x, y, log2, None if y is None else np.zeros(len(y)))


def exact(x, y=None, sigma=1.0, weights=None):
    matrix = np.exp(-cdist(x, x if y is None else y, "sqeuclidean") / (4 * sigma**2))
    if weights is not None:
        matrix *= weights[:, np.newaxis] * (weights if y is None else 1)
    # NumPy adds in pairs, of pairs: a million terms lose some units of 1e-16
    return float((np.tril(matrix, -1) if y is None else matrix).ravel().sum())


def total(wanted, precision="double", threads=2):
    done = []
    with limited_threads(threads) as count:
        found = gaussian_total(wanted, Work(count, lambda *counts: done.append(counts), 0), precision)
    return found, done


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 8, 9, 40])
@pytest.mark.parametrize("n", SIZES)
def test_tiles_of_every_shape(n, dim):
    x, y, weights = codes(n, dim), codes(n // 2 + 3, dim, 1), np.random.default_rng(2).uniform(0.5, 2, n)
    for wanted, expected in [
        (job(x), exact(x)),
        (job(x, y), exact(x, y)),
        (job(y, x), exact(y, x)),
        (job(x, weights=weights), exact(x, weights=weights)),
    ]:
        found, done = total(wanted)
        assert_allclose(math.exp(found.log), expected, rtol=1e-13)
        single, _ = total(wanted, "single")
        assert_allclose(math.exp(single.log), expected, rtol=1e-5)
        if n > 1:
            assert done[-1][0] == tall_tiles(wanted)


@pytest.mark.parametrize("sigma", [1e-4, 0.01, 100.0, 1e8])
def test_widths_that_underflow_or_hardly_fall(sigma):
    x = codes(600, 5)
    expected = np.logaddexp.reduce((-cdist(x, x, "sqeuclidean") / (4 * sigma**2))[np.tril_indices(600, -1)])
    for precision in ("double", "single"):
        found, _ = total(job(x, sigma=sigma), precision)
        assert_allclose(
            found.log, expected, rtol=1e-11, atol=1e-6 if found.provenance.precision == "single" else 0
        )


def test_codes_far_from_each_other_keep_their_digits():
    x = codes(700, 3) + 1e7 * np.repeat([[0.0], [1.0]], 350, axis=0)
    assert_allclose(math.exp(total(job(x))[0].log), exact(x), rtol=1e-8)  # 1e7 takes 7 of 16 digits
    near = codes(700, 3) + 1e7
    assert_allclose(math.exp(total(job(near))[0].log), exact(near), rtol=1e-13)


def log_sum(x, y=None, sigma=1.0):
    """Logarithm of the sum, from squared distances as sums of squared differences."""
    exponents = -cdist(x, x if y is None else y, "sqeuclidean") / (4 * sigma**2)
    return logsumexp(exponents[np.tril_indices(len(x), -1)] if y is None else exponents)


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 8, 9, 64])
def test_far_points_clusters_and_small_widths_keep_all_digits(dim):
    x, rng = codes(1300, dim), np.random.default_rng(3)
    far, clusters = x.copy(), x + 1e4 * codes(5, dim, 1)[rng.integers(5, size=1300)]
    far[rng.permutation(1300)[:30]] *= 1000
    y = far[rng.permutation(1300)[:700]] + 0.1 * codes(700, dim, 2)
    for left, right, sigma in [
        (far, None, 1.0),
        (clusters, None, 1.0),
        (clusters[np.argsort(clusters[:, 0])], None, 1.0),  # tiles of one cluster have their own center
        (x, None, 1e-3),
        (far, None, 1e-3),
        (far, y, 0.1),
        (y, clusters, 1.0),
    ]:
        found = total(job(left, right, sigma))[0].log
        expected = log_sum(left, right, sigma)
        assert_allclose(found, expected, rtol=2e-15, atol=1e-12)


@pytest.mark.parametrize("dim", [3, 8, 9, 24])
def test_any_width_keeps_all_digits_of_codes_grids_and_clusters(dim):
    x, rng = codes(1100, dim), np.random.default_rng(4)
    grid = rng.permuted(np.tile(np.arange(5.0), (dim, 220)), axis=1).T.copy()  # all of its pairs may be faint
    some = x + np.where(np.arange(1100) < 300, 50.0 * rng.integers(9, size=1100), 0.0)[:, np.newaxis]
    weights, below = rng.uniform(-3000, 3000, 1100), np.tril_indices(1100, -1)
    for points, log2 in ((x, 0 * weights), (grid, 0 * weights), (some, 0 * weights), (x, weights)):
        of_weights = math.log(2) * np.add.outer(log2, log2)
        for sigma in (0.3, 0.1, 0.07, 0.05, 0.01):
            covariance = Constant(sigma**2)
            wanted = covariance.pair_sum(covariance, points, None, log2, None)
            expected = logsumexp((of_weights - cdist(points, points, "sqeuclidean") / (4 * sigma**2))[below])
            assert_allclose(total(wanted)[0].log, expected, rtol=2e-15, atol=1e-12)


@pytest.mark.parametrize("dim", [8, 9, 20])
def test_pairs_that_are_near_count_where_others_leave_the_range_of_a_double(dim):
    twins, clusters, rng = 1e150 * codes(700, dim), 1e-7 * codes(300, dim), np.random.default_rng(5)
    twins[1] = twins[0]
    clusters[200:] = 1e150 * rng.normal(size=dim) * rng.choice([1.0, -1.0], size=(100, 1))
    with np.errstate(over="ignore"):
        assert total(job(twins, sigma=1e-6))[0].log == 0.0
        expected = log_sum(clusters, sigma=1e-6)  # of equal points, and those within 1e-6
        assert_allclose(total(job(clusters, sigma=1e-6))[0].log, expected, rtol=1e-13)


def test_pairs_that_the_first_points_do_not_foresee_count():
    x = codes(900, 24)
    x[800] = x[850] + 1e-3
    for sigma in (0.02, 0.1, 0.14):  # terms of first points: 2^−30000, 2^−1400, 2^−700
        for precision in ("double", "single"):
            found = total(job(x, sigma=sigma), precision)[0]
            assert_allclose(found.log, log_sum(x, sigma=sigma), rtol=1e-13, atol=1e-12)
            assert found.provenance.precision == "double"


def test_weights_out_of_the_range_of_a_double():
    x, y, weights = codes(700, 3), codes(300, 3, 1), np.random.default_rng(2).uniform(-2000, 2000, 700)
    exponents = -cdist(x, y, "sqeuclidean") / 4 + math.log(2) * weights[:, np.newaxis]
    covariance = Constant(1.0)
    wanted = covariance.pair_sum(covariance, x, y, weights, np.zeros(300))
    assert_allclose(total(wanted)[0].log, np.logaddexp.reduce(exponents.ravel()), rtol=1e-14)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_bits_do_not_depend_on_threads_and_ranges(monkeypatch, precision):
    wanted = job(codes(3000, 12))
    one, _ = total(wanted, precision, threads=1)
    monkeypatch.setattr("gaedist.engine.work._RANGE_SECONDS", 0.0)
    two, _ = total(wanted, precision, threads=2)
    assert one == two


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("dim", [2, 8, 64, 512])
def test_single_precision_is_within_its_stated_error(dim, sigma):
    x, y = codes(2000, dim), codes(1500, dim, 1) + 0.3
    for wanted in (job(x, sigma=sigma), job(x, y, sigma)):
        double, single = (total(wanted, precision)[0] for precision in ("double", "single"))
        assert double.provenance.precision == "double"
        if single.provenance.precision == "double":  # too imprecise
            assert (dim, sigma) == (512, 0.5)
            assert single == double
        else:
            assert abs(math.expm1(single.log - double.log)) < single.provenance.rounding < WORST
            assert single.log != double.log


def test_double_replaces_single_precision_where_that_would_mislead():
    x = codes(800, 3)
    for codes_, sigma in ((x, 1e-3), (1e6 * x, 1.0), (x[:1], 1.0)):
        assert total(job(codes_, sigma=sigma), "single")[0].provenance.precision == "double"
    assert total(job(x, np.zeros((1, 3))), "single")[0].provenance.precision == "double"
