"""Hermite functions agree with Mehler's formula, and sums by them with the kernel within their bounds.

Too many terms are refused, and neither threads nor pieces change the bits.
"""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.engine.compiled.sizes import BLOCK
from gaedist.engine.run.threads import limited_threads
from gaedist.engine.series.hermite import Hermite, project
from gaedist.engine.series.hermite_bounds import least_mean, remainders
from gaedist.engine.series.hermite_fit import MAX_TERMS, Expansion, fit

MP = mpmath.MPContext()
MP.dps = 60


def rate_of(s):
    """The rate of exp(−|x − y|²/(4s))."""
    return math.log2(math.e) / (4 * s)


def sample(kind, n, dim, seed=0):
    rng = np.random.default_rng((seed, dim))
    x = rng.normal(size=(n, dim))
    match kind:
        case "normal":
            return x
        case "shifted":
            return 1e3 + x
        case "anisotropic":
            return x * np.array([1.0, 0.01] * dim)[:dim]
        case "clusters":
            return rng.normal(size=(8, dim))[rng.integers(8, size=n)] + 0.2 * x
        case "outlier":
            x[n // 2] *= 1.5
            return x
    raise ValueError(kind)


def squares(x, y):
    return np.square(x[:, np.newaxis] - y).sum(axis=2)


def kernel(x, y, s):
    return np.exp(-squares(x, y) / (4 * s))


def function(k, x, c, t):
    """φ_k(x) with 60 digits, by He_k's explicit sum."""
    x, c, t = MP.mpf(float(x)), MP.mpf(c), MP.mpf(t)
    z = x * MP.sqrt(2 * c * (1 - t**2) / t)
    terms = [
        MP.mpf(-1) ** m * z ** (k - 2 * m) / (MP.factorial(m) * MP.factorial(k - 2 * m) * 2**m)
        for m in range(k // 2 + 1)
    ]
    scale = MP.sqrt(MP.factorial(k)) * (1 - t**2) ** MP.mpf("0.25") * t ** (MP.mpf(k) / 2)
    return float(scale * MP.fsum(terms) * MP.exp(-(z**2) * t / (2 * (1 + t))))


def expansion(dim, degree, *, single=1000, t=0.4, c=0.25):
    return Expansion(np.zeros(dim), c, t, degree, single)


def fitted(samples, s, error):
    return fit(samples, 1 / (4 * s), error)


def terms(basis, x, charges=None, threads=1):
    """Σ_i c_i a(x_i), for one set of charges, or for each of several."""
    sets = np.ones((1, len(x))) if charges is None else np.atleast_2d(charges)
    with limited_threads(1):
        found = project(basis, x, lambda rows: sets[:, rows], len(sets), threads)
    return found if np.ndim(charges) == 2 else found[0]


def features(basis, x):
    """a(x_i), one row per point."""
    return terms(basis, x, np.eye(len(x)))


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


@pytest.mark.parametrize("dim", [1, 2, 4, 6])
@pytest.mark.parametrize("t", [0.05, 0.3, 0.7])
def test_remainders_are_one_less_the_squared_terms(dim, t):
    x = np.linspace(0, 40, 81)[:, np.newaxis] * sample("normal", 1, dim) / math.sqrt(dim)
    radii = np.sqrt(squares(x, np.zeros((1, dim)))[:, 0])
    found = remainders(radii, 0.25, t, dim, range(3, 9))
    for degree, bound in zip(range(3, 9), found, strict=True):
        a = features(expansion(dim, degree, t=t), x)
        expected = 1 - np.square(a).sum(axis=1)
        assert (bound >= expected - 1e-14).all()
        assert (bound <= 1).all()
        small = expected < 0.01  # where the bound of the rest is negligible
        assert_allclose(bound[small], expected[small], rtol=1e-6, atol=1e-14)


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


@pytest.mark.parametrize("kind", ["normal", "shifted", "anisotropic", "clusters", "outlier"])
@pytest.mark.parametrize("s", [0.25, 1.0, 30.0])
def test_the_least_mean_is_a_lower_bound_and_exact_for_two_points(kind, s):
    x = sample(kind, 300, 4)
    x -= np.median(x, axis=0) + 0.2
    assert 0 < least_mean(x, 1 / (4 * s)) <= (kernel(x, x, s).sum() - 300) / 300**2
    two = x[:2]
    assert_allclose(least_mean(two, 1 / (4 * s)), kernel(two, two, s)[0, 1] / 2, rtol=1e-9)


def test_heavy_tails_take_more_terms_and_a_wider_tolerance_fewer():
    x = np.random.default_rng(5).standard_t(5, size=(3000, 3))
    counts = [fitted([x], 1.0, 10.0**-digits)[0].count for digits in (3, 6, 9, 12)]
    assert counts == sorted(counts)
    assert counts[2] > 2 * fitted([sample("normal", 3000, 3)], 1.0, 1e-9)[0].count


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
        Hermite([x], rate_of(s))


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


def test_the_basis_is_the_expansion_of_the_rate():
    x, y = sample("normal", 500, 4), sample("clusters", 400, 4)
    basis, wide = (Hermite.with_error([x, y], rate_of(1.0), error) for error in (1e-12, 1e-6))
    assert basis.weights.shape == (basis.expansion.count,)
    charges = np.random.default_rng(1).normal(size=(3, 500))
    with limited_threads(1):
        found = basis.transform(x, lambda rows: charges[:, rows], 3, 2)
    bound = (basis.remainders[0] * 500 * np.abs(charges).max()) ** 2
    assert_allclose(found @ found.T, charges @ kernel(x, x, 1.0) @ charges.T, rtol=0, atol=bound)
    assert max(basis.remainders) < 1e-6 < min(wide.remainders) < 1e-3


def test_memory_and_time_grow_with_the_terms():
    assert 8 * MAX_TERMS <= 2**25
    some = [Hermite([sample("normal", 2000, dim)], rate_of(1.0), 1e-9) for dim in (4, 5, 6)]
    times = [basis.seconds(10**6) for basis in some]
    assert times == sorted(times)
    assert 0.3 < times[0] < 10
    assert_allclose(some[0].seconds(2000), 2 * some[0].seconds(1000))
    assert 5 * some[0].seconds(1000) < some[0].seconds(1000, 10) < 10 * some[0].seconds(1000)
    assert Hermite.fit_seconds(10**6) < 10 * Hermite.fit_seconds(10**4)
