"""Shells hold each point once, a few far points have their own, and bounds hold for all pairs."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist.engine.series.shells import Shells, pairs_left


def samples(count=2):
    rng = np.random.default_rng(0)
    found = [3 + rng.standard_t(3, size=(n, 3)) for n in (3000, 700)[:count]]
    found[0][::150] *= 100
    return found


def test_each_point_is_in_one_shell():
    found = samples()
    shells = Shells.of(found, apart=True)
    last = len(shells.low) - 1
    for k, x in enumerate(found):
        parts = [shells.places(k, a, a) for a in range(last + 1)]
        assert sorted(np.concatenate(parts)) == list(range(len(x)))
        assert [len(part) for part in parts] == shells.counts[k].tolist()
        radii = np.linalg.norm(x - shells.center, axis=1)
        for a, part in enumerate(parts):
            assert (shells.low[a] * (1 - 1e-12) <= radii[part]).all()
            assert (radii[part] <= shells.high[a] * (1 + 1e-12)).all()
        both = shells.places(k, 1, 2), shells.places(k, 1, last)
        assert sorted(both[0]) == sorted([*parts[1], *parts[2]])
        assert sorted(both[1]) == sorted(np.concatenate(parts[1:]))
    assert shells.counts.sum() == 3700
    assert shells.counts[:, -1].sum() >= 7 / 8 * 3700
    assert (shells.low[:-1] > shells.high[1:]).all()


@pytest.mark.parametrize("count", [1, 5, 20, 100])
def test_far_points_have_their_own_shells(count):
    x = np.random.default_rng(1).normal(size=(5000, 2))
    x[:count] = 50 * np.sign(x[:count])
    starts = Shells.of([x], apart=True).starts[0]
    assert count in starts


def test_together_there_is_one_shell():
    shells = Shells.of(samples())
    assert shells.counts.tolist() == [[3000], [700]]
    assert shells.places(1, 0, 0).tolist() == list(range(700))
    assert Shells.of([np.ones((100, 2))], apart=True).counts.tolist() == [[100]]


def test_no_term_exceeds_its_bound():
    (x,) = samples(1)
    shells = Shells.of([x], apart=True)
    bounds = shells.falls(0.25)
    assert (bounds == bounds.T).all()
    count = len(bounds)
    for a in range(count):
        for b in range(count):
            left, right = x[shells.places(0, a, a)], x[shells.places(0, b, b)]
            assert np.exp(-0.25 * cdist(left, right, "sqeuclidean")).max() <= bounds[a, b]
    assert 0 < bounds[0, -1] < 1e-100 or bounds[0, -1] == 0


def test_goals_are_below_the_sums():
    for x, goal in zip(samples(), Shells.of(samples()).goals(0.25, 1e-3), strict=True):
        total = np.exp(-0.25 * cdist(x, x, "sqeuclidean")).sum() - len(x)
        assert 1e-5 * total < goal <= 1e-3 * total


def test_pairs_with_the_largest_errors_are_left():
    """Against all ways to leave some pairs of three shells."""
    rng = np.random.default_rng(2)
    pairs = np.outer([1.0, 10, 100], [1, 10, 100]) / (1 + np.eye(3))
    errors = np.exp(rng.normal(size=(4, 3, 3)))
    errors[-1] = math.inf
    errors += errors.transpose(0, 2, 1)
    allowed = 3.0
    counts, direct = pairs_left(errors, pairs, allowed)
    for error, count, mask in zip(errors, counts, direct, strict=True):
        assert (mask == mask.T).all()
        assert_allclose(count, np.triu(pairs)[np.triu(mask)].sum())
        assert error[~mask].sum() <= allowed
        density = np.where(np.eye(3), 1, 2) * error / pairs
        assert density[mask].min(initial=math.inf) >= density[~mask].max(initial=0)
    assert direct[-1].all()
    assert not pairs_left(0 * np.ones((1, 3, 3)), pairs, allowed)[1].any()
