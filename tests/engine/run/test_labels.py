"""Sums of values by label are exact to a few roundings, whatever the magnitudes of the values."""

import math

import numpy as np
from numpy.testing import assert_allclose

from gaedist.engine import times_labels
from gaedist.engine.run.labels import CompensatedSum


def test_values_are_summed_by_label():
    rng = np.random.default_rng(4)
    values = rng.normal(size=600) * 10.0 ** rng.uniform(-8, 8, size=600)
    labels = rng.integers(0, 2, size=(600, 3000)).astype(np.uint8)
    expected = [math.fsum(values[chosen]) for chosen in labels.T.astype(bool)]
    # within a block of 256 points additions are plain: some tens of roundings of the sum of absolute values
    atol = 1e-14 * np.abs(values).sum()
    assert_allclose(times_labels(values, np.packbits(labels, axis=1)), expected, atol=atol)


def test_a_compensated_sum_does_not_lose_small_terms():
    terms = np.array([1e16, 1.0, -1e16, 1.0, 1e-9])
    total = CompensatedSum(1)
    for term in terms:
        total.add(np.array([term]))
    assert_allclose(total.value, math.fsum(terms), rtol=1e-15)
