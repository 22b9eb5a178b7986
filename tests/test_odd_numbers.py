"""A few drawn samples of odd numbers give right values, no NaN and no warning by every metric.

``tests/fuzz/odd_numbers.py`` draws thousands.
"""

import numpy as np
from fuzz.odd_numbers import DIMS, KINDS, SIZES, outcome_of
from hypothesis import given, settings
from hypothesis import strategies as st

from gaedist.metrics.registry import ONE_SAMPLE, TWO_SAMPLE

FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)
CASES = {
    "kind": st.sampled_from(list(KINDS)),
    "n": st.sampled_from(SIZES),
    "dim": st.sampled_from(DIMS),
    "seed": st.integers(0, 2**32),
}


@FEW
@given(metric=st.sampled_from(list(ONE_SAMPLE)), **CASES)
def test_scores_of_odd_numbers(metric, kind, n, dim, seed):
    name, outcome, is_fault = outcome_of(np.random.default_rng(seed), kind, metric, n, dim, two=False)
    assert not is_fault, f"{name}: {outcome}"


@FEW
@given(metric=st.sampled_from(list(TWO_SAMPLE)), **CASES)
def test_distances_of_odd_numbers(metric, kind, n, dim, seed):
    name, outcome, is_fault = outcome_of(np.random.default_rng(seed), kind, metric, n, dim, two=True)
    assert not is_fault, f"{name}: {outcome}"
