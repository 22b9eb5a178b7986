"""The covariance of a sample: its eigenvalues, and errors where it is singular."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample

from gaedist import GaedistError, score
from gaedist.metrics.moment_metrics import covariance_of
from gaedist.metrics.registry import ONE_SAMPLE

SINGULAR = ("henze-zirkler", "kl")


@pytest.mark.parametrize(("n", "dim"), [(2, 1), (50, 4), (300, 30)])
def test_eigenvalues_and_eigenvectors_give_the_covariance(n, dim):
    x = 3 + sample("heavy-tailed", n, dim)
    mean, values, vectors = covariance_of(x)
    assert_allclose(mean, x.mean(axis=0), rtol=1e-14)
    expected = np.cov(x.T, ddof=0).reshape(dim, dim)
    assert_allclose(vectors * values @ vectors.T, expected, rtol=1e-10, atol=1e-13)
    assert_allclose(vectors.T @ vectors, np.eye(dim), atol=1e-13)


def test_small_eigenvalues_keep_their_digits():
    x = np.sqrt(3) * np.concatenate([np.eye(3), -np.eye(3)]) * [1, 1, 1e-6]
    assert_allclose(np.sort(covariance_of(x)[1]), [1e-12, 1, 1], rtol=1e-13)


@pytest.mark.parametrize("dim", [1, 3])
def test_a_covariance_is_singular_where_codes_do_not_vary(dim):
    rng = np.random.default_rng(4)
    with pytest.raises(GaedistError, match=f"it needs {dim + 1} points.*; got {dim}"):
        covariance_of(rng.normal(size=(dim, dim)))
    for n in (30, 40, 1000):  # whose mean is 0.1 but for rounding
        with pytest.raises(GaedistError, match=f"do not vary along {dim} of {dim} directions"):
            covariance_of(np.full((n, dim), 0.1))
    flat = rng.normal(size=(40, 3)) @ [[1, 0, 1], [0, 1, 1], [0, 0, 0]]
    for scale in (1e-9, 1, 1e9):
        with pytest.raises(GaedistError, match="do not vary along 1 of 3 directions"):
            covariance_of(scale * flat)


@pytest.mark.parametrize("name", SINGULAR)
def test_metrics_that_need_a_covariance_say_so(name):
    x = sample("normal", 3, 3)
    with pytest.raises(GaedistError, match=r"needs 4 points.*; got 3\."):
        score(x, metric=name)
    with pytest.raises(GaedistError, match="covariance is singular"):
        score(np.zeros((300, 3)), metric=name)


@pytest.mark.parametrize("name", [name for name in ONE_SAMPLE if name not in SINGULAR])
def test_other_metrics_measure_codes_that_do_not_vary(name):
    found = score(np.zeros((300, 3)), metric=name)
    assert np.isfinite(found.value)
    assert np.isfinite(found.z)
