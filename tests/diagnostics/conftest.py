"""Samples with one defect each."""

import numpy as np
import pytest

from gaedist.diagnostics.sample import Sample
from gaedist.engine import Run


@pytest.fixture
def normal():
    """A normal sample: normal(n, dim, seed)."""

    def make(n=500, dim=6, seed=0):
        return np.random.default_rng((seed, n, dim)).normal(size=(n, dim))

    return make


@pytest.fixture
def sample():
    """What checks take: sample(x)."""
    return lambda x, **settings: Sample(np.ascontiguousarray(x, float), Run(threads=1), **settings)
