"""The KL divergence of the Gaussian fit: its digits, and its exact moments under N(0, I)."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample
from scipy.integrate import quad
from scipy.stats import chi2

from gaedist import score
from gaedist.metrics.kl import divergence as of_covariance
from gaedist.metrics.kl import divergence_moments
from gaedist.metrics.moment_metrics import covariance_of


def divergence(x):
    return of_covariance(covariance_of(x))


def three(moments):
    return moments.mean, moments.sd, moments.skewness


def bartlett(n, dim):
    """Mean, standard deviation and skewness of KL, by quadrature.

    By Bartlett's decomposition n C = T Tᵀ, T lower triangular, T_ii² of χ² with n − i degrees of freedom
    and T_ij of N(0, 1). So 2 KL is a sum of independent c − 1 − log c with n c = T_ii², of T_ij²/n and m_i².
    """
    squares = dim * (dim - 1) // 2 + dim
    sums = np.array([squares / n, 2 * squares / n**2, 8 * squares / n**3])
    for i in range(1, dim + 1):
        distribution = chi2(n - i)
        ends = distribution.ppf(1e-14), distribution.isf(1e-14)

        def expect(function, distribution=distribution, ends=ends):
            return quad(
                lambda g: function(g) * distribution.pdf(g), *ends, epsabs=0, epsrel=1e-11, limit=200
            )[0]

        mean = expect(lambda g: g / n - 1 - math.log(g / n))
        off = [expect(lambda g, p=p, mean=mean: (g / n - 1 - math.log(g / n) - mean) ** p) for p in (2, 3)]
        sums += [mean, *off]
    return sums[0] / 2, math.sqrt(sums[1]) / 2, sums[2] / sums[1] ** 1.5


@pytest.mark.parametrize(("n", "dim"), [(10, 1), (300, 1), (20, 2), (60, 3), (25, 8)])
def test_moments_of_kl_are_those_of_bartletts_decomposition(n, dim):
    assert_allclose(three(divergence_moments(n, dim)), bartlett(n, dim), rtol=1e-8)


@pytest.mark.parametrize(("n", "dim"), [(1000, 30), (100_000, 8)])
def test_moments_of_kl_tend_to_those_of_chi_square(n, dim):
    # 2n KL tends to χ² of a mean and a covariance; the first correction is of the order D/n
    distribution = chi2(dim * (dim + 3) / 2)
    mean, sd, skewness = three(divergence_moments(n, dim))
    expected = distribution.mean() / (2 * n), distribution.std() / (2 * n), distribution.stats(moments="s")
    assert_allclose((mean, sd, skewness), expected, rtol=2 * dim / n)
    assert mean > expected[0]


def test_kl_keeps_its_digits_near_0():
    dim, off = 5, 1e-8
    x = math.sqrt(dim) * np.concatenate([np.eye(dim), -np.eye(dim)])  # mean 0, covariance I
    assert 0 <= divergence(x) < 1e-28
    # ½ D (c − 1 − log c) with c = (1 + ε)² is D ε²; c − 1 has 8 digits left
    assert_allclose(divergence((1 + off) * x), dim * off**2, rtol=1e-6)


@pytest.mark.parametrize("sd", [1e-3, 1e-6])
def test_kl_keeps_its_digits_where_an_axis_hardly_varies(sd):
    x = math.sqrt(3) * np.concatenate([np.eye(3), -np.eye(3)]) * [1, 1, sd]
    assert_allclose(divergence(x), (sd**2 - 1 - 2 * math.log(sd)) / 2, rtol=1e-13)


def test_kl_is_computed_from_mean_and_covariance():
    x = sample("heavy-tailed", 50, 4) @ np.diag([1, 0.03, 1, 30]) + [0, 1, 2, 3]
    mean, covariance = x.mean(axis=0), np.cov(x.T, ddof=0)
    expected = (np.trace(covariance) + mean @ mean - 4 - np.linalg.slogdet(covariance)[1]) / 2
    assert_allclose(divergence(x), expected, rtol=1e-12)


def test_codes_that_do_not_vary_along_an_axis_are_infinitely_far():
    found = score(sample("normal", 50, 3) * [1, 0, 0], metric="kl")
    assert (found.value, found.log_value, found.infinite) == (math.inf, math.inf, True)
    assert found.null.note == "the codes are constant along 2 of 3 directions, which no sample of N(0, I) is."


@pytest.mark.parametrize("scale", [1e-9, 1e-170, 1e-300, 1e149])
def test_kl_of_far_too_small_or_large_codes_is_right(scale):
    x = sample("normal", 50, 3)
    values = np.linalg.eigvalsh(np.cov(x.T, ddof=0))
    logs = np.log(values).sum() + 6 * math.log(scale)
    square = (values.sum() + (x.mean(axis=0) ** 2).sum()) * scale * scale
    assert_allclose(score(scale * x, metric="kl").value, (square - 3 - logs) / 2, rtol=1e-12)
