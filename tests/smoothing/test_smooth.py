"""One sample or two become mixtures: what is known of their σ, and notes and interruptions on the way."""

from dataclasses import replace

import numpy as np
import pytest
from members import sample

from gaedist import GaedistError, Run
from gaedist.mixtures.diagonal import Constant
from gaedist.smoothing.optimize import Optimum
from gaedist.smoothing.rules import JOINT, RULES
from gaedist.smoothing.smooth import smooth, smooth_both


@pytest.mark.parametrize(
    ("sigma", "label_independent", "depends_on_codes"),
    [
        (0.7, True, False),
        (np.ones(9), False, False),
        ("mean-field", True, True),
        ("silverman", False, False),
        ("median", False, True),
        ("best", False, True),
        ("optimize", False, True),
    ],
)
def test_what_sigma_of_one_sample_depends_on(sigma, label_independent, depends_on_codes):
    found = smooth(sample(9, 3), sigma, None, Run())
    assert (found.label_independent, found.depends_on_codes) == (label_independent, depends_on_codes)


@pytest.mark.parametrize(
    ("sigmas", "label_independent"),
    [
        ((0.7, 0.7), True),
        ((0.7, 0.8), False),
        (("mean-field", "mean-field"), True),
        (("mean-field", "mean-field-approx"), False),
        (("median", "median"), True),
        (("median", "scott"), False),
        ((np.ones(9), 1.0), False),
        ((JOINT, JOINT), False),
    ],
)
def test_when_reassigning_points_between_samples_leaves_every_sigma(sigmas, label_independent):
    found = smooth_both(sample(9, 2), sample(8, 2, seed=1), sigmas, None, Run())
    assert found.label_independent == label_independent
    assert [len(p.centers) for p in found.mixtures] == [9, 8]


def test_samples_of_different_dimensions_are_refused():
    with pytest.raises(GaedistError, match="dimensions differ: 3 and 2"):
        smooth_both(sample(9, 3), sample(8, 2), (1.0, 1.0), None, Run())


def test_a_slow_pass_over_full_covariances_is_announced():
    notes = []
    x = sample(4000, 8)
    smooth(x, "mean-field", "full", Run(note=notes.append))
    assert notes == []
    smooth(sample(2500, 64), "mean-field", "full", Run(note=notes.append))
    assert len(notes) == 1
    assert "Cholesky factor of a 64 × 64 matrix for each of 3.12e+06 pairs" in notes[0]


@pytest.mark.parametrize("family", ["constant", "radial"])
def test_after_an_interruption_the_second_sample_is_not_searched(monkeypatch, family):
    def interrupted(samples, wanted, run):
        assert [len(codes) for codes in samples] == [9]
        start = RULES["mean-field"].find(samples, "radial", run)
        found = Constant(0.7) if wanted == "constant" else start
        return Optimum((found,), 3, 4, 0.5, converged=False, interrupted=True)

    monkeypatch.setitem(RULES, "optimize", replace(RULES["optimize"], find=interrupted))
    found = smooth_both(sample(9, 3), sample(8, 3, seed=1), ("optimize", "optimize"), family, Run())
    assert found.summary.interrupted
    assert found.summary.evaluations == 4
