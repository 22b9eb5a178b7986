"""The Henze–Zirkler statistic: standardisation, β, the moments of its limit, and agreement with pingouin."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample
from scipy.stats import norm

from gaedist import GaedistError, Run, score
from gaedist.metrics.henze_zirkler import henze_zirkler_beta, henze_zirkler_moments, standardised
from gaedist.metrics.moment_metrics import covariance_of


@pytest.mark.parametrize(
    ("kind", "n", "dim"), [("normal", 60, 2), ("heavy-tailed", 60, 3), ("mixture", 90, 5)]
)
def test_henze_zirkler_agrees_with_pingouin(kind, n, dim):
    import pingouin  # which takes two seconds

    x = 3 + sample(kind, n, dim) @ np.diag(np.arange(1, dim + 1))
    found, expected = score(x, metric="henze-zirkler"), pingouin.multivariate_normality(x)
    assert_allclose(found.value, expected.hz, rtol=1e-12)
    assert found.null.method == "log-normal"
    below, deviation = henze_zirkler_moments(dim, henze_zirkler_beta(n, dim))
    # pingouin has the moments of the limit n → ∞
    mean, sd = 1 - below, deviation
    square = math.log1p((sd / mean) ** 2)
    p = norm.sf((math.log(found.value / mean) + square / 2) / math.sqrt(square))
    assert_allclose(p, expected.pval, rtol=1e-9)
    assert_allclose(math.log(found.p_value), math.log(p), rtol=0.12)


def standardise(x):
    return standardised(x, covariance_of(x))


def test_standardised_codes_have_mean_0_and_covariance_identity():
    x = 5 + sample("heavy-tailed", 60, 4) @ np.diag([1, 10, 0.1, 1])
    y = standardise(x)
    assert_allclose(y.mean(axis=0), 0, atol=1e-13)
    assert_allclose(y.T @ y / 60, np.eye(4), atol=1e-12)
    assert y.flags.c_contiguous
    # their inner products are those of Mahalanobis, and so the same after an affine map
    other = standardise(x @ np.random.default_rng(7).normal(size=(4, 4)) - 2)
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


def test_an_affine_map_leaves_the_statistic():
    x = sample("heavy-tailed", 200, 3)
    mapped = x @ np.random.default_rng(7).normal(size=(3, 3)) - 2
    one, two = (score(codes, metric="henze-zirkler") for codes in (x, mapped))
    assert_allclose(two.value, one.value, rtol=1e-10)
    assert one.parameters.beta == henze_zirkler_beta(200, 3)


@pytest.mark.parametrize("scale", [5e-310, 1e-200, 1e149])
def test_the_scale_of_codes_does_not_matter(scale):
    x = np.round(1e9 * sample("normal", 50, 3)) / 1e9
    expected = score(x, metric="henze-zirkler").value
    # near the smallest doubles codes are multiples of 5e-324
    assert_allclose(score(scale * x, metric="henze-zirkler").value, expected, rtol=1e-9)


def test_pairs_cannot_be_sampled():
    with pytest.raises(GaedistError, match=r"method sample is not for henze-zirkler.*Use --metric bhep"):
        score(sample("normal", 50, 3), metric="henze-zirkler", run=Run(method="sample"))
