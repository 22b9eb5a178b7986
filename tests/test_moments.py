import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import score
from gaedist.moments import moments


@pytest.mark.parametrize("sigma", [1e-4, 0.1, 0.5, 1.0, 2.0, 30.0, 1e4])
@pytest.mark.parametrize(
    ("n", "dim"), [(1, 1), (2, 1), (3, 2), (50, 8), (1000, 64), (1000, 256), (10**6, 512)]
)
def test_moments_agrees_with_the_sheet_in_two_hundred_digits(n, dim, sigma):
    law = moments(n, dim, sigma**2)
    mean, sd = naive.null_moments_mp(n, dim, sigma)
    assert_allclose(law.log_mean, float(naive.MP.log(mean)), rtol=1e-14, atol=1e-15)
    assert_allclose(law.log_sd, float(naive.MP.log(sd)), rtol=1e-13, atol=1e-12)


def test_moments_holds_where_doubles_do_not():
    law = moments(1000, 3000, 0.25)
    mean, sd = naive.null_moments_mp(1000, 3000, 0.5)
    assert law.log_mean > 2000
    assert_allclose(
        [law.log_mean, law.log_sd], [float(naive.MP.log(mean)), float(naive.MP.log(sd))], rtol=1e-13
    )


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (1, 2), (2, 1), (3, 1)])
def test_moments_agree_with_quadrature_of_the_score_itself(n, dim, sigma):
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    grid = np.stack(np.meshgrid(*[nodes] * (n * dim), indexing="ij"), axis=-1).reshape(-1, n, dim)
    probability = np.prod(
        np.stack(np.meshgrid(*[weights] * (n * dim), indexing="ij"), axis=-1), axis=-1
    ).ravel()
    s, h = sigma**2, -dim / 2
    squares = ((grid[:, :, None] - grid[:, None]) ** 2).sum(axis=-1)
    values = (
        s**h * np.exp(-squares / (4 * s)).mean(axis=(1, 2))
        + 1
        - 2 * ((1 + s) / 2) ** h * np.exp(-(grid**2).sum(axis=-1) / (2 * (1 + s))).mean(axis=1)
    )
    mean = probability @ values
    law = moments(n, dim, s)
    assert_allclose(math.exp(law.log_mean), mean, rtol=1e-6)
    assert_allclose(math.exp(law.log_sd), math.sqrt(probability @ (values - mean) ** 2), rtol=1e-5)


def test_z_of_normal_samples_has_mean_zero_and_variance_one():
    rng = np.random.default_rng(11)
    z = [score(rng.normal(size=(50, 8)), sigma=0.8).z for _ in range(400)]
    assert abs(np.mean(z)) < 4 / 20  # four standard errors
    assert 0.75 < np.var(z) < 1.35
