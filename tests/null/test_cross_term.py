"""The distribution of a pair term minus a cross term has the exact mean and variance, and a skewness that is
exact for one point and right to order 1/n, as dense rules and simulated samples show.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import score
from gaedist.engine import Run
from gaedist.kernels.radial import ScaleMixture
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.null.cross_term import Radial, distribution_with_cross_term
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


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 30, 300])
def test_moments_of_one_point_agree_with_their_closed_form(dim):
    # V is k(0) − 2 c(x), and E e^(−s|x|²) = (1 + 2s)^(−D/2)
    a, s = np.array([0.9, -0.4]), np.array([0.1, 0.8])
    pairs = np.add.outer(s, s)
    first = a @ (1 + 2 * s) ** (-dim / 2)
    second = a @ (1 + 2 * pairs) ** (-dim / 2) @ a
    third = (1 + 2 * np.add.outer(pairs, s)) ** (-dim / 2) @ a @ a @ a
    variance, cube = second - first**2, third - 3 * first * second + 2 * first**3
    null = distribution_with_cross_term(1, PairMoments(dim, KERNEL), Radial(a, s), 0.3, 5.0)
    assert_allclose(null.mean, 5 * (1 - 2 * first + 0.3), rtol=1e-10)
    assert_allclose(null.sd, 5 * 2 * math.sqrt(variance), rtol=1e-10)
    assert_allclose(null.skewness, -cube / variance**1.5, rtol=1e-8)
    assert null.two_sided


@pytest.mark.parametrize(("dim", "count"), [(1, 120), (2, 40)])
@pytest.mark.parametrize("n", [20, 1000])
def test_the_third_moment_agrees_with_a_dense_rule(dim, count, n):
    points, weights, k, h = dense(dim, count)
    f = 2 * (n - 1) / n**2 * (k @ weights) - 2 / n * cross((points**2).sum(axis=1))
    f = f - weights @ f
    pairs = PairMoments(dim, KERNEL)
    third = n * weights @ f**3 + 8 * (n - 1) * (n - 2) / n**5 * pairs.trace(3)
    third += 6 * (n - 1) / n * (weights * f) @ h @ (weights * f)
    null = distribution_with_cross_term(n, pairs, CROSS, 0.3, 1.0)
    # rtol: in the plane 40 nodes for each axis leave 1e-5
    assert_allclose(null.skewness * null.sd**3, third, rtol=1e-8 if dim == 1 else 1e-4)


def test_a_constant_in_the_cross_term_moves_the_mean_alone():
    pairs, moved = PairMoments(3, KERNEL), Radial(CROSS.weights + np.array([0, 0, 5.0]), CROSS.rates)
    before, after = (distribution_with_cross_term(40, pairs, c, 0.3, 1.0) for c in (CROSS, moved))
    assert_allclose(after.mean, before.mean - 10, rtol=1e-13)
    assert_allclose((after.sd, after.skewness), (before.sd, before.skewness), rtol=1e-10)


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


@pytest.mark.parametrize(
    ("dim", "gamma"),
    [(2, 0.135), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((2, 0.02), (5, 1.0)))],
)
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
