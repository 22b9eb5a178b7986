"""Estimates from some of the pairs agree with the sums over all within their standard errors, which fall to
what was requested; their bits depend on the seed alone.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import GaedistError, Run, compare, score
from gaedist.engine.gaussian_tiling import gaussian_total
from gaedist.engine.run.threads import limited_threads
from gaedist.engine.sampling import sampled_total
from gaedist.engine.work import Work
from gaedist.mixtures.families import Constant


def job(x):
    covariance = Constant(1.0)
    return covariance.pair_sum(covariance, x, None, np.zeros(len(x)), None)


def exact_total(wanted):
    with limited_threads(2) as threads:
        return gaussian_total(wanted, Work(threads, None, 0), "double")


def sampled(wanted, log_error, *, threads=2, run=None):
    with limited_threads(threads) as count:
        return sampled_total(wanted, Work(count, None, 0), run or Run(), log_error)


def sorted_codes(n, dim):
    """Codes whose order is far from random, as if sorted by class."""
    x = np.random.default_rng(0).normal(size=(n, dim))
    return x[np.argsort(x[:, 0])]


@pytest.mark.parametrize("n", [17_500, 18_432, 18_500])
def test_all_strata_give_the_sum(n):
    x = sorted_codes(n, 2)
    found = sampled(job(x), -100.0)
    assert found.log_error == -math.inf
    assert_allclose(found.log, exact_total(job(x)).log, rtol=1e-13)


def test_few_points_are_not_sampled():
    assert sampled(job(sorted_codes(5000, 2)), 0.0) is None


@pytest.mark.slow
def test_standard_errors_match_the_spread_of_estimates():
    x = sorted_codes(60_000, 3)
    exact = math.exp(exact_total(job(x)).log)
    ratios = []
    for seed in range(60):
        found = sampled(job(x), 1000.0, run=Run(seed=seed))
        ratios.append((math.exp(found.log) - exact) / math.exp(found.log_error))
    ratios = np.array(ratios)
    assert abs(ratios.mean()) < 3 / math.sqrt(60)
    assert 0.75 < ratios.std() < 1.35  # a t with 15 degrees of freedom, ± 3 standard errors
    assert (abs(ratios) > 1).any()


def test_standard_errors_fall_to_the_requested_size(monkeypatch):
    monkeypatch.setattr("gaedist.engine.sampling._FIRST", 4)
    x = sorted_codes(20_000, 3)
    exact = math.exp(exact_total(job(x)).log)
    first = sampled(job(x), 1000.0)
    wanted = first.log_error - math.log(1.5)
    second = sampled(job(x), wanted)
    assert -math.inf < second.log_error <= wanted
    for found in (first, second):
        assert found.provenance.method == "sample"
        assert abs(math.exp(found.log) - exact) < 6 * math.exp(found.log_error)


def test_bits_depend_on_the_seed_alone(monkeypatch):
    x = sorted_codes(18_000, 2)
    one = sampled(job(x), 1000.0, threads=1)
    monkeypatch.setattr("gaedist.engine.work._RANGE_SECONDS", 0.0)
    assert sampled(job(x), 1000.0) == one
    assert sampled(job(x), 1000.0, run=Run(seed=1)).log != one.log


def test_single_precision_estimates_the_same():
    x = sorted_codes(18_000, 9)
    double, single = (sampled(job(x), 9e9, run=Run(precision=name)) for name in ("double", "single"))
    assert single.provenance.precision == "single"
    assert 0 < abs(single.log - double.log) < 1e-6


def test_codes_whose_terms_underflow_are_refused():
    x = 1e3 * sorted_codes(18_000, 2)
    x[:, 0] += 1e9 * np.arange(18_000)
    with pytest.raises(GaedistError, match="nearly all terms underflow"):
        sampled(job(x), 0.0)


def test_a_score_has_a_standard_error_and_no_p_value_if_it_is_large():
    x = sorted_codes(20_000, 8)
    exact = score(x, run=Run(method="pairs"))
    found = score(x, run=Run(method="sample"))
    assert found.method == "sample"
    assert 0 < found.value_se < 0.1 * found.null.sd
    assert abs(found.value - exact.value) < 6 * found.value_se
    assert_allclose(found.p_value, exact.p_value, atol=0.1)
    coarse = score(x, target="smoothed", run=Run(method="sample", tolerance=100.0))
    assert coarse.value_se > coarse.null.sd
    assert coarse.p_value is None
    assert "Use a smaller --tolerance" in coarse.null.note
    bhep = score(x, metric="bhep", run=Run(method="sample", tolerance=100.0))
    assert_allclose(bhep.value_se / bhep.null.sd, coarse.value_se / coarse.null.sd, rtol=0.5)


def test_metrics_without_a_known_standard_deviation_are_refused():
    x = sorted_codes(2000, 3)
    run = Run(method="sample")
    for options in ({"sigma": "mean-field"}, {"metric": "energy"}, {"metric": "henze-zirkler"}):
        with pytest.raises(GaedistError, match=r"method sample (is|needs)"):
            score(x, **options, run=run)
    with pytest.raises(GaedistError, match="method sample needs a score whose standard deviation"):
        compare(x, x, run=run)
    with pytest.raises(GaedistError, match="tolerance applies to method sample only"):
        Run(tolerance=0.5)
    with pytest.raises(GaedistError, match="tolerance must be positive"):
        Run(method="sample", tolerance=0.0)
