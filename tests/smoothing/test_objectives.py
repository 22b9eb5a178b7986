import math

import naive
import numpy as np
import pytest
from members import member, taken
from numpy.testing import assert_allclose
from scipy.optimize import brentq

from gaedist.engine import Run, pair_derivatives
from gaedist.mixtures.diagonal import Spherical
from gaedist.mixtures.mixture import Mixture, pair_sum
from gaedist.smoothing.mean_field import MEAN_FIELDS
from gaedist.smoothing.objectives import Between, Score

DIMS = [1, 2, 5]
ONE = Run(threads=1)


def sample(n, dim, seed=0):
    """A sample with a point at 0."""
    x = np.random.default_rng(seed).normal(size=(n, dim))
    x[n // 2] = 0
    return x


def evaluated(objective, base, z):
    """The loss and its gradient at coordinates z about a base, an array (Q, n) for each sample."""
    moved = [covariance.moved(part) for covariance, part in zip(base, z, strict=True)]
    tied = [found.tied(x) for (found, _), x in zip(moved, objective.samples, strict=True)]
    point = objective(tuple(tied))
    parts = zip(moved, tied, point.slopes, objective.samples, strict=True)
    return point.loss, [pull(found.tied_slopes(slopes, x)) for (_, pull), found, slopes, x in parts]


def assert_gradient(objective, base, *, scale=0.3, step=1e-4):
    """Check every derivative by a central difference, at random coordinates of about this size."""
    rng = np.random.default_rng(5)
    samples = zip(base, objective.samples, strict=True)
    z = [scale * rng.normal(size=(len(c.curvatures(x.shape[1])), len(x))) for c, x in samples]
    _, gradient = evaluated(objective, base, z)
    for part, slopes in zip(z, gradient, strict=True):
        expected = np.empty_like(slopes)
        for place in np.ndindex(part.shape):
            here = part[place]
            part[place] = here + step
            above, _ = evaluated(objective, base, z)
            part[place] = here - step
            below, _ = evaluated(objective, base, z)
            part[place] = here
            expected[place] = (above - below) / (2 * step)
        assert np.abs(slopes).max() > 1e-3
        assert_allclose(slopes, expected, rtol=1e-6, atol=1e-7 * np.abs(slopes).max())


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_gradient_of_a_score(family, dim):
    x = sample(7, dim)
    assert_gradient(Score(x, ONE), (member(family, x),))


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_gradient_of_a_distance_between_samples(family, dim):
    x, y = sample(7, dim), sample(5, dim, seed=1)
    assert_gradient(Between(x, y, ONE), (member(family, x), member(family, y, seed=1)))


@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_gradient_of_a_score_that_is_one_to_the_last_digit(family):
    x = 2 * np.random.default_rng(0).normal(size=(3, 64))
    base = (MEAN_FIELDS[family](x),)
    if family == "spherical":
        assert Score(x, ONE)(base).loss > 40
    assert_gradient(Score(x, ONE), base, scale=0.03, step=1e-5)


@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_gradient_of_a_score_beyond_one(family):
    x = sample(7, 2)
    c = member(family, x, sigmas=(0.05, 0.1))
    assert naive.score_full(x, naive.matrices(c, x)) > 1
    assert_gradient(Score(x, ONE), (c,))


@pytest.mark.parametrize("dim", [1, 2, 5, 64])
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_loss_of_a_score_is_minus_the_log_of_its_complement(family, dim):
    x = sample(7, dim)
    c = MEAN_FIELDS[family](x)
    pair, cross = naive.score_terms_full(x, naive.matrices(c, x))
    loss = Score(x, ONE)((c,)).loss
    assert_allclose(loss, -cross - math.log(2 - math.exp(pair - cross)), rtol=0, atol=2e-13)
    if dim < 64:
        assert_allclose(-math.expm1(-loss), naive.score_full(x, naive.matrices(c, x)), rtol=1e-12)


def test_loss_of_a_score_goes_on_where_it_passes_one():
    """It is −log(1 − d²) down to 2 − P/C = 0.01, and has the same slope on both sides of that."""
    x = np.array([[1.0, 0.0]])

    def at(variance):
        return Score(x, ONE)((Spherical(np.array([[variance]])),))

    def rest(variance):
        pair, cross = naive.score_terms_full(x, variance * np.eye(2)[np.newaxis])
        return 2 - math.exp(pair - cross)

    edge = brentq(lambda variance: rest(variance) - 0.01, 0.1, 1.0, xtol=1e-15)
    inside, outside = at(edge * (1 + 1e-9)), at(edge * (1 - 1e-9))
    assert rest(edge * (1 + 1e-9)) > 0.01 > rest(edge * (1 - 1e-9)) > 0
    assert_allclose(inside.loss, outside.loss, rtol=0, atol=1e-6)
    assert_allclose(inside.slopes, outside.slopes, rtol=1e-6)
    assert (np.diff([at(variance).loss for variance in np.geomspace(1e-4, 1, 200)]) < 0).all()


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_loss_between_samples_is_the_log_of_the_distance(family, dim):
    x, y = sample(7, dim), sample(5, dim, seed=1)
    c, g = member(family, x), member(family, y, seed=1)
    a, b = naive.matrices(c, x), naive.matrices(g, y)
    own = naive.overlap_full(x, a, x, a), naive.overlap_full(y, b, y, b)
    square = sum(map(math.exp, own)) - 2 * math.exp(naive.overlap_full(x, a, y, b))
    expected = math.log(square) + dim / 2 * math.log(4 * math.pi)
    assert_allclose(Between(x, y, ONE)((c, g)).loss, expected, rtol=0, atol=1e-12)


def slopes_by_parameters(covariance, x, by_matrices):
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
    return np.vstack([terms, slopes_by_parameters(covariance, x, by_matrices)])


@pytest.mark.parametrize(
    ("family", "m", "dim"),
    [
        ("spherical", 257, 3),
        ("spherical", 256, 12),
        ("radial", 257, 3),
        ("radial", 256, 12),
        ("diagonal", 257, 3),
        ("full", 257, 2),
    ],
)
def test_pair_derivatives_agree_with_dense_matrices_across_tiles(family, m, dim):
    rng, n = np.random.default_rng(0), 300
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
        assert_allclose(got[0], expected[0], rtol=1e-13)
        assert_allclose(got[1:], expected[1:], rtol=1e-12, atol=1e-13 * np.abs(expected[1:]).max())


@pytest.mark.parametrize(("family", "dim"), [*((name, 3) for name in MEAN_FIELDS), ("radial", 12)])
def test_bits_of_derivatives_do_not_depend_on_threads(family, dim):
    x, y = sample(600, dim), sample(300, dim, seed=1)
    p, q = Mixture(x, member(family, x)), Mixture(y, member(family, y, seed=1))
    jobs = [pair_sum(p, q), pair_sum(p, p)]
    one, two = (pair_derivatives(jobs, Run(threads=count)) for count in (1, 2))
    for once, again in zip(one, two, strict=True):
        np.testing.assert_array_equal(once[0], again[0])
        np.testing.assert_array_equal(once[1], again[1])
