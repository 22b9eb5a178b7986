"""Squared distances agree with 200 digits and with quadrature of the densities, also where doubles overflow.

They are zero between equal mixtures; the unbiased one leaves out self-overlaps, and can be negative.
"""

import math

import naive
import numpy as np
import pytest
from members import sample
from numpy.testing import assert_allclose
from scipy.integrate import dblquad, quad
from scipy.spatial.distance import cdist
from scipy.stats import norm

from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.distance import SquaredDistance, squared_distance
from gaedist.mixtures.mixture import Mixture, Overlap, normal, overlap

# 1e-11 is the largest error that `squared_distance` documents; 1e-6 and 1e-10 are those of the quadratures.


def kde(x, sigma=1.0):
    return Mixture(np.array(x, dtype=float), Constant(sigma**2))


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 3.0])
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (2, 1), (7, 2), (5, 8), (4, 64), (3, 512)])
def test_score_agrees_with_two_hundred_digits(n, dim, sigma):
    x = sample(n, dim)
    got = squared_distance(kde(x, sigma=sigma), normal(dim), unit=1)
    expected = naive.score_mp(x, sigma)
    assert_allclose(float(naive.MP.exp(got.log_value) / expected), 1, rtol=1e-11)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    ("n", "m", "dim"), [(1, 1, 1), (2, 5, 1), (7, 4, 2), (5, 3, 8), (4, 2, 64), (3, 3, 512)]
)
def test_compare_agrees_with_two_hundred_digits(n, m, dim, sigma):
    x, y = sample(n, dim), sample(m, dim, seed=1) * 0.9
    got = squared_distance(kde(x, sigma=sigma), kde(y, sigma=sigma), unit=sigma**2)
    assert_allclose(math.exp(got.log_value), float(naive.compare_mp(x, y, sigma)), rtol=1e-11)


def test_distance_in_three_thousand_dimensions_where_doubles_overflow():
    x = 1.3 * sample(3, 3000)
    got = squared_distance(kde(x, sigma=0.5), normal(3000), unit=1)
    expected = naive.score_mp(x, 0.5)
    assert expected > naive.MP.mpf(10) ** 800
    assert_allclose(got.log_value, float(naive.MP.log(expected)), rtol=1e-14)
    cross = naive.overlap_mp(x, np.zeros((1, 3000)), 0.25, 1) * (4 * naive.MP.pi) ** 1500
    assert cross < naive.MP.mpf(10) ** -300
    assert_allclose(got.pq.log_total, float(naive.MP.log(cross)), rtol=1e-14)


def test_one_dimension_agrees_with_quadrature_of_the_densities():
    x, y = sample(6, 1), sample(4, 1, seed=1) + 0.5

    def p(t):
        return norm.pdf(t, x[:, 0], 0.6).mean()

    def q(t):
        return norm.pdf(t, y[:, 0], 1.1).mean()

    expected, _ = quad(lambda t: (p(t) - q(t)) ** 2, -12, 12, epsabs=1e-14, limit=200)
    got = squared_distance(kde(x, sigma=0.6), kde(y, sigma=1.1))
    assert_allclose(math.exp(got.log_value), expected, rtol=1e-10)


def test_two_dimensions_agree_with_quadrature_of_the_densities():
    x = sample(3, 2)

    def density(squares, variance):
        return math.exp(-squares / (2 * variance)) / (2 * math.pi * variance)

    def difference(b, a):
        components = [density((a - c) ** 2 + (b - d) ** 2, 0.8**2) for c, d in x]
        return (math.fsum(components) / len(x) - density(a**2 + b**2, 1)) ** 2

    expected, _ = dblquad(difference, -8, 8, -8, 8, epsabs=1e-9)
    got = squared_distance(kde(x, sigma=0.8), normal(2))
    assert_allclose(math.exp(got.log_value), expected, rtol=1e-6)


def test_codes_that_are_all_zero_have_distance_zero_at_sigma_one():
    got = squared_distance(kde(np.zeros((100, 4))), normal(4), unit=1)
    assert math.exp(got.log_value) <= 4e-16


def test_equal_samples_have_distance_zero():
    x = sample(50, 3)
    got = squared_distance(kde(x), kde(x[::-1]))
    assert math.exp(got.log_value - got.pp.log_total) < 1e-14


def test_a_mixture_has_distance_zero_from_itself():
    p = kde(sample(50, 3))
    got = squared_distance(p, p)
    assert got.log_value - got.pp.log_total < -30
    q = Mixture(sample(3, 2), Constant(0.5), np.array([1e-200, 0.25, 0.75]))
    assert squared_distance(q, q).log_value - overlap(q, q).log_total < -30


@pytest.mark.parametrize(("n", "m", "dim"), [(2, 3, 1), (30, 20, 4)])
def test_unbiased_distance_is_that_of_the_dense_matrix_without_its_diagonal(n, m, dim):
    x, y = sample(n, dim), sample(m, dim, seed=1) + 0.3
    distance = squared_distance(kde(x), kde(y), unit=1).unbiased(n, m)
    kernel = np.exp(-cdist(np.concatenate([x, y]), np.concatenate([x, y]), "sqeuclidean") / 4)
    sign, log_value = distance.signed_value
    expected = naive.two_sample(kernel, np.arange(n + m) < n, "u")
    assert_allclose(sign * math.exp(log_value), expected, rtol=0, atol=1e-15)
    assert distance.log_value == (log_value if expected > 0 else -math.inf)


def test_unbiased_distance_to_a_prior_keeps_the_overlap_of_the_prior():
    x = sample(30, 4)
    biased = squared_distance(kde(x), normal(4, variance=2.0), unit=1)
    unbiased = biased.unbiased(30)
    assert (unbiased.qq, unbiased.pq) == (biased.qq, biased.pq)
    assert unbiased.pp.log_self == -math.inf
    sign, log_value = unbiased.signed_value
    assert_allclose(sign * math.exp(log_value), naive.score_smoothed(x, 1.0, "u"), rtol=0, atol=1e-15)


def test_a_distance_that_rounds_below_zero_has_logarithm_minus_infinity():
    pp, pq = Overlap(-math.inf, 0.0), Overlap(-math.inf, 1e-15)
    distance = SquaredDistance(pp, pp, pq)
    assert distance.signed_value[0] == -1
    assert distance.log_value == -math.inf
