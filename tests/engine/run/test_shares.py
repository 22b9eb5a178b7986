"""Ranges take at least 2 s and at most a minute; about ten for each worker, which end together."""

import pytest

from gaedist.engine.run.shares import Shares


def ranges(units, workers, seconds, size=8):
    """Return how many ranges each of some workers with one thread gets, and the seconds of one."""
    shares = Shares(seconds, size)
    shares.plan(units, workers)
    length = shares.units(1)
    return -(-units // (workers * length)), length * seconds


@pytest.mark.parametrize(
    ("units", "workers", "count", "length"),
    [
        (10_000, 1, 10, 10.0),  # 100 s of work
        (10_000, 16, 3, 2.1),  # 6.25 s for each worker
        (10_000, 100, 1, 1.0),  # not enough for 2 s each: one range for each
        (10_000_000, 16, 104, 60.1),
    ],
)
def test_ranges_are_neither_short_nor_long(units, workers, count, length):
    found, seconds = ranges(units, workers, 0.01)
    assert found == count
    assert seconds == pytest.approx(length, rel=0.01)


def test_a_worker_with_more_threads_gets_more():
    shares = Shares(0.01, 8)
    shares.plan(10_000, 8)
    assert shares.units(4) == pytest.approx(4 * shares.units(1), rel=0.02)


def test_results_of_a_range_fit_into_memory():
    shares = Shares(1e-6, 1 << 20)
    shares.plan(10**9, 1)
    assert shares.units(1) == 32


def test_only_another_time_of_a_unit_calls_for_a_new_plan():
    shares = Shares(1.0, 8)
    shares.plan(100, 1)
    assert not shares.learn(1.2)
    assert shares.learn(2.0)
