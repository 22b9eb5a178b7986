import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample
from scipy.integrate import quad
from scipy.special import roots_gegenbauer, roots_genlaguerre
from scipy.stats import chi2

from gaedist import GaedistError
from gaedist.engine import Run
from gaedist.metrics.normality import (
    covariance_of,
    divergence,
    divergence_cumulants,
    fourth_moment,
    henze_zirkler_beta,
    henze_zirkler_moments,
    kurtosis_cumulants,
    skewness_cumulants,
    standardised,
    third_moments,
)


def three(cumulants):
    return cumulants.mean, cumulants.sd, cumulants.skewness


def from_moments(first, second, third):
    """Mean, standard deviation and skewness from the raw moments."""
    variance = second - first**2
    return first, math.sqrt(variance), (third - 3 * first * second + 2 * first**3) / variance**1.5


# KL


def bartlett(n, dim):
    """Mean, standard deviation and skewness of KL, by quadrature.

    By Bartlett's decomposition n C = T Tᵀ, with T_ii² of the χ² law of n − i degrees of freedom and T_ij of
    N(0, 1) below. So 2 KL is a sum of independent c − 1 − log c with n c = T_ii², of T_ij²/n and of m_i².
    """
    squares = dim * (dim - 1) // 2 + dim
    sums = np.array([squares / n, 2 * squares / n**2, 8 * squares / n**3])
    for i in range(1, dim + 1):
        law = chi2(n - i)
        ends = law.ppf(1e-14), law.isf(1e-14)

        def expect(function, law=law, ends=ends):
            return quad(lambda g: function(g) * law.pdf(g), *ends, epsabs=0, epsrel=1e-11, limit=200)[0]

        mean = expect(lambda g: g / n - 1 - math.log(g / n))
        off = [expect(lambda g, p=p, mean=mean: (g / n - 1 - math.log(g / n) - mean) ** p) for p in (2, 3)]
        sums += [mean, *off]
    return sums[0] / 2, math.sqrt(sums[1]) / 2, sums[2] / sums[1] ** 1.5


@pytest.mark.parametrize(("n", "dim"), [(10, 1), (300, 1), (20, 2), (60, 3), (25, 8)])
def test_cumulants_of_kl_are_those_of_bartletts_decomposition(n, dim):
    assert_allclose(three(divergence_cumulants(n, dim)), bartlett(n, dim), rtol=1e-8)


@pytest.mark.parametrize(("n", "dim"), [(1000, 30), (100_000, 8)])
def test_cumulants_of_kl_tend_to_those_of_chi_squares(n, dim):
    # 2n KL tends to χ² of a mean and a covariance; the first correction is of the order D/n
    law = chi2(dim * (dim + 3) / 2)
    mean, sd, skewness = three(divergence_cumulants(n, dim))
    expected = law.mean() / (2 * n), law.std() / (2 * n), law.stats(moments="s")
    assert_allclose((mean, sd, skewness), expected, rtol=2 * dim / n)
    assert mean > expected[0]


def test_kl_keeps_its_digits_near_0():
    dim, off = 5, 1e-8
    x = math.sqrt(dim) * np.concatenate([np.eye(dim), -np.eye(dim)])  # mean 0, covariance I
    assert 0 <= divergence(x) < 1e-28
    # ½ D (c − 1 − log c) with c = (1 + ε)² is D ε²; c − 1 has 8 digits left
    assert_allclose(divergence((1 + off) * x), dim * off**2, rtol=1e-6)


@pytest.mark.parametrize("sd", [1e-3, 1e-6])
def test_kl_keeps_its_digits_where_an_axis_is_all_but_flat(sd):
    x = math.sqrt(3) * np.concatenate([np.eye(3), -np.eye(3)]) * [1, 1, sd]
    assert_allclose(divergence(x), (sd**2 - 1 - 2 * math.log(sd)) / 2, rtol=1e-13)


def test_kl_is_that_of_the_gaussian_with_its_moments():
    x = sample("heavy-tailed", 50, 4) @ np.diag([1, 0.03, 1, 30]) + [0, 1, 2, 3]
    mean, covariance = x.mean(axis=0), np.cov(x.T, ddof=0)
    expected = (np.trace(covariance) + mean @ mean - 4 - np.linalg.slogdet(covariance)[1]) / 2
    assert_allclose(divergence(x), expected, rtol=1e-12)


@pytest.mark.parametrize("dim", [1, 3])
def test_a_covariance_is_singular_where_codes_do_not_vary(dim):
    rng = np.random.default_rng(4)
    with pytest.raises(GaedistError, match=f"it takes {dim + 1} points.*; got {dim}"):
        covariance_of(rng.normal(size=(dim, dim)))
    for n in (30, 40, 1000):  # the mean of which is 0.1, or not quite
        with pytest.raises(GaedistError, match=f"do not vary along {dim} of {dim} directions"):
            covariance_of(np.full((n, dim), 0.1))
    flat = rng.normal(size=(40, 3)) @ [[1, 0, 1], [0, 1, 1], [0, 0, 0]]
    for scale in (1e-9, 1, 1e9):
        with pytest.raises(GaedistError, match="do not vary along 1 of 3 directions"):
            covariance_of(scale * flat)


# Mardia's sums


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
def test_cumulants_of_skewness_on_a_line_are_those_of_a_sum_of_cubes(n):
    # it is (S/n)² with S = Σ x³, and E x⁶, E x¹², E x¹⁸ are 5!!, 11!! and 17!!
    m6, m12, m18 = (math.prod(range(1, order, 2)) for order in (6, 12, 18))
    s2, s4 = n * m6, n * m12 + 3 * n * (n - 1) * m6**2
    s6 = n * m18 + 15 * n * (n - 1) * m12 * m6 + 15 * n * (n - 1) * (n - 2) * m6**3
    expected = from_moments(s2 / n**2, s4 / n**4, s6 / n**6)
    assert_allclose(three(skewness_cumulants(n, 1)), expected, rtol=1e-11)


@pytest.mark.parametrize("dim", [2, 5, 30])
def test_cumulants_of_skewness_of_one_and_two_points(dim):
    # by rules that are exact for the polynomials that they are: |x|², |y|² and the cosine of the angle
    q, w = roots_genlaguerre(12, dim / 2 - 1)
    q, w = 2 * q, w / w.sum()
    one = from_moments(*(w @ q ** (3 * power) for power in (1, 2, 3)))
    assert_allclose(three(skewness_cumulants(1, dim)), one, rtol=1e-10)
    cosine, v = roots_gegenbauer(12, dim / 2 - 1) if dim > 2 else np.polynomial.chebyshev.chebgauss(12)
    values = (
        q[:, None, None] ** 3
        + q[None, :, None] ** 3
        + 2 * (q[:, None, None] * q[None, :, None]) ** 1.5 * cosine**3
    ) / 4
    weights = w[:, None, None] * w[None, :, None] * v / v.sum()
    two = from_moments(*((weights * values**power).sum() for power in (1, 2, 3)))
    assert_allclose(three(skewness_cumulants(2, dim)), two, rtol=1e-9)


def moment_matrix(dim):
    """E of (x ⊗ x ⊗ x)(x ⊗ x ⊗ x)ᵀ, (D³, D³), from the moments of N(0, 1)."""
    places = list(itertools.product(range(dim), repeat=3))
    moments = [1, 0, 1, 0, 3, 0, 15]
    return np.array(
        [[math.prod(moments[(a + b).count(i)] for i in range(dim)) for b in places] for a in places]
    )


@pytest.mark.parametrize("dim", [2, 3])
def test_the_triangle_of_skewness(dim):
    # the third cumulant is a polynomial of n, of which the part of three points is 8 tr M³
    cumulants = [skewness_cumulants(n, dim) for n in (1, 2, 3)]
    one, two, three_ = (c.skewness * c.sd**3 * n**6 for n, c in enumerate(cumulants, 1))
    matrix = moment_matrix(dim).astype(float)
    found = (three_ - 3 * (two - 2 * one) - 3 * one) / (6 * 8)
    # what one point adds is some thousand times that
    assert_allclose(found, np.trace(matrix @ matrix @ matrix), rtol=1e-9)
    assert_allclose(cumulants[0].mean, np.trace(matrix), rtol=1e-13)


def test_skewness_of_simulated_samples():
    n, dim, count = 60, 3, 3000
    rng = np.random.default_rng(6)
    found = np.array([third_moments(rng.normal(size=(n, dim)), Run(threads=1)) for _ in range(count)])
    mean, sd, skewness = three(skewness_cumulants(n, dim))
    assert abs(found.mean() - mean) < 4 * sd / math.sqrt(count)
    z = (found - mean) / sd
    assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(count)
    assert abs((z**3).mean() - skewness) < 4 * (z**3).std() / math.sqrt(count)


@pytest.mark.parametrize(("n", "dim"), [(1, 1), (10, 3), (1000, 30)])
def test_cumulants_of_kurtosis_are_those_of_a_squared_chi_square(n, dim):
    # E q^k = 2^k Γ(k + D/2)/Γ(D/2) for q = |x|²
    moments = (2**k * math.gamma(k + dim / 2) / math.gamma(dim / 2) for k in (2, 4, 6))
    mean, sd, skewness = from_moments(*moments)
    expected = mean, sd / math.sqrt(n), skewness / math.sqrt(n)
    assert_allclose(three(kurtosis_cumulants(n, dim)), expected, rtol=1e-10)


# Henze and Zirkler


def test_standardised_codes_have_mean_0_and_covariance_identity():
    x = 5 + sample("heavy-tailed", 60, 4) @ np.diag([1, 10, 0.1, 1])
    y = standardised(x)
    assert_allclose(y.mean(axis=0), 0, atol=1e-13)
    assert_allclose(y.T @ y / 60, np.eye(4), atol=1e-12)
    assert y.flags.c_contiguous
    # their inner products are those of Mahalanobis, and so the same after an affine map
    other = standardised(x @ np.random.default_rng(7).normal(size=(4, 4)) - 2)
    assert_allclose(y @ y.T, other @ other.T, atol=1e-11)
    centered = x - x.mean(axis=0)
    assert_allclose(y @ y.T, centered @ np.linalg.inv(np.cov(x.T, ddof=0)) @ centered.T, atol=1e-11)


def test_beta_of_henze_and_zirkler():
    assert henze_zirkler_beta(4, 1) == pytest.approx(3**0.2 / math.sqrt(2))
    assert henze_zirkler_beta(100, 4) == pytest.approx(225**0.125 / math.sqrt(2))


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("dim", [1, 2])
def test_moments_of_henze_and_zirkler_are_integrals_of_the_limit_process(dim, beta):
    # The statistic tends to ∫ Z(t)² N(t; 0, β²) dt, with a Gaussian process Z of mean 0 and covariance
    # K(s, t) = e^(−|s − t|²/2) − (1 + s·t + (s·t)²/2) e^(−(|s|² + |t|²)/2) (Baringhaus and Henze 1988),
    # so that its mean is ∫ K(t, t), and its variance 2 ∫∫ K².
    nodes, weights = np.polynomial.hermite_e.hermegauss(140 if dim == 1 else 50)
    weights /= weights.sum()
    grid = np.stack(np.meshgrid(*[beta * nodes] * dim), axis=-1).reshape(-1, dim)
    mass = math.prod(np.meshgrid(*[weights] * dim)).ravel()
    inner, squares = grid @ grid.T, (grid**2).sum(axis=1)
    sums = squares[:, np.newaxis] + squares
    covariance = np.exp(-sums / 2 + inner) - (1 + inner + inner**2 / 2) * np.exp(-sums / 2)
    expected = 1 - mass @ np.diag(covariance), math.sqrt(2 * mass @ covariance**2 @ mass)
    # in the plane 50 nodes an axis leave 1e-3 of the widest
    assert_allclose(henze_zirkler_moments(dim, beta), expected, rtol=1e-9 if dim == 1 else 1e-3)
