"""Sums by series agree with the dense matrix within the error that they report, also by labels.

What a series cannot compute, or not within `ERROR`, is left to all pairs or refused with a reason.
"""

import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist.engine import Profile, Run, Shape, label_sums, pair_totals
from gaedist.engine.series.basis import ERROR
from gaedist.engine.series.choice import SERIES
from gaedist.errors import GaedistError
from gaedist.mixtures.families import Constant

CODES = {
    "normal": lambda rng, n, dim: rng.normal(size=(n, dim)),
    "far from 0": lambda rng, n, dim: 1e4 + rng.normal(size=(n, dim)),
    "clusters": lambda rng, n, dim: 0.05 * rng.normal(size=(n, dim)) + rng.integers(0, 3, size=(n, 1)),
    "flat": lambda rng, n, dim: rng.normal(size=(n, dim)) * ([1.0] + [0.0] * (dim - 1)),
    "heavy tails": lambda rng, n, dim: rng.standard_t(4, size=(n, dim)),
    "equal": lambda rng, n, dim: np.full((n, dim), 3.0),
}
CASES = [(name, dim) for name in SERIES for dim in SERIES[name].dims if dim in (1, 2, 3, 4, 5, 8)]


@pytest.fixture(autouse=True)
def no_dense_sums(monkeypatch):
    """Keep sums over few points from NumPy, so that a series or the tiles compute them."""
    monkeypatch.setattr("gaedist.engine.sums.is_small", lambda job, run: False)


def codes(name, n, dim, seed=0):
    return CODES[name](np.random.default_rng((seed, dim)), n, dim)


def job(x, y=None, sigma=1.0, weights=None):
    covariance = Constant(sigma**2)
    log2 = np.zeros(len(x)) if weights is None else np.log2(weights)
    return covariance.pair_sum(covariance, x, y, log2, None if y is None else np.zeros(len(y)))


def kernel(x, y, sigma):
    return np.exp(-cdist(x, y, "sqeuclidean") / (4 * sigma**2))


def exact(x, sigma, charges=1.0):
    matrix = kernel(x, x, sigma) * charges * np.reshape(charges, (-1, 1))
    return math.fsum(matrix[np.tril_indices(len(x), -1)])


SIGMAS = [0.3, 1.0, 5.0]
EVERY_SIGMA = "normal", "heavy tails"
"""Codes for which each series is tried with all σ: of the others, σ and the dimension take turns."""


@pytest.mark.parametrize(
    ("method", "dim", "name", "sigma"),
    [
        (method, dim, name, sigma)
        for j, (method, dim) in enumerate(CASES)
        for k, name in enumerate(CODES)
        for sigma in (SIGMAS if name in EVERY_SIGMA else [SIGMAS[(j + k) % len(SIGMAS)]])
    ],
)
def test_sums_agree_with_the_dense_matrix(method, dim, name, sigma):
    x, y = codes(name, 300, dim), codes(name, 150, dim, seed=1) + 0.25 * sigma
    weights = np.random.default_rng(2).uniform(0.5, 2, size=300)
    jobs = [job(x, sigma=sigma), job(y, sigma=sigma), job(x, y, sigma), job(x, sigma=sigma, weights=weights)]
    totals, refusals = [], []
    try:
        totals = pair_totals(jobs, Run(method=method))
    except GaedistError as error:
        refusals.append(str(error))
    if refusals:
        assert re.search("needs .*(waves|terms)", refusals[0])
        assert sigma < 5 or name == "heavy tails"
        return
    expected = [exact(x, sigma), exact(y, sigma), kernel(x, y, sigma).sum(), exact(x, sigma, weights)]
    found = [math.exp(total.log) for total in totals]
    assert {total.provenance.method for total in totals} == {method}
    assert all(total.provenance.rounding <= ERROR for total in totals)
    assert_allclose(found, expected, rtol=ERROR)


@pytest.mark.parametrize(("method", "dim"), CASES)
def test_bits_do_not_depend_on_threads(monkeypatch, method, dim):
    monkeypatch.setattr("gaedist.engine.series.fourier.CHUNK", 100)
    monkeypatch.setattr("gaedist.engine.series.hermite.PIECE", 512)
    x, y, z = codes("normal", 3000, dim), codes("normal", 500, dim), codes("clusters", 900, dim)
    jobs = [job(x, sigma=float(dim)), job(y, z, sigma=float(dim))]
    one, two = (pair_totals(jobs, Run(method=method, threads=threads)) for threads in (1, 2))
    assert one == two


@pytest.mark.parametrize("method", SERIES)
def test_rare_labels_and_uneven_weights_take_a_series_within_the_error(monkeypatch, method):
    """Those single out few pairs, or pairs that weigh less than the heaviest."""
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 1e-3)
    x = codes("normal", 900, max(dim for dim in SERIES[method].dims if dim <= 4))
    labels = np.zeros((900, 8), np.uint8)
    labels[::30, :5] = 1
    found = label_sums(job(x), np.packbits(labels, axis=1), Run())
    assert 1e-14 < found.rounding <= ERROR
    weights = np.where(np.arange(900) % 30, 1.0, 20.0)
    (total,) = pair_totals([job(x, weights=weights)], Run())
    assert (total.provenance.method, total.provenance.rounding <= ERROR) == (method, True)
    assert_allclose(math.exp(total.log), exact(x, 1.0, weights), rtol=ERROR)


@pytest.mark.parametrize(
    ("method", "dim", "count"),
    [
        pytest.param(*place, count, marks=pytest.mark.slow if (count, *place) == (70, "fourier", 3) else [])
        for place in (("fourier", 1), ("fourier", 2), ("fourier", 3), ("hermite", 4), ("hermite", 5))
        for count in (5, 70)
    ],
)
def test_labels_agree_with_pairs(method, dim, count):
    x, sigma = codes("normal", 900, dim), 0.7 if dim < 4 else 1.5
    labels = np.random.default_rng(3).integers(0, 2, size=(900, count)).astype(np.uint8)
    bits = np.packbits(labels, axis=1)
    runs = Run(method=method), Run(method="pairs")
    found, expected = (label_sums(job(x, sigma=sigma), bits, run, log_unit=2.0) for run in runs)
    assert_allclose(found.both[:count], expected.both[:count], rtol=ERROR)
    assert_allclose(found.either[:count], expected.either[:count], rtol=ERROR)
    assert_allclose(found.total, expected.total, rtol=ERROR)
    assert 1e-14 < found.rounding < ERROR
    same = np.concatenate([bits, bits], axis=1)
    twice = label_sums(job(x, sigma=sigma), same, Run(method=method), log_unit=2.0)
    half = len(twice.both) // 2
    limits = found.rounding * (found.both + found.either)[:count]
    assert (np.abs(twice.both[:half] - twice.both[half:])[:count] <= limits).all()


@pytest.mark.parametrize(("method", "dim"), [("fourier", 2), ("hermite", 2)])
def test_progress_rises_to_the_total(monkeypatch, method, dim):
    monkeypatch.setattr("gaedist.engine.series.fourier.CHUNK", 100)
    seen = []
    run = Run(method=method, progress=lambda *counts: seen.append(counts))
    pair_totals([job(codes("normal", 20_000, dim))], run)
    done, totals = zip(*seen, strict=True)
    assert list(done) == list(range(1, totals[0] + 1))
    assert len(set(totals)) == 1
    assert totals[0] > 1


def test_few_or_spread_points_are_left_to_pairs():
    near, far = codes("normal", 2000, 2), 1e9 * codes("normal", 2000, 2)
    for x, sigma in ((near[:50], 1.0), (near, 1.0), (far, 1.0), (near, 1e-9)):
        (total,) = pair_totals([job(x, sigma=sigma)], Run())
        assert total.provenance.method == "pairs"


def test_sums_with_too_large_an_error_bound_are_left_to_pairs(monkeypatch):
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 1e-3)
    x = 0.5 * np.arange(400.0)[:, np.newaxis]  # their kernel is nearly 0 between neighbours
    (total,) = pair_totals([job(x, sigma=0.1)], Run())
    assert total.provenance.method == "pairs"
    assert_allclose(math.exp(total.log), exact(x, 0.1), rtol=1e-12)
    with pytest.raises(
        GaedistError, match=r"fourier is not available here: its relative error may be .* Use --method pairs"
    ):
        pair_totals([job(x, sigma=0.1)], Run(method="fourier"))
    labels = np.packbits(np.random.default_rng(0).integers(0, 2, size=(400, 8)).astype(np.uint8), axis=1)
    few, all_ = (label_sums(job(x, sigma=0.1), labels, Run(method=method)) for method in ("auto", "pairs"))
    assert (few.both == all_.both).all()


def test_two_samples_far_apart_have_an_error_relative_to_their_own_sums():
    x, y = codes("normal", 500, 2), codes("normal", 400, 2, seed=1) + 12.0
    (total,) = pair_totals([job(x, y)], Run(method="fourier"))
    scale = math.sqrt(kernel(x, x, 1.0).sum() * kernel(y, y, 1.0).sum())
    assert abs(math.exp(total.log) - kernel(x, y, 1.0).sum()) < ERROR * scale


def test_other_kernels_are_refused():
    profile = job(codes("normal", 50, 2))
    profile = type(profile)(Profile(Shape.ROOT), profile.x, None, profile.params_x, None, 0.0, 0.0)
    with pytest.raises(GaedistError, match="method fourier is only for Gaussian kernels with one σ"):
        pair_totals([profile], Run(method="fourier"))
