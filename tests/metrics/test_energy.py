"""The energy distance of one sample and of two agrees with SciPy in one dimension."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample
from scipy.special import ndtri
from scipy.stats import energy_distance

from gaedist import compare, score


@pytest.mark.parametrize("kind", ["normal", "shifted", "heavy-tailed"])
def test_energy_agrees_with_scipy(kind):
    # SciPy gives the square root, here of the distance to 10⁶ quantiles, which are 1e-4 from N(0, 1)
    x = sample(kind, 40, 1)
    quantiles = ndtri((np.arange(1_000_000) + 0.5) / 1_000_000)
    assert_allclose(score(x, metric="energy").value, energy_distance(x[:, 0], quantiles) ** 2, rtol=1e-4)


def test_the_distance_of_two_samples_agrees_with_scipy():
    x, y = sample("normal", 60, 1), sample("shifted", 45, 1)
    expected = energy_distance(x[:, 0], y[:, 0]) ** 2  # SciPy gives the square root
    assert_allclose(compare(x, y, metric="energy").value, expected, rtol=1e-11)


@pytest.mark.parametrize("scale", [1e14, 1e16, 1e40, 1e148])
def test_far_codes_have_an_energy(scale):
    x = sample("normal", 20, 3)
    norms, distances = np.linalg.norm(x, axis=1), np.linalg.norm(x[:, np.newaxis] - x, axis=2)
    expected = scale * (2 * norms.mean() - distances.mean())
    assert_allclose(score(scale * x, metric="energy").value, expected, rtol=1e-12)
    # one point far away among others that are not
    outlier = np.concatenate([x, [[scale, 0, 0]]])
    assert_allclose(score(outlier, metric="energy").value, 2 * scale / 21**2, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-160])
def test_two_samples_of_tiny_codes_have_an_energy(scale):
    x, y = sample("normal", 20, 3), sample("shifted", 25, 3)
    near, tiny = (compare(c * x, c * y, metric="energy", permutations=19) for c in (1.0, scale))
    assert_allclose(tiny.value / scale, near.value, rtol=1e-11)
    assert tiny.p_value == near.p_value
