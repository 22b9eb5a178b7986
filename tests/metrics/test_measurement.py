"""A measurement splits its value into a part that varies between samples and a constant."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample

from gaedist import Parameters, Run
from gaedist.engine import evaluate
from gaedist.metrics.measurement import ScoreTerms
from gaedist.metrics.options import CompareOptions, ScoreOptions
from gaedist.metrics.registry import ONE_SAMPLE, TWO_SAMPLE

FEW = Parameters(directions=7)


def measured(form, *samples, options):
    (found,) = evaluate([form(*samples, options, Run())], Run())
    return found


@pytest.mark.parametrize("name", ONE_SAMPLE)
def test_the_varying_and_the_constant_part_add_up_to_the_value(name):
    form, options = ONE_SAMPLE[name].for_one_sample(), ScoreOptions(parameters=FEW)
    first, second = (
        measured(form, sample(kind, 200, 3), options=options) for kind in ("shifted", "heavy-tailed")
    )
    for found in (first, second):
        # rounding of the terms that cancel in the value
        assert_allclose(found.varying + found.constant, found.value, rtol=1e-12, atol=1e-14)
        assert found.log_value == pytest.approx(math.log(found.value))
        assert (
            math.log(abs(found.varying)) < found.log_rounding_scale + 1
            or found.log_rounding_scale == -math.inf
        )
    assert first.constant == second.constant


@pytest.mark.parametrize("name", TWO_SAMPLE)
def test_two_samples_have_a_value_without_a_constant(name):
    x, y = sample("normal", 60, 3), sample("shifted", 50, 3)
    found = measured(TWO_SAMPLE[name].for_two_samples(), x, y, options=CompareOptions(parameters=FEW))
    assert (found.varying, found.constant, found.terms, found.note) == (found.value, 0.0, None, None)


def test_terms_of_a_score_are_the_overlaps():
    x = sample("shifted", 80, 2)
    found = measured(ONE_SAMPLE["gaussian"].for_one_sample(), x, options=ScoreOptions())
    distance = found.distance
    overlaps = [np.exp(part.log_total) for part in (distance.pp, distance.pq, distance.qq)]
    assert_allclose([found.terms.pair, found.terms.cross, found.terms.prior], overlaps, rtol=1e-14)
    assert found.terms == ScoreTerms.of(distance)
    assert_allclose(found.terms.pair + found.terms.prior - 2 * found.terms.cross, found.value, rtol=1e-12)
