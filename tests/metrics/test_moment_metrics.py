"""The covariance of a sample: its eigenvalues, and what metrics give where it is singular."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample

from gaedist import score
from gaedist.metrics.moment_metrics import covariance_of
from gaedist.metrics.registry import ONE_SAMPLE

SINGULAR = ("henze-zirkler", "kl")


@pytest.mark.parametrize(("n", "dim"), [(2, 1), (50, 4), (300, 30)])
def test_eigenvalues_and_eigenvectors_give_the_covariance(n, dim):
    x = 3 + sample("heavy-tailed", n, dim)
    found = covariance_of(x)
    assert_allclose(found.mean, x.mean(axis=0), rtol=1e-14)
    expected = np.cov(x.T, ddof=0).reshape(dim, dim)
    assert_allclose(found.vectors * found.sds**2 @ found.vectors.T, expected, rtol=1e-10, atol=1e-13)
    assert_allclose(found.vectors.T @ found.vectors, np.eye(dim), atol=1e-13)
    assert (found.rank, found.is_singular, found.unit) == (dim, False, 1)


def test_small_eigenvalues_keep_their_digits():
    x = np.sqrt(3) * np.concatenate([np.eye(3), -np.eye(3)]) * [1, 1, 1e-6]
    assert_allclose(np.sort(covariance_of(x).sds), [1e-6, 1, 1], rtol=1e-13)


@pytest.mark.parametrize("dim", [1, 3, 500])
def test_a_covariance_is_singular_where_codes_do_not_vary(dim):
    rng = np.random.default_rng(4)
    for n in (1, 2, 3):  # the mean takes one degree of freedom
        assert covariance_of(rng.normal(size=(n, dim))).rank == min(n - 1, dim)
    for n in (1, 2, 30, 40, 1000):  # whose mean is 0.1 but for rounding
        assert covariance_of(np.full((n, dim), 0.1)).rank == 0
    flat = rng.normal(size=(40, 3)) @ [[1, 0, 1], [0, 1, 1], [0, 0, 0]]
    for scale in (1e-300, 1e-170, 1e-9, 1, 1e9, 1e149):
        assert covariance_of(scale * flat).rank == 2


def test_codes_near_the_smallest_doubles_have_a_covariance():
    x = sample("normal", 50, 3)
    tiny = covariance_of(1e-200 * x)
    assert_allclose(tiny.sds / tiny.unit, 1e-200 * covariance_of(x).sds, rtol=1e-12)
    assert covariance_of(5e-324 * np.round(9 * x)).rank == 3


@pytest.mark.parametrize(("name", "value"), [("kl", np.inf), ("henze-zirkler", 4 * 50)])
def test_codes_of_singular_covariance_have_the_largest_value_and_the_least_p(name, value):
    x = sample("normal", 50, 3)
    for codes in (x * [1, 1, 0], np.ones((50, 3)), x @ np.ones((3, 3))):
        found = score(codes, metric=name)
        assert (found.value, found.p_value) == (value, sys.float_info.min)
        assert found.z > 100
        assert found.null.method == "degenerate"
        assert "which no sample of N(0, I) is" in found.null.note
        assert found.infinite == (name == "kl")
        assert score(codes, metric=name, null="monte-carlo").p_value == sys.float_info.min
        assert score(codes, metric=name, null="none").p_value is None


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize(("n", "dim"), [(1, 3), (3, 3), (2, 500)])
def test_up_to_d_points_have_the_largest_value_as_any_sample_does(name, n, dim):
    x = sample("normal", n, dim)
    for null in ("auto", "monte-carlo"):
        found = score(x, metric=name, null=null)
        assert found.value == (np.inf if name == "kl" else 4 * n)
        assert (found.z, found.p_value) == (None, None)
        assert f"Use at least {dim + 1} points" in found.null.note
    if n > 1:  # no sample of two points has them equal
        assert score(np.ones((n, dim)), metric=name).p_value == sys.float_info.min


@pytest.mark.parametrize("name", [name for name in ONE_SAMPLE if name not in SINGULAR])
def test_other_metrics_measure_codes_that_do_not_vary(name):
    found = score(np.zeros((300, 3)), metric=name)
    assert np.isfinite(found.value)
    assert np.isfinite(found.z)
