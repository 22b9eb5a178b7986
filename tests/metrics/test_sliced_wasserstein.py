"""W₂² along directions is exact, for one sample and for two, and so is its mean under N(0, I).

Values agree with quadrature, repeated points and POT; moments with order statistics and simulated samples.
"""

import math

import mpmath
import numpy as np
import pytest
import twins
from numpy.testing import assert_allclose
from samples import sample
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import beta as beta_distribution
from scipy.stats import norm

from gaedist import Parameters, Run, compare, score
from gaedist.engine import random_directions
from gaedist.metrics.sliced_wasserstein import (
    Wasserstein,
    quantile_means,
    wasserstein_mean,
    wasserstein_moments,
)

COUNT, SEED = 7, 5


def normal(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def quantiles(n):
    return ndtri((np.arange(n) + 0.5) / n)


@pytest.mark.parametrize(
    "t", [normal(1), normal(2), normal(9), 3 + 0.1 * normal(9), np.zeros(4), 1e4 * normal(5), quantiles(40)]
)
def test_wasserstein_is_the_integral_over_quantiles(t):
    # ∫ (F⁻¹(p) − Φ⁻¹(p))² dp, with p = Φ(z), piece by piece
    t, n = np.sort(t), len(t)
    edges = np.clip(ndtri(np.arange(n + 1) / n), -12, 12)
    pieces = [
        quad(lambda z, one=one: (one - z) ** 2 * norm.pdf(z), low, high, epsabs=1e-15, epsrel=1e-12)[0]
        for one, low, high in zip(t, edges[:-1], edges[1:], strict=True)
    ]
    assert_allclose(Wasserstein().of_sorted(t[np.newaxis]), [math.fsum(pieces)], rtol=1e-11)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1001])
def test_quantile_means(n):
    means = quantile_means(n)
    assert_allclose(means.sum(), 0, atol=1e-11)
    assert_allclose(means, -means[::-1], atol=1e-12)
    edges = np.clip(ndtri(np.arange(n + 1) / n), -12, 12)
    for i in (0, n // 3, n - 1):
        expected = n * quad(lambda z: z * norm.pdf(z), edges[i], edges[i + 1])[0]
        assert_allclose(means[i], expected, rtol=1e-10, atol=1e-12)
    # a sample of them is nearer to N(0, 1) than any other
    least = Wasserstein().of_sorted(means[np.newaxis])[0]
    assert_allclose(least, 1 - (means**2).mean(), rtol=1e-11)
    assert least < Wasserstein().of_sorted(means[np.newaxis] + 0.01 * np.sort(normal(n)))[0]


def order_means(n):
    """E t_(i) of N(0, 1), by quadrature: Φ(t_(i)) has a beta distribution."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    z, i = 12 * nodes[:, np.newaxis], np.arange(1, n + 1)
    return 12 * (
        weights[:, np.newaxis] * z * norm.pdf(z) * beta_distribution.pdf(norm.cdf(z), i, n + 1 - i)
    ).sum(axis=0)


def test_the_mean_of_wasserstein_for_few_points():
    assert_allclose(wasserstein_mean(1), 2, rtol=1e-14)
    # E of the larger of two is 1/√π, of three 3/(2√π); their factors m_i are 2 φ(0) and 3 φ(Φ⁻¹(2/3))
    assert_allclose(wasserstein_mean(2), 2 - 2 * math.sqrt(2) / math.pi, rtol=1e-13)
    largest = 3 * norm.pdf(norm.ppf(2 / 3))
    assert_allclose(wasserstein_mean(3), 2 - 2 * largest / math.sqrt(math.pi), rtol=1e-13)


@pytest.mark.parametrize("n", [3, 10, 300])
def test_the_mean_of_wasserstein_is_that_of_order_statistics(n):
    edges = norm.pdf(ndtri(np.arange(n + 1) / n))
    expected = 2 - 2 * order_means(n) @ (edges[:-1] - edges[1:])
    assert_allclose(wasserstein_mean(n), expected, rtol=1e-11)


def test_the_mean_of_wasserstein_is_that_of_simulated_samples():
    rows = np.sort(np.random.default_rng(5).normal(size=(2000, 1000)), axis=1)
    found = Wasserstein().of_sorted(rows)
    assert abs(found.mean() - wasserstein_mean(1000)) < 4 * found.std() / math.sqrt(2000)


def test_n_times_the_mean_of_wasserstein_grows_as_log_log_n():
    # del Barrio, Giné and Utzet, Bernoulli 11 (2005) 131
    sizes = (1e3, 1e4, 1e5, 1e6)
    steps = np.diff([n * wasserstein_mean(int(n)) for n in sizes])
    ratios = steps / np.diff(np.log(np.log(sizes)))
    assert (np.diff(ratios) > 0).all()
    assert 0.84 < ratios[0] < ratios[-1] < 1


def test_moments_of_wasserstein_on_a_line_are_those_of_chi_squares():
    # n W₂² is Σ χ²/k to first order; the terms beyond 400 have less than 1e-3 of the variance
    found = wasserstein_moments(1000, 1, 1)
    assert_allclose(found.sd * 1000, math.sqrt(math.pi**2 / 3), rtol=1e-3)
    zeta3 = float(mpmath.zeta(3))
    assert_allclose(found.skewness, 8 * zeta3 / (math.pi**2 / 3) ** 1.5, rtol=3e-3)


@pytest.mark.slow
def test_the_mean_over_directions_agrees_with_pot():
    import ot  # which takes two seconds

    # along each direction, against 2·10⁵ quantiles, which lack 2e-5 of the second moment
    x, directions = sample("shifted", 50, 3), random_directions(3, COUNT, SEED)
    quantiles = ndtri((np.arange(200_000) + 0.5) / 200_000)
    expected = [ot.wasserstein_1d(t, quantiles, p=2) for t in (x @ directions.T).T]
    found = score(x, metric="sliced-wasserstein", parameters=Parameters(directions=COUNT), run=Run(seed=SEED))
    assert_allclose(found.value, np.mean(expected), rtol=1e-3)
    # against points of N(0, I), whose own distance to it is of the order 1e-5 times a logarithm
    reference = np.random.default_rng(1).normal(size=(100_000, 3))
    assert_allclose(
        found.value, ot.sliced_wasserstein_distance(x, reference, projections=directions.T) ** 2, rtol=0.03
    )


@pytest.mark.parametrize(("n", "m", "dim"), [(1, 1, 1), (30, 30, 1), (12, 45, 3), (20, 20, 8)])
def test_the_distance_of_two_samples_agrees_with_repeated_points(n, m, dim):
    x, y = sample("normal", n, dim), 0.3 + 1.2 * sample("normal", m, dim, seed=1)
    result = compare(x, y, metric="sliced-wasserstein", parameters=Parameters(directions=50))
    costs = twins.transport(x, y, random_directions(dim, 50, 0))
    assert_allclose(result.value, costs.mean(), rtol=1e-12)
    assert_allclose(result.value_se, costs.std(ddof=1) / math.sqrt(50) if dim > 1 else 0, rtol=1e-10)
    swapped = compare(y, x, metric="sliced-wasserstein", parameters=Parameters(directions=50))
    assert_allclose(swapped.value, result.value, rtol=1e-13)
    assert (result.expected, result.parameters, result.method) == (
        None,
        Parameters(directions=50),
        "directions",
    )
