"""Mean fields minimise Eq. (9) to the last digits, at every radius and dimension that doubles can hold.

Eq. (10) is implemented as printed; codes too far from 0 are refused.
"""

import math

import numpy as np
import pytest
from naive import MP
from numpy.testing import assert_allclose

from gaedist import GaedistError
from gaedist.smoothing.mean_field import (
    MEAN_FIELDS,
    approximate_mean_field,
    diagonal_mean_field,
    full_mean_field,
    radial_mean_field,
    spherical_mean_field,
)

DIMS = [1, 2, 8, 64, 512]
RADII = [0.0, 1e-6, 1e-3, 0.1, 0.5, 1.0, 2.0, 5.0, 8.0, 20.0, 100.0, 1e3]
GOLDEN = (MP.sqrt(5) - 1) / 2


def along_first_axis(radii, dim):
    codes = np.zeros((np.size(radii), dim))
    codes[:, 0] = radii
    return codes


def objective_mp(variances, squares, times):
    """Eq. (9) times (4π)^(D/2), less 1, where x² is so much on so many axes of these variances."""
    axes = list(zip(variances, squares, times, strict=True))
    own = MP.fprod(v ** (-MP.mpf(k) / 2) for v, _, k in axes)
    width = MP.fprod(((1 + v) / 2) ** (-MP.mpf(k) / 2) for v, _, k in axes)
    return own - 2 * width * MP.exp(-MP.fsum(x2 / (2 * (1 + v)) for v, x2, _ in axes))


def newton_step_mp(variances, squares, times):
    """The Hessian of `objective_mp` by log v, and how far Newton's method moves that from here."""
    squares = [MP.mpf(float(x2)) for x2 in squares]

    def objective(*logs):
        return objective_mp([MP.exp(log) for log in logs], squares, times)

    def derivative(*axes):
        return MP.diff(objective, here, tuple(axes.count(k) for k in range(len(here))))

    here = tuple(MP.log(MP.mpf(float(v))) for v in variances)
    axes = range(len(here))
    hessian = MP.matrix([[derivative(i, j) for j in axes] for i in axes])
    return hessian, MP.lu_solve(hessian, MP.matrix([-derivative(i) for i in axes]))


def relative_objective(variances, squares, times, unit):
    """Eq. (9), less 1, over the cross term at the variances ``unit``; variances (…, Q)."""

    def log_cross(v):
        return math.log(2) - (np.log((1 + v) / 2) / 2) @ times - (squares / (2 * (1 + v))).sum(axis=-1)

    shift = log_cross(unit)
    own, cross = -(np.log(variances) / 2) @ times - shift, log_cross(variances) - shift
    return np.exp(np.minimum(own, 600)) - np.exp(np.minimum(cross, 600))


def assert_least(variances, squares, times):
    """50 digits would move log v by no more than rounding, and no point of a coarse grid is lower."""
    hessian, step = newton_step_mp(variances, squares, times)
    MP.cholesky(hessian)  # or it is no minimum
    assert max(map(abs, step)) <= 1e-15
    times, squares = np.array(times, dtype=float), np.array(squares)
    lows = np.geomspace(1e-3, 1e8, 61 if len(times) == 2 else 21)
    grid = np.stack(np.meshgrid(*[lows] * len(times), indexing="ij"), axis=-1)
    here = relative_objective(variances, squares, times, variances)
    assert (relative_objective(grid, squares, times, variances) > here).all()


@pytest.mark.parametrize("r", RADII)
@pytest.mark.parametrize("dim", DIMS)
def test_spherical_is_the_minimum_of_eq_9(dim, r):
    """By golden section, which uses no derivative."""
    low, high = MP.mpf(-1), 3 * MP.log(3 + MP.mpf(r))
    while high - low > 1e-20:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        first, second = (objective_mp([MP.exp(log)], [MP.mpf(r) ** 2], [dim]) for log in (left, right))
        low, high = (low, right) if first < second else (left, high)
    (s,) = spherical_mean_field(along_first_axis(r, dim)).variances[0]
    assert abs(MP.log(MP.mpf(s)) - low) <= 3e-16 * max(1, low)


@pytest.mark.parametrize(
    ("dim", "r", "sigma"), [(1, 1.0, 1.529284), (2, math.sqrt(2), 1.516423), (64, 8.0, 1.477572)]
)
def test_spherical_has_known_values(dim, r, sigma):
    assert_allclose(spherical_mean_field(along_first_axis(r, dim)).sigmas(), [[sigma]], rtol=0, atol=5e-7)


def test_spherical_depends_on_the_norm_only():
    x = np.random.default_rng(0).normal(size=(50, 7))
    got = spherical_mean_field(x).variances
    expected = spherical_mean_field(along_first_axis(np.linalg.norm(x, axis=1), 7)).variances
    assert_allclose(got, expected, rtol=1e-15)


@pytest.mark.parametrize("r", RADII)
@pytest.mark.parametrize("dim", [2, 8, 64, 512])
def test_radial_is_the_minimum_of_eq_9(dim, r):
    (variances,) = radial_mean_field(along_first_axis(r, dim)).variances
    assert_least(variances, [r**2, 0.0], [1, dim - 1])


@pytest.mark.parametrize(("dim", "along", "across"), [(8, 3.96994, 0.98314), (64, 11.2975, 0.99712)])
def test_radial_has_known_values(dim, along, across):
    (sigmas,) = radial_mean_field(along_first_axis(math.sqrt(dim), dim)).sigmas()
    assert_allclose(sigmas[0], along, rtol=0, atol=5e-6 if dim == 8 else 5e-5)
    assert_allclose(sigmas[1], across, rtol=0, atol=5e-6)


def test_radial_is_informative_where_spherical_is_not():
    x = along_first_axis(8.0, 64)
    (s,), (a, b) = spherical_mean_field(x).variances[0], radial_mean_field(x).variances[0]
    a, b, s = MP.mpf(a), MP.mpf(b), MP.mpf(s)
    assert_allclose(float(1 + objective_mp([a, b], [64, 0], [1, 63])), 0.8932, rtol=0, atol=5e-5)
    assert_allclose(float(-objective_mp([s], [64], [64])), 2e-11, rtol=0, atol=5e-12)


@pytest.mark.parametrize("dim", [2, 8, 64, 512])
def test_radial_is_smooth_in_the_radius_down_to_zero(dim):
    radii = np.geomspace(1e-9, 1e4, 700)
    h = np.log(radii[1] / radii[0])
    logs = np.log(radial_mean_field(along_first_axis(radii, dim)).variances)
    derivatives = np.diff(logs, axis=0) / h
    assert ((derivatives[:, 0] > -1e-12) & (derivatives[:, 0] < 2 + 1e-12)).all()
    assert ((derivatives[:, 1] > -0.1) & (derivatives[:, 1] < 1e-12)).all()
    assert (np.abs(np.diff(derivatives, axis=0)) < 2 * h).all()
    assert (np.abs(logs[0]) < 1e-15).all()
    assert_allclose(radial_mean_field(np.zeros((2, dim))).variances, 1, rtol=1e-15)


def test_radial_has_equal_variances_where_there_is_no_direction():
    assert (np.ptp(radial_mean_field(np.zeros((3, 5))).variances, axis=1) == 0).all()
    x = np.random.default_rng(0).normal(size=(20, 1))
    assert (radial_mean_field(x).variances == spherical_mean_field(x).variances).all()


@pytest.mark.parametrize("scale", [1e-3, 0.5, 1.0, 3.0, 100.0])
@pytest.mark.parametrize("dim", [2, 3])
def test_diagonal_is_the_minimum_of_eq_9(dim, scale):
    x = scale * np.random.default_rng(dim).normal(size=(2, dim))
    for point, variances in zip(x, diagonal_mean_field(x).variances, strict=True):
        assert_least(variances, point**2, [1] * dim)


@pytest.mark.parametrize("dim", DIMS)
def test_diagonal_is_radial_along_an_axis_and_spherical_along_the_diagonal(dim):
    along = along_first_axis(RADII, dim)
    a, b = radial_mean_field(along).variances.T
    expected = np.where(np.arange(dim) == 0, a[:, np.newaxis], b[:, np.newaxis])
    assert_allclose(diagonal_mean_field(along).variances, expected, rtol=1e-14)
    equal = np.outer(np.geomspace(1e-8, 1e8, 33), np.ones(dim))
    got, expected = diagonal_mean_field(equal).variances, spherical_mean_field(equal).variances
    assert_allclose(got, np.repeat(expected, dim, axis=1), rtol=1e-14)


@pytest.mark.parametrize("dim", DIMS)
def test_codes_of_every_size_reach_the_stationary_point(dim):
    """∂(9)/∂ log v, as the log of the ratio of its two terms: bounds that miss the root λ would show here."""
    rng = np.random.default_rng(0)
    x = 10 ** rng.uniform(-8, 8, size=(40, dim)) * rng.choice([0, 1], size=(40, 1), p=[0.1, 0.9])
    x[:20] = 10 ** rng.uniform(-8, 8, size=(20, 1))
    v = diagonal_mean_field(x).variances
    for point, variances in zip(x[::4], v[::4], strict=True):
        axes = [(MP.mpf(c) ** 2, MP.mpf(w)) for c, w in zip(point.tolist(), variances.tolist(), strict=True)]
        log_own = -MP.fsum(MP.log(w) for _, w in axes) / 2
        log_cross = MP.log(2) - MP.fsum(MP.log((1 + w) / 2) / 2 + c2 / (2 * (1 + w)) for c2, w in axes)
        derivatives = [log_cross + MP.log(w / (1 + w) * (1 - c2 / (1 + w))) - log_own for c2, w in axes]
        assert max(map(abs, derivatives)) < 1e-12


def test_full_is_radial():
    x = np.vstack([np.random.default_rng(0).normal(size=(5, 3)), np.zeros((1, 3))])
    matrices = full_mean_field(x).matrices
    for point, matrix, (a, b) in zip(x, matrices, radial_mean_field(x).variances, strict=True):
        assert_allclose(matrix @ point, a * point, rtol=1e-14)
        assert_allclose(np.linalg.eigvalsh(matrix), [b, b, a], rtol=1e-14)


@pytest.mark.parametrize("dim", DIMS)
def test_approximation_is_eq_10(dim):
    sigmas = approximate_mean_field(along_first_axis(RADII, dim)).sigmas()[:, 0]
    assert_allclose(sigmas, [1 + r**2 / (2 * dim) for r in RADII], rtol=3e-16)


@pytest.mark.parametrize(("squares", "low", "high"), [(2, 1.04, 1.067), (4, 1.15, 1.194)])
def test_eq_10_is_too_large_far_out(squares, low, high):
    for dim in (8, 64, 4096):
        x = along_first_axis(math.sqrt(squares * dim), dim)
        ratio = approximate_mean_field(x).sigmas() / spherical_mean_field(x).sigmas()
        assert low < ratio[0, 0] < high


@pytest.mark.parametrize("size", [1e75, 1e149])
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_codes_beyond_range_are_refused(family, size):
    with pytest.raises(GaedistError, match=r"\|x\| may be at most 1e\+74; row 1 has 1e\+"):
        MEAN_FIELDS[family](np.array([[0.0, 0.0], [size, 0.0], [0.0, 1.0]]))


@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_codes_within_range_have_variances_within_range(family):
    x = np.array([[9.9e73, 0.0], [0.0, 1e-160], [1e-300, 1e60]])
    covariance = MEAN_FIELDS[family](x)
    covariance.check(x)
    assert covariance.sigmas().max() > 1e73


@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_a_hundred_thousand_codes(family):
    x = np.random.default_rng(0).normal(size=(100_000, 3)) * np.geomspace(1e-3, 1e3, 100_000)[:, np.newaxis]
    covariance = MEAN_FIELDS[family](x)
    rows = [0, 50_000, 99_999]
    assert_allclose(covariance.variances[rows], MEAN_FIELDS[family](x[rows]).variances, rtol=1e-14)
