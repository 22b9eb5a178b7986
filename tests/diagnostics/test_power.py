"""What is said to be found with 90 % probability is found about that often."""

import math

import numpy as np
import pytest

import gaedist
from gaedist.diagnostics.power import detectable


def rate(change, samples, n=200, dim=4):
    found = 0
    for seed in range(samples):
        x = np.random.default_rng((seed, 77)).normal(size=(n, dim))
        found += gaedist.diagnose(change(x), checks=["location", "scale", "dependence"]).value <= 0.01
    return found / samples


@pytest.mark.parametrize("samples", [60, pytest.param(120, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["shift", "sd_low", "sd_high", "correlation"])
def test_power(kind, samples):
    size = getattr(detectable(200, 4, 0.01, 3), kind)

    def change(x):
        if kind == "shift":
            x[:, 0] += size
        elif kind == "correlation":
            x[:, 0] = size * x[:, 1] + math.sqrt(1 - size**2) * x[:, 0]
        else:
            x[:, 0] *= size
        return x

    assert 0.8 < rate(change, samples) <= 1


def test_small_samples():
    few = detectable(1, 3, 0.01, 9)
    assert (few.sd_low, few.sd_high, few.correlation) == (None, None, None)
    assert detectable(100, 1, 0.01, 9).correlation is None
    assert detectable(10**8, 3, 0.01, 9).shift < 1e-3
