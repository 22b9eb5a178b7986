import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

from gaedist import score
from gaedist.engine import Run
from gaedist.kernels.radial import ScaleMixture
from gaedist.metrics.parameters import Parameters
from gaedist.null.cross_term import Radial, _radial_form, _squared_norms, crossed_law
from gaedist.null.distributions import pair_law
from gaedist.null.kernel_spectrum import PairMoments

KERNEL = ScaleMixture(np.array([0.2, 1.5]), np.array([0.7, 0.3]), 1.0)
CROSS = Radial(np.array([0.9, -0.4, 0.1]), np.array([0.1, 0.8, 0.0]))


def kernel(squares):
    return 0.7 * np.exp(-0.2 * squares) + 0.3 * np.exp(-1.5 * squares)


def cross(squares):
    return 0.9 * np.exp(-0.1 * squares) - 0.4 * np.exp(-0.8 * squares) + 0.1


def rule(dim, count):
    """Points and weights of a rule for means over N(0, I), (M, D) and (M,)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    points = np.stack(np.meshgrid(*[nodes] * dim), axis=-1).reshape(-1, dim)
    return points, math.prod(np.meshgrid(*[weights] * dim)).ravel()


def dense(dim, count):
    """A rule, k and h between its points."""
    points, weights = rule(dim, count)
    squares = ((points[:, np.newaxis] - points) ** 2).sum(axis=-1)
    k = kernel(squares)
    about = k @ weights
    return points, weights, k, k - about[:, np.newaxis] - about + about @ weights


@pytest.mark.parametrize("dim", [1, 2, 8, 300])
def test_means_over_the_squared_norm(dim):
    squares, weights = _squared_norms(dim)
    assert_allclose(weights.sum(), 1, rtol=1e-13)
    moments = [weights @ squares**k for k in (1, 2, 3)]
    assert_allclose(moments, np.cumprod([dim, dim + 2, dim + 4]), rtol=1e-10)
    for rate in (0.01, 1.0, 30.0 / dim):
        assert_allclose(weights @ np.exp(-rate * squares), (1 + 2 * rate) ** (-dim / 2), rtol=1e-10)
    assert_allclose(CROSS.mean(dim), weights @ cross(squares), rtol=1e-10)


@pytest.mark.parametrize(("dim", "count"), [(1, 120), (2, 30)])
def test_the_radial_form_is_that_of_a_dense_rule(dim, count):
    points, weights, _, h = dense(dim, count)
    squares = (points**2).sum(axis=1)
    for f in (cross(squares), squares, np.cos(squares)):
        found = _radial_form(dim, PairMoments(dim, KERNEL), squares, weights * f)
        # what 24 polynomials leave of the cosine, and 30 nodes an axis of the plane
        assert_allclose(found, (weights * f) @ h @ (weights * f), rtol=1e-7 if dim == 1 else 1e-4)


def test_the_radial_form_knows_no_constant():
    points, weights, _, _ = dense(1, 120)
    squares, pairs = points[:, 0] ** 2, PairMoments(1, KERNEL)
    assert abs(_radial_form(1, pairs, squares, weights)) < 1e-20
    shifted = _radial_form(1, pairs, squares, weights * (squares + 5))
    assert_allclose(shifted, _radial_form(1, pairs, squares, weights * squares), rtol=1e-10)


@pytest.mark.parametrize("dim", [1, 3, 30])
def test_the_law_of_one_point(dim):
    # k(0) − 2 c(x) + a constant
    squares, weights = _squared_norms(dim)
    c = cross(squares)
    mean = weights @ c
    second, third = (weights @ (c - mean) ** power for power in (2, 3))
    law = crossed_law(1, PairMoments(dim, KERNEL), CROSS, 0.3, 5.0)
    assert_allclose(law.mean, 5 * (1 - 2 * mean + 0.3), rtol=1e-10)
    assert_allclose(law.sd, 5 * 2 * math.sqrt(second), rtol=1e-10)
    assert_allclose(law.skewness, -third / second**1.5, rtol=1e-8)
    by_chi2 = chi2(dim).expect(cross)
    assert_allclose(mean, by_chi2, rtol=1e-7)
    assert law.two_sided


def test_the_law_of_two_points_on_a_line():
    # V + a constant = ½ k(0) + ½ k(x, y) − c(x) − c(y) + a constant
    points, weights, k, _ = dense(1, 150)
    c = cross(points[:, 0] ** 2)
    values = 0.5 + 0.5 * k - c[:, np.newaxis] - c + 0.3
    mean = weights @ values @ weights
    law = crossed_law(2, PairMoments(1, KERNEL), CROSS, 0.3, 1.0)
    assert_allclose(law.mean, mean, rtol=1e-11)
    assert_allclose(law.sd, math.sqrt(weights @ (values - mean) ** 2 @ weights), rtol=1e-10)


@pytest.mark.parametrize("n", [2, 40, 10_000])
@pytest.mark.parametrize("dim", [1, 4, 30])
def test_a_cross_term_that_is_the_mean_over_n_leaves_the_law_of_pairs(dim, n):
    pairs = PairMoments(dim, KERNEL)
    t = KERNEL.rates
    about = Radial(KERNEL.weights * (1 + 2 * t) ** (-dim / 2), t / (1 + 2 * t))
    law = crossed_law(n, pairs, about, pairs.mean, 3.0)
    expected = pair_law(n, pairs, unbiased=False, factor=3.0)
    assert_allclose(law.mean, expected.mean, rtol=1e-9)
    assert_allclose(law.sd, expected.sd, rtol=1e-9)
    if n == 10_000:
        assert_allclose(law.skewness, pairs.skewness, rtol=2e-3)


@pytest.mark.parametrize(("dim", "gamma"), [(2, 0.135), (2, 0.02), (5, 1.0)])
def test_the_law_of_the_approximate_cramer_wold_distance_is_that_of_simulated_samples(
    dim, gamma, monkeypatch
):
    # in two dimensions the approximation is far off; the default γ of 200 points is 0.135
    laws = []
    monkeypatch.setattr(
        "gaedist.metrics.discrepancies.crossed_law",
        lambda *given: laws.append(crossed_law(*given)) or laws[0],
    )
    count, n, rng = 1000, 200, np.random.default_rng(9)
    options = {"metric": "cramer-wold-approx", "parameters": Parameters(gamma=gamma), "run": Run(threads=1)}
    null = score(rng.normal(size=(n, dim)), **options).null
    values = [score(rng.normal(size=(n, dim)), null="none", **options).value for _ in range(count)]
    assert (null.mean, null.sd) == (laws[0].mean, laws[0].sd)
    z = (np.array(values) - null.mean) / null.sd
    assert abs(z.mean()) < 4 / math.sqrt(count)
    assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(count)
    assert abs((z**3).mean() - laws[0].skewness) < 4 * (z**3).std() / math.sqrt(count)
