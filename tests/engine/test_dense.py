"""Sums over few pairs by NumPy agree with the tiles; what counts as few depends on pairs and dimensions."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.engine import PairSum, Run, log_pair_sums
from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.dense import dense_total, is_small


def codes(n, dim, seed=0):
    return np.random.default_rng((seed, dim)).normal(size=(n, dim))


def job(x, y=None, sigma=1.0, weights=None):
    rate = math.log2(math.e) / (4 * sigma**2)
    log2 = np.zeros((1, len(x))) if weights is None else np.log2([weights])
    return PairSum(Gaussian(rate), x, y, log2, None if y is None else np.zeros((1, len(y))), 0.0, rate)


def exact(x, y, sigma, weights):
    """The sum relative to its largest term, from differences of coordinates."""
    terms = -np.square(x[:, np.newaxis] - (x if y is None else y)).sum(axis=2) / (4 * sigma**2)
    terms += np.log(weights)[:, np.newaxis] + (np.log(weights) if y is None else 0.0)
    terms = terms[np.tril_indices(len(x), -1)] if y is None else terms.ravel()
    if not terms.size:
        return -math.inf
    return math.log(math.fsum(np.exp(terms - terms.max()))) + terms.max()


@pytest.mark.parametrize("sigma", [0.01, 1.0, 30.0])
@pytest.mark.parametrize(("n", "dim"), [(1, 3), (2, 1), (130, 2), (300, 64)])
def test_sums_agree_with_differences_of_coordinates(n, dim, sigma):
    x, y, weights = codes(n, dim), codes(n // 3 + 1, dim, 1), np.random.default_rng(2).uniform(0.5, 2, n)
    for others in (None, y, y[:1]):
        found = dense_total(job(x, others, sigma, weights)).log
        # exponents of up to 10⁶ are rounded to 1e-14 of themselves
        assert_allclose(found, exact(x, others, sigma, weights), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("sigma", [0.01, 1.0, 30.0])
@pytest.mark.parametrize(("n", "dim"), [(1, 3), (2, 1), (130, 2), (2048, 8), (300, 64)])
def test_sums_agree_with_the_tiles(n, dim, sigma, monkeypatch):
    x, y, weights = codes(n, dim), codes(n // 3 + 1, dim, 1), np.random.default_rng(2).uniform(0.5, 2, n)
    jobs = [job(x, sigma=sigma), job(x, y, sigma), job(x, y[:1], sigma, weights)]
    assert all(is_small(one, Run(method="pairs")) for one in jobs)
    found = log_pair_sums(jobs, Run(method="pairs"))
    monkeypatch.setattr("gaedist.engine.sums.is_small", lambda job, run: False)
    assert_allclose(found, log_pair_sums(jobs, Run(method="pairs")), rtol=1e-13, atol=1e-13)


def test_far_from_the_origin_no_digits_are_lost():
    x = codes(40, 3)
    # adding 1e6 rounds the coordinates to 1e-10
    assert_allclose(dense_total(job(1e6 + x)).log, dense_total(job(x)).log, atol=1e-9)
    assert_allclose(dense_total(job(2.0**20 * x, sigma=2.0**20)).log, dense_total(job(x)).log, rtol=1e-14)


def test_what_is_small_depends_on_the_size():
    assert is_small(job(codes(2048, 8)), Run())
    assert not is_small(job(codes(2049, 8)), Run())
    assert is_small(job(codes(1448, 16)), Run())
    assert not is_small(job(codes(1449, 16)), Run())
    assert is_small(job(codes(1024, 8)), Run(repeats=True))
    assert not is_small(job(codes(1025, 8)), Run(repeats=True))
    assert not is_small(job(codes(1000, 64)), Run())
    assert is_small(job(codes(1, 3), codes(100_000, 3)), Run())
    assert is_small(job(codes(10, 3)), Run(method="pairs"))
    for run in (Run(method="fourier"), Run(precision="single")):
        assert not is_small(job(codes(10, 3)), run)
