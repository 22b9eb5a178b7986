"""The BHEP statistic is an integral over frequencies, and n times the distance to the smoothed prior."""

import math

import numpy as np
import pytest
import twins
from numpy.testing import assert_allclose
from samples import sample as known
from scipy.integrate import quad

from gaedist import Parameters, Run, score


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def bhep_by_quadrature(x, beta):
    """∫ |mean_j e^(itx_j) − e^(−t²/2)|² φ_β(t) dt in one dimension, with the density φ_β of N(0, β²)."""

    def integrand(t):
        square = abs(np.exp(1j * t * x[:, 0]).mean() - math.exp(-(t**2) / 2)) ** 2
        return square * math.exp(-(t**2) / (2 * beta**2)) / (beta * math.sqrt(2 * math.pi))

    return 2 * quad(integrand, 0, 12 * beta, epsabs=1e-14, epsrel=1e-11, limit=400)[0]


def bhep_on_a_grid(x, beta, nodes=120):
    """The same in any dimension, by Gauss–Hermite quadrature along each axis."""
    t, weights = np.polynomial.hermite_e.hermegauss(nodes)
    dim = x.shape[1]
    grid = beta * np.stack(np.meshgrid(*[t] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    weights = weights / weights.sum()
    weight = np.prod(np.stack(np.meshgrid(*[weights] * dim, indexing="ij"), axis=-1).reshape(-1, dim), axis=1)
    difference = np.exp(1j * grid @ x.T).mean(axis=1) - np.exp(-(grid**2).sum(axis=1) / 2)
    return weight @ np.abs(difference) ** 2


def bhep(x, beta, **options):
    return score(x, metric="bhep", parameters=Parameters(beta=beta), **options)


@pytest.mark.parametrize("beta", [0.3, 0.7, 1.8])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_bhep_is_an_integral_over_frequencies(beta, shift):
    line, plane = 0.8 * sample(25, 1) + shift, 0.8 * sample(25, 2) + shift
    assert_allclose(bhep(line, beta).value, 25 * bhep_by_quadrature(line, beta), rtol=1e-9)
    assert_allclose(bhep_on_a_grid(line, beta), bhep_by_quadrature(line, beta), rtol=1e-9)
    assert_allclose(bhep(plane, beta).value, 25 * bhep_on_a_grid(plane, beta), rtol=1e-9)


@pytest.mark.parametrize("beta", [0.2, 2.5])
@pytest.mark.parametrize("dim", [1, 5])
def test_beta_is_used_and_reported(dim, beta):
    x = known("heavy-tailed", 30, dim)
    assert_allclose(bhep(x, beta).value, twins.bhep(x, beta), rtol=1e-11)
    assert bhep(x, beta).parameters == Parameters(beta=beta)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("dim", [2, 40])
def test_bhep_is_n_times_the_distance_to_the_smoothed_prior(dim, beta):
    # with β² = 1/(2σ²), e^(−|x−y|²/(4σ²)) = ∫ e^(it·(x−y)) N(t; 0, β² I) dt: the factor is n in any dimension
    x = known("shifted", 300, dim)
    found, distance = bhep(x, beta), score(x, sigma=1 / (beta * math.sqrt(2)), target="smoothed")
    assert_allclose(found.value, 300 * distance.value, rtol=1e-13)
    assert_allclose(found.excess, 300 * distance.excess, rtol=1e-12)
    assert_allclose([found.z, found.null.mean], [distance.z, 300 * distance.null.mean], rtol=1e-12)
    assert found.null.method == distance.null.method
    assert (found.null.note is None) == (distance.null.note is None)
    assert found.null.note is None or "--beta" in found.null.note
    if distance.p_value is not None:
        # p of 1e-19 has the logarithm −44, which multiplies the rounding of z
        assert_allclose(found.p_value, distance.p_value, rtol=1e-10)


def test_an_estimate_from_some_of_the_pairs_has_a_standard_error():
    x = known("normal", 20_000, 12)
    exact, found = bhep(x, 1.0), bhep(x, 1.0, run=Run(method="sample", tolerance=1.0))
    assert (found.method, exact.method, exact.value_se) == ("sample", "pairs", None)
    assert 0 < found.value_se < exact.null.sd  # what a tolerance of 1 allows
    assert abs(found.value - exact.value) < 5 * found.value_se
    assert (found.p_value, exact.p_value is None) == (None, False)
    assert "--tolerance" in found.null.note
