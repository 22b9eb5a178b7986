"""Overlaps of mixtures agree with dense matrices and 200 digits, also where points are far apart.

Weights count as repeated points; invalid mixtures are refused.
"""

import math

import naive
import numpy as np
import pytest
from members import sample
from numpy.testing import assert_allclose

from gaedist import GaedistError
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.mixture import Mixture, normal, overlap

# Overlaps are compared as logarithms; 2e-12 is the rounding of |x − y|² in 512 dimensions, over σ².


def kde(x, sigma=1.0):
    return Mixture(np.array(x, dtype=float), Constant(sigma**2))


@pytest.mark.parametrize(
    ("n", "m", "dim"),
    [(300, 700, 1), (513, 256, 3), (300, 300, 8), (300, 300, 9), (1000, 257, 64), (600, 300, 512)],
)
def test_overlap_agrees_with_the_dense_matrix_across_tiles(n, m, dim):
    x, y = sample(n, dim), sample(m, dim, seed=1)
    got = overlap(kde(x, sigma=0.7), kde(y, sigma=1.2)).log_total
    assert_allclose(got, naive.overlap(x, y, 0.49, 1.44), rtol=0, atol=2e-12)
    got = overlap(p := kde(x, sigma=0.7), p).log_total
    assert_allclose(got, naive.overlap(x, x, 0.49, 0.49), rtol=0, atol=2e-12)


def test_samples_far_apart_have_the_right_overlap():
    x, y = sample(300, 4), sample(400, 4, seed=1) + 1e4
    got = overlap(kde(x), kde(y)).log_total
    assert got < -9e7
    assert_allclose(got, naive.overlap(x, y, 1, 1), rtol=1e-14)


@pytest.mark.parametrize("sigma", [0.01, 1.0])
def test_tight_clusters_far_apart_do_not_lose_their_small_distances(sigma):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 5)) * sigma + 1e5 * rng.choice([-1, 1], size=(40, 1))
    p = kde(x, sigma=sigma)
    got = overlap(p, p).log_total
    assert_allclose(
        math.exp(got - float(naive.MP.log(naive.overlap_mp(x, x, sigma**2, sigma**2)))), 1, rtol=1e-11
    )


def test_weights_count_as_repeated_points():
    x = sample(3, 2)
    weighted = Mixture(x, Constant(0.5), np.array([1, 2, 3]) / 6)
    repeated = Mixture(np.repeat(x, [1, 2, 3], axis=0), Constant(0.5))
    y = kde(sample(5, 2, seed=1))
    assert_allclose(overlap(weighted, y).log_total, overlap(repeated, y).log_total, rtol=1e-14)
    assert_allclose(overlap(weighted, weighted).log_total, overlap(repeated, repeated).log_total, rtol=1e-14)


@pytest.mark.parametrize("weights", [[0.5, 0.6], [1.0, 0.0], [1.0], [-0.5, 1.5], [np.nan, 1.0]])
def test_weights_must_be_probabilities(weights):
    with pytest.raises(GaedistError, match="weights must be 2 positive numbers"):
        Mixture(sample(2, 3), Constant(1.0), np.array(weights))


def test_dimensions_must_agree():
    with pytest.raises(GaedistError, match="dimensions differ: 3 and 4"):
        overlap(kde(sample(2, 3)), normal(4))


def test_a_mixture_has_centers_and_positive_variances():
    with pytest.raises(GaedistError, match="variances must lie between"):
        normal(3, variance=-1.0)
    with pytest.raises(GaedistError, match="centers must be"):
        Mixture(np.zeros((0, 3)), Constant(1.0))


def test_doubling_every_point_keeps_the_density():
    x = sample(300, 3)
    once, twice = kde(x, sigma=0.5), kde(np.repeat(x, 2, axis=0), sigma=0.5)
    assert_allclose(overlap(twice, twice).log_total, overlap(once, once).log_total, rtol=1e-13)
    assert_allclose(overlap(twice, twice).log_self, overlap(once, once).log_self - math.log(2), rtol=1e-13)
