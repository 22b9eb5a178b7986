"""Results keep the order of the items for any number of threads; limits of threads are undone afterwards.

A process that was forked from one with Numba's threads gives the same bits on one thread.
"""

import os
import subprocess
import sys
import threading

import pytest
from threadpoolctl import threadpool_info

from gaedist.engine import available_threads
from gaedist.engine.run.threads import in_order, limited_blas, limited_threads


def settings():
    import numba

    return numba.get_num_threads(), [(info["filepath"], info["num_threads"]) for info in threadpool_info()]


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
        assert settings()[0] == 1
        assert {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"} == {1}
    before = settings()
    for limit in (lambda: limited_threads(1), limited_blas):
        with pytest.raises(KeyboardInterrupt), limit():
            raise KeyboardInterrupt
        assert settings() == before


def test_numba_gets_no_more_threads_than_it_has():
    import numba

    with limited_threads(10**6) as count:
        assert count == numba.config.NUMBA_NUM_THREADS >= available_threads()


FORKED = """
import multiprocessing, numpy, gaedist
codes = numpy.random.default_rng(0).normal(size=(1500, 9))
def scored(k):
    return [gaedist.score(codes, metric=metric).value for metric in ("gaussian", "sliced-wasserstein")]
expected = scored(0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map_async(scored, range(4)).get(timeout=300) == 4 * [expected]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_a_forked_process_gives_the_same_bits(layer):
    environment = os.environ | {"NUMBA_THREADING_LAYER": layer}
    done = subprocess.run(
        [sys.executable, "-c", FORKED], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
