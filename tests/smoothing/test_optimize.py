"""The search ends at or below dense minimisation, the mean field and narrower families, within its bounds.

Ctrl-C leaves the best so far, and results do not depend on threads.
"""

import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import eigvalsh
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from gaedist.engine import Run
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.distance import squared_distance
from gaedist.mixtures.families import FAMILIES, contains
from gaedist.mixtures.mixture import Mixture, normal
from gaedist.smoothing.mean_field import MEAN_FIELDS
from gaedist.smoothing.objectives import Distance, Score
from gaedist.smoothing.optimize import optimize, optimize_jointly

ONE = Run(threads=1)


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def score(x, covariance):
    """Eq. (6) and its terms, by the package."""
    return squared_distance(Mixture(x, covariance), normal(x.shape[1]), unit=1, run=ONE)


def square(x, covariance):
    return math.exp(score(x, covariance).log_value)


def log_complement(x, covariance):
    """log(1 − d²), also where d² is 1 to the last digit; −inf where it is more."""
    terms = score(x, covariance)
    pair, cross = terms.pp.log_total, terms.pq.log_total
    return cross + math.log(2 - math.exp(pair - cross)) if pair - cross < math.log(2) else -math.inf


def dense_loss(x):
    """−log(1 − d²) of spherical covariances by Eq. (7), and its gradient by log σ², from n×n matrices."""
    n, dim = x.shape
    squares, norms = cdist(x, x, "sqeuclidean"), (x**2).sum(axis=1)

    def loss(log_s):
        s = np.exp(log_s)
        m, t = (s[:, np.newaxis] + s) / 2, (1 + s) / 2
        pairs = np.exp(-squares / (4 * m)) * m ** (-dim / 2)
        cross = np.exp(-norms / (4 * t)) * t ** (-dim / 2)
        by_pairs = (pairs * (squares / (4 * m**2) - dim / (2 * m))).sum(axis=1) / n**2
        by_cross = cross * (norms / (8 * t**2) - dim / (4 * t)) / n
        rest = 2 * cross.mean() - pairs.mean()
        if rest <= 1e-12:
            return 1e3, np.zeros(n)
        return -math.log(rest), s * (by_pairs - 2 * by_cross) / rest

    return loss


def plain_search(x, start):
    """d² where L-BFGS-B ends, with nothing done to help it."""
    options = {"maxiter": 600, "maxfun": 1200, "ftol": 1e-13, "gtol": 1e-10}
    bounds = [(-12, 12)] * len(x)
    with threadpool_limits(1):
        found = minimize(dense_loss(x), start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return -math.expm1(-found.fun)


@pytest.mark.parametrize("dim", [1, 2, 8])
def test_dense_loss_is_the_score_and_its_gradient(dim):
    x, z = sample(5, dim), np.random.default_rng(1).normal(scale=0.3, size=5)
    loss = dense_loss(x)
    matrices = np.exp(z)[:, np.newaxis, np.newaxis] * np.eye(dim)
    assert_allclose(loss(z)[0], -math.log(1 - naive.score_full(x, matrices)), rtol=1e-12)
    numeric = [(loss(z + 1e-5 * axis)[0] - loss(z - 1e-5 * axis)[0]) / 2e-5 for axis in np.eye(5)]
    assert_allclose(loss(z)[1], numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("dim", "n", "starts"), [pytest.param(1, 300, 2, marks=pytest.mark.slow), (2, 60, 4), (8, 60, 4)]
)
def test_no_plain_search_from_random_starts_ends_two_percent_lower(dim, n, starts):
    """With 60 points in one dimension there are minima 4 % apart; the bench has more of D and starts."""
    x, rng = sample(n, dim), np.random.default_rng(9)
    best = min(plain_search(x, rng.normal(scale=0.5, size=n)) for _ in range(starts))
    assert best < 0.9
    assert square(x, optimize(x, "spherical", ONE).covariances[0]) <= 1.02 * best


@pytest.mark.parametrize(
    ("n", "dim"),
    [*(pytest.param(*shape, marks=pytest.mark.slow) for shape in ((30, 1), (40, 2))), (30, 8)],
)
def test_no_family_ends_above_its_starts_or_a_poorer_one(n, dim):
    x = sample(n, dim)
    squares = {}
    for family in FAMILIES:
        found = optimize(x, family, ONE)
        (covariance,) = found.covariances
        assert covariance.name == family
        assert found.converged
        assert not found.interrupted
        squares[family] = square(x, covariance)
        if family in MEAN_FIELDS:
            assert squares[family] <= square(x, MEAN_FIELDS[family](x)) * (1 + 1e-12)
        for poorer in squares:
            if contains(family, poorer):
                assert squares[family] <= squares[poorer] * (1 if poorer == "constant" else 1.02)


@pytest.mark.parametrize(("n", "dim"), [(1, 2), (60, 1), (60, 2), (60, 8)])
def test_best_constant_is_best_of_a_fine_grid(n, dim):
    x = sample(n, dim)
    best = min(naive.score(x, sigma) for sigma in np.geomspace(0.05, 3, 400))
    assert square(x, optimize(x, "constant", ONE).covariances[0]) <= 1.001 * best


@pytest.mark.parametrize("dim", [1, 2, 8])
def test_doubling_every_point_hardly_matters(dim):
    x = sample(40, dim)
    once, twice = (
        square(z, optimize(z, "spherical", ONE).covariances[0]) for z in (x, np.repeat(x, 2, axis=0))
    )
    assert_allclose(twice, once, rtol=0.02)


@pytest.mark.parametrize("x", [sample(1, 3), 3 * sample(1, 1), np.tile(sample(1, 3), (7, 1))], ids=repr)
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_where_all_points_are_equal_the_mean_field_is_exact(family, x):
    (found,) = optimize(x, family, ONE).covariances
    expected = MEAN_FIELDS[family](x)
    assert_allclose(square(x, found), square(x, expected), rtol=1e-9)
    assert_allclose(found.sigmas(), expected.sigmas(), rtol=1e-3)


@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.slow), 5])
@pytest.mark.parametrize("family", FAMILIES)
def test_points_at_zero_have_no_distance(family, n):
    x = np.zeros((n, 3))
    (found,) = optimize(x, family, ONE).covariances
    assert square(x, found) <= (1e-5 if family == "constant" else 1e-15)
    assert_allclose(found.sigmas(), 1, rtol=1e-2 if family == "constant" else 1e-7)


@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_search_moves_where_the_score_is_one_to_the_last_digit(family):
    x = 2 * sample(10, 64)
    start = log_complement(x, MEAN_FIELDS[family](x))
    (found,) = optimize(x, family, ONE).covariances
    if family == "spherical":
        assert square(x, MEAN_FIELDS[family](x)) == 1
    assert log_complement(x, found) > start + 0.5


@pytest.mark.parametrize("scale", [pytest.param(100.0, marks=pytest.mark.slow), 1e4])
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_search_goes_below_the_mean_field_of_wide_codes(family, scale):
    x = scale * sample(20, 3)
    (found,) = optimize(x, family, ONE).covariances
    assert log_complement(x, found) > log_complement(x, MEAN_FIELDS[family](x)) + 0.1


@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_search_of_codes_far_from_zero(family):
    x = 100 + sample(20, 8)
    (found,) = optimize(x, family, ONE).covariances
    assert log_complement(x, found) >= log_complement(x, MEAN_FIELDS[family](x))


@pytest.mark.parametrize("dim", [600, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("family", ["constant", "spherical", "radial"])
def test_search_in_thousands_of_dimensions(family, dim):
    x = sample(5, dim)
    (found,) = optimize(x, family, ONE).covariances
    starts = (
        [Constant(s) for s in np.geomspace(1, 4, 50)] if family == "constant" else [MEAN_FIELDS[family](x)]
    )
    assert log_complement(x, found) > max(log_complement(x, start) for start in starts) - 0.05


@pytest.mark.parametrize("family", ["radial", "full"])
def test_search_with_a_point_whose_square_underflows(family):
    x = sample(20, 3)
    near, zero = x.copy(), x.copy()
    near[4], zero[4] = 1e-170, 0
    got, expected = (square(z, optimize(z, family, ONE).covariances[0]) for z in (near, zero))
    assert_allclose(got, expected, rtol=0.02)


def interrupted_after(count, objective, seen):
    """The objective, with Ctrl-C at one evaluation after so many, whose losses go to a list."""

    class Interrupted(objective):
        def __call__(self, covariances):
            if len(seen) == count:
                raise KeyboardInterrupt
            point = super().__call__(covariances)
            seen.append(point.loss)
            return point

    return Interrupted


@pytest.mark.parametrize("count", [0, 1, 7, 20])
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_ctrl_c_leaves_the_best_so_far(monkeypatch, family, count):
    x, seen = sample(20, 2), []
    constant = optimize(x, "constant", ONE).covariances[0]
    monkeypatch.setattr("gaedist.smoothing.optimize.Score", interrupted_after(count, Score, seen))
    found = optimize(x, family, ONE)
    (covariance,) = found.covariances
    assert found.interrupted
    assert not found.converged
    assert covariance.name == family
    best = min([*seen, -log_complement(x, constant)])
    assert_allclose(-log_complement(x, covariance), best, rtol=1e-12)


def test_ctrl_c_before_anything_is_seen_goes_on(monkeypatch):
    def best_constant(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gaedist.smoothing.search.best_constant", best_constant)
    with pytest.raises(KeyboardInterrupt):
        optimize(sample(20, 2), "spherical", ONE)
    monkeypatch.setattr("gaedist.smoothing.optimize.Distance", interrupted_after(0, Distance, []))
    with pytest.raises(KeyboardInterrupt):
        optimize_jointly(sample(20, 2), sample(20, 2, seed=1), "spherical", 2.0, ONE)


def test_ctrl_c_leaves_the_best_so_far_of_both_samples(monkeypatch):
    x, y, seen = sample(20, 2), sample(10, 2, seed=1), []
    monkeypatch.setattr("gaedist.smoothing.optimize.Distance", interrupted_after(6, Distance, seen))
    found = optimize_jointly(x, y, "radial", 2.0, ONE)
    assert found.interrupted
    assert not found.converged
    assert_allclose(log_between(x, y, found.covariances), min(seen), rtol=0, atol=1e-12)


def log_between(x, y, covariances):
    p, q = (Mixture(z, covariance) for z, covariance in zip((x, y), covariances, strict=True))
    return squared_distance(p, q, unit=1, run=ONE).log_value


def stretches(covariance, start, x):
    """The least and the largest factor between the σ of two covariances of each point, (2, n)."""
    factors = []
    for matrix, before in zip(naive.matrices(covariance, x), naive.matrices(start, x), strict=True):
        values = eigvalsh(matrix, before)
        factors.append([values[0] ** 0.5, values[-1] ** 0.5])
    return np.array(factors).T


@pytest.mark.parametrize(("dim", "factor"), [(1, 1.5), (2, 1.001), (2, 5.0), (4, 1.5)])
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_joint_search_stays_within_its_bounds(family, dim, factor):
    x, y = sample(20, dim), 0.5 + sample(15, dim, seed=1)
    x[3] = 0
    starts = [MEAN_FIELDS[family](z) for z in (x, y)]
    found = optimize_jointly(x, y, family, factor, ONE)
    assert found.converged
    assert log_between(x, y, found.covariances) < log_between(x, y, starts)
    least, largest = np.hstack(
        [stretches(*three) for three in zip(found.covariances, starts, (x, y), strict=True)]
    )
    assert (least > 1 / factor - 1e-9).all()
    assert (largest < factor + 1e-9).all()
    if family == "spherical":
        touching = (least < (1 + 1e-8) / factor) | (largest > factor * (1 - 1e-8))
        assert found.at_bounds == touching.sum()
    if factor == 1.001 and family != "full":
        assert found.at_bounds > 20


@pytest.mark.parametrize(("dim", "factor"), [(300, 2.0), (600, 10.0), (1100, 2.0)])
@pytest.mark.parametrize("family", ["spherical", "radial"])
def test_joint_search_in_many_dimensions(family, dim, factor):
    """There d² falls like factor^−D towards the widest covariances, further than a double can."""
    x, y = sample(5, dim), sample(4, dim, seed=1)
    found = optimize_jointly(x, y, family, factor, ONE)
    starts = [MEAN_FIELDS[family](z) for z in (x, y)]
    widest = [start.scaled(factor**2) for start in starts]
    assert log_between(x, y, found.covariances) <= log_between(x, y, widest) + 1e-6
    assert found.gradient_norm < 1e3
    ratios = [c.sigmas() / start.sigmas() for c, start in zip(found.covariances, starts, strict=True)]
    touching = np.abs(np.log(np.concatenate(ratios))) > math.log(factor) - 1e-8
    assert found.at_bounds == touching.any(axis=1).sum()


def test_joint_search_of_equal_samples():
    x = sample(20, 2)
    found = optimize_jointly(x, x[::-1].copy(), "spherical", 2.0, ONE)
    assert log_between(x, x[::-1], found.covariances) < math.log(1e-15)


@pytest.mark.parametrize("family", ["spherical", "radial"])
def test_result_does_not_depend_on_threads(monkeypatch, family):
    for name, iterations in (("_SCOUTING", 4), ("_RACE", (2,)), ("_ROUNDS", (4, 4))):
        monkeypatch.setattr(f"gaedist.smoothing.search.{name}", iterations)
    x, y = sample(270, 3), sample(260, 3, seed=1)
    one, two = (optimize(x, family, Run(threads=count)) for count in (1, 2))
    np.testing.assert_array_equal(one.covariances[0].variances, two.covariances[0].variances)
    one, two = (optimize_jointly(x, y, family, 2.0, Run(threads=count)) for count in (1, 2))
    for once, again in zip(one.covariances, two.covariances, strict=True):
        np.testing.assert_array_equal(once.variances, again.variances)
