"""A fitted expansion is within the error requested, also with far points and in single precision."""

import math
from dataclasses import replace

import numpy as np
import pytest
from expansions import fitted, kernel, sample, squares, terms
from numpy.testing import assert_allclose

from gaedist.engine.compiled.sizes import BLOCK
from gaedist.engine.series.hermite import Hermite
from gaedist.engine.series.hermite_bounds import remainders


@pytest.mark.parametrize("kind", ["normal", "shifted", "anisotropic", "clusters", "outlier"])
@pytest.mark.parametrize(
    ("dim", "s", "tolerance"),
    [(4, 1.0, 1e-12), (4, 1.0, 1e-6), (4, 0.25, 1e-9), (5, 1.0, 1e-9), (5, 4.0, 1e-12), (6, 4.0, 1e-6)],
)
def test_errors_are_within_their_bounds_and_bounds_within_the_tolerance(kind, dim, s, tolerance):
    x, y = sample(kind, 500, dim), sample(kind, 400, dim, seed=1)
    k, cross = kernel(x, x, s), kernel(x, y, s)
    basis, (of_x, of_y) = fitted([x, y], s, tolerance)
    pairs = k.sum() - 500
    assert of_x**2 * 500**2 <= tolerance * pairs
    rounding = Hermite.rounding  # of the sums of both kinds
    a, b = terms(basis, x), terms(basis, y)
    assert abs(a @ a - k.sum()) <= of_x**2 * 500**2 + rounding * k.sum()
    assert abs(a @ b - cross.sum()) <= of_x * of_y * 500 * 400 + rounding * cross.sum()
    charges = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], size=500)
    v = np.random.default_rng(4).uniform(size=400)
    q, r = terms(basis, x, charges), terms(basis, y, v)
    assert abs(q @ r - charges @ cross @ v) <= of_x * of_y * 500 * 400 + rounding * cross.sum()


def test_a_sample_at_one_point_has_the_remainder_of_that_point():
    other, place = sample("normal", 300, 4), np.full((300, 4), 0.7)
    basis, (_, found) = fitted([other, place], 1.0, 1e-9)
    radius = np.sqrt(squares(place[:1], basis.center[np.newaxis])[0])
    kept, double = (
        float(remainders(radius, 0.25, basis.ratio, 4, range(p, p + 1))[0, 0])
        for p in (basis.degree, basis.single - 1)
    )
    assert_allclose(found**2, kept + 2 * (BLOCK + 5) / 2**24 * double, rtol=1e-9)


def test_single_precision_stays_within_the_bound():
    x = sample("normal", 3 * BLOCK, 4)
    basis, (remainder,) = fitted([x], 1.0, 1e-9)
    assert basis.single < basis.degree
    a, b = terms(basis, x), terms(replace(basis, single=1000), x)
    assert 0 < abs(a @ a - b @ b) <= remainder**2 * len(x) ** 2


def test_heavy_tails_take_more_terms_and_a_wider_tolerance_fewer():
    x = np.random.default_rng(5).standard_t(5, size=(3000, 3))
    counts = [fitted([x], 1.0, 10.0**-digits)[0].count for digits in (3, 6, 9, 12)]
    assert counts == sorted(counts)
    assert counts[2] > 2 * fitted([sample("normal", 3000, 3)], 1.0, 1e-9)[0].count


@pytest.mark.parametrize("s", [1e3, 1e12, 1e250])
@pytest.mark.parametrize("x", [np.full((50, 5), 7.0), sample("normal", 300, 5)])
def test_wide_kernels_need_few_terms(x, s):
    basis, _ = fitted([x], s, 1e-12)
    a = terms(basis, x)
    assert basis.count <= 126
    assert_allclose(a @ a, kernel(x, x, s).sum(), rtol=1e-12)


def test_the_bound_includes_one_far_point_among_many():
    """There R = 1, so the mean of its root is at least 1/n for every degree."""
    x = sample("normal", 1500, 4)
    x[77] = 1e150
    basis, (remainder,) = fitted([x], 1.0, 1e-5)
    assert 1 / 1500 < remainder <= math.sqrt(1e-5 * 0.3)  # the mean of the kernel is ¼ for N(0, I)
    a, near = terms(basis, x), np.delete(x, 77, axis=0)
    assert abs(a @ a - kernel(near, near, 1.0).sum() - 1) <= (remainder * 1500) ** 2
    with pytest.raises(ValueError, match="terms"):
        fitted([x], 1.0, 1e-7)
