"""Exponentials, logarithms and sums in compiled code are right to the last bits."""

import mpmath
import numpy as np
import pytest

from gaedist.engine.compiled import arithmetic
from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.lanes import LANES, load, store


@compiled(nogil=True)
def exp2(y):
    return arithmetic.exp2(y)


@compiled(nogil=True)
def log2_and_inverse(x):
    return arithmetic.log2_and_inverse(x)


@compiled(nogil=True)
def split(x):
    return arithmetic.split(x)


@compiled(nogil=True)
def power_of_two(k):
    return arithmetic.power_of_two(k)


@compiled(nogil=True)
def total(values, count):
    return arithmetic.total(values, count)


@compiled(nogil=True)
def largest(values):
    return arithmetic.largest(values)


@compiled(nogil=True)
def fill_by_lanes(x, exponents, logs, inverses, mantissas):
    for k in range(0, x.size, LANES):
        j = np.uintp(k)
        log, inverse = arithmetic.log2_and_inverse(load(x, j))
        mantissa, power = arithmetic.split(load(x, j))
        store(logs, j, log)
        store(inverses, j, inverse)
        store(mantissas, j, mantissa * arithmetic.power_of_two(power))
        store(exponents, j, arithmetic.exp2(log))


def test_exp2_is_right_to_the_last_bits():
    y = np.concatenate([np.random.default_rng(0).uniform(-1022, 1023, 4000), np.arange(-1022.0, 1024)])
    got = np.array([exp2(value) for value in y])
    errors = [abs(mpmath.mpf(g) / mpmath.mpf(2) ** mpmath.mpf(v) - 1) for g, v in zip(got, y, strict=True)]
    assert max(errors) < 2.3e-16
    assert exp2(-1e300) == 2.0**-1022
    assert exp2(-np.inf) == 2.0**-1022


@pytest.mark.filterwarnings("ignore:Descending:DeprecationWarning")  # the only order before mpmath 1.4
def test_the_polynomial_is_the_minimax_fit_that_its_comment_names():
    mp = mpmath.mp.clone()
    mp.dps = 40
    fit = mp.chebyfit(lambda f: mp.mpf(2) ** f, [-0.5, 0.5], 12)[::-1]
    assert [float(c) for c in fit] == [getattr(arithmetic, f"_C{k}") for k in range(12)]


def test_log2_and_inverse_are_right_to_the_last_bits():
    rng = np.random.default_rng(0)
    x = np.concatenate([np.exp2(rng.uniform(-1021, 1022, 3000)), 1 + np.linspace(-0.3, 0.5, 2001)])
    for value in x:
        log, inverse = log2_and_inverse(value)
        exact = mpmath.log(mpmath.mpf(value), 2)
        assert abs(log - exact) <= 3e-16 * abs(exact) + 3e-16 * min(1, abs(value - 1))
        assert abs(inverse * mpmath.mpf(value) - 1) <= 4.5e-16


def test_split_gives_the_number_back():
    for value in [1e-300, 0.7, np.sqrt(0.5), 1.0, 1.4, np.sqrt(2), 3.0, 1e300]:
        m, k = split(value)
        assert m * 2.0**k == value
        assert np.sqrt(0.5) <= m <= np.sqrt(2)


def test_powers_of_two_are_exact():
    for k in (-1022, -500, -1, 0, 1, 500, 1023):
        assert power_of_two(float(k)) == 2.0**k


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 100])
def test_total_and_largest_agree_with_numpy(count):
    values = np.random.default_rng(1).normal(size=120)
    assert total(values, count) == pytest.approx(values[:count].sum(), rel=1e-13, abs=1e-15)
    assert largest(values) == values.max()


def test_lanes_have_the_bits_of_single_numbers():
    x = np.exp2(np.random.default_rng(3).uniform(-1021, 1022, 800))
    exponents, logs, inverses, mantissas = np.empty((4, x.size))
    fill_by_lanes(x, exponents, logs, inverses, mantissas)
    assert (mantissas == x).all()
    for value, power, log, inverse in zip(x, exponents, logs, inverses, strict=True):
        assert (log, inverse) == log2_and_inverse(value)
        assert power == exp2(log)
