"""Every target and estimator has a phrase for help texts; only the smoothed target is zero at N(0, I)."""

import numpy as np
import pytest

from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.distance import squared_distance
from gaedist.mixtures.mixture import Mixture, normal
from gaedist.mixtures.targets import ESTIMATORS, TARGETS


@pytest.mark.parametrize("row", [*TARGETS.values(), *ESTIMATORS.values()])
def test_phrases_and_definitions(row):
    assert row.definition
    assert 0 < len(row.about) < 100
    assert not row.about.endswith(".")


def test_only_the_smoothed_target_is_at_distance_zero_from_a_smoothed_normal_sample():
    smoothed = Mixture(np.zeros((1, 3)), Constant(1.25))  # N(0, I) under a kernel with σ² = 0.25
    priors = {name: normal(3, variance=1.25 if row.smoothed else 1.0) for name, row in TARGETS.items()}
    distances = {name: squared_distance(smoothed, prior, unit=1).log_value for name, prior in priors.items()}
    assert distances["smoothed"] < np.log(1e-15)
    assert distances["normal"] > np.log(1e-3)
