"""Options of metrics: combinations that are refused, and which options differ from their defaults."""

import numpy as np
import pytest

from gaedist import GaedistError, Parameters
from gaedist.metrics.options import CompareOptions, ScoreOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "u"}, "estimator u is for the smoothed target"),
        ({"estimator": "w"}, "estimator must be one of v, u; got 'w'"),
        ({"target": "blurred"}, "target must be one of normal, smoothed"),
    ],
)
def test_options_of_a_score_that_do_not_go_together(options, message):
    with pytest.raises(GaedistError, match=message):
        ScoreOptions(**options)


@pytest.mark.parametrize(
    ("sigma", "covariance"),
    [("mean-field", None), ("optimize", None), (np.ones(5), None), (1.0, "radial")],
    ids=["mean-field", "optimize", "array", "radial"],
)
def test_the_smoothed_target_needs_one_sigma(sigma, covariance):
    options = {"sigma": sigma, "covariance": covariance}
    ScoreOptions(**options).check_sigma()
    with pytest.raises(GaedistError, match="needs one σ for all points; these differ from point to point"):
        ScoreOptions(**options, target="smoothed").check_sigma()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "w"}, "estimator must be one of v, u; got 'w'"),
        ({"sigma_factor": 1.0}, "sigma_factor must be above 1, and below 1000; got 1.0"),
        ({"sigma_factor": "2"}, "sigma_factor must be above 1, and below 1000; got '2'"),
        ({"sigma": np.ones(3)}, "an array of σ belongs to the first sample. Give sigma_b"),
        ({"sigma": "joint", "sigma_b": 1.0}, "joint chooses σ of both samples. Leave out sigma_b"),
    ],
)
def test_options_of_a_comparison_that_do_not_go_together(options, message):
    with pytest.raises(GaedistError, match=message):
        CompareOptions(**options)


def test_options_that_are_given_differ_from_the_defaults():
    for sigma in (1, 1.0, np.float64(1), np.array(1.0)):
        assert not ScoreOptions(sigma=sigma, parameters=Parameters(beta=2)).are_given
        assert not CompareOptions(sigma=sigma, parameters=Parameters(gamma=2)).are_given
    for options in ({"sigma": 2}, {"sigma": "median"}, {"covariance": "constant"}):
        assert ScoreOptions(**options).are_given
        assert CompareOptions(**options).are_given
    assert ScoreOptions(target="smoothed").are_given
    assert ScoreOptions(sigma=np.ones(3)).are_given
    for options in ({"sigma_b": 1.0}, {"sigma_factor": 3.0}, {"estimator": "u"}):
        assert CompareOptions(**options).are_given


def test_options_for_simulated_samples_hold_a_rule_or_a_plain_number():
    for sigma in (2, np.float32(2), np.array(2.0)):
        found = ScoreOptions(sigma=sigma).for_simulation.sigma
        assert found == 2
        assert type(found) is float
    assert ScoreOptions(sigma="median").for_simulation.sigma == "median"
