"""Statistics of projections: each sample is sorted once per direction, in batches of bounded memory.

Neither threads nor batches change the values.
"""

import math
import tracemalloc
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.engine import Run, mean_and_error, random_directions
from gaedist.engine.directions import Slices, slice_values
from gaedist.metrics.sliced_epps_pulley import EppsPulley
from gaedist.metrics.sliced_wasserstein import Wasserstein


@dataclass(frozen=True)
class Recorder:
    """A statistic that stores its arguments; its value is the third number, plus the first of sample two."""

    rows: list = field(default_factory=list)

    def of_sorted(self, *rows):
        self.rows.append(rows)
        return rows[0][:, 2] + (rows[1][:, 0] if len(rows) > 1 else 0)


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.mark.parametrize("dim", [2, 3, 100])
def test_directions_are_unit_vectors_seeded_and_uniform(dim):
    found = random_directions(dim, 4000, 3)
    assert found.shape == (4000, dim)
    assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-14)
    # mean 0 and covariance I/D, with 4 standard errors of each number
    assert_allclose(found.mean(axis=0), 0, atol=4.5 / math.sqrt(4000 * dim))
    assert_allclose(found.T @ found / 4000, np.eye(dim) / dim, atol=6 / dim / math.sqrt(4000))
    random_directions.cache_clear()
    assert (random_directions(dim, 4000, 3) == found).all()
    assert not (random_directions(dim, 4000, 4) == found).any()
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 1


def test_in_one_dimension_there_is_one_direction():
    assert (random_directions(1, 1000, 0) == np.ones((1, 1))).all()


def test_rows_are_sorted_projections():
    x, y, directions = sample(30, 4), sample(20, 4, seed=1), random_directions(4, 9, 0)
    one, two = Recorder(), Recorder()
    values = slice_values([Slices(x, directions, one), Slices(x, directions, two, y)], Run(threads=1))
    first, second = np.sort(directions @ x.T, axis=1), np.sort(directions @ y.T, axis=1)
    assert_allclose(values[0], first[:, 2], rtol=1e-13)
    assert_allclose(values[1], first[:, 2] + second[:, 0], rtol=1e-12)
    assert_allclose(one.rows[0][0], first, rtol=1e-12, atol=1e-14)
    assert_allclose(two.rows[0][1], second, rtol=1e-12, atol=1e-14)


def test_jobs_of_the_same_points_share_a_pass_and_others_do_not():
    x, directions = sample(30, 4), random_directions(4, 9, 0)
    same, also, other = Recorder(), Recorder(), Recorder()
    jobs = [Slices(x, directions, same), Slices(-x, directions, other), Slices(x, directions, also)]
    values = slice_values(jobs, Run(threads=1))
    assert same.rows[0][0] is also.rows[0][0]
    assert other.rows[0][0] is not same.rows[0][0]
    assert (values[0] == values[2]).all()
    assert_allclose(values[1], np.sort(-directions @ x.T, axis=1)[:, 2], rtol=1e-12)


@pytest.mark.parametrize("n", [40, 1500])
def test_threads_do_not_change_bits(n, monkeypatch):
    monkeypatch.setattr("gaedist.engine.directions.BATCH", 8 * n)
    x, directions = sample(n, 7), random_directions(7, 83, 1)
    jobs = [Slices(x, directions, statistic) for statistic in (Wasserstein(), EppsPulley(1.0))]
    one, two = (slice_values(jobs, Run(threads=threads)) for threads in (1, 2))
    for first, second in zip(one, two, strict=True):
        assert first.shape == (83,)
        assert (first == second).all()


@pytest.mark.parametrize("n", [40, 1500])
def test_batches_change_values_by_rounding_only(n, monkeypatch):
    x, directions = sample(n, 7), random_directions(7, 83, 1)
    jobs = [Slices(x, directions, statistic) for statistic in (Wasserstein(), EppsPulley(1.0))]
    whole = slice_values(jobs, Run())
    for size in (1, 13 * n):
        monkeypatch.setattr("gaedist.engine.directions.BATCH", size)
        for found, expected in zip(slice_values(jobs, Run()), whole, strict=True):
            assert_allclose(found, expected, rtol=1e-12)


def test_batches_hold_few_numbers():
    x, directions = sample(70_000, 2), random_directions(2, 50, 0)
    seen = Recorder()
    slice_values([Slices(x, directions, seen)], Run(threads=1))
    lengths = [len(rows[0]) for rows in seen.rows]
    assert sum(lengths) == 50
    assert max(lengths) == 7  # 2¹⁹ numbers
    seen.rows.clear()
    slice_values([Slices(sample(600_000, 1), np.ones((1, 1)), seen)], Run(threads=1))
    assert seen.rows[0][0].shape == (1, 600_000)


def test_memory_does_not_grow_with_the_number_of_directions():
    n, count = 20_000, 400
    x = sample(n, 3)
    statistics = (Wasserstein(), EppsPulley(1.0))

    def peak(some):
        directions = random_directions(3, some, 0)
        tracemalloc.start()
        try:
            slice_values([Slices(x, directions, statistic) for statistic in statistics], Run(threads=2))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(8)  # imports and compiles
    few, many = peak(count // 4), peak(count)
    # 2 threads with a batch of 4 MiB each, one waiting, and the temporaries of W₂²; (n, L) would be 61 MiB
    assert many < 32 << 20
    assert many < 1.3 * few


def test_progress_rises_to_the_number_of_directions():
    calls = []
    run = Run(threads=2, progress=lambda *counts: calls.append(counts))
    slice_values([Slices(sample(70_000, 2), random_directions(2, 50, 0), Recorder())], run)
    assert calls == [(min(50, 7 * k), 50) for k in range(1, 9)]


def test_an_error_in_a_batch_is_raised():
    class Failing:
        def of_sorted(self, rows):
            raise ZeroDivisionError("of these rows")

    for threads in (1, 2):
        with pytest.raises(ZeroDivisionError, match="of these rows"):
            slice_values([Slices(sample(30, 2), random_directions(2, 5, 0), Failing())], Run(threads=threads))


def test_mean_and_error():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    assert mean_and_error(values) == pytest.approx((4.0, math.sqrt(38 / 3 / 4)))
    assert mean_and_error(values[:1]) == (1.0, 0.0)
