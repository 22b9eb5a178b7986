"""A null distribution is simulated unasked only where the closed form gives no p-value for a reason that a
simulation removes, and only if that does not take long; otherwise the note says how long it would take.
"""

import math

import numpy as np
import pytest

from gaedist.metrics.measurement import Measurement
from gaedist.null.assessment import WIDE
from gaedist.null.distributions import Gamma, NoDistribution, Simulated, too_skewed
from gaedist.null.on_demand import AFFORDABLE, OnDemand

MEASURED = Measurement(value=3.0, log_value=None, varying=3.0)
CALIBRATED, SKEWED = Gamma(2.0, 0.5, 0.1, 50), Gamma(2.0, 0.5, 9.0, 50)


def never():
    raise AssertionError("this was not to be called")


def assess(closed, *, seconds=lambda: 1.0, measured=MEASURED):
    def simulate():
        return Simulated(np.arange(99.0), two_sided=False)

    return OnDemand(closed, seconds, never if seconds is never else simulate).assess(measured)


def test_a_p_value_in_closed_form_is_not_simulated():
    found = assess(CALIBRATED, seconds=never)
    assert found == CALIBRATED.assess(MEASURED)
    assert found.null.method == "gamma"


@pytest.mark.parametrize("closed", [SKEWED, NoDistribution("unknown.")])
def test_without_one_the_distribution_is_simulated(closed):
    found = assess(closed)
    assert (found.null.method, found.null.replicates, found.null.note) == ("monte-carlo", 99, None)
    assert found.p_value == 0.97


@pytest.mark.parametrize("closed", [SKEWED, NoDistribution("unknown.")])
def test_what_takes_long_is_not_simulated_and_the_note_says_how_long(closed):
    plain, found = closed.assess(MEASURED), assess(closed, seconds=lambda: 200.0)
    assert found.null.note == f"{plain.null.note} --null monte-carlo would take about 3 min."
    assert (found.null.method, found.z, found.p_value) == (plain.null.method, plain.z, None)


def test_the_bound_is_about_ten_seconds():
    assert AFFORDABLE == 10
    for seconds, method in ((10.0, "monte-carlo"), (10.1, "closed-form")):
        assert assess(SKEWED, seconds=lambda seconds=seconds: seconds).null.method == method


def test_other_reasons_for_no_p_value_stay():
    hidden = Measurement(value=3.0, log_value=None, varying=3.0, log_rounding_scale=math.log(1e300))
    assert assess(SKEWED, seconds=never, measured=hidden).null.note == WIDE
    constant = Gamma(2.0, 0.0, 0.1, 50)
    assert assess(constant, seconds=never) == constant.assess(MEASURED)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (11.2, "11 s"),
        (89, "89 s"),
        (170, "3 min"),
        (3000, "50 min"),
        (20_000, "6 hours"),
        (200_000, "56 hours"),
        (1e6, "12 days"),
        (1e9, "12000 days"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(seconds, text):
    assert assess(SKEWED, seconds=lambda: seconds).null.note == (
        f"{too_skewed()} --null monte-carlo would take about {text}."
    )
