"""Numbers show significant digits only, a dash where there is none, and a power of e beyond a double."""

import math
from dataclasses import replace

import pytest
from samples import sample

from gaedist import compare, score
from gaedist.report.numbers import (
    metric_and_sigma,
    null_spread,
    number,
    p_sentence,
    p_text,
    permuted_spread,
    score_value,
    sizes,
    value_and_error,
    z_text,
)


@pytest.mark.parametrize(
    ("p", "text"), [(None, "–"), (0.0521, "0.052"), (3.21e-7, "3.2e-07"), (1e-13, "< 1e-12"), (1.0, "1")]
)
def test_p_values_are_written_to_two_digits(p, text):
    assert p_text(p) == text


@pytest.mark.parametrize(("p", "text"), [(0.0521, "p = 0.052"), (1e-13, "p < 1e-12")])
def test_a_p_value_in_a_sentence_has_its_sign(p, text):
    assert p_sentence(p) == text


@pytest.mark.parametrize(("z", "text"), [(None, "–"), (1.234, "+1.23"), (-12.0, "-12.00"), (1e30, "+1e+30")])
def test_z_is_written_to_two_decimals(z, text):
    assert z_text(z) == text


@pytest.mark.parametrize(
    ("value", "logarithm", "text"),
    [
        (None, None, "–"),
        (1.23456, 0.2, "1.235"),
        (math.inf, 2077.83, "e^2077.8"),
        (math.inf, None, "–"),
        (math.inf, math.inf, "inf"),
    ],
)
def test_numbers_beyond_a_double_are_powers_of_e(value, logarithm, text):
    assert number(value, logarithm) == text


def test_a_value_has_as_many_decimals_as_two_digits_of_the_null_sd():
    result = score(sample("normal", 1000, 8))
    result = replace(result, value=0.66842, null=replace(result.null, mean=0.66804, sd=0.0057))
    assert (score_value(result), null_spread(result)) == ("0.6684", "0.6680 ± 0.0057")
    unknown = replace(result, null=replace(result.null, mean=None, sd=None))
    assert (score_value(unknown), null_spread(unknown)) == ("0.6684", "–")
    estimated = replace(result, method="sample", value_se=1e-4)
    assert (score_value(estimated), value_and_error(estimated)) == ("≈ 0.6684", "≈ 0.6684 ± 0.0001")


def test_sigma_is_one_number_with_its_rule_or_a_range():
    x = sample("normal", 50, 3)
    assert sizes(None) == "–"
    assert sizes(score(x).sigma) == "1"
    assert sizes(score(x, sigma="median").sigma).endswith(" median")
    least, median, largest = map(float, sizes(score(x, sigma="mean-field").sigma).split(" … "))
    assert 1 <= least < median < largest
    assert metric_and_sigma(score(x)) == "gaussian (σ = 1)"
    assert metric_and_sigma(score(x, metric="energy")) == "energy"


def test_the_spread_of_permutations_needs_permutations():
    x, y = sample("normal", 50, 3), sample("normal", 40, 3, seed=1)
    result = compare(x, y)
    assert permuted_spread(result) == number(result.expected)
    assert permuted_spread(replace(result, expected=None)) == "–"
    assert permuted_spread(compare(x, y, permutations=19)).startswith(f"{number(result.expected)} ± ")
