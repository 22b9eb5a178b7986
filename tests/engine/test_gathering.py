"""Points that lie far from the others are gathered, clusters in order, and sums stay what they are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist, pdist
from scipy.special import logsumexp

from gaedist.engine import Run, gathering, log_pair_sums
from gaedist.engine.compiled.integrands import Profile, Shape
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.gathering import gathered
from gaedist.engine.origins import gram_limit, near_limit
from gaedist.metrics.kernel_metrics import radial_sum
from gaedist.mixtures.families import Constant, Spherical
from gaedist.mixtures.mixture import Mixture, pair_sum

N = 1500
ERROR = 5e-13  # of an exponent, for which |x|² + |y|² may be 6200


def mixture(x, family="constant", seed=0):
    variances = np.random.default_rng(seed).uniform(0.5, 2, size=(len(x), 1))
    return Mixture(x, Constant(1.0) if family == "constant" else Spherical(variances))


def job(x, y=None, family="constant"):
    p = mixture(x, family)
    return pair_sum(p, p if y is None else mixture(y, family, 1))


def sample(kind, n, dim, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dim))
    if kind == "some far":
        x[rng.random(n) < 0.05] *= 100
    elif kind == "two clusters":
        x[rng.random(n) < 0.5, 0] += 300
    elif kind == "far cluster":
        x[rng.random(n) < 0.1, -1] += 1000
    elif kind == "wide":
        x *= 200
    return x


@pytest.fixture(autouse=True)
def _no_sum_is_short(monkeypatch):
    monkeypatch.setattr(gathering, "_SHORT", 0.0)


def terms(x, y, family, seed):
    """Natural logarithms of the terms of all pairs, up to what all have in common."""
    v, w = mixture(x, family).covariance, mixture(y, family, seed).covariance
    both = 2.0 if family == "constant" else v.variances + w.variances.T
    squares = np.stack([((row - y) ** 2).sum(1) for row in x])
    return -x.shape[1] / 2 * np.log(both) - squares / (2 * both)


@pytest.mark.parametrize("family", ["constant", "spherical"])
@pytest.mark.parametrize("dim", [1, 3, 9, 40])
@pytest.mark.parametrize("kind", ["some far", "two clusters", "far cluster", "wide"])
def test_sums_are_those_of_all_pairs(kind, dim, family):
    x, y = sample(kind, N, dim), sample(kind, N - 200, dim, seed=1)
    jobs = [job(x, family=family), job(x, y, family)]
    within, between = log_pair_sums(jobs, Run(method="pairs", threads=1))
    expected = logsumexp(terms(x, x, family, 0)[np.tril_indices(N, -1)]) - logsumexp(terms(x, y, family, 1))
    scales = jobs[0].log_scale - jobs[1].log_scale
    assert_allclose(within - between + scales, expected, rtol=0, atol=5e-12)


@pytest.mark.parametrize("kind", ["some far", "two clusters", "far cluster", "wide", "normal"])
def test_what_is_gathered(kind):
    """The same points in another order: those near the mean first, then others, clusters in order."""
    x = sample(kind, N, 5)
    before = job(x)
    after = gathered(before, gram_limit(before, ERROR))
    assert sorted(map(tuple, before.x)) == sorted(map(tuple, after.x))
    center = x.mean(axis=0)
    far = ((after.x - center) ** 2).sum(axis=1) > 3122
    assert (np.diff(far.astype(int)) >= 0).all()
    if kind in ("normal", "wide"):
        assert after is before or (after.x == before.x).all()
    if kind == "two clusters":
        sides = [np.ptp(after.x[k : k + TILE, 0]) for k in range(0, N, TILE)]
        assert np.sum(np.array(sides) > 100) <= 1  # a tile lies in both


DISTANCE, INVERSE = Profile(Shape.ROOT, ()), Profile(Shape.INVERSE, (0.05,))


@pytest.mark.parametrize("dim", [2, 9, 40])
@pytest.mark.parametrize(
    "kind", ["some far", "two clusters", "far cluster", "wide", "clusters of equal points"]
)
def test_sums_of_functions_of_distance_are_those_of_all_pairs(kind, dim):
    x, y = sample(kind, N, dim), sample(kind, N - 200, dim, seed=1)
    if kind == "clusters of equal points":
        x[:, 0], y[:, 0] = np.round(x[:, 0]) + 300 * (x[:, -1] > 0), np.round(y[:, 0])
        x[:, 1:], y[:, 1:] = 0, 0
    squares = pdist(x, "sqeuclidean"), cdist(x, y, "sqeuclidean")
    for profile, function in ((DISTANCE, np.sqrt), (INVERSE, lambda square: 1 / (1 + 0.05 * square))):
        found = log_pair_sums(
            [radial_sum(profile, x), radial_sum(profile, x, y)], Run(method="pairs", threads=1)
        )
        assert_allclose(np.exp(found), [function(some).sum() for some in squares], rtol=2e-13)


@pytest.mark.parametrize("dim", [2, 9])
@pytest.mark.parametrize(
    ("kind", "is_finite"), [("normal", False), ("some far", False), ("two clusters", True), ("equal", False)]
)
def test_pairs_that_are_near_each_other_are_seen_from_their_own_centers(kind, is_finite, dim):
    x = sample(kind, N, dim) if kind != "equal" else np.round(sample("normal", N, dim) / 4)
    limit = near_limit(radial_sum(DISTANCE, x), ERROR, [DISTANCE])
    assert (limit < np.inf) == is_finite
    if is_finite:  # a cluster is within it, and both are not
        assert 4 * 2 * dim < limit < 150**2


def test_short_sums_stay_as_they_are(monkeypatch):
    monkeypatch.undo()
    before = job(sample("two clusters", 100, 5))
    assert gathered(before, gram_limit(before, ERROR)) is before
