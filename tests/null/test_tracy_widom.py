"""The approximation of Tracy–Widom has its published quantiles, and the p-values of extreme eigenvalues of
normal samples are calibrated.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.null.tracy_widom import log_p_largest, log_p_smallest, log_upper_tail


def test_quantiles():
    """M. Prähofer's table of order 1: 0.9793 and 2.0234 are the points of 5 and 1 %."""
    assert_allclose(np.exp([log_upper_tail(0.9793), log_upper_tail(2.0234)]), [0.05, 0.01], rtol=2e-2)
    assert log_upper_tail(-20.0) == 0.0
    assert log_upper_tail(1e6) < -1e5


@pytest.mark.parametrize(("n", "dim"), [(100, 8), pytest.param(200, 40, marks=pytest.mark.slow)])
def test_normal_samples(n, dim):
    rng = np.random.default_rng((n, dim))
    p = []
    for _ in range(4000):
        values = np.linalg.eigvalsh(np.cov(rng.normal(size=(n, dim)).T))
        p.append((log_p_largest(values[-1], n - 1, dim), log_p_smallest(values[0], n - 1, dim)))
    rates = np.mean(np.exp(p) < 0.05, axis=0)
    assert ((rates > 0.03) & (rates < 0.07)).all()


def test_a_flat_direction_is_impossible():
    assert log_p_smallest(0.0, 100, 4) == -math.inf
