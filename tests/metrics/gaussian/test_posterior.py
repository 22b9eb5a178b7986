"""The distance of an aggregate posterior is Eq. (6), dense and by quadrature; its null is calibrated.

Where no means make it N(0, I), there is a reason in place of a p-value.
"""

import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm

from gaedist import Run, compare, score
from gaedist.null import monte_carlo

MIXTURE = {"posterior": "mixture"}


def posteriors(n, dim, seed=0, low=0.2, high=0.95):
    rng = np.random.default_rng(seed)
    sds = rng.uniform(low, high, size=(n, dim))
    return rng.normal(size=(n, dim)) * np.sqrt(np.maximum(0, 1 - sds**2)), sds


@pytest.mark.parametrize(("n", "dim"), [(1, 1), (1, 5), (2, 1), (60, 3), (300, 8), (40, 24)])
def test_the_value_is_eq_6_of_dense_matrices(n, dim):
    means, sds = posteriors(n, dim)
    got = score(means, sd=sds, **MIXTURE)
    assert_allclose(got.value, naive.posterior_score(means, sds), rtol=1e-12, atol=1e-13)
    assert got.covariance == ("spherical" if dim == 1 else "diagonal")
    assert (got.sigma.rule, got.posterior.form) == ("posterior", "mixture")
    assert got.companion is None


@pytest.mark.parametrize("shape", [(50, 1), (1, 4), (50,), (4,), ()])
def test_shared_widths_are_those_of_each_point_and_axis(shape):
    means, _ = posteriors(50, 4)
    sds = np.random.default_rng(1).uniform(0.3, 0.9, size=shape)
    full = np.broadcast_to(sds[:, np.newaxis] if shape == (50,) else sds, means.shape)
    got = score(means, sd=sds, **MIXTURE)
    assert_allclose(got.value, naive.posterior_score(means, full), rtol=1e-12)
    assert got.covariance == ("diagonal" if shape in ((1, 4), (4,)) else "spherical")


def test_the_value_is_the_integral_in_one_dimension():
    means, sds = posteriors(20, 1)

    def square(z):
        return (norm.pdf(z, means[:, 0], sds[:, 0]).mean() - norm.pdf(z)) ** 2

    expected = math.sqrt(4 * math.pi) * quad(square, -12, 12, epsabs=1e-13, limit=400)[0]
    assert_allclose(score(means, sd=sds, **MIXTURE).value, expected, rtol=1e-9)


def test_the_value_is_the_integral_in_two_dimensions():
    means, sds = posteriors(4, 2, low=0.5)
    grid = np.linspace(-9, 9, 361)  # the trapezoidal rule, exact to rounding for sums of Gaussians
    prior = norm.pdf(grid)
    densities = norm.pdf(grid[:, np.newaxis, np.newaxis], means, sds)  # (grid, n, axis)
    q = np.einsum("in,jn->ij", densities[:, :, 0], densities[:, :, 1]) / 4
    expected = 4 * math.pi * ((q - np.outer(prior, prior)) ** 2).sum() * 0.05**2
    assert_allclose(score(means, sd=sds, **MIXTURE).value, expected, rtol=1e-11)


def test_collapsed_posteriors_are_the_prior_and_have_one_value():
    got = score(np.zeros((30, 3)), logvar=np.zeros((30, 3)), **MIXTURE, null="monte-carlo")
    assert_allclose(got.value, 0, atol=1e-14)
    assert (got.p_value, got.null.method) == (None, "none")
    assert "needs means of 0" in got.null.note


def check_rates(p, replicates):
    for nominal in (0.05, 0.2, 0.5, 0.8):  # three standard errors, of these and of the simulated values
        error = math.sqrt(nominal * (1 - nominal) * (1 / len(p) + 1 / replicates))
        assert abs((np.array(p) < nominal).mean() - nominal) < 3 * error


@pytest.mark.parametrize(("n", "dim"), [(20, 2), pytest.param(30, 5, marks=pytest.mark.slow)])
def test_its_null_distribution_is_that_of_dense_matrices(n, dim):
    means, sds = posteriors(n, dim)
    null = score(means, sd=sds, **MIXTURE, null="monte-carlo", replicates=499, cache=False).null
    (simulated,) = monte_carlo._computed.values()
    shift = null.mean - simulated.mean()  # the part that all samples have
    # a pair of points of N(0, I) has overlap 1 on average, as has a point with N(0, I)
    expected = (1 / sds).prod(axis=1).sum() / n**2 - 1 / n
    assert_allclose(null.mean, expected, atol=4 * null.sd / math.sqrt(499))
    rng = np.random.default_rng(7)
    values = np.array(
        [naive.posterior_score(rng.normal(size=(n, dim)) * np.sqrt(1 - sds**2), sds) for _ in range(2000)]
    )
    check_rates([(1 + (simulated + shift >= value).sum()) / 500 for value in values], 499)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "dim"), [(20, 2), (60, 1), (100, 8)])
def test_its_null_distribution_is_calibrated_over_500_seeds(n, dim):
    _, sds = posteriors(n, dim)
    rng, p = np.random.default_rng(7), []
    for _ in range(500):
        means = rng.normal(size=(n, dim)) * np.sqrt(1 - sds**2)
        p.append(score(means, sd=sds, **MIXTURE, null="monte-carlo", cache=False).p_value)
    check_rates(p, 999)


@pytest.mark.parametrize(
    "change", [lambda means: 0.3 * means, lambda means: 1.5 * means, lambda means: means + 0.4]
)
def test_departures_either_way_are_found_by_the_upper_tail(change):
    means, sds = posteriors(150, 2, high=0.6)
    got = score(change(means), sd=sds, **MIXTURE, null="monte-carlo", replicates=199)
    assert not got.two_sided
    assert got.p_value == 0.005
    assert got.verdict == "Not N(0, I)"


def test_the_part_that_all_samples_have_does_not_hide_the_rest():
    """In 24 dimensions the overlaps of narrow posteriors with themselves are 1e12 in every sample."""
    means, sds = posteriors(60, 24, low=0.25, high=0.35)
    got = score(means, sd=sds, **MIXTURE, null="monte-carlo", replicates=19)
    assert got.value > 1e9
    assert got.null.sd < 1
    assert got.p_value is not None
    far = score(0.2 * means, sd=sds, **MIXTURE, null="monte-carlo", replicates=19)
    assert far.p_value == 0.05


def test_widths_slightly_above_1_are_overlooked_and_larger_ones_are_a_reason():
    means, sds = posteriors(200, 2)
    sds[:3, 1] = 1.01
    assert score(means, sd=sds, **MIXTURE, null="monte-carlo", replicates=19).p_value is not None
    sds[:60, 1] = 1.2
    for null in ("auto", "monte-carlo"):
        got = score(means, sd=sds, **MIXTURE, null=null, replicates=19 if null == "monte-carlo" else None)
        assert (got.p_value, got.z, got.null.method) == (None, None, "none")
        assert "on axis 1 " in got.null.note
        assert "above 1" in got.null.note


def test_permuted_labels_take_the_widths_along():
    x, s = posteriors(80, 2, seed=1)
    y, t = posteriors(50, 2, seed=2)
    got = compare(x, y, sd=s, sd_b=t, **MIXTURE, permutations=199)
    assert_allclose(got.value, naive.posterior_compare(x, s, y, t), rtol=1e-11)
    pool, widths = np.concatenate([x, y]), np.concatenate([s, t])
    rng, values = np.random.default_rng(0), []
    for _ in range(300):
        order = rng.permutation(130)
        a, b = order[:80], order[80:]
        values.append(naive.posterior_compare(pool[a], widths[a], pool[b], widths[b]))
    assert_allclose(got.expected, np.mean(values), atol=5 * np.std(values) / math.sqrt(300))
    share = np.mean(np.array(values) >= got.value)
    assert abs(got.p_value - share) < 4 * math.sqrt(0.25 * (1 / 200 + 1 / 300))
    wide = compare(x, 2 * y, sd=s, sd_b=t, **MIXTURE, permutations=199)
    assert wide.p_value == 0.005


def test_the_seed_and_the_widths_tell_null_distributions_apart():
    means, sds = posteriors(30, 2)
    base = score(means, sd=sds, **MIXTURE, null="monte-carlo", replicates=19).null
    again = score(means, sd=sds, **MIXTURE, null="monte-carlo", replicates=19).null
    other = score(means, sd=0.9 * sds, **MIXTURE, null="monte-carlo", replicates=19).null
    seeded = score(means, sd=sds, **MIXTURE, null="monte-carlo", replicates=19, run=Run(seed=1)).null
    assert base == again
    assert len({base.sd, other.sd, seeded.sd}) == 3
