"""`gaedist.score` and `gaedist.scores`: what they accept, refuse and report, for any metric and several σ.

A metric or a σ that does not apply leaves the others alone.
"""

import math
from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample as known

from gaedist import GaedistError, Parameters, Run, ScoreResult, score, scores
from gaedist.metrics.registry import ONE_SAMPLE

FEW = Parameters(directions=7)
SINGULAR = ("henze-zirkler", "kl")  # metrics that need a covariance of full rank


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def test_the_order_of_fields_is_the_order_of_json_keys():
    names = (
        "n dim metric value log_value value_se parameters target estimator covariance sigma terms "
        "null excess z p_value two_sided saturated skewed notes method precision threads seconds "
        "version infinite p_bound effect companion p_combined verdict device prior posterior distribution"
    )
    assert " ".join(field.name for field in fields(ScoreResult)) == names


# Codes


def test_codes_are_left_alone():
    x = sample(300, 3) + 1e7
    before = x.copy()
    score(x)
    assert (x == before).all()


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros(3), "1 axis"),
        (np.zeros((2, 2, 2)), "3 axes"),
        (np.zeros((0, 2)), "empty"),
        (np.zeros((2, 0)), "empty"),
        (np.zeros((2, 2), complex), "complex"),
        (np.full((2, 2), "a"), "latent codes are real numbers"),
        (np.full((2, 2), None), "array of objects"),
        (
            np.array([[1.0, 2.0], [3.0, math.nan]]),
            "the codes are not finite: row 1 has NaN in column 1; 1 of 2 rows are not finite.$",
        ),
        (
            np.array([[1.0, 2.0], [1e200, 0]]),
            "row 1 has 1e\\+200 in column 0; 1 of 2 rows .* beyond 1e\\+150",
        ),
    ],
)
def test_arrays_that_are_not_codes_are_an_error(codes, message):
    with pytest.raises(GaedistError, match=message):
        score(codes)


# Options


def test_without_a_null_distribution_there_is_no_z():
    result = score(sample(10, 2), null="none")
    assert (result.null.method, result.null.mean, result.excess, result.z) == ("none", None, None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": 0}, "sigma must be a positive, finite number; got 0"),
        ({"sigma": -1}, "positive"),
        ({"sigma": math.nan}, "got nan"),
        ({"sigma": math.inf}, "got inf"),
        ({"sigma": 1e-200}, "must lie between"),
        ({"null": "guess"}, "null must be one of auto, closed-form, monte-carlo, none; got 'guess'"),
        ({"target": "flat"}, "target must be one of normal, smoothed; got 'flat'"),
        ({"metric": "entropy"}, "metric must be one of gaussian, bhep, "),
        ({"covariance": "round"}, "covariance must be one of constant"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(GaedistError, match=message):
        score(sample(3, 2), **options)


@pytest.mark.parametrize(
    ("sigma", "options", "message"),
    [
        (1.0, {"estimator": "u"}, "estimator u is for the smoothed target"),
        (1.0, {"estimator": "w"}, "estimator must be one of v, u; got 'w'"),
        (1.0, {"target": "blurred"}, "target must be one of normal, smoothed"),
        ("mean-field", {"target": "smoothed"}, "needs one σ for all points; these differ"),
        ("optimize", {"target": "smoothed"}, "these differ from point to point"),
        (np.ones(5), {"target": "smoothed"}, "needs one σ"),
        (1.0, {"target": "smoothed", "covariance": "radial"}, "these differ from point to point"),
        ("joint", {}, "sigma must be one of mean-field"),
    ],
)
def test_options_that_do_not_go_together_are_an_error_for_any_of_several_sigmas(sigma, options, message):
    x = sample(5, 3)
    for sigmas in ([sigma], [1.0, sigma]):
        with pytest.raises(GaedistError, match=message):
            scores(x, sigmas, **options)


def test_run_settings_out_of_range():
    for settings in ({"threads": 0}, {"method": "guess"}, {"precision": "half"}):
        with pytest.raises(GaedistError, match="must be"):
            Run(**settings)


# Several σ and metrics


@pytest.mark.parametrize("target", ["normal", "smoothed"])
@pytest.mark.parametrize("dim", [1, 64])
def test_scores_are_what_each_sigma_gives_alone(target, dim):
    x = sample(140, dim) + 0.1
    sigmas = [1.0, 0.2, "median", 5, np.float64(0.7), "silverman", "scott", 1.0, "best"]
    sigmas += [] if target == "smoothed" else ["mean-field", "mean-field-approx"]
    found = scores(x, sigmas, target=target)
    assert len(found) == len(sigmas)
    for sigma, one in zip(sigmas, found, strict=True):
        alone = score(x, sigma=sigma, target=target)
        assert (one.sigma, one.covariance, one.null.method) == (
            alone.sigma,
            alone.covariance,
            alone.null.method,
        )
        assert_allclose(one.value, alone.value, rtol=1e-13, atol=1e-13 * alone.terms.pair)
        assert_allclose(
            [one.terms.pair, one.terms.cross, one.terms.prior],
            [alone.terms.pair, alone.terms.cross, alone.terms.prior],
            rtol=1e-13,
        )
        assert (one.z is None) == (alone.z is None)
        if one.z is not None:
            assert_allclose(one.z, alone.z, rtol=1e-8)


def test_no_sigma_gives_no_scores():
    assert scores(sample(4, 2), []) == []


def test_gaussian_has_a_result_for_each_sigma_and_other_metrics_have_one():
    found = scores(known("normal", 50, 3), [0.5, 1.0], metric="all", parameters=FEW, null="none")
    assert [r.metric for r in found] == ["gaussian", *ONE_SAMPLE]
    assert found[0].sigma != found[1].sigma


@pytest.mark.parametrize(
    ("x", "failing"),
    [
        (np.zeros((300, 3)), set()),
        (known("normal", 300, 3)[:, [0, 1, 1]], set()),
        (known("normal", 3, 3), set(SINGULAR)),
        (known("normal", 1, 3), {*SINGULAR, "mmd"}),
        (np.zeros((300, 1)), {"cramer-wold-approx"}),
    ],
    ids=["at 0", "flat", "n = D", "n = 1", "on a line"],
)
def test_metrics_that_do_not_apply_are_reported_and_the_others_go_on(x, failing):
    errors = {}
    results = scores(x, metric="all", parameters=FEW, on_error=errors.__setitem__)
    assert set(errors) == failing
    assert [r.metric for r in results] == [name for name in ONE_SAMPLE if name not in failing]
    assert [r.metric for r in scores(x, metric="all", parameters=FEW)] == [r.metric for r in results]
    for found in results:
        assert math.isfinite(found.value) != found.infinite
        assert math.isfinite(found.z) != found.infinite
        assert found.p_value is None or 0 < found.p_value <= 1
    for name in failing - set(SINGULAR):
        with pytest.raises(GaedistError):
            scores(x, metric=[name, "all"], parameters=FEW)


def test_a_sigma_that_does_not_fit_is_reported_and_the_others_go_on():
    x, errors = sample(9, 2), []
    found = scores(
        x, [1.0, np.ones(5), 2.0], metric=["gaussian", "energy"], on_error=lambda *error: errors.append(error)
    )
    assert [(name, str(error).split(":")[0]) for name, error in errors] == [("gaussian", "sigma of a file")]
    assert [result.metric for result in found] == ["gaussian", "gaussian", "energy"]
    with pytest.raises(GaedistError):
        scores(x, [1.0, np.ones(5)])
