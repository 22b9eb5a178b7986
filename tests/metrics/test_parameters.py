"""Parameters refuse what is out of range, and fill in the defaults that a metric uses."""

import math

import pytest

from gaedist import GaedistError, Parameters
from gaedist.metrics.parameters import DEFAULTS, NONE
from gaedist.smoothing.bandwidths import silverman_gamma


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"beta": 0.0}, r"beta must be a number from 1e-06 to 1e\+06; got 0.0"),
        ({"beta": math.nan}, "beta must be a number from .* got nan"),
        ({"beta": True}, "beta must be a number from .* got True"),
        ({"beta": "1"}, "beta must be a number from .* got '1'"),
        ({"gamma": -1.0}, r"gamma must be a number from 1e-12 to 1e\+12; got -1.0"),
        ({"gamma": math.inf}, "gamma must be a number from .* got inf"),
        ({"alpha": 0.01}, "alpha must be a number from 0.05 to 50; got 0.01"),
        ({"alpha": 51}, "alpha must be a number from 0.05 to 50; got 51"),
        ({"alpha": 1.0}, "alpha is for the rational-quadratic kernel, not inverse-quadratic"),
        ({"alpha": 1.0, "kernel": "laplace"}, "alpha is for the rational-quadratic kernel, not laplace"),
        ({"kernel": "round"}, "kernel must be one of gaussian, .*; got 'round'"),
        ({"directions": 0}, "directions must be .* 0"),
        ({"directions": 2.5}, "directions must be .* 2.5"),
        ({"scales": []}, r"scales must be a list of numbers; got \[\]"),
        ({"scales": 1.0}, "scales must be a list of numbers; got 1.0"),
        ({"scales": "1"}, "scales must be a list of numbers; got '1'"),
        ({"scales": [1.0, 0.0]}, r"scale must be a number from 1e-12 to 1e\+12; got 0.0"),
        ({"scales": [None, "a"]}, "scale must be a number .* got 'a'"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(GaedistError, match=message):
        Parameters(**parameters)


def test_parameters_by_position_are_refused():
    with pytest.raises(TypeError, match="positional"):
        Parameters(1.0)


def test_given_are_those_that_are_set():
    assert NONE.given == []
    assert Parameters(beta=1.0, scales=[1]).given == ["beta", "scales"]
    assert Parameters(scales=[1]).scales == (1.0,)


def test_used_parameters_have_defaults_and_leave_out_others():
    given = Parameters(beta=2.0, directions=9)
    assert given.used() == NONE
    assert given.used("beta") == Parameters(beta=2.0)
    assert NONE.used("beta", "directions") == Parameters(beta=DEFAULTS["beta"], directions=1000)
    assert NONE.used("gamma", gamma=0.3) == Parameters(gamma=0.3)
    assert Parameters(gamma=0.1).used("gamma", gamma=0.3) == Parameters(gamma=0.1)


def test_alpha_is_used_by_the_rational_quadratic_kernel_only():
    names = "kernel", "scales", "alpha"
    assert NONE.used(*names).alpha is None
    assert Parameters(kernel="rational-quadratic").used(*names).alpha == DEFAULTS["alpha"]


def test_gamma_is_silvermans_rule_for_the_harmonic_mean_of_the_sizes():
    assert silverman_gamma(50) == pytest.approx((4 / 150) ** 0.4)
    assert silverman_gamma(50, 50) == silverman_gamma(50)
    assert silverman_gamma(20, 60) == pytest.approx(silverman_gamma(30))
