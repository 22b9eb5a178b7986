"""The plane in which two samples differ most has the direction along which they were made to differ, and
shows rows on which it was not chosen.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.diagnostics.contrast import contrast
from gaedist.engine import Run


def samples(dim=6, n=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dim)), rng.standard_normal((n + 50, dim)), rng


def unit(rng, dim):
    u = rng.standard_normal(dim)
    return u / np.linalg.norm(u)


def test_a_shift():
    x, y, rng = samples()
    u = unit(rng, 6)
    found = contrast(x, y + 2 * u, Run()).worst
    assert abs(u @ found.across.vector) > 0.97
    assert abs(found.first[:, 0].mean() - found.second[:, 0].mean()) > 1.7


def test_a_spread():
    x, y, rng = samples()
    u = unit(rng, 6)
    found = contrast(x, y + 3 * np.outer(y @ u, u), Run()).worst
    assert abs(u @ found.across.vector) > 0.97
    assert found.second[:, 0].std() > 3 * found.first[:, 0].std()


def test_samples_of_one_distribution_do_not_look_apart():
    """In the rows on which a direction was chosen, 100 axes of 60 points could be told apart."""
    x, y, _ = samples(dim=100, n=60)
    found = contrast(x, y, Run()).worst
    gap = found.first.mean(axis=0) - found.second.mean(axis=0)
    assert np.abs(gap).max() < 4 / np.sqrt(30)


def test_principal_axes():
    x, y, _ = samples()
    x[:, 2] *= 5
    y[:, 2] *= 5
    y[:, 4] *= 3
    x[:, 4] *= 3
    found = contrast(x, y, Run()).principal
    assert abs(found.across.vector[2]) > 0.99
    assert abs(found.up.vector[4]) > 0.99
    assert_allclose(found.first, x @ np.array([found.across.vector, found.up.vector]).T)


@pytest.mark.parametrize(("n", "m", "dim"), [(1, 5, 3), (2, 2, 2), (5, 300, 40), (20, 20, 1)])
def test_small_samples(n, m, dim):
    rng = np.random.default_rng(1)
    found = contrast(rng.standard_normal((n, dim)), rng.standard_normal((m, dim)), Run())
    assert (found.worst is None) == (dim == 1 or n == 1)


def test_equal_samples():
    x = np.ones((30, 3))
    found = contrast(x, x.copy(), Run())
    assert found.worst is None or np.isfinite(found.worst.first).all()
