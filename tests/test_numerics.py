"""Logarithms of values down to 0 and below, exponentials beyond a double, signed sums without loss, and
random streams that are independent of each other and stay as they are.
"""

import math
import sys

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq

from gaedist.numerics import (
    HALF_LOG2_E,
    LOG2_E,
    Stream,
    log_of_value,
    log_or_minus_inf,
    log_ratio,
    root,
    signed_sum,
    squared_norms,
    to_linear,
)


def test_constants():
    assert 1 / math.log(2) == pytest.approx(LOG2_E, rel=1e-15)
    assert HALF_LOG2_E == LOG2_E / 2


def test_squared_norms_are_one_number_per_row():
    assert (squared_norms(np.array([[3.0, 4.0], [0.0, -2.0]])) == [25, 4]).all()
    assert squared_norms(np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize(
    ("value", "log", "reported"),
    [(1.0, 0.0, 0.0), (0.0, -math.inf, -math.inf), (-1.0, -math.inf, None), (math.inf, math.inf, math.inf)],
)
def test_logarithms_of_any_value(value, log, reported):
    assert log_or_minus_inf(value) == log
    assert log_of_value(value) == reported


@pytest.mark.parametrize(
    ("a", "b"), [(1e150, 1e-150), (1e-150, 1e150), (1024 + 2**-40, 1024.0), (0.5, 1.0), (3.0, 3.0)]
)
def test_logarithms_of_ratios_keep_their_digits(a, b):
    with mpmath.workdps(50):
        assert_allclose(log_ratio(a, b), float(mpmath.log(mpmath.mpf(a) / mpmath.mpf(b))), rtol=3e-16)


def test_exponentials_overflow_to_infinity_and_underflow_to_zero():
    largest = math.log(sys.float_info.max)
    assert to_linear(largest - 1e-9) == pytest.approx(sys.float_info.max, rel=1e-8)
    assert to_linear(largest + 1e-9) == to_linear(math.inf) == math.inf
    assert to_linear(-1000.0) == to_linear(-math.inf) == 0


@pytest.mark.parametrize(
    "terms",
    [
        [(1, 0.0), (-2, -1.0), (1, 0.5)],
        [(1, -2000.0), (-1, -2000.5)],  # each term underflows
        [(1, 5000.0), (-3, 4999.0), (0.25, 4000.0)],  # and overflows
        [(2, 1.0), (-1, 3.0)],
        [(1, -math.inf), (1, 2.0)],
    ],
)
def test_signed_sums_agree_with_many_digits(terms):
    with mpmath.workdps(40):
        exact = mpmath.fsum(factor * mpmath.exp(log) for factor, log in terms)
        expected = float(mpmath.log(abs(exact)))
    sign, log = signed_sum(*terms)
    assert sign == mpmath.sign(exact)
    assert_allclose(log, expected, rtol=1e-14)


def test_signed_sums_that_vanish():
    assert signed_sum((1, -math.inf), (-2, -math.inf)) == (0, -math.inf)
    assert signed_sum((1, 0.3), (1, 0.3), (-2, 0.3)) == (0, -math.inf)


def test_streams_keep_their_numbers():
    assert {stream.name: int(stream) for stream in Stream} == {
        "SIMULATED_SAMPLES": 1,
        "BANDWIDTH_POINTS": 2,
        "PERMUTATIONS": 3,
        "DIRECTIONS": 4,
        "SAMPLED_PAIRS": 5,
        "HALVES": 6,
        "NEIGHBOURS": 7,
        "POSTERIORS": 8,
        "POSITIONS": 9,
        "MUTUAL_INFORMATION": 10,
        "PRIOR_SAMPLES": 12,
    }


def test_streams_differ_from_each_other_and_from_the_bare_seed():
    draws = {np.random.default_rng((7, stream)).normal() for stream in Stream}
    assert len(draws | {np.random.default_rng(7).normal()}) == len(Stream) + 1
    assert draws == {np.random.default_rng((7, number)).normal() for number in (*range(1, 11), 12)}


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        (lambda x: x**3 - 2, 0.0, 9.0),
        (lambda x: math.cos(x) - x, -4.0, 4.0),
        (lambda x: math.expm1(-x) + 0.999999, 1e-9, 1e5),
        (lambda x: x - 1, 1.0, 2.0),
        (lambda x: x - 2, 1.0, 2.0),
        (lambda x: -1.0 if x < 1 / 3 else 1.0, 0.0, 1.0),
    ],
)
@pytest.mark.parametrize("rtol", [1e-14, 1e-6])
def test_a_root_is_that_of_brentq_to_the_last_bit(function, low, high, rtol):
    assert root(function, low, high, rtol=rtol) == brentq(function, low, high, rtol=rtol)
    assert root(function, high, low, rtol=rtol) == brentq(function, high, low, rtol=rtol)
