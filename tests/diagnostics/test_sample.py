"""Moments are NumPy's, the same bits for any number of threads, in any dimension; views of a sample have the
moments that they should; nothing changes the codes.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gaedist.diagnostics import sample as module
from gaedist.diagnostics.registry import CHECKS
from gaedist.diagnostics.sample import Sample
from gaedist.engine import Run


def test_moments_are_those_of_numpy(sample, normal):
    x = 3 + normal(5000, 7) @ np.diag([1, 2, 3, 0.1, 1, 1, 9])
    s = sample(x)
    assert_allclose(s.mean, x.mean(axis=0), rtol=1e-12)
    assert_allclose(s.sds, x.std(axis=0, ddof=1), rtol=1e-12)
    assert_allclose(s.correlation, np.corrcoef(x.T), atol=1e-12)
    assert_allclose(s.principal[0], np.linalg.eigvalsh(np.cov(x.T)), rtol=1e-10)
    assert_allclose(s.radii, np.square(x).sum(axis=1), rtol=1e-12)
    assert_allclose(s.log_correlation_eigenvalues, np.log(np.linalg.eigvalsh(np.corrcoef(x.T))), rtol=1e-9)


def test_panels_give_the_same_as_chunks(sample, normal, monkeypatch):
    x = normal(300, 23)
    whole = sample(x).correlation
    monkeypatch.setattr(module, "_MOST_AXES", 8)
    monkeypatch.setattr(module, "_PANEL", 5)
    assert_allclose(sample(x).correlation, whole, atol=1e-13)


def test_threads_do_not_change_bits(normal):
    x = normal(9000, 12)
    one, two = (Sample(x, Run(threads=k)) for k in (1, 2))
    for name in ("mean", "sds", "correlation", "radii"):
        assert_array_equal(getattr(one, name), getattr(two, name))


def test_constant_axes(sample, normal):
    x = normal()
    x[:, 2] = 7.1
    s = sample(x)
    assert s.sds[2] == 0
    assert_array_equal(s.correlation[2], np.eye(6)[2])
    assert_array_equal(s.standardised.axes, [0, 1, 3, 4, 5])


@pytest.mark.parametrize("scale", [1e-160, 1e140])
def test_sizes_beyond_squares(sample, normal, scale):
    x = normal()
    assert_allclose(sample(scale * x).sds / scale, sample(x).sds, rtol=1e-12)
    assert_allclose(sample(scale * x).correlation, sample(x).correlation, atol=1e-12)


def test_small_eigenvalues_keep_their_digits(sample, normal):
    """A Gram matrix would lose those of 1e-10 of the variance."""
    x = normal(400, 3)
    x[:, 2] = x[:, 0] + 1e-6 * x[:, 2]
    exact = np.linalg.svd((x - x.mean(axis=0)) / x.std(axis=0), compute_uv=False) ** 2 / len(x)
    assert_allclose(sample(x).log_correlation_eigenvalues.sum(), np.log(exact).sum(), rtol=1e-7)


def test_views(sample, normal):
    x = normal(800, 4) @ np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 0.1]]) + 1
    s = sample(x)
    assert_allclose(s.standardised.x.std(axis=0, ddof=1), 1, rtol=1e-12)
    assert_allclose(np.cov(s.whitened.x.T), np.eye(4), atol=1e-10)
    ranks = np.argsort(np.argsort(s.radii))
    assert_array_equal(np.argsort(np.argsort(s.rescaled().radii)), ranks)
    assert_allclose(s.rescaled().radii.mean(), 4, rtol=1e-2)
    assert_allclose(
        np.sort(s.normal_scores().x, axis=0)[:, 0], -np.sort(s.normal_scores().x, axis=0)[::-1, 3]
    )


def test_repeated_rows(sample, normal):
    x = normal(50, 3)
    x[[7, 30]] = x[2]
    assert sample(x).repeated_rows == 2


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("name", CHECKS)
def test_no_check_changes_the_codes(sample, normal, name, dim):
    x = normal(100, dim)
    before = x.copy()
    try:
        CHECKS[name].run(Sample(x, Run(threads=1)))
    except module_premise():
        pass
    assert_array_equal(x, before)


def module_premise():
    from gaedist.diagnostics.base import PremiseError

    return PremiseError
