"""Sums of functions of distance agree with the dense matrix: for every shape, alone and in one pass, of any
size, for clusters far from 0, and by labels. Bits do not depend on threads.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist, pdist

from gaedist.engine import SERIES_BLOCK, PairSum, Profile, Run, Shape, label_sums, log_pair_sums
from gaedist.engine.compiled.integrands import Gaussian

SERIES = (2.0, *np.random.default_rng(7).uniform(-1, 1, size=2 * SERIES_BLOCK - 1), 9.0)
NINE = tuple(0.07 * 1.9**k for k in range(9))

PROFILES = [
    Profile(Shape.POWER, (0.3,)),
    Profile(Shape.POWER, NINE[:2]),
    Profile(Shape.ROOT),
    Profile(Shape.INVERSE, (0.7,)),
    Profile(Shape.INVERSE, NINE[:2]),
    Profile(Shape.INVERSE, NINE[:7]),
    Profile(Shape.INVERSE, NINE),
    Profile(Shape.INVERSE_ROOT, (0.4,)),
    Profile(Shape.INVERSE_ROOT, NINE[:7]),
    Profile(Shape.INVERSE_POWER, (0.4,), (1.5,)),
    Profile(Shape.INVERSE_POWER, NINE[:3], (0.25,)),
    Profile(Shape.ROOT_POWER, (0.4,)),
    Profile(Shape.ROOT_POWER, NINE[:3]),
    Profile(Shape.SERIES, (0.4,), SERIES),
    Profile(Shape.SERIES, NINE[:3], SERIES),
]


def name(profile):
    return f"{profile.shape.name}-{len(profile.rates)}"


def job(integrand, x, y=None, steepness=None):
    if steepness is None:
        steepness = integrand.rate if isinstance(integrand, Gaussian) else max(integrand.rates, default=0.0)
    params_y = None if y is None else np.zeros((1, len(y)))
    return PairSum(integrand, x, y, np.zeros((1, len(x))), params_y, 0.0, steepness)


def summed(jobs, run=None):
    return np.exp(log_pair_sums(jobs, run or Run()))


def term(profile, squares, rate):
    u = rate * squares
    match profile.shape:
        case Shape.POWER:
            return np.exp2(-u)
        case Shape.INVERSE:
            return 1 / (1 + u)
        case Shape.INVERSE_ROOT:
            return 1 / np.sqrt(1 + u)
        case Shape.INVERSE_POWER:
            return (1 + u) ** -profile.rest[0]
        case Shape.ROOT_POWER:
            return np.exp2(-rate * np.sqrt(squares))
        case Shape.SERIES:
            z = 1 / (1 + u)
            return np.sqrt(z) * np.polyval(profile.rest[1:], 2 * z - 1)


def terms(profile, squares):
    """The terms of all pairs, from squared distances, as `Shape` writes them."""
    if profile.shape == Shape.ROOT:
        return np.sqrt(squares)
    return sum(term(profile, squares, rate) for rate in profile.rates)


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def long_squares(x, y):
    """|x_i − y_j|² from differences of long doubles, rounded to double."""
    found = np.zeros((len(x), len(y)), np.longdouble)
    for a, b in zip(x.T.astype(np.longdouble), y.T.astype(np.longdouble), strict=True):
        found += np.subtract.outer(a, b) ** 2
    return found.astype(float)


@pytest.mark.parametrize("profile", PROFILES, ids=name)
@pytest.mark.parametrize("dim", [1, 2, 9, 64])
def test_sums_agree_with_the_dense_matrix(dim, profile):
    x, y = sample(300, dim), 0.5 + sample(270, dim, seed=1)
    found = summed([job(profile, x), job(profile, x, y)])
    expected = [terms(profile, pdist(x) ** 2).sum(), terms(profile, cdist(x, y) ** 2).sum()]
    assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("profile", PROFILES, ids=name)
def test_sums_do_not_depend_on_the_stated_steepness(profile):
    # a steep one takes differences instead of the Gram matrix, after the points are centered
    x, y = 3 + sample(300, 9), sample(257, 9, seed=1)
    found = [
        summed([job(profile, x, steepness=steepness), job(profile, x, y, steepness)])
        for steepness in (0.0, 30.0, 1e9)
    ]
    expected = [terms(profile, pdist(x) ** 2).sum(), terms(profile, cdist(x, y) ** 2).sum()]
    assert_allclose(found, [expected] * 3, rtol=1e-13)


@pytest.mark.parametrize("profile", PROFILES, ids=name)
def test_equal_points_are_at_distance_0(profile):
    x = np.repeat(sample(150, 9) * 40, 2, axis=0)
    squares = long_squares(x, x)
    assert (np.diag(squares, 1)[::2] == 0).all()
    pairs = np.tril_indices(300, -1)
    assert_allclose(summed([job(profile, x)])[0], terms(profile, squares[pairs]).sum(), rtol=1e-13)
    same = np.repeat(x[:1], 270, axis=0)
    expected = math.comb(270, 2) * terms(profile, np.zeros(1))[0]
    if expected:
        assert_allclose(summed([job(profile, same)])[0], expected, rtol=1e-13)
    else:
        assert log_pair_sums([job(profile, same)], Run()) == [-math.inf]


@pytest.mark.parametrize("profile", PROFILES, ids=name)
@pytest.mark.parametrize(
    ("dim", "width"), [(1, 1e-6), (2, 1e-6), (9, 1e-6), (64, 1e-6), (9, 1e-3), (1, 0.3), (9, 0.3)]
)
def test_tight_clusters_far_from_0_keep_the_digits_of_their_distances(dim, profile, width):
    # rates that fit the width of the cluster, so that an error of |x − y|² appears in the sum
    steepness = max(profile.rates, default=0.0)
    scale = 1 / width if profile.shape == Shape.ROOT_POWER else 1 / width**2
    narrow = profile._replace(rates=tuple(rate * scale for rate in profile.rates))
    center = np.full(dim, 5 / math.sqrt(dim))
    x, y = center + width * sample(258, dim), center + width * sample(60, dim, seed=1)
    found = summed([job(narrow, x, steepness=steepness), job(narrow, x, y, steepness)])
    squares, pairs = long_squares(x, x), np.tril_indices(len(x), -1)
    expected = [terms(narrow, squares[pairs]).sum(), terms(narrow, long_squares(x, y)).sum()]
    assert_allclose(found, expected, rtol=2e-13)


@pytest.mark.parametrize("profile", PROFILES, ids=name)
def test_codes_of_any_size(profile):
    x = sample(300, 9)
    x[100:200] *= 1e100
    x[200:] = 0
    squares = long_squares(x, x)[np.tril_indices(300, -1)]
    assert_allclose(summed([job(profile, x)])[0], terms(profile, squares).sum(), rtol=1e-13)


def test_rates_of_very_different_sizes():
    profile = Profile(Shape.INVERSE, (1e28, *[1e-30] * 6))
    x, y = np.array([[0.0], [3e15]]), np.array([[1e15]])
    expected = terms(profile, np.array([1e30, 4e30])).sum()
    assert_allclose(summed([job(profile, x, y, 0.0)])[0], expected, rtol=1e-13)


def test_several_profiles_in_one_pass_agree_with_each_alone():
    x, y = sample(600, 9), sample(300, 9, seed=1)
    kinds = [*PROFILES, Gaussian(0.3), Gaussian(0.01), Gaussian(2.0)]
    jobs = [job(kind, *points) for kind in kinds for points in ((x,), (x, y))]
    together = log_pair_sums(jobs, Run())
    alone = [log_pair_sums([one], Run())[0] for one in jobs]
    assert_allclose(np.exp(np.subtract(together, alone)), 1, rtol=1e-13)
    assert log_pair_sums(jobs[::-1], Run()) == together[::-1]


@pytest.mark.parametrize("rate", [0.3, 3.0, 30.0, 3e6])
def test_a_gaussian_that_shares_a_pass_with_a_profile_may_underflow(rate):
    x, y = sample(300, 9), 30 + sample(270, 9, seed=1)
    kinds = [Gaussian(rate), Profile(Shape.INVERSE, (0.7,)), Gaussian(0.001)]
    jobs = [job(kind, x, y) for kind in kinds]
    alone = [log_pair_sums([one], Run())[0] for one in jobs]
    assert_allclose(log_pair_sums(jobs, Run()), alone, rtol=1e-13)
    assert alone[0] < -500


def test_progress_reaches_the_total_when_a_gaussian_in_a_shared_pass_underflows():
    calls = []
    x, y = sample(2100, 9), 300 + sample(1600, 9, seed=1)
    jobs = [job(kind, x, y) for kind in (Gaussian(1.0), Profile(Shape.ROOT))]
    log_pair_sums(jobs, Run(progress=lambda *counts: calls.append(counts)))
    done, totals = zip(*calls, strict=True)
    assert list(done) == sorted(set(done))
    assert done[-1] == totals[-1] > 9 * 7


def test_bits_do_not_depend_on_threads():
    x, y = sample(1400, 20), sample(700, 20, seed=1)
    jobs = [job(kind, *points) for kind in [*PROFILES, Gaussian(0.3)] for points in ((x,), (x, y))]
    assert log_pair_sums(jobs, Run(threads=1)) == log_pair_sums(jobs, Run(threads=2))


def random_labels(n, count):
    labels = np.random.default_rng(3).integers(0, 2, size=(n, count)).astype(np.uint8)
    return labels.astype(float), np.packbits(labels, axis=1)


@pytest.mark.parametrize("profile", PROFILES, ids=name)
@pytest.mark.parametrize("dim", [2, 20])
def test_sums_by_label_agree_with_the_dense_matrix(dim, profile):
    x = sample(300, dim)
    x[150:160] = 5 + 1e-6 * sample(10, dim, seed=1)
    b, bits = random_labels(300, 61)
    kernel = terms(profile, long_squares(x, x))
    np.fill_diagonal(kernel, 0)
    found = label_sums(job(profile, x), bits, Run(), log_unit=2.5)
    unit = math.exp(2.5)
    both = np.einsum("ir,ij,jr->r", b, kernel, b, optimize=True) / 2
    assert_allclose(unit * found.both[:61], both, rtol=1e-13)
    assert_allclose(unit * found.either[:61], kernel.sum(axis=1) @ b, rtol=1e-13)
    assert_allclose(unit * found.total, kernel.sum() / 2, rtol=1e-13)
    assert not found.both[61:].any()


def test_bits_of_sums_by_label_do_not_depend_on_threads():
    x = sample(1100, 20)
    _, bits = random_labels(1100, 100)
    for profile in PROFILES[2:8:5]:
        one, two = (label_sums(job(profile, x), bits, Run(threads=threads)) for threads in (1, 2))
        assert (one.both == two.both).all()
        assert (one.either == two.either).all()
        assert one.total == two.total
