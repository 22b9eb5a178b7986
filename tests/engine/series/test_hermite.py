"""Hermite functions are those of Mehler's formula, and their products of all degrees add up to the kernel.

Too many terms are refused, and neither threads nor pieces change the bits.
"""

import math

import numpy as np
import pytest
from expansions import expansion, features, function, kernel, rate_of, sample, terms
from numpy.testing import assert_allclose

from gaedist.engine.compiled.sizes import BLOCK
from gaedist.engine.run.threads import limited_threads
from gaedist.engine.series.hermite import Hermite
from gaedist.engine.series.hermite_fit import MAX_TERMS
from gaedist.engine.series.shells import Shells


@pytest.mark.parametrize("t", [0.01, 0.4, 0.9])
@pytest.mark.parametrize("x", [0.0, 1e-3, 0.7, -3.0, 20.0, 1e3])
def test_functions_on_a_line_are_mehlers(t, x):
    found = terms(expansion(1, 40, t=t), np.array([[x]]))
    expected = [function(k, x, 0.25, t) for k in range(41)]
    assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("s", [1e-3, 1.0, 1e3])
def test_the_series_on_a_line_adds_up_to_the_kernel(s):
    x = math.sqrt(s) * np.linspace(-3, 3, 31)[:, np.newaxis]
    basis = expansion(1, 120, t=0.5, c=1 / (4 * s))
    a = features(basis, x)
    assert_allclose(a @ a.T, kernel(x, x, s), rtol=0, atol=1e-14)


@pytest.mark.parametrize("x", [1e3, 1e150, 1e300, -1e308])
def test_terms_of_far_points_vanish(x):
    point = np.array([[0.1, x, 0.2, 0.3]])
    assert (terms(expansion(4, 30), point) == 0).all()


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 6])
def test_terms_are_all_products_up_to_a_degree(dim):
    """In the basis of degree 5, a(x) · a(y) is a sum over all degrees that add up to at most 5."""
    x = sample("normal", 7, dim)
    basis = expansion(dim, 5)
    assert basis.count == math.comb(5 + dim, dim)
    a, b = features(basis, x), features(basis, -0.3 * x)
    lines = np.array([[[function(k, v, 0.25, 0.4) for v in row] for row in x] for k in range(6)])
    others = np.array([[[function(k, -0.3 * v, 0.25, 0.4) for v in row] for row in x] for k in range(6)])
    expected = 0.0
    for degrees in np.ndindex(*[6] * dim):
        if sum(degrees) <= 5:
            expected += np.prod([lines[k, :, d] * others[k, :, d] for d, k in enumerate(degrees)], axis=0)
    assert_allclose((a * b).sum(axis=1), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [1, BLOCK, 16 * BLOCK, 40 * BLOCK + 1])
def test_threads_do_not_change_bits(n):
    x = sample("normal", n, 4)
    charges = np.random.default_rng(1).normal(size=(3, n))
    basis = expansion(4, 12, single=9)
    several = terms(basis, x, charges)
    assert (several == terms(basis, x, charges, threads=2)).all()
    for some, found in zip(charges, several, strict=True):
        assert (terms(basis, x, some) == found).all()


def test_sums_of_parts_add_up():
    x = sample("normal", 20 * BLOCK + 17, 5)
    charges = np.random.default_rng(1).normal(size=len(x))
    basis = expansion(5, 12)
    whole, parts = terms(basis, x, charges), [slice(0, 700), slice(700, None)]
    expected = sum(terms(basis, x[some], charges[some]) for some in parts)
    assert_allclose(whole, expected, rtol=0, atol=1e-13 * np.abs(charges).sum())
    assert_allclose(terms(basis, x, np.full(len(x), 2.0)), 2 * terms(basis, x), rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "s"),
    [
        (np.zeros((1, 4)), 1.0),  # no pairs
        (sample("normal", 500, 4), 1e-6),  # far too narrow
        (sample("normal", 500, 4), 1e-300),
        (1e150 * sample("normal", 500, 4), 1.0),
        (sample("normal", 500, 8), 0.25),  # too many terms
    ],
)
def test_too_many_terms_are_refused(x, s):
    with pytest.raises(
        ValueError, match=r"spread too far compared with σ; the series needs more than 4e\+06 terms"
    ):
        Hermite(Shells.of([x]), rate_of(s))


def test_the_basis_is_the_expansion_of_the_rate():
    x, y = sample("normal", 500, 4), sample("clusters", 400, 4)
    basis, wide = (Hermite(Shells.of([x, y]), rate_of(1.0), error) for error in (1e-12, 1e-6))
    assert basis.weights.shape == (basis.expansion.count,)
    charges = np.random.default_rng(1).normal(size=(3, 500))
    with limited_threads(1):
        found = basis.transform(x, lambda rows: charges[:, rows], 3, 2)
    bound = np.square(basis.remainders[:, 0]).sum() * np.abs(charges).max() ** 2
    assert_allclose(found @ found.T, charges @ kernel(x, x, 1.0) @ charges.T, rtol=0, atol=bound)
    means, wide_means = (some.remainders[0, :, 0] / [500, 400] for some in (basis, wide))
    assert max(means) < 1e-6 < min(wide_means) < 1e-3


def test_memory_and_time_grow_with_the_terms():
    assert 8 * MAX_TERMS <= 2**25
    some = [Hermite(Shells.of([sample("normal", 2000, dim)]), rate_of(1.0), 1e-9) for dim in (4, 5, 6)]
    times = [basis.seconds(10**6) for basis in some]
    assert times == sorted(times)
    assert 0.3 < times[0] < 10
    assert_allclose(some[0].seconds(2000), 2 * some[0].seconds(1000))
    assert 5 * some[0].seconds(1000) < some[0].seconds(1000, 10) < 10 * some[0].seconds(1000)
    assert Hermite.fit_seconds(10**6) < 10 * Hermite.fit_seconds(10**4)
