"""Sums from which far tiles are skipped agree with those over all, within the proved bound; where σ is large,
nothing is skipped. Bits do not depend on threads.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from gaedist.engine import PairSum, Profile, Run, Shape, label_sums, pair_totals
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.falls import falls_of
from gaedist.engine.near_tiles import NearTiles, may_skip
from gaedist.engine.positions import tile_position
from gaedist.engine.run.threads import limited_threads
from gaedist.engine.tiling import Tiling, count_tiles
from gaedist.engine.tree import ordered
from gaedist.engine.work import Work
from gaedist.mixtures.families import Constant, Diagonal, Radial, Spherical, promoted

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
    centers = 100 * codes(5, 5, 1)
    x = (codes(5120, 5).reshape(5, -1, 5) + centers[:, np.newaxis]).reshape(-1, 5)
    x = np.random.default_rng(3).permutation(x)
    found, tiles = total(job(x, sigma=1.0))
    assert tiles == 5 * (1 + 2 + 3 + 4)  # each cluster has four rows of tiles
    assert_allclose(found.log, exact(x, sigma=1.0), rtol=0, atol=3e-13)


@pytest.mark.parametrize("distance", [100, 1e5, 1e15])
@pytest.mark.parametrize("dim", [3, 9, 24])
def test_tiles_that_lie_in_several_clusters_keep_all_digits(dim, distance):
    rng, centers = np.random.default_rng(3), distance * codes(9, dim, 1)
    x = codes(3000, dim) + centers[rng.choice(9, 3000, p=rng.dirichlet(np.ones(9)))]
    y = codes(1300, dim, 2) + centers[rng.integers(9, size=1300)]
    for arguments in (x,), (x, y), (y, x):
        found, tiles = total(job(*arguments, sigma=1.0))
        assert tiles < 0.7 * count_tiles(job(*arguments))
        assert_allclose(found.log, exact(*arguments, sigma=1.0), rtol=0, atol=3e-13)


@pytest.mark.parametrize("sigma", [1.0, 5.0])
def test_where_nothing_can_be_skipped_nothing_changes(sigma, monkeypatch):
    wanted = job(codes(3000, 3), sigma=sigma)
    found, tiles = total(wanted)
    monkeypatch.setattr("gaedist.engine.near_tiling.may_skip", lambda *arguments: False)
    assert (found, tiles) == total(wanted)


def test_sums_that_underflow_are_left_to_all_pairs():
    x = 1e3 * codes(1500, 3)
    found, _ = total(job(x))
    squares = cdist(x, x, "sqeuclidean")[np.tril_indices(1500, -1)] / 0.04
    assert_allclose(found.log, np.logaddexp.reduce(-squares), rtol=1e-12)


def test_bits_do_not_depend_on_threads_and_ranges(monkeypatch):
    wanted = job(codes(9000, 2), sigma=0.03)
    one, _ = total(wanted, threads=1)
    monkeypatch.setattr("gaedist.engine.work._RANGE_SECONDS", 0.0)
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
    near = NearTiles(wanted, falls_of(wanted, (1.0,), ()))
    near.skip(np.array([-5.0]), 1e6)
    kept = []
    for row in range(-(-len(x) // TILE)):
        for column, bound in enumerate(near.bounds(row)[0]):
            left, above = slice(row * TILE, (row + 1) * TILE), slice(column * TILE, (column + 1) * TILE)
            assert terms[left, above].max() <= bound + 1e-9
            if bound >= math.log2(1e-13) - 5 - math.log2(1e6):
                kept.append((row, column))
    assert [tuple(position) for position in near.positions(0, len(kept))] == kept
    assert [tuple(position) for position in near.positions(3, len(kept) - 5)] == kept[3:-2]
    tiles = count_tiles(wanted)
    assert near.height == TILE
    assert near.count == len(kept) < tiles
    if not two:
        every = np.stack(tile_position(np.arange(tiles), True, 0), axis=1)
        assert {tuple(position) for position in kept} <= {tuple(position) for position in every}


def test_what_may_be_skipped():
    assert may_skip(job(codes(9000, 2)))
    assert not may_skip(job(codes(9000, 2), sigma=5.0))
    assert not may_skip(job(codes(9000, 50)))
    assert may_skip(job(codes(9000, 2)), profiles=[Profile(Shape.ROOT_POWER, (1000.0,))])
    assert not may_skip(job(codes(9000, 2)), profiles=[Profile(Shape.INVERSE, (1000.0,))])


def covariances(family, n, dim, sigma, seed):
    """Random covariances of a size."""
    rng = np.random.default_rng((seed, 7))
    sizes = {Spherical: 1, Radial: 2, Diagonal: dim}
    return family(sigma**2 * rng.uniform(0.5, 2, size=(n, sizes[family])))


def dense(p, x, q, y):
    """Logarithm of the mean of N(x_i − y_j; 0, Σ_i + Γ_j), from full matrices, over all pairs or i > j."""
    right, covariance = (x, p) if y is None else (y, q)
    matrices_x, matrices_y = (promoted(a, "full", b).matrices for a, b in ((p, x), (covariance, right)))
    rows = []
    for i, point in enumerate(x):
        sums = matrices_x[i] + matrices_y
        apart = point - right
        forms = np.einsum("ij,ij->i", apart, np.linalg.solve(sums, apart[..., np.newaxis])[..., 0])
        row = -0.5 * forms - 0.5 * np.linalg.slogdet(2 * np.pi * sums)[1]
        rows.append(row[:i] if y is None else row)
    return logsumexp(np.concatenate(rows))


@pytest.mark.parametrize(
    ("family", "two"),
    [
        (Spherical, False),
        (Radial, True),
        (Diagonal, True),
        pytest.param(Spherical, True, marks=pytest.mark.slow),
        pytest.param(Radial, False, marks=pytest.mark.slow),
        pytest.param(Diagonal, False, marks=pytest.mark.slow),
    ],
)
def test_a_covariance_for_each_point(family, two):
    n, m, dim = 1300, 600, 3
    x, y = 3 + codes(n, dim), (2.5 + codes(m, dim, 1)) if two else None
    x[::3] *= 20  # clusters apart
    p, q = covariances(family, n, dim, 0.2, 1), covariances(family, m, dim, 0.3, 2) if two else None
    wanted = p.pair_sum(q or p, x, y, np.zeros(n), None if y is None else np.zeros(len(y)))
    found, tiles = total(wanted)
    assert tiles < 0.9 * count_tiles(wanted)
    assert found.provenance.rounding == pytest.approx(1.1e-13)
    scale = wanted.log_scale - dim / 2 * math.log(4 * math.pi)
    assert_allclose(found.log + scale, dense(p, x, q, y), rtol=0, atol=2e-12)


@pytest.mark.parametrize("family", [Spherical, Radial, Diagonal])
def test_bounds_hold_for_covariances_of_any_size(family):
    x = codes(1500, 3) + 1
    variances = np.exp(
        np.random.default_rng(4).normal(-4, 2, size=(1500, {Spherical: 1, Radial: 2}.get(family, 3)))
    )
    p = family(variances)
    wanted = ordered(p.pair_sum(p, x, None, np.random.default_rng(2).normal(size=1500), None))
    near = NearTiles(wanted, falls_of(wanted, (1.0,), ()))
    one = PairSum(**{**vars(wanted), "y": wanted.x, "params_y": wanted.params_x})
    for row, column in [(0, 0), (2, 0), (3, 1), (4, 4), (5, 0), (5, 3)]:
        left, above = slice(row * TILE, (row + 1) * TILE), slice(column * TILE, (column + 1) * TILE)
        part = replace(
            one,
            x=one.x[left],
            y=one.x[above],
            params_x=one.params_x[:, left],
            params_y=one.params_x[:, above],
        )
        with limited_threads(1) as threads:
            numbers = np.empty((1, 1))
            Tiling(part, Work(threads, None, 1))._sum_fill(np.ones(1), relative=True)(0, 0, numbers)
        assert -math.inf < numbers[0, 0] <= near.bounds(row)[0][column] + 1e-9


def test_several_kernels_that_decay_share_a_pass():
    x = codes(4000, 2)
    gauss, laplace = job(x, sigma=0.02), replace(job(x), integrand=Profile(Shape.ROOT_POWER, (300.0, 500.0)))
    other = replace(gauss, integrand=Profile(Shape.POWER, (2000.0, 900.0)))
    seen = []
    found = pair_totals([gauss, laplace, other], Run(method="pairs", progress=lambda *c: seen.append(c)))
    assert seen[-1][0] == seen[-1][1] < 0.7 * count_tiles(gauss)
    squares = cdist(x, x, "sqeuclidean")[np.tril_indices(4000, -1)]
    roots = np.sqrt(squares)
    for result, terms in zip(
        found,
        (
            np.exp(-squares / (4 * 0.02**2)),
            np.exp2(-300 * roots) + np.exp2(-500 * roots),
            np.exp2(-2000 * squares) + np.exp2(-900 * squares),
        ),
        strict=True,
    ):
        assert_allclose(result.log, math.log(terms.sum()), rtol=0, atol=1e-12)
        assert result.provenance.rounding == pytest.approx(1.1e-13)


def test_single_precision_skips_too():
    x = codes(9000, 2)
    double, tiles = total(job(x, sigma=0.05))
    single, fewer = total(job(x, sigma=0.05), precision="single")
    assert single.provenance.precision == "single"
    assert fewer == tiles < 0.8 * count_tiles(job(x))
    assert 0 < abs(single.log - double.log) < single.provenance.rounding


@pytest.mark.parametrize("kernel", [None, Profile(Shape.ROOT_POWER, (200.0,))])
def test_labels(kernel, monkeypatch):
    x = codes(5000, 2)
    wanted = job(x, sigma=0.02)
    if kernel:
        wanted = replace(wanted, integrand=kernel)
    labels = np.random.default_rng(5).random((5000, 16)) < np.repeat([0.5, 0.01], 8)
    bits, seen = np.packbits(labels, axis=1), []
    found = label_sums(
        wanted, bits, Run(progress=lambda *c: seen.append(c), method="pairs"), log_unit=wanted.log_scale
    )
    assert seen[-1][0] == seen[-1][1] < 0.8 * count_tiles(wanted)
    squares = cdist(x, x, "sqeuclidean")
    terms = np.exp2(-200 * np.sqrt(squares)) if kernel else np.exp(-squares / (4 * 0.02**2))
    np.fill_diagonal(terms, 0)
    b = labels.astype(float)
    assert_allclose(found.both, np.einsum("ir,ir->r", b, terms @ b) / 2, rtol=1e-12)
    assert_allclose(found.either, terms.sum(axis=1) @ b, rtol=1e-12)
    assert_allclose(found.total, terms.sum() / 2, rtol=1e-12)
    parts = found.both + found.either
    assert 1e-15 * found.total / parts.min() < found.rounding < 1e-10
    monkeypatch.setattr("gaedist.engine.work._RANGE_SECONDS", 0.0)
    again = label_sums(wanted, bits, Run(method="pairs", threads=2), log_unit=wanted.log_scale)
    assert (again.both == found.both).all()
    assert (again.either == found.either).all()
