"""`gaedist.sigma`: what it returns is what `gaedist.score` uses, for every rule and covariance family."""

from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample

from gaedist import GaedistError, SigmaResult, score, sigma
from gaedist.mixtures.families import FAMILIES

SHAPES = {"spherical": (40,), "radial": (40, 2), "diagonal": (40, 3), "full": (40, 3, 3)}
"""Family → shape of the array for 40 points in three dimensions."""


def test_the_order_of_fields_is_the_order_of_json_keys():
    names = "n dim covariance shape sigma directions notes version array profile prior"
    assert " ".join(field.name for field in fields(SigmaResult)) == names


def test_every_family_but_constant_has_a_shape():
    assert [name for name in FAMILIES if name != "constant"] == list(SHAPES)


@pytest.mark.parametrize("rule", ["mean-field", "optimize", "median", 0.7])
@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_the_array_gives_the_score_of_the_rule(family, rule):
    x = sample("heavy-tailed", 40, 3)
    found = sigma(x, sigma=rule, covariance=family)
    assert (found.n, found.dim, found.covariance) == (40, 3, family)
    assert found.array.shape == found.shape == SHAPES[family]
    by_rule = score(x, sigma=rule, covariance=family)
    by_array = score(x, sigma=found.array, covariance=family)
    assert_allclose(by_array.value, by_rule.value, rtol=1e-12)
    assert found.sigma == by_rule.sigma
    assert (by_array.sigma.rule, by_array.sigma.max) == ("given", pytest.approx(found.sigma.max))


@pytest.mark.parametrize("family", SHAPES)
def test_one_sigma_for_all_points_is_written_in_any_family(family):
    found = sigma(sample("normal", 40, 3), sigma=0.5, covariance=family)
    assert found.shape == SHAPES[family]
    expected = np.tile(0.25 * np.eye(3), (40, 1, 1)) if family == "full" else np.full(SHAPES[family], 0.5)
    assert_allclose(found.array, expected, rtol=1e-14, atol=1e-16)
    for spread in found.directions.values():
        assert_allclose([spread.min, spread.median, spread.max], 0.5, rtol=1e-14)


def test_the_summary_is_over_the_array():
    found = sigma(sample("heavy-tailed", 40, 3))
    assert found.covariance == "spherical"
    (spread,) = found.directions.values()
    expected = found.array.min(), np.median(found.array), found.array.max()
    assert_allclose([spread.min, spread.median, spread.max], expected, rtol=1e-15)
    assert_allclose([found.sigma.min, found.sigma.median, found.sigma.max], expected, rtol=1e-15)
    assert found.sigma.rule == "mean-field"


def test_radial_covariances_have_a_sigma_along_and_one_across():
    found = sigma(sample("heavy-tailed", 40, 3), covariance="radial")
    assert len(found.directions) == 2
    for spread, column in zip(found.directions.values(), found.array.T, strict=True):
        assert_allclose([spread.min, spread.max], [column.min(), column.max()], rtol=1e-15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"covariance": "constant", "sigma": "median"}, "one σ for all points, not one for each"),
        ({"covariance": "constant"}, "gives each point its own σ, which a constant covariance cannot hold"),
        ({"sigma": "guess"}, "sigma must be one of mean-field"),
        ({"covariance": "round"}, "covariance must be one of constant"),
        ({"sigma": np.ones(5)}, "5"),
        ({"sigma": -1.0}, "positive"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(GaedistError, match=message):
        sigma(sample("normal", 40, 3), **options)


def test_arrays_that_are_not_codes_are_an_error():
    with pytest.raises(GaedistError, match="1 axis"):
        sigma(np.zeros(3))
