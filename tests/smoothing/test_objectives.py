"""The losses equal the dense formulas, and their gradients central differences, for every family."""

import math

import naive
import numpy as np
import pytest
from members import member
from numpy.testing import assert_allclose
from scipy.optimize import brentq

from gaedist.engine import Run
from gaedist.mixtures.diagonal import Spherical
from gaedist.smoothing.mean_field import MEAN_FIELDS
from gaedist.smoothing.objectives import Distance, Score

DIMS = [1, 2, 5]
ONE = Run(threads=1)


def sample(n, dim, seed=0):
    """A sample with a point at 0."""
    x = np.random.default_rng(seed).normal(size=(n, dim))
    x[n // 2] = 0
    return x


def evaluated(objective, base, z):
    """The loss and its gradient at coordinates z about a base, an array (Q, n) for each sample."""
    displaced = [covariance.displaced(part) for covariance, part in zip(base, z, strict=True)]
    constrained = [found.constrained(x) for (found, _), x in zip(displaced, objective.samples, strict=True)]
    point = objective(tuple(constrained))
    parts = zip(displaced, constrained, point.gradients, objective.samples, strict=True)
    return point.loss, [
        pull_back(found.constrained_gradient(gradient, x)) for (_, pull_back), found, gradient, x in parts
    ]


def assert_gradient(objective, base, *, scale=0.3, step=1e-4):
    """Check every derivative by a central difference, at random coordinates of about this size."""
    rng = np.random.default_rng(5)
    samples = zip(base, objective.samples, strict=True)
    z = [scale * rng.normal(size=(len(c.curvatures(x.shape[1])), len(x))) for c, x in samples]
    _, gradient = evaluated(objective, base, z)
    for part, derivatives in zip(z, gradient, strict=True):
        expected = np.empty_like(derivatives)
        for place in np.ndindex(part.shape):
            here = part[place]
            part[place] = here + step
            above, _ = evaluated(objective, base, z)
            part[place] = here - step
            below, _ = evaluated(objective, base, z)
            part[place] = here
            expected[place] = (above - below) / (2 * step)
        assert np.abs(derivatives).max() > 1e-3
        # step² times a third derivative, and rounding of the loss over the step
        assert_allclose(derivatives, expected, rtol=1e-6, atol=1e-7 * np.abs(derivatives).max())


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_gradient_of_a_score(family, dim):
    x = sample(7, dim)
    assert_gradient(Score(x, ONE), (member(family, x),))


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("family", MEAN_FIELDS)
def test_gradient_of_a_distance_between_samples(family, dim):
    x, y = sample(7, dim), sample(5, dim, seed=1)
    assert_gradient(Distance(x, y, ONE), (member(family, x), member(family, y, seed=1)))


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


def test_loss_of_a_score_is_smooth_where_the_score_passes_one():
    """It is −log(1 − d²) down to 2 − P/C = 0.01, and has the same gradient on both sides of that."""
    x = np.array([[1.0, 0.0]])

    def at(variance):
        return Score(x, ONE)((Spherical(np.array([[variance]])),))

    def rest(variance):
        pair, cross = naive.score_terms_full(x, variance * np.eye(2)[np.newaxis])
        return 2 - math.exp(pair - cross)

    edge = brentq(lambda variance: rest(variance) - 0.01, 0.1, 1.0, xtol=1e-15)
    inside, outside = at(edge * (1 + 1e-9)), at(edge * (1 - 1e-9))
    assert rest(edge * (1 + 1e-9)) > 0.01 > rest(edge * (1 - 1e-9)) > 0
    # the two points are 2e-9 apart, and the loss has a second derivative of about 1e3 there
    assert_allclose(inside.loss, outside.loss, rtol=0, atol=1e-6)
    assert_allclose(inside.gradients, outside.gradients, rtol=1e-6)
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
    assert_allclose(Distance(x, y, ONE)((c, g)).loss, expected, rtol=0, atol=1e-12)
