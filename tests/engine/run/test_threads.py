"""Results keep the order of the items for any number of threads; limits of threads are undone afterwards."""

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
