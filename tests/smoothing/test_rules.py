"""Every rule describes itself, scores as the numbers that it gives, and refuses what it cannot do.

`gaedist.sigma` returns the σ that `gaedist.score` uses.
"""

from dataclasses import replace

import numpy as np
import pytest
from members import sample
from numpy.testing import assert_allclose

import gaedist
from gaedist import GaedistError
from gaedist.mixtures.covariance import PerPointCovariance
from gaedist.mixtures.families import FAMILIES
from gaedist.smoothing.rules import JOINT, RULES, family_of, is_number, is_repeatable, listed

PER_POINT = [name for name, family in FAMILIES.items() if issubclass(family, PerPointCovariance)]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_describes_itself(rule):
    assert 0 < len(rule.about) < 80  # one phrase in the help
    assert not rule.about.endswith(".")
    assert rule.definition
    assert rule.reference


@pytest.mark.parametrize("family", PER_POINT)
@pytest.mark.parametrize("rule", RULES)
def test_what_sigma_returns_scores_as_its_rule_does(family, rule):
    x = sample(12, 3)
    array = gaedist.sigma(x, sigma=rule, covariance=family).array
    by_rule = gaedist.score(x, sigma=rule, covariance=family)
    given = gaedist.score(x, sigma=array)
    assert given.covariance == by_rule.covariance == family
    assert_allclose(
        given.value, by_rule.value, rtol=1e-12
    )  # in a file, full covariances of a constant σ differ in the last bits
    assert (by_rule.sigma.rule, given.sigma.rule) == (rule, "given")


def test_a_searched_sigma_has_no_null_distribution_of_a_given_one():
    x = sample(60, 2)
    best = gaedist.score(x, sigma="optimize", covariance="constant")
    assert best.null.mean is None
    around = [gaedist.score(x, sigma=best.sigma.median * factor).value for factor in (0.8, 0.95, 1.05, 1.25)]
    assert best.value < min(around)


def test_codes_too_far_from_zero_for_a_rule_are_refused():
    x = 1e60 * sample(4, 3)
    with pytest.raises(GaedistError, match="too far from 0 for this choice of σ"):
        gaedist.score(x, sigma="optimize")
    assert gaedist.score(x, sigma="mean-field").value <= 1
    with pytest.raises(GaedistError, match="too far from 0"):
        gaedist.score(1e80 * sample(4, 3), sigma="mean-field")


def test_a_constant_covariance_has_no_sigma_for_each_point():
    with pytest.raises(GaedistError, match="constant covariance"):
        gaedist.sigma(sample(4, 3), sigma="optimize", covariance="constant")


def test_an_unknown_closed_form_is_refused_before_sigma_is_searched(monkeypatch):
    def find(*_):
        pytest.fail("a search began")

    monkeypatch.setitem(RULES, "optimize", replace(RULES["optimize"], find=find))
    with pytest.raises(GaedistError, match="closed form"):
        gaedist.score(sample(4, 3), sigma="optimize", null="closed-form")


@pytest.mark.parametrize(
    ("sigma", "covariance", "expected"),
    [
        (1.0, None, "constant"),
        (1.0, "radial", "radial"),
        ("median", None, "constant"),
        ("median", "full", "full"),
        ("mean-field", None, "spherical"),
        ("optimize", "constant", "constant"),
        (JOINT, None, "spherical"),
        (np.ones(3), None, "full"),
    ],
)
def test_family_of_a_sigma(sigma, covariance, expected):
    assert family_of(sigma, covariance) == expected


@pytest.mark.parametrize(
    ("sigma", "covariance", "message"),
    [
        (
            "mean-field",
            "constant",
            "sigma mean-field gives each point its own σ, which a constant covariance cannot",
        ),
        ("guess", None, "sigma must be one of mean-field"),
        (1.0, "round", "covariance must be one of constant, spherical"),
        (1.0, [], "covariance must be one of"),
    ],
)
def test_unknown_or_incompatible_choices_are_refused(sigma, covariance, message):
    with pytest.raises(GaedistError, match=message):
        gaedist.score(sample(5, 3), sigma=sigma, covariance=covariance)


def test_numbers_rules_and_arrays_are_told_apart():
    for sigma, number, repeatable in (
        (1, True, True),
        (np.float32(1), True, True),
        (np.array(1.0), True, True),
        ("median", False, True),
        (np.ones(3), False, False),
    ):
        assert (is_number(sigma), is_repeatable(sigma)) == (number, repeatable)


@pytest.mark.parametrize("sigmas", [1.0, "median"])
def test_several_sigmas_must_be_a_list(sigmas):
    with pytest.raises(GaedistError, match="several σ must be given as a list"):
        listed(sigmas)
    assert listed((sigmas, 2.0)) == [sigmas, 2.0]
