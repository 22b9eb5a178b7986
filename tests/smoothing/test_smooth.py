import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist
from gaedist import GaedistError, Run
from gaedist.mixtures.covariance import Movable
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.families import FAMILIES
from gaedist.smoothing.optimize import Optimum
from gaedist.smoothing.rules import RULES
from gaedist.smoothing.smooth import smooth, smooth_both

MOVABLE = [name for name, family in FAMILIES.items() if issubclass(family, Movable)]


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.mark.parametrize("family", MOVABLE)
@pytest.mark.parametrize("rule", RULES)
def test_what_sigma_returns_scores_as_its_rule_does(family, rule):
    x = sample(12, 3)
    array = gaedist.sigma(x, sigma=rule, covariance=family).array
    by_rule = gaedist.score(x, sigma=rule, covariance=family)
    given = gaedist.score(x, sigma=array)
    assert given.covariance == by_rule.covariance == family
    assert_allclose(given.value, by_rule.value, rtol=1e-12)
    assert (by_rule.sigma.rule, given.sigma.rule) == (rule, "given")


def test_a_number_is_constant_unless_a_wider_family_is_asked_for():
    x = sample(40, 3)
    values = [gaedist.score(x, sigma=0.8, covariance=family).value for family in (None, *FAMILIES)]
    assert_allclose(values, values[0], rtol=1e-12)
    assert gaedist.score(x, sigma=0.8).null.mean is not None
    assert gaedist.score(x, sigma=0.8, covariance="radial").null.mean is None


def test_the_best_constant_has_no_null_law_of_a_given_one():
    x = sample(60, 2)
    best = gaedist.score(x, sigma="optimize", covariance="constant")
    assert best.null.mean is None
    around = [gaedist.score(x, sigma=best.sigma.median * factor).value for factor in (0.8, 0.95, 1.05, 1.25)]
    assert best.value < min(around)


def test_two_columns_in_two_dimensions_have_to_be_named():
    x, sigmas = sample(5, 2), np.abs(sample(5, 2, seed=1)) + 0.5
    with pytest.raises(GaedistError, match=r"can be radial or diagonal at D = 2\. Say which"):
        gaedist.score(x, sigma=sigmas)
    radial, diagonal = (gaedist.score(x, sigma=sigmas, covariance=name) for name in ("radial", "diagonal"))
    assert radial.value != pytest.approx(diagonal.value, rel=1e-6)


@pytest.mark.parametrize(
    ("sigma", "covariance", "message"),
    [
        (np.ones(4), None, r"sigma of 5 points in 3 dimensions is \(5,\) \(spherical\).*got \(4,\)"),
        (np.ones((5, 7)), None, "got"),
        (np.ones((5, 3)), "radial", "sigma is diagonal, and the radial family cannot hold it"),
        (np.ones(5), "constant", "sigma is spherical, and the constant family cannot hold it"),
        ([1, 1, 0, 1, 1], None, "row 2 has 0"),
        ([1, 1, -2, 1, 1], None, "row 2 has -2"),
        ([1, 1, 1, 1, np.nan], None, "sigma is not finite in row 4"),
        (["a"] * 5, None, "sigma must be a number, an array of them or a rule"),
        ([[1], [1, 2]], None, "sigma is no array: its rows differ in length"),
        (np.stack([np.eye(3)] * 4 + [np.diag([1, 1, -1])]), None, "covariance 4 is not positive definite"),
        (np.stack([np.eye(3)] * 4 + [np.eye(3) + np.eye(3, k=1)]), None, "covariance 4 is not symmetric"),
        ("mean-field", "constant", "sigma mean-field differs from point to point"),
        ("guess", None, "sigma must be one of mean-field"),
        (1.0, "round", "covariance must be one of constant, spherical"),
        (1.0, [], "covariance must be one of"),
    ],
)
def test_sigma_that_cannot_be(sigma, covariance, message):
    with pytest.raises(GaedistError, match=message):
        gaedist.score(sample(5, 3), sigma=sigma, covariance=covariance)


def test_codes_too_far_for_a_rule_are_said_to_be():
    x = 1e60 * sample(4, 3)
    with pytest.raises(GaedistError, match="too far from 0 for this choice of σ"):
        gaedist.score(x, sigma="optimize")
    assert gaedist.score(x, sigma="mean-field").value <= 1
    with pytest.raises(GaedistError, match="too far from 0"):
        gaedist.score(1e80 * sample(4, 3), sigma="mean-field")


def test_a_constant_covariance_has_no_sigma_of_each_point():
    with pytest.raises(GaedistError, match="a constant covariance has one σ"):
        gaedist.sigma(sample(4, 3), sigma="optimize", covariance="constant")


def test_a_closed_form_that_is_unknown_is_refused_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr(sys.modules["gaedist.metrics.measure"], "smooth", None)
    with pytest.raises(GaedistError, match="known in closed form for one σ for all points"):
        gaedist.score(sample(4, 3), sigma="optimize", null="closed-form")


def test_full_covariances_of_many_points_are_announced():
    notes = []
    x = sample(4000, 8)
    smooth(x, "mean-field", "full", Run(note=notes.append))
    assert notes == []
    smooth(sample(2500, 40), "mean-field", "full", Run(note=notes.append))
    assert len(notes) == 1
    assert "Cholesky factor for each of 3.12e+06 pairs of 40 × 40 matrices" in notes[0]


@pytest.mark.parametrize("family", ["constant", "radial"])
def test_after_an_interruption_the_second_sample_is_not_searched(monkeypatch, family):
    def interrupted(samples, wanted, run):
        assert [len(codes) for codes in samples] == [9]
        start = RULES["mean-field"].find(samples, "radial", run)
        found = Constant(0.7) if wanted == "constant" else start
        return Optimum((found,), 3, 4, 0.5, converged=False, interrupted=True)

    monkeypatch.setitem(RULES, "optimize", type(RULES["optimize"])("", interrupted))
    found = smooth_both(sample(9, 3), sample(8, 3, seed=1), ("optimize", "optimize"), family, Run())
    assert found.summary.interrupted
    assert found.summary.evaluations == 4
