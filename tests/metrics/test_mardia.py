"""Mardia's sums: both ways to compute the third moment, and the exact moments of both under N(0, I)."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample
from scipy.special import roots_gegenbauer, roots_genlaguerre

from gaedist import score
from gaedist.engine import Run
from gaedist.metrics.mardia import fourth_moment, kurtosis_moments, skewness_moments, third_moments


def three(moments):
    return moments.mean, moments.sd, moments.skewness


def from_raw(first, second, third):
    """Mean, standard deviation and skewness from the raw moments."""
    variance = second - first**2
    return first, math.sqrt(variance), (third - 3 * first * second + 2 * first**3) / variance**1.5


@pytest.mark.parametrize(
    ("n", "dim"), [(1, 1), (2, 1), (3000, 1), (40, 5), (37, 6), (500, 30), (1300, 30), (900, 40), (1500, 45)]
)
def test_third_moments_are_those_of_the_dense_matrix(n, dim):
    # both by tensors, where 2D² < 3n, and by products; of more than 1024 points, and in several parts
    x = sample("shifted", n, dim)
    expected = ((x @ x.T) ** 3).mean()
    for threads in (1, 2):
        assert_allclose(third_moments(x, Run(threads=threads)), expected, rtol=1e-12)


def test_third_moments_have_both_branches_at_their_border():
    x = sample("heavy-tailed", 55, 9)
    assert 2 * 9**2 < 3 * 55
    assert 2 * 9**2 >= 3 * 54
    for points in (x, x[:-1]):
        assert_allclose(third_moments(points, Run()), ((points @ points.T) ** 3).mean(), rtol=1e-12)


def test_fourth_moment():
    x = sample("shifted", 50, 3)
    assert_allclose(fourth_moment(x), np.mean(np.linalg.norm(x, axis=1) ** 4), rtol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_moments_of_skewness_on_a_line_are_those_of_a_sum_of_cubes(n):
    # it is (S/n)² with S = Σ x³, and E x⁶, E x¹², E x¹⁸ are 5!!, 11!! and 17!!
    m6, m12, m18 = (math.prod(range(1, order, 2)) for order in (6, 12, 18))
    s2, s4 = n * m6, n * m12 + 3 * n * (n - 1) * m6**2
    s6 = n * m18 + 15 * n * (n - 1) * m12 * m6 + 15 * n * (n - 1) * (n - 2) * m6**3
    expected = from_raw(s2 / n**2, s4 / n**4, s6 / n**6)
    assert_allclose(three(skewness_moments(n, 1)), expected, rtol=1e-11)


@pytest.mark.parametrize("dim", [2, 5, 30])
def test_moments_of_skewness_of_one_and_two_points(dim):
    # by quadrature rules in |x|², |y|² and the cosine of the angle, which are exact for these polynomials
    q, w = roots_genlaguerre(12, dim / 2 - 1)
    q, w = 2 * q, w / w.sum()
    one = from_raw(*(w @ q ** (3 * power) for power in (1, 2, 3)))
    assert_allclose(three(skewness_moments(1, dim)), one, rtol=1e-10)
    cosine, v = roots_gegenbauer(12, dim / 2 - 1) if dim > 2 else np.polynomial.chebyshev.chebgauss(12)
    values = (
        q[:, None, None] ** 3
        + q[None, :, None] ** 3
        + 2 * (q[:, None, None] * q[None, :, None]) ** 1.5 * cosine**3
    ) / 4
    weights = w[:, None, None] * w[None, :, None] * v / v.sum()
    two = from_raw(*((weights * values**power).sum() for power in (1, 2, 3)))
    assert_allclose(three(skewness_moments(2, dim)), two, rtol=1e-9)


def moment_matrix(dim):
    """E of (x ⊗ x ⊗ x)(x ⊗ x ⊗ x)ᵀ, (D³, D³), from the moments of N(0, 1)."""
    places = list(itertools.product(range(dim), repeat=3))
    moments = [1, 0, 1, 0, 3, 0, 15]
    return np.array(
        [[math.prod(moments[(a + b).count(i)] for i in range(dim)) for b in places] for a in places]
    )


@pytest.mark.parametrize("dim", [2, 3])
def test_the_triangle_of_skewness(dim):
    # the third cumulant is a polynomial in n; triples of different points contribute 8 tr M³
    moments = [skewness_moments(n, dim) for n in (1, 2, 3)]
    one, two, three_ = (c.skewness * c.sd**3 * n**6 for n, c in enumerate(moments, 1))
    matrix = moment_matrix(dim).astype(float)
    found = (three_ - 3 * (two - 2 * one) - 3 * one) / (6 * 8)
    # the part of single points, which is subtracted, is some thousand times larger
    assert_allclose(found, np.trace(matrix @ matrix @ matrix), rtol=1e-9)
    assert_allclose(moments[0].mean, np.trace(matrix), rtol=1e-13)


def test_skewness_of_simulated_samples():
    n, dim, count = 60, 3, 3000
    rng = np.random.default_rng(6)
    found = np.array([third_moments(rng.normal(size=(n, dim)), Run(threads=1)) for _ in range(count)])
    mean, sd, skewness = three(skewness_moments(n, dim))
    assert abs(found.mean() - mean) < 4 * sd / math.sqrt(count)
    z = (found - mean) / sd
    assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(count)
    assert abs((z**3).mean() - skewness) < 4 * (z**3).std() / math.sqrt(count)


@pytest.mark.parametrize(("n", "dim"), [(1, 1), (10, 3), (1000, 30)])
def test_moments_of_kurtosis_are_those_of_a_squared_chi_square(n, dim):
    # E q^k = 2^k Γ(k + D/2)/Γ(D/2) for q = |x|²
    moments = (2**k * math.gamma(k + dim / 2) / math.gamma(dim / 2) for k in (2, 4, 6))
    mean, sd, skewness = from_raw(*moments)
    expected = mean, sd / math.sqrt(n), skewness / math.sqrt(n)
    assert_allclose(three(kurtosis_moments(n, dim)), expected, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-310, 1e-160, 1e-60, 1e45, 1e149])
@pytest.mark.parametrize(("name", "power"), [("mardia-skewness", 6), ("mardia-kurtosis", 4)])
def test_powers_beyond_a_double_keep_their_logarithm(scale, name, power):
    x = np.round(sample("normal", 20, 3), 2)
    one, other = score(x, metric=name), score(scale * x, metric=name)
    assert_allclose(other.log_value, one.log_value + power * math.log(scale), rtol=1e-12)
    assert not other.infinite
    if power * math.log10(scale) > 308:
        assert (other.value, other.z) == (math.inf, math.inf)
