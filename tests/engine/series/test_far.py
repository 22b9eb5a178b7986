"""Sums with far points apart agree with the dense matrix; points are put apart only where that is quicker.
Bits do not depend on threads.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist, pdist
from scipy.special import logsumexp

from gaedist.engine import Run, label_sums, pair_totals
from gaedist.engine.series import sums
from gaedist.engine.series.basis import ERROR
from gaedist.engine.series.choice import SERIES
from gaedist.mixtures.families import Constant

FEW = 3000


@pytest.fixture(autouse=True)
def slow_pairs(monkeypatch):
    """Let pairs seem slow, and any series worth a trial, so that few points are enough."""
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 1e-6)
    monkeypatch.setattr("gaedist.engine.sums.is_small", lambda job, run: False)


def heavy(n, dim, seed=0):
    """Codes with a few points at 1e5 times the radius, and some at five times."""
    x = np.random.default_rng((seed, dim)).normal(size=(n, dim))
    x[::331] *= 5
    x[::1009] *= 1e5
    return x


def job(x, y=None, sigma=1.0, weights=(None, None)):
    covariance = Constant(sigma**2)
    log2 = [
        np.zeros(len(z)) if z is not None and w is None else w for z, w in zip((x, y), weights, strict=True)
    ]
    return covariance.pair_sum(covariance, x, y, *log2)


def exact(x, y=None, sigma=1.0, weights=(None, None)):
    matrix = np.exp(-cdist(x, x if y is None else y, "sqeuclidean") / (4 * sigma**2))
    if weights[0] is not None:
        matrix *= np.exp2(weights[0])[:, np.newaxis] * np.exp2(weights[0] if y is None else weights[1])
    return float((np.tril(matrix, -1) if y is None else matrix).sum())


@pytest.fixture
def seen(monkeypatch):
    """The parts of each series that was chosen, or None."""
    found = []

    def watched(*arguments, choose=sums._chosen):
        series = choose(*arguments)
        found.append(series and series.parts)
        return series

    monkeypatch.setattr(sums, "_chosen", watched)
    return found


def apart(parts):
    """The number of points of each sample whose pairs with each other the series does not sum."""
    return parts.shells.counts[:, ~np.diag(parts.basis.split.series)].sum(axis=1)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_sums_with_far_points_agree_with_the_dense_matrix(dim, seen):
    x, y = heavy(FEW, dim), heavy(FEW // 2, dim, seed=1)
    rng = np.random.default_rng(2)
    weights = rng.normal(size=len(x)), rng.normal(size=len(y))
    for arguments in (x,), (x, y), (x, None, 1.0, (weights[0], None)), (x, y, 1.0, weights):
        (total,) = pair_totals([job(*arguments)], Run())
        assert total.provenance.method in ("fourier", "hermite")
        assert_allclose(total.log, math.log(exact(*arguments)), rtol=0, atol=2e-12)
        assert apart(seen[-1]).sum() > 0


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("degrees", [2, 3, 5])
def test_heavy_tails(series, degrees, seen, monkeypatch):
    """Their shells are summed by the series with some others, and pair by pair with some."""
    for name, kind in SERIES.items():
        if name != series:
            monkeypatch.setattr(kind, "unavailable", staticmethod(lambda: "it is not tested here"))
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 1e-7)
    x = np.random.default_rng(0).standard_t(degrees, size=(FEW, 3))
    (total,) = pair_totals([job(x)], Run())
    assert total.provenance.method == series
    assert abs(total.log - math.log(exact(x))) < total.provenance.rounding < 1e-12
    assert 0 < seen[0].basis.pairs < FEW**2 / 8


def test_sums_of_two_samples_share_the_far_points(seen):
    x, y = heavy(FEW, 2), heavy(FEW, 2, seed=1)
    jobs = [job(x), job(y), job(x, y)]
    found = [total.log for total in pair_totals(jobs, Run())]
    expected = [math.log(value) for value in (exact(x), exact(y), exact(x, y))]
    assert_allclose(found, expected, rtol=0, atol=2e-12)
    assert len(seen) == 1


def test_a_sample_may_have_most_of_the_far_points(seen):
    x, y = np.random.default_rng(0).normal(size=(FEW, 3)), heavy(FEW, 3)
    (total,) = pair_totals([job(x, y)], Run())
    assert apart(seen[0])[0] < apart(seen[0])[1]
    assert_allclose(total.log, math.log(exact(x, y)), rtol=0, atol=2e-12)


@pytest.mark.parametrize("x", [np.random.default_rng(0).normal(size=(FEW, 2)), np.ones((FEW, 2))])
def test_points_near_each_other_stay_together(x, seen):
    (total,) = pair_totals([job(x)], Run())
    assert apart(seen[0]) == [0]
    assert len(seen[0].ranges) == 1
    assert_allclose(total.log, math.log(exact(x)), rtol=0, atol=1e-12)


def test_the_others_of_a_few_far_points_are_left_out(seen):
    x = np.random.default_rng(0).normal(size=(FEW, 2))
    x[:20] *= 300
    (total,) = pair_totals([job(x)], Run())
    assert seen[0].basis.pairs < 20**2
    assert_allclose(total.log, math.log(exact(x)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1e6, 1e150, 1e250])
def test_codes_that_no_series_can_sum_are_left_to_pairs(scale, seen):
    x = scale * np.random.default_rng(0).normal(size=(FEW, 3))
    (total,) = pair_totals([job(x)], Run())
    assert (total.provenance.method, seen) == ("pairs", [None])


@pytest.mark.parametrize(
    ("dim", "degrees"),
    [(2, 1e9), (3, 3), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((2, 3), (3, 1e9)))],
)
def test_any_sigma(dim, degrees, monkeypatch):
    """From σ at which every pair of shells is left to pairs or left out, to σ at which none is."""
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 3e-5)
    x = np.random.default_rng(0).standard_t(degrees, size=(FEW // 2, dim))
    squares, methods = pdist(x, "sqeuclidean"), []
    for sigma in np.geomspace(3e-4, 2, 16):
        (total,) = pair_totals([job(x, sigma=sigma)], Run())
        assert_allclose(total.log, logsumexp(-squares / (4 * sigma**2)), rtol=2e-12, atol=2e-12)
        methods.append(total.provenance.method)
    assert methods[0] == "pairs" != methods[-1]


@pytest.mark.parametrize("dim", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_labels_of_far_points_agree_with_pairs(dim, seen):
    x = heavy(FEW, dim)
    labels = np.random.default_rng(3).random((FEW, 100)) < np.linspace(0.2, 0.8, 100)
    bits = np.packbits(labels, axis=1)
    found, expected = (label_sums(job(x), bits, Run(method=method)) for method in ("auto", "pairs"))
    assert apart(seen[0]).sum() > 0
    assert 1e-14 < found.rounding <= ERROR
    count = labels.shape[1]
    assert_allclose(found.both[:count], expected.both[:count], rtol=ERROR)
    assert_allclose(found.either[:count], expected.either[:count], rtol=ERROR)
    assert_allclose(found.total, expected.total, rtol=ERROR)
    again = label_sums(job(x), bits, Run(threads=2))
    assert (again.both == found.both).all()
    assert (again.either == found.either).all()


@pytest.mark.parametrize("dim", [2, 4])
def test_bits_do_not_depend_on_threads(dim, seen):
    wanted = job(heavy(FEW, dim))
    assert pair_totals([wanted], Run(threads=1)) == pair_totals([wanted], Run(threads=2))
    assert apart(seen[0]).sum() > 0


def test_progress_counts_the_pairs_of_far_points(seen):
    counts = []
    pair_totals([job(heavy(FEW, 2))], Run(progress=lambda *count: counts.append(count)))
    assert counts[-1][0] == counts[-1][1]
