"""The Cramér–Wold distances at any γ, for one sample and for two, exact and approximate."""

import naive
import numpy as np
import pytest
import twins
from numpy.testing import assert_allclose
from samples import sample

from gaedist import GaedistError, Parameters, compare, score
from gaedist.smoothing.bandwidths import silverman_gamma


@pytest.mark.parametrize("gamma", [0.01, 3.0])
@pytest.mark.parametrize(
    ("metric", "twin", "dim"),
    [
        ("cramer-wold", twins.cramer_wold, 1),
        ("cramer-wold", twins.cramer_wold, 5),
        ("cramer-wold-approx", twins.cramer_wold_approx, 5),
    ],
)
def test_gamma_is_used_and_reported(metric, twin, dim, gamma):
    x = sample("heavy-tailed", 30, dim)
    found = score(x, metric=metric, parameters=Parameters(gamma=gamma))
    assert_allclose(found.value, twin(x, gamma), rtol=1e-11)
    assert found.parameters == Parameters(gamma=gamma)


@pytest.mark.parametrize("metric", ["cramer-wold", "cramer-wold-approx"])
def test_gamma_of_two_samples_is_used_and_reported(metric):
    x, y = sample("normal", 30, 3), sample("shifted", 40, 3)
    kernel, estimator = twins.pair_kernel(metric, np.concatenate([x, y]), 0.5)
    found = compare(x, y, metric=metric, parameters=Parameters(gamma=0.5))
    assert_allclose(found.value, naive.two_sample(kernel, np.arange(70) < 30, estimator), rtol=1e-10)
    assert found.parameters == Parameters(gamma=0.5)
    assert compare(x, y, metric=metric).parameters.gamma == silverman_gamma(30, 40)


def test_the_exact_distance_is_the_mean_over_directions_of_smoothed_densities():
    # along a line, of the squared L2 distance of densities smoothed by N(0, γ): in one dimension there is one
    x, gamma = sample("shifted", 25, 1), 0.4
    t = np.linspace(-12, 12, 4001)
    smooth = np.exp(-((t[:, np.newaxis] - x[:, 0]) ** 2) / (2 * gamma)).mean(axis=1) / np.sqrt(
        2 * np.pi * gamma
    )
    prior = np.exp(-(t**2) / (2 * (1 + gamma))) / np.sqrt(2 * np.pi * (1 + gamma))
    expected = ((smooth - prior) ** 2).sum() * (t[1] - t[0])  # rectangles converge beyond all powers
    found = score(x, metric="cramer-wold", parameters=Parameters(gamma=gamma))
    assert_allclose(found.value, expected, rtol=1e-10)


def test_the_approximation_is_not_defined_in_one_dimension():
    x = sample("normal", 9, 1)
    with pytest.raises(GaedistError, match=r"not defined in one dimension.*Use cramer-wold\."):
        score(x, metric="cramer-wold-approx")
    with pytest.raises(GaedistError, match="not defined in one dimension"):
        compare(x, x + 1, metric="cramer-wold-approx")


def test_the_approximation_is_not_smallest_at_the_prior():
    value = score(sample("normal", 60, 2), metric="cramer-wold-approx")
    assert value.two_sided
    assert not score(sample("normal", 60, 2), metric="cramer-wold").two_sided
