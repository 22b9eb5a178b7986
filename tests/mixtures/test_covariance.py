"""What every family with parameters for each point guarantees to an optimiser, and to files of σ.

Coordinates 0 change nothing, bounds hold, and derivatives agree with finite differences and dense matrices.
"""

import math

import naive
import numpy as np
import pytest
from members import member, sample, taken
from numpy.testing import assert_allclose
from scipy.linalg import eigvalsh

from gaedist import GaedistError
from gaedist.engine import Run, pair_derivatives
from gaedist.mixtures.covariance import PerPointCovariance, check_sigma
from gaedist.mixtures.families import FAMILIES
from gaedist.mixtures.mixture import Mixture, overlap, pair_sum

PER_POINT = [name for name, family in FAMILIES.items() if issubclass(family, PerPointCovariance)]
ONE = Run(threads=1)


def parameters(covariance):
    return covariance.matrices if covariance.name == "full" else covariance.variances


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("family", PER_POINT)
def test_coordinates_zero_are_the_covariances_themselves(family, dim):
    x = sample(7, dim)
    c = member(family, x)
    found, _ = c.displaced(np.zeros((len(c.curvatures(dim)), 7)))
    assert_allclose(
        parameters(found), parameters(c), rtol=1e-14, atol=1e-15
    )  # full: from its Cholesky factor


@pytest.mark.parametrize("factor", [1.001, 2.0, 10.0])
@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("family", PER_POINT)
def test_no_sigma_changes_by_more_than_the_factor_within_the_bounds(family, dim, factor):
    x, rng = sample(7, dim), np.random.default_rng(1)
    c = member(family, x)
    bounds = c.max_displacement(dim, factor)[:, np.newaxis]
    for signs in (
        1,
        -1,
        rng.choice([-1, 1], size=(len(bounds), 7)),
        rng.uniform(-1, 1, size=(len(bounds), 7)),
    ):
        found = c.displaced(signs * bounds + np.zeros(7))[0].constrained(x)
        for matrix, before in zip(naive.matrices(found, x), naive.matrices(c, x), strict=True):
            ratios = eigvalsh(matrix, before) ** 0.5
            assert 1 / factor - 1e-9 < ratios[0]  # 1e-9: eigenvalues of a nearly singular pencil
            assert ratios[-1] < factor + 1e-9


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("family", PER_POINT)
def test_gradient_of_self_overlaps_agrees_with_differences(family, dim):
    x, step = sample(5, dim), 1e-5
    c = member(family, x)
    zero = np.zeros((len(c.curvatures(dim)), 5))
    _, pull_back = c.displaced(zero)
    got = pull_back(c.self_overlap_gradient(dim))
    for k, row in enumerate(got):
        shift = zero.copy()
        shift[k] = step
        above, below = (c.displaced(sign * shift)[0].log_self_overlaps(dim) for sign in (1, -1))
        assert_allclose(row, (above - below) / (2 * step), rtol=0, atol=1e-9)  # step² and rounding/step


@pytest.mark.parametrize("family", PER_POINT)
def test_what_a_file_stores_is_the_same_covariances(family):
    x = sample(7, 3)
    c = member(family, x)
    assert c.stored().shape == type(c).stored_shape(7, 3)
    assert_allclose(
        parameters(type(c).from_stored(c.stored())), parameters(c), rtol=1e-15
    )  # a root and a square


@pytest.mark.parametrize("family", PER_POINT)
def test_concatenated_and_scaled(family):
    x, y = sample(4, 3), sample(3, 3, seed=1)
    c, g = member(family, x), member(family, y, seed=1)
    both = c.concatenated(g)
    np.testing.assert_array_equal(parameters(both), np.concatenate([parameters(c), parameters(g)]))
    assert_allclose(c.scaled(4.0).sigmas(), 2 * c.sigmas(), rtol=1e-14)  # eigenvalues, if full


def test_radial_covariances_are_constrained_where_there_is_one_direction():
    x = np.array([[1.0, 0.0], [0.0, 0.0]])
    c = member("radial", np.ones((2, 2)))
    (a, b), (_, b0) = c.variances
    np.testing.assert_array_equal(c.constrained(x).variances, [[a, b], [b0, b0]])
    gradient = np.array([[1.0, 2.0], [10.0, 20.0]])
    np.testing.assert_array_equal(c.constrained_gradient(gradient, x), [[1.0, 0.0], [10.0, 22.0]])
    np.testing.assert_array_equal(c.constrained(x[:, :1]).variances, c.variances[:, [0, 0]])
    np.testing.assert_array_equal(c.constrained_gradient(gradient, x[:, :1]), [[11.0, 22.0], [0.0, 0.0]])


@pytest.mark.parametrize("family", FAMILIES)
def test_self_overlaps_are_those_of_the_mixture(family):
    x = sample(1, 3)
    p = Mixture(x, member(family, x))
    assert_allclose(p.covariance.log_self_overlaps(3), overlap(p, p, unit=1).log_self, rtol=0, atol=1e-15)


def derivatives_by_parameters(covariance, x, by_matrices):
    """∂F/∂Σ_i, (n, D, D), as derivatives by the parameters of a family, (Q, n)."""
    trace = np.trace(by_matrices, axis1=1, axis2=2)
    if covariance.name == "spherical":
        return trace[np.newaxis]
    if covariance.name == "radial":
        along = np.einsum("ir,irc,ic->i", x, by_matrices, x) / (x**2).sum(axis=1)
        return np.stack([along, trace - along])
    if covariance.name == "diagonal":
        return np.diagonal(by_matrices, axis1=1, axis2=2).T
    rows, columns = np.tril_indices(x.shape[1])
    return by_matrices[:, rows, columns].T


def dense_derivatives(covariance, x, y, covariances_y):
    """What `pair_derivatives` gives for the left points, (1 + Q, n)."""
    terms, by_matrices = naive.pair_derivatives_full(x, naive.matrices(covariance, x), y, covariances_y)
    return np.vstack([terms, derivatives_by_parameters(covariance, x, by_matrices)])


@pytest.mark.parametrize(
    ("family", "m", "dim"),
    [
        ("spherical", 257, 3),
        ("spherical", 20, 12),
        ("radial", 257, 3),
        ("radial", 20, 12),
        ("diagonal", 257, 3),
        ("diagonal", 9, 8),
        ("diagonal", 9, 13),
        ("full", 257, 2),
        *(("full", 9, dim) for dim in (1, 3, 4, 5, 6, 7, 8, 9, 19, 22)),
    ],
)
def test_pair_derivatives_agree_with_dense_matrices_across_tiles(family, m, dim):
    rng, n = np.random.default_rng(0), 300 if dim < 4 else 60
    x, y = rng.normal(size=(n, dim)), rng.normal(size=(m, dim))
    c, g = member(family, x), member(family, y, seed=1)
    a, b = naive.matrices(c, x), naive.matrices(g, y)
    p, q = Mixture(x, c), Mixture(y, g)
    log_unit = dim / 2 * math.log(4 * math.pi)  # which a pair sum carries
    (left, right), (within, same) = pair_derivatives([pair_sum(p, q), pair_sum(p, p)], ONE, log_unit=log_unit)
    assert same is within
    selves = [dense_derivatives(taken(c, [i]), x[[i]], x[[i]], a[[i]]) for i in range(n)]
    for got, expected in (
        (left, dense_derivatives(c, x, y, b)),
        (right, dense_derivatives(g, y, x, a)),
        (within + np.hstack(selves), dense_derivatives(c, x, x, a)),
    ):
        assert_allclose(got[0], expected[0], rtol=1e-13)  # sums of 300 terms
        assert_allclose(got[1:], expected[1:], rtol=1e-12, atol=1e-13 * np.abs(expected[1:]).max())


@pytest.mark.parametrize(("family", "dim"), [*((name, 3) for name in PER_POINT), ("radial", 12)])
def test_bits_of_derivatives_do_not_depend_on_threads(family, dim):
    x, y = sample(600, dim), sample(300, dim, seed=1)
    p, q = Mixture(x, member(family, x)), Mixture(y, member(family, y, seed=1))
    jobs = [pair_sum(p, q), pair_sum(p, p)]
    one, two = (pair_derivatives(jobs, Run(threads=count)) for count in (1, 2))
    for once, again in zip(one, two, strict=True):
        np.testing.assert_array_equal(once[0], again[0])
        np.testing.assert_array_equal(once[1], again[1])


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_sigma_must_be_positive_and_finite(sigma):
    with pytest.raises(GaedistError, match="sigma must be a positive, finite number; got"):
        check_sigma(sigma)


@pytest.mark.parametrize("sigma", [1e-80, 1e80])
def test_sigma_must_have_a_square_within_the_range_of_a_double(sigma):
    with pytest.raises(GaedistError, match=r"sigma must lie between 1e-75 and 1e\+75; got"):
        check_sigma(sigma)
