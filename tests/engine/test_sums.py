"""Sums over pairs: the same bits for any threads and ranges, right where every term underflows.

Progress rises to the total, and the settings of other libraries are left alone.
"""

import math

import numpy as np
import pytest

from gaedist.engine import PairSum, Run, available_threads, log_pair_sums, pair_totals, tiling, work
from gaedist.engine.compiled.integrands import Gaussian


def job(x, y=None, rate=0.3):
    params_y = None if y is None else np.zeros((1, len(y)))
    return PairSum(Gaussian(rate), x, y, np.zeros((1, len(x))), params_y, 0.0, rate)


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.mark.parametrize("seconds", [0.0, 1e-4, 10.0])
def test_bits_do_not_depend_on_threads_or_ranges(monkeypatch, seconds):
    jobs = [job(sample(3000, 3)), job(sample(1500, 3), sample(1600, 3, seed=1))]
    expected = log_pair_sums(jobs, Run())
    monkeypatch.setattr(work, "_RANGE_SECONDS", seconds)
    assert log_pair_sums(jobs, Run(threads=1)) == expected
    assert log_pair_sums(jobs, Run(threads=2)) == expected


def test_blocks_of_tiles_add_up_to_the_sum(monkeypatch):
    x = sample(3000, 3)
    expected = log_pair_sums([job(x)], Run())
    monkeypatch.setattr(tiling, "_BLOCK", 7)
    # the order of additions differs, by a rounding of the sum
    np.testing.assert_allclose(log_pair_sums([job(x)], Run()), expected, rtol=1e-15)


def test_progress_rises_to_the_total():
    calls = []
    jobs = [job(sample(3000, 3)), job(sample(2100, 3))]
    log_pair_sums(jobs, Run(method="pairs", progress=lambda *c: calls.append(c)))
    done, totals = zip(*calls, strict=True)
    assert list(done) == sorted(set(done))
    # tiles of 512 × 256, in 6 rows and in 5
    assert done[-1] == totals[0] == totals[-1] == (2 + 4 + 6 + 8 + 10 + 12) + (2 + 4 + 6 + 8 + 9)


def test_one_point_has_no_pairs():
    assert log_pair_sums([job(sample(1, 3))], Run()) == [-math.inf]


def test_settings_of_other_libraries_are_left_alone():
    import numba
    from threadpoolctl import threadpool_info

    numba.set_num_threads(1)
    before = [(info["filepath"], info["num_threads"]) for info in threadpool_info()]
    log_pair_sums([job(sample(300, 3))], Run(threads=2))
    assert numba.get_num_threads() == 1
    assert [(info["filepath"], info["num_threads"]) for info in threadpool_info()][: len(before)] == before
    numba.set_num_threads(available_threads())


@pytest.mark.parametrize("scale", [1e6, 1e11, 1e13, 1e30, 1e60, 1e149])
def test_sums_that_vanish_have_the_logarithm_of_their_largest_term(scale):
    x, y = scale * sample(300, 3), scale * sample(400, 3, seed=1)
    x[7, 0] *= 1e-3
    exponents = -0.3 * ((x[:, None] - y) ** 2).sum(axis=2)
    largest = np.sort(exponents, axis=None)[-50:]
    expected = largest[-1] * math.log(2) + math.log(np.exp2(largest - largest[-1]).sum())
    # the smallest |x − y|² is about 1e-4 of |x|² + |y|², from which it may be computed
    np.testing.assert_allclose(log_pair_sums([job(x, y)], Run())[0], expected, rtol=1e-11)


def test_beyond_the_range_of_a_double_the_logarithm_is_infinite():
    x, y = np.full((3, 2), 1e149), np.full((300, 2), -1e149)
    assert log_pair_sums([job(x, y, rate=1e100)], Run()) == [-math.inf]


def test_a_note_says_that_nothing_was_computed_in_single_precision():
    notes = []
    run = Run(method="pairs", precision="single", note=notes.append)
    (total,) = pair_totals([job(1e6 * sample(1500, 3))], run)
    assert total.provenance.precision == "double"
    assert notes == [
        "computed in double precision: single precision is for one σ for all points that is not too small "
        "compared with their spread."
    ]
    (total,) = pair_totals([job(sample(1500, 3))], run)
    assert total.provenance.precision == "single"
    assert len(notes) == 1
