"""The KL divergence is that of the metric ``kl`` and the sum of its parts, also where it is infinite."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist
from gaedist.diagnostics.divergence import kl_parts


@pytest.mark.parametrize("dim", [1, 3, 20])
def test_total_is_the_metric(sample, normal, dim):
    x = normal(200, dim) @ np.random.default_rng(dim).normal(size=(dim, dim)) + 0.3
    kl = kl_parts(sample(x))
    assert_allclose(kl.total, gaedist.score(x, metric="kl").value, rtol=1e-9)
    assert_allclose(kl.total, kl.mean + kl.scales + kl.correlations, rtol=1e-12)
    assert not kl.infinite


def test_parts(sample, normal):
    x = normal(100, 2)
    m, c = x.mean(axis=0), np.cov(x.T, bias=True)
    kl = kl_parts(sample(x))
    assert_allclose(kl.mean, 0.5 * m @ m, rtol=1e-10)
    assert_allclose(kl.scales, 0.5 * sum(v - 1 - math.log(v) for v in np.diag(c)), rtol=1e-9)
    assert_allclose(kl.correlations, -0.5 * math.log(1 - np.corrcoef(x.T)[0, 1] ** 2), rtol=1e-9)


def test_the_worst_axes_come_first(sample, normal):
    x = normal(300, 6)
    x[:, 4] *= 0.01
    x[:, 1] += 1
    assert [place.indices[0] for place in kl_parts(sample(x)).axes[:2]] == [4, 1]


def test_constant_axis(sample, normal):
    x = normal(100, 4)
    x[:, 2] = 3.0
    kl = kl_parts(sample(x))
    assert kl.infinite
    assert (kl.total, kl.scales, kl.flat_directions) == (math.inf, math.inf, 1)
    assert [place.indices for place in kl.flat] == [(2,)]
    assert math.isfinite(kl.correlations)


def test_hidden_flat_direction(sample, normal):
    x = normal(100, 4)
    x[:, 3] = x[:, 0] - 2 * x[:, 1]
    kl = kl_parts(sample(x))
    assert (kl.correlations, kl.flat_directions) == (math.inf, 1)
    assert_allclose(kl.flat[0].vector, np.array([-1, 2, 0, 1]) / math.sqrt(6), atol=1e-6)
    assert math.isfinite(kl.scales)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_points(sample, normal, n):
    kl = kl_parts(sample(normal(n, 5)))
    assert kl.infinite
    assert kl.flat_directions == 6 - n


@pytest.mark.parametrize("n", [2, 3, 8, 9])
@pytest.mark.parametrize("constant", [0, 1, 5, 8])
def test_flat_directions_of_few_points(sample, normal, n, constant):
    """Directions without variance are those that the rank leaves, by NumPy's SVD."""
    x = normal(n, 8)
    x[:, :constant] = 1.5
    kl = kl_parts(sample(x))
    assert kl.flat_directions == 8 - np.linalg.matrix_rank(x - x.mean(axis=0), tol=1e-8)
    assert kl.infinite == (kl.flat_directions > 0)
    assert math.isinf(kl.correlations) == (n - 1 < 8 - constant)
