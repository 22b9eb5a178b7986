"""A verdict follows from p-values, of two distances by Bonferroni; z bounds a p-value that is not known."""

import math

import pytest

from gaedist.null.assessment import Assessment, Null
from gaedist.null.verdict import (
    BORDERLINE,
    NO_VERDICT,
    NORMAL,
    NOT_NORMAL,
    Evidence,
    bound_on_p,
    judged,
)


def evidence(z=0.0, p=None, bound=None, two_sided=False, replicates=None):
    return Evidence.given(z, p, bound, two_sided, replicates)


@pytest.mark.parametrize(
    ("z", "two_sided", "bound"),
    [(3.0, False, 0.1), (-3.0, False, 1.0), (-4.0, True, 1 / 16), (0.5, True, 1.0), (0.0, True, 1.0)],
)
def test_bounds_are_those_of_cantelli_and_chebyshev(z, two_sided, bound):
    assert bound_on_p(z, two_sided=two_sided) == pytest.approx(bound, rel=1e-15)


def test_a_bound_holds_for_the_worst_distribution_and_stays_in_range():
    # two points: z with probability 1/(1 + z²), else −1/z
    z = 5.0
    p = bound_on_p(z, two_sided=False)
    assert p * z - (1 - p) / z == pytest.approx(0, abs=1e-15)
    assert p * z**2 + (1 - p) / z**2 == pytest.approx(1)
    assert 0 < bound_on_p(1e200, two_sided=True) < 1e-300
    assert bound_on_p(1e-200, two_sided=True) == 1


def test_a_bound_needs_exact_moments_and_no_p_value():
    found = Assessment(Null("closed-form", 1.0, 0.5), 2.0, 4.0)
    assert Evidence.of(found, two_sided=False, exact=True).p_bound == pytest.approx(1 / 17)
    assert Evidence.of(found, two_sided=False, exact=False).p_bound is None
    # an estimate whose error is as large as the null standard deviation
    estimated = Evidence.of(found, two_sided=False, exact=True, error=0.5)
    assert estimated.p_bound == pytest.approx(1 / 9)
    known = Assessment(Null("gamma", 1.0, 0.5), 2.0, 4.0, 1e-4)
    assert Evidence.of(known, two_sided=False, exact=True).p_bound is None


@pytest.mark.parametrize(
    ("p", "verdict"), [(1e-4, NOT_NORMAL), (0.01, BORDERLINE), (0.06, NORMAL), (None, NO_VERDICT)]
)
def test_one_distance_has_the_verdict_of_its_p_value(p, verdict):
    found = judged([evidence(p=p)])
    assert (found.verdict, found.p, found.is_bound) == (verdict, p, False)


@pytest.mark.parametrize(
    ("first", "second", "p", "verdict"),
    [
        (0.9, 4e-4, 8e-4, NOT_NORMAL),
        (0.9, 6e-4, 1.2e-3, BORDERLINE),
        (0.03, 0.9, 0.06, NORMAL),
        (0.9, 0.8, 1.0, NORMAL),
        (None, 0.03, 0.03, BORDERLINE),
        (None, None, None, NO_VERDICT),
    ],
)
def test_two_distances_have_twice_the_lesser_p_and_one_without_is_left_out(first, second, p, verdict):
    found = judged([evidence(p=first), evidence(p=second)])
    assert (found.verdict, found.p) == (verdict, p)


def test_a_bound_can_condemn_but_not_acquit():
    assert judged([evidence(z=1e7, bound=1e-14)]).verdict == NOT_NORMAL
    assert judged([evidence(z=6, bound=1 / 37)]).verdict == BORDERLINE
    assert judged([evidence(z=1, bound=0.5)]).verdict == NO_VERDICT
    found = judged([evidence(z=1e7, bound=1e-14), evidence(p=0.6)])
    assert (found.verdict, found.p, found.is_bound) == (NOT_NORMAL, 2e-14, True)
    assert judged([evidence(bound=1.0), evidence(p=0.6)]).verdict == NORMAL


def test_simulated_samples_give_a_verdict_if_there_are_enough_of_them():
    assert judged([evidence(p=0.01, replicates=99)]).verdict == NOT_NORMAL
    assert judged([evidence(p=0.01, replicates=99), evidence(p=0.5, replicates=99)]).verdict == BORDERLINE
    assert judged([evidence(p=0.001, replicates=999), evidence(p=0.5, replicates=999)]).verdict == NOT_NORMAL
    assert judged([evidence(p=0.05, replicates=19)]).verdict == NO_VERDICT
    assert judged([evidence(p=0.5, replicates=19)]).verdict == NO_VERDICT
    assert judged([evidence(z=100.0, p=0.05, replicates=19)]).verdict == NOT_NORMAL


def test_an_infinite_z_is_certain():
    assert judged([evidence(z=math.inf)]).verdict == NOT_NORMAL
