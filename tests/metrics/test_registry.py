"""Properties that every row of the registry has, so that a new metric is tested by being a row.

Rows are complete, values agree with slow twins, and what does not apply to a metric is None.
"""

import itertools
import math
import re
from dataclasses import fields

import numpy as np
import pytest
import twins
from numpy.testing import assert_allclose
from samples import sample
from scipy.stats import binom

from gaedist import Parameters, Run, compare, compares, score, scores
from gaedist.engine import random_directions
from gaedist.metrics.base import ALL, Form, OneSample, TwoSample
from gaedist.metrics.registry import METRICS, ONE_SAMPLE, TWO_SAMPLE
from gaedist.null.permutations import permuted_labels

SEED, COUNT = 5, 7
FEW = Parameters(directions=COUNT)
SLICED = [name for name, row in METRICS.items() if "directions" in row.parameters]
TWO_SAMPLE_KERNELS = [name for name in TWO_SAMPLE if name not in SLICED]
PRINTED = 90  # characters of a summary that fit in a line of the help and of `gaedist metrics`


def few_directions(name):
    return FEW if name in SLICED else None


def measured(name, x, **options):
    return score(x, metric=name, **{"parameters": few_directions(name), "run": Run(seed=SEED), **options})


def compared(name, x, y, **options):
    return compare(x, y, metric=name, parameters=few_directions(name), run=Run(seed=SEED), **options)


def directions_of(x):
    return random_directions(x.shape[1], COUNT, SEED)


def shifted_pair(n, m, dim):
    return sample("normal", n, dim), 0.3 + 1.2 * sample("normal", m, dim, seed=1)


# Rows


@pytest.mark.parametrize("name", METRICS)
def test_a_row_describes_its_metric(name):
    row = METRICS[name]
    assert row.name == name
    assert name != ALL
    assert re.fullmatch("[a-z]+(-[a-z]+)*", name)
    assert 0 < len(row.summary) < PRINTED
    assert not row.summary.endswith(".")
    for text in (row.summary, row.detects, row.null, row.reference):
        assert text.strip() == text != ""
        assert "\n" not in text
    assert row.formula.strip() == row.formula != ""
    assert max(map(len, row.formula.splitlines())) <= 110


@pytest.mark.parametrize("name", METRICS)
def test_a_reference_has_year_and_place(name):
    for work in METRICS[name].reference.split("; "):
        assert re.search(r"\b(19|20)\d\d\b", work)
        assert re.search(r"doi:10\.\d{4,}/\S+|arXiv:\d{4}\.\d{4,5}\b|JMLR \d+ \(\d{4}\) \d+", work)


@pytest.mark.parametrize("name", METRICS)
def test_a_row_takes_parameters_that_exist(name):
    existing = {field.name for field in fields(Parameters)}
    assert set(METRICS[name].parameters) <= existing


def test_every_parameter_is_of_some_metric():
    assert {name for row in METRICS.values() for name in row.parameters} == {
        f.name for f in fields(Parameters)
    }


@pytest.mark.parametrize("name", METRICS)
def test_a_row_has_the_forms_of_its_registries(name):
    row = METRICS[name]
    assert (row.one_sample is not None) == (name in ONE_SAMPLE)
    assert (row.two_sample is not None) == (name in TWO_SAMPLE)
    if name in ONE_SAMPLE:
        assert issubclass(row.for_one_sample(), OneSample)
    if name in TWO_SAMPLE:
        assert issubclass(row.for_two_samples(), TwoSample)
        assert TWO_SAMPLE[name] is METRICS[name]
    assert all(issubclass(form, Form) for form in (row.one_sample, row.two_sample) if form)


def test_the_metric_of_the_paper_comes_first_and_alone_smooths():
    assert next(iter(ONE_SAMPLE)) == next(iter(TWO_SAMPLE)) == "gaussian"
    assert [name for name, row in METRICS.items() if row.smooths] == ["gaussian"]


# Values


def test_every_metric_has_a_twin():
    assert list(twins.ONE_SAMPLE) == list(ONE_SAMPLE)


CASES = [
    pytest.param(name, n, dim, marks=pytest.mark.slow if (name, n) == ("cramer-wold", 70) else [])
    for name in ONE_SAMPLE
    for n, dim in ((40, 1), (9, 3), (25, 8), (70, 20))
    if (name, dim) != ("cramer-wold-approx", 1)  # not defined in one dimension
]


@pytest.mark.parametrize(("name", "n", "dim"), CASES)
def test_values_agree_with_slow_twins(name, n, dim):
    # terms of size 1 leave errors of 1.7e-12 for mmd, 8e-13 for cramer-wold and 3e-13 for bhep
    for kind in ("normal", "shifted", "heavy-tailed"):
        x = sample(kind, n, dim)
        expected = twins.ONE_SAMPLE[name](x, directions_of(x))
        assert_allclose(
            measured(name, x, null="none").value, expected, rtol=1e-11 if name == "mmd" else 3e-12
        )


@pytest.mark.parametrize("metric", TWO_SAMPLE)
@pytest.mark.parametrize(("n", "m", "dim"), [(7, 7, 2), (40, 25, 5), (13, 300, 2), (300, 300, 24)])
def test_two_samples_agree_with_slow_twins(n, m, dim, metric):
    x, y = shifted_pair(n, m, dim)
    result = compared(metric, x, y)
    expected = twins.two_sample(metric, np.concatenate([x, y]), np.arange(n + m) < n, directions_of(x))
    # the three means have the size 1 (mmd: 7), so that their rounding leaves 1e-13
    assert_allclose(result.value, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("metric", [name for name in TWO_SAMPLE if name != "cramer-wold-approx"])
@pytest.mark.parametrize(("n", "m"), [(60, 45), (30, 30)])
def test_two_samples_in_one_dimension_agree_with_slow_twins(n, m, metric):
    x, y = shifted_pair(n, m, 1)
    expected = twins.two_sample(metric, np.concatenate([x, y]), np.arange(n + m) < n, directions_of(x))
    assert_allclose(compared(metric, x, y).value, expected, rtol=1e-10, atol=1e-12)


def test_defaults_are_reported():
    x = sample("normal", 50, 3)
    found = {r.metric: r.parameters for r in scores(x, metric=ALL, parameters=FEW, null="none")}
    for name, parameters in found.items():
        expected = set(ONE_SAMPLE[name].parameters) - {"alpha"}  # which the default kernel does not take
        expected |= {"beta"} if name == "henze-zirkler" else set()  # which it chooses
        assert set(parameters.given) == expected
    assert found["bhep"] == Parameters(beta=1.0)
    assert found["mmd"] == Parameters(kernel="inverse-quadratic", scales=twins.SCALES)
    assert found["cramer-wold"] == found["cramer-wold-approx"]
    assert found["cramer-wold"].gamma == pytest.approx((4 / 150) ** 0.4)
    assert found["sliced-wasserstein"] == FEW
    assert found["sliced-epps-pulley"] == Parameters(beta=1.0, directions=COUNT)


# What does not apply is None


HOW = {"kl": "moments", "mardia-skewness": "moments", "mardia-kurtosis": "moments"}
HOW |= dict.fromkeys(SLICED, "directions")


@pytest.mark.parametrize("name", ONE_SAMPLE)
def test_what_does_not_apply_to_a_score_is_none(name):
    found, row = measured(name, sample("shifted", 300, 5)), ONE_SAMPLE[name]
    smoothing = found.target, found.estimator, found.covariance, found.sigma, found.terms
    assert all((part is not None) == row.smooths for part in smoothing)
    assert (found.value_se is not None) == (name in SLICED)
    assert found.log_value == pytest.approx(math.log(found.value))
    assert found.metric == name
    assert found.method == HOW.get(name, "pairs")
    assert found.two_sided is ("two-sided" in row.null)


@pytest.mark.parametrize("name", TWO_SAMPLE)
def test_what_does_not_apply_to_a_comparison_is_none(name):
    found, row = compared(name, *shifted_pair(40, 25, 5)), TWO_SAMPLE[name]
    assert all((part is not None) == row.smooths for part in (found.estimator, found.covariance, found.sigma))
    assert (found.value_se is not None) == (name in SLICED)
    assert (found.expected is None) == (name in SLICED)
    assert (found.null.method, found.p_value) == ("none", None)
    assert found.log_value == pytest.approx(math.log(found.value))


# Two samples and their labels


@pytest.mark.parametrize("metric", TWO_SAMPLE_KERNELS)
def test_expected_is_the_mean_over_all_labelings(metric):
    x, y = shifted_pair(3, 4, 2)
    masks = [np.isin(range(7), chosen) for chosen in itertools.combinations(range(7), 3)]
    values = [twins.two_sample(metric, np.concatenate([x, y]), mask, None) for mask in masks]
    assert_allclose(compared(metric, x, y).expected, np.mean(values), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("metric", TWO_SAMPLE)
@pytest.mark.parametrize(("n", "m", "dim"), [(3, 3, 2), (14, 30, 3), (40, 25, 2), (20, 20, 6)])
def test_permutations_agree_with_slow_twins(n, m, dim, metric):
    x, y = shifted_pair(n, m, dim)
    few, many = sorted((x, y), key=len)
    pooled = np.concatenate([few, many])
    masks = np.unpackbits(permuted_labels(len(few), len(many), 199, SEED), axis=1).T[:200].astype(bool)
    values = np.array([twins.two_sample(metric, pooled, mask, directions_of(x)) for mask in masks])
    result = compared(metric, x, y, permutations=199)
    assert (result.null.method, result.null.replicates) == ("permutations", 199)
    assert_allclose(result.null.mean, values[1:].mean(), rtol=1e-9, atol=1e-12)
    assert_allclose(result.null.sd, values[1:].std(ddof=1), rtol=1e-9)
    ties = 1e-11 * np.abs(values).max()  # labelings that differ by rounding count as equal
    assert result.p_value == (1 + (values[1:] >= values[0] - ties).sum()) / 200


def test_samples_of_one_distribution_are_rejected_as_often_as_promised():
    rng, sets, found = np.random.default_rng(7), 150, []
    for seed in range(sets):
        x, y = rng.normal(size=(2, 6, 2))
        options = {"parameters": Parameters(directions=5), "permutations": 19, "run": Run(seed=seed)}
        found.append([result.p_value for result in compares(x, y, metric=ALL, **options)])
    low, high = binom.ppf([0.001, 0.999], sets, 0.2)
    rejected = (np.array(found) <= 0.2).sum(axis=0)
    assert ((low <= rejected) & (rejected <= high)).all(), rejected


@pytest.mark.parametrize("metric", TWO_SAMPLE)
@pytest.mark.parametrize("far", [0.0, 1e4])
def test_identical_samples_are_at_the_least_distance(metric, far):
    x = far + sample("normal", 60, 3)
    for y in (x, x.copy(), np.random.default_rng(3).permutation(x)):
        result = compared(metric, x, y, permutations=99)
        assert result.p_value == 1
        assert result.value < 1e-12


@pytest.mark.parametrize("metric", TWO_SAMPLE)
def test_equal_points_are_at_no_distance(metric):
    result = compared(metric, np.ones((3, 2)), np.ones((5, 2)), permutations=19)
    assert_allclose(result.value, 0, atol=1e-14)
    assert_allclose(result.null.sd, 0, atol=1e-14)
    assert result.p_value == 1  # all labelings tie


@pytest.mark.parametrize("metric", TWO_SAMPLE)
def test_a_shift_has_a_small_p_value(metric):
    x, y = sample("normal", 50, 4), sample("normal", 70, 4, seed=1) + 1
    assert compare(x, y, metric=metric, permutations=99).p_value == 0.01
    if metric != "mmd":  # which needs two points
        assert compare(x[:1] + 9, y, metric=metric, permutations=199).p_value < 0.1


def test_the_seed_moves_the_labels_and_the_directions_only():
    x, y = shifted_pair(300, 200, 3)
    first, second = (
        compares(x, y, metric=list(TWO_SAMPLE), permutations=19, run=Run(seed=seed)) for seed in (0, 1)
    )
    for a, b in zip(first, second, strict=True):
        assert a.null != b.null
        assert (a.value == b.value) == (a.metric not in SLICED)


# Effects


SHIFTLESS = ("henze-zirkler", "mardia-skewness", "mardia-kurtosis")


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        pytest.param(name, dim, marks=pytest.mark.slow if (name in SLICED) == (dim == 2) else [])
        for name in ONE_SAMPLE
        if name not in SHIFTLESS
        for dim in (2, 64)
    ],
)
def test_the_effect_of_shifted_samples_is_their_shift(name, dim):
    # β and σ for which points overlap at D = 64; the default of cramer-wold-approx is not 0 at N(0, I)
    rng, shift, count = np.random.default_rng(dim), 2.0, 12
    options = {"parameters": Parameters(beta=0.3)} if name == "bhep" else {}
    if name == "gaussian":
        options = {"sigma": 1.0 if dim < 64 else 8.0}
    if name in SLICED:  # so many directions that the mean of (u·m)² is that over all of them
        options = {"parameters": Parameters(directions=2000)}
    found = []
    for seed in range(count):
        m = rng.normal(size=dim)
        x = rng.normal(size=(600, dim)) + shift * m / np.linalg.norm(m)
        found.append(score(x, metric=name, run=Run(seed=seed), **options).effect)
    error = np.std(found, ddof=1) / math.sqrt(count)
    assert abs(np.mean(found) - shift) < 4 * error + 0.01 * shift
    assert error < 0.1


@pytest.mark.parametrize("name", ONE_SAMPLE)
def test_an_effect_is_0_for_values_below_the_mean_unless_these_count_too(name):
    x = sample("normal", 400, 5)
    found = measured(name, x / np.sqrt(np.mean(x**2)))
    if name in SHIFTLESS:
        assert found.effect is None
    elif found.excess < 0:
        assert found.effect == (None if found.two_sided else 0.0)
    else:
        assert 0 < found.effect < 1
