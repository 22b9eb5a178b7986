"""Sums with far points apart agree with the dense matrix; points are put apart only where that is quicker.
Bits do not depend on threads.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist.engine import Run, pair_totals
from gaedist.engine.series import far
from gaedist.engine.series.choice import Target
from gaedist.mixtures.families import Constant

FEW = 3000


@pytest.fixture(autouse=True)
def slow_pairs(monkeypatch):
    """Let pairs seem slow, and any series worth a trial, so that few points are enough."""
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 1e-6)
    monkeypatch.setattr("gaedist.engine.series.far._WORTH", 0.0)
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
def parts(monkeypatch):
    """The numbers of points that were put apart."""
    seen = []

    def watched(samples, rate, run, target, choose=far.choose_core):
        core = choose(samples, rate, run, target)
        seen.append([int((~mask).sum()) for mask in core.masks] if core else None)
        return core

    monkeypatch.setattr("gaedist.engine.series.sums.choose_core", watched)
    return seen


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_sums_with_far_points_agree_with_the_dense_matrix(dim, parts):
    x, y = heavy(FEW, dim), heavy(FEW // 2, dim, seed=1)
    rng = np.random.default_rng(2)
    weights = rng.normal(size=len(x)), rng.normal(size=len(y))
    for arguments in (x,), (x, y), (x, None, 1.0, (weights[0], None)), (x, y, 1.0, weights):
        (total,) = pair_totals([job(*arguments)], Run())
        assert total.provenance.method in ("fourier", "hermite")
        assert_allclose(total.log, math.log(exact(*arguments)), rtol=0, atol=2e-12)
        assert sum(parts[-1]) > 0 or dim == 1  # there a million waves cost little


def test_sums_of_two_samples_share_the_far_points(parts):
    x, y = heavy(FEW, 2), heavy(FEW, 2, seed=1)
    jobs = [job(x), job(y), job(x, y)]
    found = [total.log for total in pair_totals(jobs, Run())]
    expected = [math.log(value) for value in (exact(x), exact(y), exact(x, y))]
    assert_allclose(found, expected, rtol=0, atol=2e-12)
    assert len(parts) == 1


def test_a_sample_may_have_most_of_the_far_points(parts):
    x, y = np.random.default_rng(0).normal(size=(FEW, 3)), heavy(FEW, 3)
    (total,) = pair_totals([job(x, y)], Run())
    assert parts[0][0] < parts[0][1]
    assert_allclose(total.log, math.log(exact(x, y)), rtol=0, atol=2e-12)


def test_normal_codes_stay_together(parts):
    pair_totals([job(np.random.default_rng(0).normal(size=(FEW, 2)))], Run())
    assert parts == [[0]]


def test_all_points_at_one_place_stay_together(parts):
    (total,) = pair_totals([job(np.ones((FEW, 2)))], Run())
    assert parts == [[0]]
    assert_allclose(total.log, math.log(FEW * (FEW - 1) / 2), rtol=1e-13)


def test_codes_that_no_series_can_sum_are_left_to_pairs():
    x = 1e6 * np.random.default_rng(0).normal(size=(FEW, 3))
    assert far.choose_core([x], 0.5, Run(), Target(1e9, 1, 1e-12)) is None


def test_bits_do_not_depend_on_threads(parts):
    wanted = job(heavy(FEW, 3))
    assert pair_totals([wanted], Run(threads=1)) == pair_totals([wanted], Run(threads=2))
    assert sum(parts[0]) > 0


def test_progress_counts_the_pairs_of_far_points(parts):
    seen = []
    pair_totals([job(heavy(FEW, 2))], Run(progress=lambda *counts: seen.append(counts)))
    assert seen[-1][0] == seen[-1][1]


def test_an_optimistic_trial_does_not_lead_to_all_pairs(monkeypatch):
    x = heavy(FEW, 3)
    x[5::75] *= 1e4
    tried = []

    def choose(cores, *rest, choose=far.choose):
        found = choose(cores, *rest)
        tried.append((len(cores[0]), found is not None))
        return found

    monkeypatch.setattr(far, "_seconds", lambda *arguments: 0.0)
    monkeypatch.setattr(far, "choose", choose)
    core = far.choose_core([x], 0.36, Run(), Target(1e9, 1, 5e-13))
    assert core is not None
    assert tried[:2] == [(FEW, False), (FEW - 16, False)]
    assert tried[-1] == (core.masks[0].sum(), True)
