"""`gaedist.diagnose` gives what the panel finds, the sizes of the largest departures, and errors for wrong
options; nothing depends on threads, on the order of memory or on the type of the numbers.
"""

import dataclasses
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist


def codes(n=300, dim=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def comparable(result):
    return dataclasses.replace(result, seconds=0.0, threads=0)


def test_the_same_for_any_threads_and_memory_order():
    x = codes(5000, 12)
    x[:, 3] *= 1.3
    first = comparable(gaedist.diagnose(x, run=gaedist.Run(threads=1)))
    assert first == comparable(gaedist.diagnose(x, run=gaedist.Run(threads=2)))
    assert first == comparable(gaedist.diagnose(np.asfortranarray(x), run=gaedist.Run(threads=2)))
    assert first == comparable(gaedist.diagnose(x.tolist()))


def test_single_precision_is_read_as_it_is():
    x = codes().astype(np.float32)
    double = comparable(gaedist.diagnose(x.astype(float)))
    assert comparable(gaedist.diagnose(x)) == double


def test_sizes():
    x = codes()
    x[:, 2] += 2
    x[:, 0] *= 0.1
    x[:, 4] = 0.8 * x[:, 3] + 0.6 * x[:, 4]
    x[7] = x[8] = x[9]
    sizes = gaedist.diagnose(x).sizes
    assert_allclose(sizes.shift, x.mean(axis=0)[2])
    assert_allclose(sizes.sd_min, x[:, 0].std(ddof=1))
    assert_allclose(sizes.sd_max, x.std(axis=0, ddof=1).max())
    assert_allclose(sizes.correlation, np.corrcoef(x.T)[3, 4])
    assert sizes.duplicates == 2


def test_value_is_the_least_adjusted_p():
    result = gaedist.diagnose(codes())
    assert result.value == min(check.p_adjusted for check in result.checks)
    assert math.isnan(gaedist.diagnose([[1.0]], checks=["order"]).value)


def test_top_limits_the_places():
    x = codes(400, 30) * 2
    (check,) = gaedist.diagnose(x, checks=["scale"], top=3).checks
    assert len(check.where) == 3


def test_a_path(write_codes):
    assert gaedist.diagnose(write_codes(3)).n == 1500


ODD = {
    "one": codes(1),
    "two": codes(2),
    "three": codes(3, 1),
    "wide": codes(5, 40),
    "zeros": np.zeros((30, 3)),
    "large": codes() * 1e140,
    "tiny": codes() * 1e-160,
    "far": codes() + 1e8,
    "equal": np.full((9, 2), 1e149),
    "outlier": np.vstack([codes(), np.full((1, 5), 1e12)]),
    "long": codes(5, 1000),
    "whole": np.round(codes()),
    "flat": np.c_[codes(), codes()[:, 0]],
}


@pytest.mark.parametrize("x", ODD.values(), ids=ODD)
def test_odd_samples_have_a_verdict(x):
    with np.errstate(all="raise", under="ignore"):
        result = gaedist.diagnose(x)
    assert result.verdict
    for check in result.checks:
        assert (check.p_value is None) == (check.note is not None)
        assert check.p_value is None or 0 < check.p_value <= 1
        assert check.p_adjusted is None or 0 < check.p_adjusted <= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"checks": ["no"]}, "check must be one of location, scale"),
        ({"checks": []}, "no check is given"),
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"alpha": math.nan}, "alpha must be between 0 and 1"),
        ({"top": 0}, "top must be a whole number"),
    ],
)
def test_wrong_options(settings, message):
    with pytest.raises(gaedist.GaedistError, match=message):
        gaedist.diagnose(codes(), **settings)


def test_wrong_codes():
    with pytest.raises(gaedist.GaedistError, match="not finite"):
        gaedist.diagnose([[1.0, math.nan]])
