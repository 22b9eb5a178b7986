"""The distribution of a pair term minus a cross term has the exact mean and variance, and a skewness that is
exact for one point and right to order 1/n, as dense rules and simulated samples show.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

from gaedist import score
from gaedist.engine import Run
from gaedist.kernels.radial import ScaleMixture
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.null.cross_term import Radial, _radial_form, _squared_norms, distribution_with_cross_term
from gaedist.null.distributions import KernelLimit
from gaedist.null.kernel_spectrum import PairMoments

KERNEL = ScaleMixture(np.array([0.2, 1.5]), np.array([0.7, 0.3]), 1.0)
CROSS = Radial(np.array([0.9, -0.4, 0.1]), np.array([0.1, 0.8, 0.0]))


def kernel(squares):
    return 0.7 * np.exp(-0.2 * squares) + 0.3 * np.exp(-1.5 * squares)


def cross(squares):
    return 0.9 * np.exp(-0.1 * squares) - 0.4 * np.exp(-0.8 * squares) + 0.1


def rule(dim, count):
    """Points, (M, D), and weights, (M,), of a Gauss–Hermite rule for means over N(0, I)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    points = np.stack(np.meshgrid(*[nodes] * dim), axis=-1).reshape(-1, dim)
    return points, math.prod(np.meshgrid(*[weights] * dim)).ravel()


def dense(dim, count):
    """Points and weights of a rule, and k and h between its points."""
    points, weights = rule(dim, count)
    squares = ((points[:, np.newaxis] - points) ** 2).sum(axis=-1)
    k = kernel(squares)
    about = k @ weights
    return points, weights, k, k - about[:, np.newaxis] - about + about @ weights


@pytest.mark.parametrize("dim", [1, 2, 8, 300])
def test_the_rule_for_squared_norms_gives_exact_means(dim):
    squares, weights = _squared_norms(dim)
    assert_allclose(weights.sum(), 1, rtol=1e-13)
    moments = [weights @ squares**k for k in (1, 2, 3)]
    assert_allclose(moments, np.cumprod([dim, dim + 2, dim + 4]), rtol=1e-10)
    for rate in (0.01, 1.0, 30.0 / dim):
        assert_allclose(weights @ np.exp(-rate * squares), (1 + 2 * rate) ** (-dim / 2), rtol=1e-10)
    assert_allclose(CROSS.mean(dim), weights @ cross(squares), rtol=1e-10)


@pytest.mark.parametrize(("dim", "count"), [(1, 120), (2, 30)])
def test_the_radial_form_agrees_with_a_dense_rule(dim, count):
    points, weights, _, h = dense(dim, count)
    squares = (points**2).sum(axis=1)
    for f in (cross(squares), squares, np.cos(squares)):
        found = _radial_form(dim, PairMoments(dim, KERNEL), squares, weights * f)
        # rtol: 24 polynomials for the cosine, and in the plane 30 nodes for each axis
        assert_allclose(found, (weights * f) @ h @ (weights * f), rtol=1e-7 if dim == 1 else 1e-4)


def test_the_radial_form_ignores_constants():
    points, weights, _, _ = dense(1, 120)
    squares, pairs = points[:, 0] ** 2, PairMoments(1, KERNEL)
    assert abs(_radial_form(1, pairs, squares, weights)) < 1e-20
    shifted = _radial_form(1, pairs, squares, weights * (squares + 5))
    assert_allclose(shifted, _radial_form(1, pairs, squares, weights * squares), rtol=1e-10)


@pytest.mark.parametrize("dim", [1, 3, 30])
def test_moments_of_one_point_agree_with_quadrature(dim):
    # k(0) − 2 c(x) + a constant
    squares, weights = _squared_norms(dim)
    c = cross(squares)
    mean = weights @ c
    second, third = (weights @ (c - mean) ** power for power in (2, 3))
    null = distribution_with_cross_term(1, PairMoments(dim, KERNEL), CROSS, 0.3, 5.0)
    assert_allclose(null.mean, 5 * (1 - 2 * mean + 0.3), rtol=1e-10)
    assert_allclose(null.sd, 5 * 2 * math.sqrt(second), rtol=1e-10)
    assert_allclose(null.skewness, -third / second**1.5, rtol=1e-8)
    by_chi2 = chi2(dim).expect(cross)
    assert_allclose(mean, by_chi2, rtol=1e-7)
    assert null.two_sided


def test_moments_of_two_points_on_a_line_agree_with_quadrature():
    # V + a constant = ½ k(0) + ½ k(x, y) − c(x) − c(y) + a constant
    points, weights, k, _ = dense(1, 150)
    c = cross(points[:, 0] ** 2)
    values = 0.5 + 0.5 * k - c[:, np.newaxis] - c + 0.3
    mean = weights @ values @ weights
    null = distribution_with_cross_term(2, PairMoments(1, KERNEL), CROSS, 0.3, 1.0)
    assert_allclose(null.mean, mean, rtol=1e-11)
    assert_allclose(null.sd, math.sqrt(weights @ (values - mean) ** 2 @ weights), rtol=1e-10)


@pytest.mark.parametrize("n", [2, 40, 10_000])
@pytest.mark.parametrize("dim", [1, 4, 30])
def test_a_cross_term_that_is_the_mean_of_the_kernel_leaves_the_v_statistic(dim, n):
    pairs = PairMoments(dim, KERNEL)
    t = KERNEL.rates
    about = Radial(KERNEL.weights * (1 + 2 * t) ** (-dim / 2), t / (1 + 2 * t))
    null = distribution_with_cross_term(n, pairs, about, pairs.mean, 3.0)
    expected = KernelLimit.of(n, pairs, unbiased=False, factor=3.0)
    assert_allclose(null.mean, expected.mean, rtol=1e-9)
    assert_allclose(null.sd, expected.sd, rtol=1e-9)
    if n == 10_000:
        assert_allclose(null.skewness, pairs.skewness, rtol=2e-3)  # the limit, to order 1/n


@pytest.mark.parametrize(("dim", "gamma"), [(2, 0.135), (2, 0.02), (5, 1.0)])
def test_the_approximate_cramer_wold_distance_of_simulated_samples_has_this_distribution(dim, gamma):
    # in two dimensions the approximation is far off; the default γ of 200 points is 0.135
    count, n, rng = 1000, 200, np.random.default_rng(9)
    options, run = ScoreOptions(parameters=Parameters(gamma=gamma)), Run(threads=1)
    form = ONE_SAMPLE["cramer-wold-approx"].for_one_sample()
    null = form(rng.normal(size=(n, dim)), options, run).null_distribution()
    values = [
        score(
            rng.normal(size=(n, dim)),
            metric="cramer-wold-approx",
            parameters=options.parameters,
            null="none",
            run=run,
        ).value
        for _ in range(count)
    ]
    z = (np.array(values) - null.mean) / null.sd
    # four standard errors of each mean
    assert abs(z.mean()) < 4 / math.sqrt(count)
    assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(count)
    assert abs((z**3).mean() - null.skewness) < 4 * (z**3).std() / math.sqrt(count)
