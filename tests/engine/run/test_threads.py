"""Results keep the order of the items for any number of threads; limits of threads are undone afterwards.

A process that was forked from one that computed gives the same bits.
"""

import os
import subprocess
import sys
import threading

import pytest
from threadpoolctl import threadpool_info

from gaedist.engine.run.threads import in_order, limited_blas, limited_threads, share


def settings():
    return [(info["filepath"], info["num_threads"]) for info in threadpool_info()]


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_keep_the_order_of_the_items(threads):
    assert list(in_order(lambda item: item * item, range(100), threads)) == [k * k for k in range(100)]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_is_raised_and_leaves_no_thread(threads):
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda item: 1 / item, [2, 1, 0, 1, 2], threads))
    assert threading.active_count() == before


def test_limits_are_undone_also_after_an_error():
    with limited_threads(1) as count:  # which loads the BLAS that Numba calls
        assert count == 1
        assert {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"} == {1}
    before = settings()
    for limit in (lambda: limited_threads(1), limited_blas):
        with pytest.raises(KeyboardInterrupt), limit():
            raise KeyboardInterrupt
        assert settings() == before


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("count", [1, 2, 100, 1000])
def test_every_item_is_in_one_part_of_one_thread_at_a_time(threads, count):
    times, busy = [0] * count, [False] * threads

    def work(thread, start, stop):
        assert not busy[thread]
        busy[thread] = True
        for k in range(start, stop):
            times[k] += 1
        busy[thread] = False

    share(work, count, threads)
    assert times == [1] * count


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("guilty", [0, 1])
def test_an_error_in_any_thread_ends_the_others_and_is_raised(error, guilty):
    before, begun, failed = threading.active_count(), [], threading.Event()

    def work(thread, start, stop):
        if thread == guilty:
            failed.set()
            raise error
        failed.wait(10)
        begun.append(start)

    with pytest.raises(error):
        share(work, 1000, 2)
    assert len(begun) <= 2
    assert threading.active_count() == before


FORKED = """
import multiprocessing, numpy, gaedist
codes = numpy.random.default_rng(0).normal(size=(2100, 9))
def scored(k):
    return [gaedist.score(codes, metric=metric).value for metric in ("gaussian", "sliced-wasserstein")]
expected = scored(0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map_async(scored, range(4)).get(timeout=300) == 4 * [expected]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_gives_the_same_bits():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
