"""Sums from which far tiles are skipped agree with those over all, within the proved bound; where σ is large,
nothing is skipped. Bits do not depend on threads.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist.engine import Run, pair_totals
from gaedist.engine.compiled.positions import tile_position
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.near_tiles import NearTiles, may_skip, ordered
from gaedist.engine.tiling import count_tiles
from gaedist.mixtures.families import Constant

PAIRS = Run(method="pairs")


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch):
    monkeypatch.setattr("gaedist.engine.near_tiles._LEAST_PAIRS", 0)
    monkeypatch.setattr("gaedist.engine.sums.is_small", lambda job, run: False)


def codes(n, dim, seed=0):
    return np.random.default_rng((seed, dim)).normal(size=(n, dim))


def job(x, y=None, sigma=0.1, weights=None):
    covariance = Constant(sigma**2)
    log2 = np.zeros(len(x)) if weights is None else weights
    return covariance.pair_sum(covariance, x, y, log2, None if y is None else np.zeros(len(y)))


def exact(x, y=None, sigma=0.1, weights=None):
    matrix = np.exp(-cdist(x, x if y is None else y, "sqeuclidean") / (4 * sigma**2))
    if weights is not None:
        matrix *= np.exp2(weights)[:, np.newaxis] * (np.exp2(weights) if y is None else 1)
    return math.log((np.tril(matrix, -1) if y is None else matrix).sum())


def total(wanted, **options):
    seen = []
    run = Run(method="pairs", progress=lambda *counts: seen.append(counts), **options)
    (found,) = pair_totals([wanted], run)
    assert seen[-1][0] == seen[-1][1]
    return found, seen[-1][1]


@pytest.mark.parametrize("dim", [1, 2, 6])
@pytest.mark.parametrize("n", [300, 2700])
def test_sums_agree_with_the_dense_matrix(n, dim):
    x, y, weights = codes(n, dim), 0.3 + codes(n // 2, dim, 1), np.random.default_rng(2).normal(0, 20, n)
    for arguments in (x,), (x, y), (y, x), (x, None, 0.1, weights), (x, y, 0.1, weights):
        found, _ = total(job(*arguments))
        assert_allclose(found.log, exact(*arguments), rtol=0, atol=3e-13)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_most_tiles_are_skipped(dim):
    wanted = job(codes(9000, dim), sigma=0.02)
    found, tiles = total(wanted)
    assert tiles < count_tiles(wanted) / 2
    assert found.provenance.rounding == pytest.approx(1.1e-13)


def test_clusters_skip_each_other():
    centers = 100 * codes(10, 5, 1)
    x = (codes(10_240, 5).reshape(10, -1, 5) + centers[:, np.newaxis]).reshape(-1, 5)
    x = np.random.default_rng(3).permutation(x)
    found, tiles = total(job(x, sigma=1.0))
    assert tiles == 10 * (1 + 2 + 3 + 4)  # each cluster has four rows of tiles
    assert_allclose(found.log, exact(x, sigma=1.0), rtol=0, atol=3e-13)


@pytest.mark.parametrize("sigma", [1.0, 5.0])
def test_where_nothing_can_be_skipped_nothing_changes(sigma, monkeypatch):
    wanted = job(codes(3000, 3), sigma=sigma)
    found, tiles = total(wanted)
    monkeypatch.setattr("gaedist.engine.gaussian_tiling.may_skip", lambda job: False)
    assert (found, tiles) == total(wanted)


def test_sums_that_underflow_are_left_to_all_pairs():
    x = 1e3 * codes(1500, 3)
    found, _ = total(job(x))
    squares = cdist(x, x, "sqeuclidean")[np.tril_indices(1500, -1)] / 0.04
    assert_allclose(found.log, np.logaddexp.reduce(-squares), rtol=1e-12)


def test_bits_do_not_depend_on_threads_and_ranges(monkeypatch):
    wanted = job(codes(9000, 2), sigma=0.03)
    one, _ = total(wanted, threads=1)
    monkeypatch.setattr("gaedist.engine.tiling._RANGE_SECONDS", 0.0)
    assert one == total(wanted, threads=2)[0]


@pytest.mark.parametrize("two", [False, True])
def test_bounds_hold_for_every_pair_and_positions_are_those_above(two):
    x, y = codes(3000, 3), codes(1700, 3, 1) + 1
    weights = np.random.default_rng(2).normal(size=3000)
    wanted = ordered(job(x, y if two else None, sigma=0.03, weights=weights))
    assert sorted(map(tuple, wanted.x)) == sorted(map(tuple, x))
    right = wanted.x if wanted.y is None else wanted.y
    params_y = wanted.params_x if wanted.params_y is None else wanted.params_y
    terms = wanted.params_x[0][:, np.newaxis] + params_y[0]
    terms = terms - wanted.steepness * cdist(wanted.x, right, "sqeuclidean")
    near = NearTiles(wanted)
    near.skip(-5.0, 1e6)
    kept = []
    for row in range(-(-len(x) // TILE)):
        for column, bound in enumerate(near.bounds(row)):
            left, above = slice(row * TILE, (row + 1) * TILE), slice(column * TILE, (column + 1) * TILE)
            assert terms[left, above].max() <= bound + 1e-9
            if bound >= math.log2(1e-13) - 5 - math.log2(1e6):
                kept.append((row, column))
    assert [tuple(position) for position in near.positions(0, len(kept))] == kept
    assert [tuple(position) for position in near.positions(3, len(kept) - 5)] == kept[3:-2]
    tiles = count_tiles(wanted)
    assert near.height == TILE
    assert near.ends[-1] == len(kept) < tiles
    if not two:
        every = np.stack(tile_position(np.arange(tiles), True, 0), axis=1)
        assert {tuple(position) for position in kept} <= {tuple(position) for position in every}


def test_what_may_be_skipped():
    assert may_skip(job(codes(1000, 2)))
    assert not may_skip(job(codes(1000, 2), sigma=5.0))
    assert not may_skip(job(codes(1000, 50)))
