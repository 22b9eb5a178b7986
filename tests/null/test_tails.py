"""Tails agree with mpmath, also where they are far below the range of a double, and Holm's procedure with its
definition.
"""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from gaedist.null.tails import (
    holm,
    log_bonferroni,
    log_chi_square_tails,
    log_gamma_tails,
    log_smallest_of,
    log_two_sided_chi_square,
    log_two_sided_correlation,
    log_two_sided_normal,
    log_upper_normal,
)

MP = mpmath.MPContext()
MP.dps = 40


@pytest.mark.parametrize("z", [0.0, 0.3, -2.0, 9.0, 60.0])
def test_normal_tails(z):
    assert_allclose(
        log_two_sided_normal(z), float(MP.log(MP.erfc(abs(z) / MP.sqrt(2)))), rtol=1e-12, atol=1e-15
    )
    assert_allclose(log_upper_normal(z), float(MP.log(MP.erfc(z / MP.sqrt(2)) / 2)), rtol=1e-12)


@pytest.mark.parametrize("dof", [1, 7, 500.0])
@pytest.mark.parametrize("ratio", [0.05, 0.8, 1.0, 1.3, 2.0])
def test_chi_square_tails(dof, ratio):
    x = ratio * dof
    expected = [
        MP.log(MP.gammainc(dof / 2, a, b, regularized=True)) for a, b in ((0, x / 2), (x / 2, MP.inf))
    ]
    assert_allclose(
        log_chi_square_tails(x, dof), [float(value) for value in expected], rtol=1e-11, atol=1e-15
    )


@pytest.mark.parametrize(("x", "dof"), [(3000.0, 8), (1e6, 64), (1e-3, 400), (20.0, 4000)])
def test_faint_chi_square_tails_keep_their_order(x, dof):
    """Beyond the range of a double the logarithm is right to a few per cent, and monotonic."""
    below, above = log_chi_square_tails(np.array([x, 1.01 * x]), dof)
    faint = above if x > dof else below
    exact = MP.log(MP.gammainc(dof / 2, *((x / 2, MP.inf) if x > dof else (0, x / 2)), regularized=True))
    assert -math.inf < faint[0] < -600
    assert (faint[1] < faint[0]) == (x > dof)
    assert 0.1 < faint[0] / float(exact) < 10


@pytest.mark.parametrize("skewness", [1e-6, 0.01, 0.7, 2.5])
@pytest.mark.parametrize("z", [-0.7, 0.0, 3.0, 12.0])
def test_gamma_tails(z, skewness):
    """Mean 0, variance 1, and Pearson's type III."""
    below, above = log_gamma_tails(z, skewness)
    expected = stats.pearson3(skewness) if skewness > 1e-4 else stats.norm()
    assert_allclose(above, expected.logsf(z), rtol=1e-8)
    assert_allclose(np.exp(below), expected.cdf(z), rtol=1e-8, atol=1e-15)


def test_two_sided_chi_square_is_at_most_one():
    assert log_two_sided_chi_square(np.array([0.4549, 0.0, 1e-300]), 1)[0] <= 0.0
    assert_allclose(np.exp(log_two_sided_chi_square(3.841458820694124, 1)), 0.1, rtol=1e-10)


@pytest.mark.parametrize("dof", [1, 2, 18, 998])
@pytest.mark.parametrize("r", [0.0, 0.1, -0.7, 0.999])
def test_correlation_tail_is_student_t(dof, r):
    part = MP.betainc(MP.mpf(dof) / 2, MP.mpf(1) / 2, 0, 1 - MP.mpf(r) ** 2, regularized=True)
    assert_allclose(log_two_sided_correlation(r, dof), float(MP.log(part)), rtol=1e-9, atol=1e-14)


def test_a_correlation_of_one_is_impossible():
    assert log_two_sided_correlation(1.0, 10) == -math.inf
    assert log_two_sided_correlation(1 - 1e-16, 100_000) < -1e5


@pytest.mark.parametrize("log_p", [-1e-12, -0.5, -3.0, -29.0, -31.0, -800.0])
def test_smallest_of_independent(log_p):
    with MP.workdps(800):
        exact = MP.log(1 - (1 - MP.exp(log_p)) ** 12)
    assert_allclose(log_smallest_of(log_p, 12), float(exact), rtol=1e-10, atol=1e-15)
    assert log_smallest_of(log_p, 12) <= log_bonferroni(log_p, 12) + 1e-15


def test_holm():
    p = np.array([0.01, 0.04, 0.03, 0.5, 0.005])
    assert_allclose(holm(p), [0.04, 0.09, 0.09, 0.5, 0.025], rtol=1e-14)
    assert holm(np.array([0.9, 0.9])).max() == 1.0
    assert holm(np.empty(0)).size == 0
