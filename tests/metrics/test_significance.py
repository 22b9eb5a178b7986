"""The null distribution of every one-sample metric, in closed form and simulated.

Its mean and standard deviation are those of simulated samples, p-values are calibrated, and where they would
not be there is a note instead.
"""

import math
import re
from bisect import bisect_left
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample
from scipy.stats import binom

from gaedist import GaedistError, Parameters, Run, score, scores
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.metrics.significance import NULLS, Statistic, check_null
from gaedist.null.verdict import NO_VERDICT

SLICED = [name for name, row in ONE_SAMPLE.items() if "directions" in row.parameters]
SINGULAR = ("henze-zirkler", "kl")  # metrics that need a covariance of full rank
FEW = Parameters(directions=7)
LINES = Parameters(directions=50)
SAMPLES, SIZE, DIM = 300, 60, 3


def of_all(x, **options):
    return scores(x, **{"metric": "all", "parameters": FEW, "run": Run(seed=5), **options})


# Closed form


def normal_sample(k):
    return np.random.default_rng((11, k)).normal(size=(SIZE, DIM))


@cache
def normal_values():
    """From each metric to its values for samples of N(0, I), each along directions of its own."""
    found = [
        scores(normal_sample(k), metric="all", parameters=LINES, run=Run(seed=k, threads=1), null="none")
        for k in range(SAMPLES)
    ]
    return {name: np.array([row[i].value for row in found]) for i, name in enumerate(ONE_SAMPLE)}


def assessed(name, k):
    parameters = LINES if name in SLICED else None
    return score(normal_sample(k), metric=name, parameters=parameters, run=Run(seed=k, threads=1))


@pytest.mark.parametrize("name", ONE_SAMPLE)
def test_means_and_standard_deviations_are_those_of_normal_samples(name):
    values, null = normal_values()[name], assessed(name, 0).null
    z = (values - null.mean) / null.sd
    # within 4 standard errors
    assert abs(z.mean()) < 4 / math.sqrt(SAMPLES)
    assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(SAMPLES)


@pytest.mark.parametrize("name", ONE_SAMPLE)
def test_normal_samples_are_rejected_as_often_as_promised(name):
    # p falls as the value rises, so that bisection finds how many are below 0.05
    order = np.argsort(-normal_values()[name])
    ranks = range(SAMPLES)

    def p_value(rank):
        return assessed(name, order[rank]).p_value

    if assessed(name, 0).two_sided:
        half = SAMPLES // 2
        rejected = bisect_left(ranks, 0.05, hi=half, key=p_value)
        rejected += SAMPLES - bisect_left(ranks, True, lo=half, key=lambda rank: p_value(rank) < 0.05)
    else:
        rejected = bisect_left(ranks, 0.05, key=p_value)
    low, high = binom.interval(0.999, SAMPLES, 0.05)
    assert low <= rejected <= high


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_SAMPLE)
def test_p_values_are_uniform(name):
    p = np.array([assessed(name, k).p_value for k in range(1000)])
    for nominal in (0.01, 0.05, 0.2, 0.5, 0.8):
        low, high = binom.interval(0.9999, len(p), nominal)
        assert low <= (p < nominal).sum() <= high, nominal


@pytest.mark.parametrize("name", ONE_SAMPLE)
def test_few_points_have_a_note_in_place_of_a_p_value(name):
    found = score(sample("normal", 9, 3), metric=name, parameters=FEW if name in SLICED else None)
    assert (found.null.method, found.p_value) == ("closed-form", None)
    assert "--null monte-carlo" in found.null.note
    assert math.isfinite(found.z)


def test_collapsed_codes_are_improbable():
    results = of_all(np.zeros((300, 3)), metric=[name for name in ONE_SAMPLE if name not in SINGULAR])
    p_values = {found.metric: found.p_value for found in results}
    assert p_values.pop("mardia-skewness") > 0.9  # 0 is its smallest value, and no evidence
    assert all(p < 1e-12 for p in p_values.values())


def test_without_a_null_distribution_there_are_no_z_and_p():
    for found in of_all(sample("normal", 50, 3), null="none"):
        assert (found.null.method, found.null.mean, found.z, found.p_value) == ("none", None, None, None)


@pytest.mark.parametrize("dim", [64, 300])
@pytest.mark.parametrize("metric", ["bhep", "henze-zirkler"])
def test_rounding_in_many_dimensions_does_not_pass_for_a_difference(metric, dim):
    result = score(np.random.default_rng(dim).normal(size=(400, dim)), metric=metric)
    assert abs(result.z) < 5
    assert result.verdict == NO_VERDICT


# Monte Carlo


REPLICATES = 150


def test_monte_carlo_agrees_with_the_closed_form_and_reuses_its_replicates(monkeypatch):
    x = sample("normal", 60, 2)
    closed = of_all(x)
    options = {"null": "monte-carlo", "replicates": REPLICATES, "cache": False}
    simulated = of_all(x, **options)
    for found, exact in zip(simulated, closed, strict=True):
        null = found.null
        assert (found.value, null.method, null.replicates) == (exact.value, "monte-carlo", REPLICATES)
        assert abs(null.mean - exact.null.mean) < 4 * exact.null.sd / math.sqrt(REPLICATES)
        # skewness 2 makes the standard error of a standard deviation 1.4 times 1/√R at most
        assert_allclose(null.sd, exact.null.sd, rtol=4 * 1.4 / math.sqrt(REPLICATES))
        assert_allclose(found.z, (found.value - null.mean) / null.sd, rtol=1e-9)
        # 4 standard errors of a proportion, which has √(p (1 − p)) ≤ ½; twice that if it is doubled
        errors = 4 * 0.5 / math.sqrt(REPLICATES) * (2 if found.two_sided else 1)
        assert_allclose(found.p_value, exact.p_value, atol=errors)
        step = found.p_value * (REPLICATES + 1) / (2 if found.two_sided else 1)
        assert step == pytest.approx(round(step)) or found.p_value == 1

    def never(*arguments):
        raise AssertionError("the replicates are simulated again")

    monkeypatch.setattr("gaedist.null.monte_carlo._values", never)
    again = of_all(sample("shifted", 60, 2), **options)
    assert [r.null.sd for r in again] == [r.null.sd for r in simulated]
    with pytest.raises(AssertionError, match="simulated again"):
        score(x, metric="bhep", parameters=Parameters(beta=0.5), **options)


@pytest.mark.parametrize("metric", ["bhep", pytest.param("henze-zirkler", marks=pytest.mark.slow)])
def test_simulated_values_keep_digits_that_the_value_has_lost(metric):
    options = {"metric": metric, "null": "monte-carlo", "replicates": 99}
    normal = np.random.default_rng(5).normal(size=(260, 120))
    found = score(normal, **options)
    assert found.value == pytest.approx(1, abs=1e-12)
    assert 0.02 < found.p_value < 0.98
    near_copies = np.concatenate([normal[:130], normal[:130] + 0.01 * normal[130:]])
    assert score(near_copies, **options).p_value == 0.01


def test_replicates_do_not_depend_on_options_that_a_metric_does_not_take():
    x = sample("normal", 30, 2)
    keys = [
        Statistic(name, ScoreOptions(sigma=sigma, parameters=parameters)).key
        for name, sigma, parameters in (
            ("kl", 1.0, Parameters()),
            ("kl", 2.0, Parameters(beta=3.0)),
            ("bhep", 1.0, Parameters()),
            ("bhep", 1.0, Parameters(beta=3.0)),
            ("gaussian", 1.0, Parameters()),
            ("gaussian", 2.0, Parameters()),
        )
    ]
    assert keys[0] == keys[1]
    assert len({str(key) for key in keys}) == 5
    options = {"null": "monte-carlo", "replicates": 5, "cache": False}
    alone, together = score(x, metric="kl", **options), scores(x, metric=["energy", "kl"], **options)
    assert alone.null == together[1].null


def test_statistic_is_the_varying_part_of_the_value():
    x = sample("shifted", 40, 3)
    value = Statistic("kl", ScoreOptions()).of(x, Run())
    assert value == score(x, metric="kl").value
    # for gaussian, the prior's 1 and the points' overlaps with themselves, 1/n, are left out
    value = Statistic("gaussian", ScoreOptions()).of(x, Run())
    assert_allclose(value, score(x).value - 1 - 1 / 40, rtol=1e-12)


# Simulated unasked


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"metric": "bhep", "parameters": Parameters(beta=3.0)}, marks=pytest.mark.slow),
        {"metric": "henze-zirkler"},
        pytest.param({"sigma": 0.2}, marks=pytest.mark.slow),
        {"sigma": "mean-field"},
        pytest.param({"sigma": 0.2, "target": "smoothed"}, marks=pytest.mark.slow),
    ],
)
def test_auto_is_the_simulation_where_there_is_no_p_value_in_closed_form(options, simulation_unasked):
    simulation_unasked()
    x = sample("normal", 14, 8)
    found, asked = score(x, **options), score(x, null="monte-carlo", **options)
    assert (found.null, found.z, found.p_value) == (asked.null, asked.z, asked.p_value)
    assert (found.null.method, found.null.replicates) == ("monte-carlo", 999)
    assert 0 < found.p_value <= 1


def test_auto_is_the_closed_form_where_that_gives_a_p_value(simulation_unasked, monkeypatch):
    simulation_unasked()
    monkeypatch.setattr("gaedist.null.monte_carlo._one", None)
    for metric in ("gaussian", "kl", "energy", "henze-zirkler"):
        x = sample("normal", 60, 2)
        assert score(x, metric=metric).p_value == score(x, metric=metric, null="closed-form").p_value


def test_auto_simulates_no_sigma_of_points_no_estimates_and_no_degenerate_codes(
    simulation_unasked, monkeypatch
):
    simulation_unasked()
    monkeypatch.setattr("gaedist.null.monte_carlo._one", None)
    x = sample("normal", 20, 8)
    assert score(x, sigma=np.full(20, 0.3), covariance="spherical").null.method == "none"
    assert score(x, sigma=0.3, run=Run(method="sample")).null.method == "closed-form"
    assert score(0 * x, metric="henze-zirkler").null.method == "degenerate"
    assert score(x, sigma=0.3, null="closed-form").null.method == "closed-form"
    assert score(x, sigma=0.3, null="none").null.method == "none"


def test_what_takes_long_has_a_note_with_the_time(simulation_unasked):
    simulation_unasked(0.0)
    for options in ({"sigma": 0.2}, {"sigma": "mean-field"}):
        found = score(sample("normal", 14, 8), **options)
        assert found.p_value is None
        assert re.search(r"Use --null monte-carlo.* would take about \d+ (s|min)\.$", found.null.note)


# What is known with which options


def test_a_choice_of_null_that_does_not_apply_is_an_error():
    row = ONE_SAMPLE["gaussian"]
    for null in NULLS:
        check_null(null, row, ScoreOptions())
        check_null(null, row, ScoreOptions(sigma="median"))
    for sigma in ("mean-field", "best"):
        with pytest.raises(GaedistError, match=r"closed form .* --null monte-carlo"):
            check_null("closed-form", row, ScoreOptions(sigma=sigma))
        check_null("auto", row, ScoreOptions(sigma=sigma))
    with pytest.raises(GaedistError, match="Leave out --null monte-carlo"):
        check_null("monte-carlo", row, ScoreOptions(sigma=np.ones(5)))
    x = sample("normal", 20, 2)
    with pytest.raises(GaedistError, match="add --null monte-carlo"):
        score(x, metric="kl", replicates=9)
    with pytest.raises(GaedistError, match="null must be one of"):
        score(x, metric="kl", null="guess")
