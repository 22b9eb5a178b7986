"""The moments of d² under N(0, I) are exact: they agree with closed forms in 200 digits where those cancel or
leave the range of a double, and with quadrature over whole samples.
"""

import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.null.gaussian_moments import limit_moments, moments


@pytest.mark.parametrize("sigma", [1e-4, 0.1, 0.5, 1.0, 2.0, 30.0, 1e4])
@pytest.mark.parametrize(
    ("n", "dim"), [(1, 1), (2, 1), (3, 2), (50, 8), (1000, 64), (1000, 256), (10**6, 512)]
)
def test_moments_agree_with_closed_forms_in_two_hundred_digits(n, dim, sigma):
    found = moments(n, dim, sigma**2)
    mean, sd = naive.null_moments_mp(n, dim, sigma)
    assert_allclose(found.log_mean, float(naive.MP.log(mean)), rtol=1e-14, atol=1e-15)
    assert_allclose(found.log_sd, float(naive.MP.log(sd)), rtol=1e-13, atol=1e-12)


def test_moments_hold_beyond_the_range_of_a_double():
    found = moments(1000, 3000, 0.25)
    mean, sd = naive.null_moments_mp(1000, 3000, 0.5)
    assert found.log_mean > 2000
    assert_allclose(
        [found.log_mean, found.log_sd], [float(naive.MP.log(mean)), float(naive.MP.log(sd))], rtol=1e-13
    )


@pytest.mark.parametrize("smoothed", [False, True])
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (1, 2), (2, 1), (3, 1)])
def test_moments_agree_with_quadrature_over_whole_samples(n, dim, sigma, unbiased, smoothed):
    if unbiased and n == 1:
        return
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    grid = np.stack(np.meshgrid(*[nodes] * (n * dim), indexing="ij"), axis=-1).reshape(-1, n, dim)
    probability = np.prod(
        np.stack(np.meshgrid(*[weights] * (n * dim), indexing="ij"), axis=-1), axis=-1
    ).ravel()
    s, h = sigma**2, -dim / 2
    prior, unit = (1 + s, s) if smoothed else (1, 1)
    kernel = (s / unit) ** h * np.exp(-((grid[:, :, None] - grid[:, None]) ** 2).sum(axis=-1) / (4 * s))
    pair = kernel.mean(axis=(1, 2))
    if unbiased:
        pair = (n * pair - (s / unit) ** h) / (n - 1)
    cross = ((s + prior) / (2 * unit)) ** h * np.exp(-(grid**2).sum(axis=-1) / (2 * (s + prior))).mean(axis=1)
    values = pair + (prior / unit) ** h - 2 * cross
    mean = probability @ values
    variance, third = (probability @ (values - mean) ** k for k in (2, 3))
    found = moments(n, dim, s, smoothed=smoothed, unbiased=unbiased)
    # at σ = 0.4 powers of the kernel are narrow for 60 nodes; for σ ≥ 1 all agree to 1e-14
    assert_allclose(math.exp(found.log_mean), mean, rtol=1e-10, atol=1e-12)
    assert_allclose(math.exp(found.log_sd), math.sqrt(variance), rtol=1e-6)
    assert_allclose(found.skewness, third / variance**1.5, rtol=1e-4)


@pytest.mark.parametrize("sigma", [1e-3, 0.5, 1.0, 40.0])
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (2, 3), (300, 8), (1000, 512)])
def test_moments_for_the_smoothed_target_agree_with_their_closed_form(n, dim, sigma):
    found = moments(n, dim, sigma**2, smoothed=True)
    s, h = naive.MP.mpf(sigma**2), -naive.MP.mpf(dim) / 2
    ek, g0 = (1 + 1 / s) ** h, (1 + 1 / (2 * s)) ** h
    zeta1 = g0**2 * (1 + 2 / (2 * s + 1)) ** h - ek**2
    zeta2 = (1 + 2 / s) ** h - ek**2
    variance = 2 * naive.MP.mpf(n - 1) / n**3 * (zeta2 - 2 * zeta1) + 4 * zeta1 / n**3
    assert_allclose(found.log_mean, float(naive.MP.log((1 - ek) / n)), rtol=1e-14)
    assert_allclose(found.log_sd, float(naive.MP.log(variance) / 2), rtol=1e-14)
    unbiased = moments(n, dim, sigma**2, smoothed=True, unbiased=True) if n > 1 else None
    if unbiased:
        expected = naive.MP.log(2 * (zeta2 - 2 * zeta1) / (n * (n - 1))) / 2
        assert_allclose(unbiased.log_sd, float(expected), rtol=1e-14)
        assert unbiased.log_mean == -math.inf


@pytest.mark.parametrize(("dim", "sigma"), [(1, 0.5), (2, 1.0), (8, 1.0), (8, 3.0)])
def test_the_skewness_of_many_points_tends_to_that_of_the_limit_as_one_over_n(dim, sigma):
    skewness = limit_moments(dim, sigma**2)[2]
    gaps = [abs(moments(n, dim, sigma**2, smoothed=True).skewness - skewness) for n in (10**3, 10**4, 10**5)]
    assert gaps[2] < 1e-3 * skewness  # of order 1/n
    assert gaps[0] / gaps[1] > 5
    assert gaps[1] / gaps[2] > 5
