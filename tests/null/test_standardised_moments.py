"""Mean and standard deviation of the Henze–Zirkler statistic are exact: integrals over one or two angles for
few points, the limit of Henze and Zirkler for many, and simulated samples in between.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import Run, score
from gaedist.metrics.henze_zirkler import henze_zirkler_beta, henze_zirkler_moments
from gaedist.null.standardised_moments import standardised_moments


def statistic(y, beta):
    """T of standardised codes, (..., n, D)."""
    n, dim = y.shape[-2:]
    b2, squares = beta**2, (y**2).sum(axis=-1)
    gaps = ((y[..., :, np.newaxis, :] - y[..., np.newaxis, :, :]) ** 2).sum(axis=-1)
    pairs = np.exp(-b2 / 2 * gaps).mean(axis=(-1, -2))
    cross = (1 + b2) ** (-dim / 2) * np.exp(-b2 * squares / (2 * (1 + b2))).mean(axis=-1)
    return n * (pairs - 2 * cross + (1 + 2 * b2) ** (-dim / 2))


def contrasts(n):
    """An orthonormal basis of the vectors in n dimensions whose sum is 0, (n, n − 1)."""
    return np.linalg.svd(np.eye(n) - 1 / n)[0][:, : n - 1]


@pytest.mark.parametrize("beta", [0.4, 1.0, 3.0])
def test_three_points_on_a_line_agree_with_an_integral_over_an_angle(beta):
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    y = math.sqrt(3) * np.stack([np.cos(angles), np.sin(angles)], axis=-1) @ contrasts(3).T
    values, found = statistic(y[..., np.newaxis], beta), standardised_moments(3, 1, beta)
    assert_allclose((1 - found.below, found.sd), (values.mean(), values.std()), rtol=1e-6)


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("beta", [0.4, 1.0, 3.0])
def test_four_points_agree_with_an_integral_over_the_sphere(dim, beta):
    heights, weights = np.polynomial.legendre.leggauss(60)
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    flat = np.sqrt(1 - heights**2)[:, np.newaxis]
    w = np.stack([flat * np.cos(angles), flat * np.sin(angles), heights[:, np.newaxis] + 0 * angles], axis=-1)
    # the codes are w itself, or the two coordinates orthogonal to it
    y = w[..., np.newaxis] if dim == 1 else np.linalg.svd(w[..., np.newaxis])[0][..., 1:]
    values = statistic(2 * contrasts(4) @ y, beta)
    mass = np.broadcast_to(weights[:, np.newaxis], values.shape)
    mean = np.average(values, weights=mass)
    found = standardised_moments(4, dim, beta)
    assert_allclose(1 - found.below, mean, rtol=1e-9)
    assert_allclose(found.sd, math.sqrt(np.average((values - mean) ** 2, weights=mass)), rtol=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 8, 40])
def test_one_more_point_than_axes_has_one_value(dim):
    x = np.random.default_rng(dim).normal(size=(dim + 1, dim))
    result = score(x, metric="henze-zirkler")
    assert_allclose(result.null.mean, result.value, rtol=1e-12)
    assert (result.null.sd, result.z, result.p_value) == (None, None, None)
    assert "have the same value" in result.null.note
    flat = x.copy()
    flat[:, 0] = 1
    assert score(flat, metric="henze-zirkler").null.sd is None


@pytest.mark.parametrize(
    ("n", "dim"),
    [(12, 3), (20, 8), *(pytest.param(*shape, marks=pytest.mark.slow) for shape in ((80, 2), (70, 64)))],
)
def test_simulated_samples_have_this_mean_and_sd(n, dim):
    rng, count = np.random.default_rng((n, dim)), 600
    found = [
        score(rng.normal(size=(n, dim)), metric="henze-zirkler", run=Run(threads=1)) for _ in range(count)
    ]
    z = np.array([one.z for one in found])
    assert abs(z.mean()) < 4 / math.sqrt(count)  # four standard errors of each
    assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(count)


@pytest.mark.parametrize(("n", "dim", "rtol"), [(1000, 2, 2e-3), (20_000, 2, 1e-4), (50_000, 8, 1e-3)])
def test_the_moments_tend_to_the_limit(n, dim, rtol):
    beta = henze_zirkler_beta(n, dim)
    found = standardised_moments(n, dim, beta)
    assert_allclose((found.below, found.sd), henze_zirkler_moments(dim, beta), rtol=rtol)
    assert found.rounding < 1e-4


@pytest.mark.parametrize(
    ("n", "dim"), [(12, 1), (11, 8), (26, 8), (66, 64), (514, 512), (600, 512), (3000, 5)]
)
def test_more_nodes_change_nothing(n, dim, monkeypatch):
    beta = henze_zirkler_beta(n, dim)
    found = standardised_moments(n, dim, beta)
    monkeypatch.setattr("gaedist.null.standardised_moments._NODES", 90)
    more = standardised_moments.__wrapped__(n, dim, beta)
    assert_allclose((found.below, found.sd), (more.below, more.sd), rtol=1e-7)
    assert found.sd > 0
