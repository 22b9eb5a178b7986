import math
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from gaedist.kernels.radial import ScaleMixture
from gaedist.null.distributions import UNEVEN, WIDE, GammaLaw, LogNormalLaw, clipped, gamma_tails, pair_law
from gaedist.null.kernel_spectrum import PairMoments

KERNEL = ScaleMixture(np.array([0.2, 1.5]), np.array([0.7, 0.3]), 1.0)


def test_clipped():
    assert clipped(None) is None
    assert (clipped(0.0), clipped(-1e-20)) == (sys.float_info.min, sys.float_info.min)
    assert (clipped(1.1), clipped(0.3)) == (1.0, 0.3)


# Pearson's type III


@pytest.mark.parametrize("skewness", [-2.5, -0.3, 0.01, 0.7, 2.8])
def test_a_gamma_law_is_pearsons(skewness):
    law = GammaLaw(3.0, 0.2, skewness, 50)
    z = np.array([-3.0, -0.7, 0.0, 0.4, 2.0, 8.0])
    found = [law.judge(3 + 0.2 * one) for one in z]
    expected = np.maximum(stats.pearson3(skewness).sf(z), sys.float_info.min)
    assert_allclose([f.p_value for f in found], expected, rtol=1e-8)
    assert_allclose([f.z for f in found], z, atol=1e-13)
    assert_allclose([f.excess for f in found], 0.2 * z, atol=1e-14)
    null = found[0].null
    assert (null.method, null.mean, null.sd, null.note) == ("gamma", 3.0, 0.2, None)


def test_a_gamma_law_of_a_chi_square_is_that():
    # k degrees of freedom: mean k, variance 2k, skewness √(8/k)
    for k in (1, 3, 50):
        law = GammaLaw(k, math.sqrt(2 * k), math.sqrt(8 / k), 50)
        values = k * np.array([0.01, 0.5, 1, 3, 20])
        assert_allclose([law.judge(value).p_value for value in values], stats.chi2(k).sf(values), rtol=1e-12)
        assert law.judge(-1.0).p_value == 1  # below all that it can be


def test_a_gamma_law_of_no_skewness_is_normal():
    z = np.array([-9.0, -1.0, 0.0, 3.0, 30.0])
    for skewness in (0.0, 1e-7, -1e-7):
        found = np.array([gamma_tails(one, skewness) for one in z])
        assert_allclose(found, np.transpose([stats.norm.cdf(z), stats.norm.sf(z)]), rtol=1e-13)


@pytest.mark.parametrize("skewness", [-0.5, 0.4, 1.1])
def test_two_sides_count_the_lesser_twice(skewness):
    law = GammaLaw(0.0, 1.0, skewness, 50, two_sided=True)
    z = np.array([-3.0, -1.0, -0.1, 0.2, 1.5, 6.0])
    peer = stats.pearson3(skewness)
    found = [law.judge(one).p_value for one in z]
    assert_allclose(found, np.maximum(2 * np.minimum(peer.cdf(z), peer.sf(z)), sys.float_info.min), rtol=1e-8)
    median = peer.ppf(0.5)
    assert_allclose(law.judge(median).p_value, 1, rtol=1e-8)


@pytest.mark.parametrize(
    ("law", "trusted"),
    [
        (GammaLaw(0.0, 1.0, 2.8, 10), True),
        (GammaLaw(0.0, 1.0, 2.8, 9), False),
        (GammaLaw(0.0, 1.0, 3.0, 10), False),
        (GammaLaw(0.0, 1.0, -3.0, 10), False),
        (GammaLaw(0.0, 1.0, math.nan, 10), False),
        (GammaLaw(0.0, 1.0, 1.1, 10, two_sided=True), True),
        (GammaLaw(0.0, 1.0, 1.3, 10, two_sided=True), False),
        (GammaLaw(0.0, 1.0, -0.5, 10, two_sided=True), True),
        (GammaLaw(0.0, 1.0, -0.7, 10, two_sided=True), False),
        (LogNormalLaw(1.0, 1.0, trusted=False), False),
        (LogNormalLaw(1.0, 1.0, trusted=True), True),
        (pair_law(10, PairMoments(2, KERNEL), unbiased=True), True),
        (pair_law(9, PairMoments(2, KERNEL), unbiased=True), False),
    ],
)
def test_where_a_law_cannot_be_trusted_there_is_a_note_and_no_p_value(law, trusted):
    judgement = law.judge(law.mean + 2 * law.sd)
    assert (judgement.p_value is not None) == trusted
    assert judgement.null.note == (None if trusted else UNEVEN)
    assert (judgement.null.method != "closed-form") == trusted
    assert judgement.z == pytest.approx(2)


@pytest.mark.parametrize("sd", [0.0, math.inf, math.nan])
def test_a_value_that_does_not_vary_has_no_z(sd):
    for law in (GammaLaw(2.0, sd, 0.1, 50), LogNormalLaw(2.0, sd, trusted=True)):
        judgement = law.judge(2.0)
        assert (judgement.excess, judgement.z, judgement.p_value) == (None, None, None)
        assert (judgement.null.method, judgement.null.mean, judgement.null.sd) == ("closed-form", 2.0, None)
        assert "score the same" in judgement.null.note


# Log-normal


@pytest.mark.parametrize(("mean", "sd"), [(0.9, 0.1), (2.0, 3.0), (1e-4, 1e-3)])
def test_a_log_normal_law_is_scipys(mean, sd):
    shape = math.sqrt(math.log1p((sd / mean) ** 2))
    peer = stats.lognorm(shape, scale=mean * math.exp(-(shape**2) / 2))
    assert_allclose((peer.mean(), peer.std()), (mean, sd), rtol=1e-12)
    law = LogNormalLaw(mean, sd, trusted=True)
    values = mean * np.array([1e-3, 0.5, 1.0, 2.0, 1.0 + 5 * sd / mean])
    found = [law.judge(value) for value in values]
    expected = np.maximum(peer.sf(values), sys.float_info.min)
    assert_allclose([f.p_value for f in found], expected, rtol=1e-10)
    assert {f.null.method for f in found} == {"log-normal"}
    assert law.judge(0.0).p_value == law.judge(-1.0).p_value == 1


# Pairs


def spectrum(dim, count):
    """Eigenvalues of h under N(0, I), by a rule of Gauss and Hermite (Nyström)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    points = np.stack(np.meshgrid(*[nodes] * dim), axis=-1).reshape(-1, dim)
    mass = math.prod(np.meshgrid(*[weights] * dim)).ravel()
    squares = ((points[:, np.newaxis] - points) ** 2).sum(axis=-1)
    k = 0.7 * np.exp(-0.2 * squares) + 0.3 * np.exp(-1.5 * squares)
    about = k @ mass
    h = k - about[:, np.newaxis] - about + about @ mass
    root = np.sqrt(mass)
    return np.linalg.eigvalsh(root[:, np.newaxis] * h * root)[::-1]


@pytest.mark.parametrize(("dim", "count"), [(1, 150), (2, 26)])
@pytest.mark.parametrize("unbiased", [True, False])
def test_the_tail_of_pairs_is_that_of_simulated_chi_squares(dim, count, unbiased):
    found = spectrum(dim, count)
    values, draws = found[found > 1e-3 * found[0]], 100_000
    rest = found.sum() - values.sum()  # by its mean
    squares = np.random.default_rng(dim).chisquare(1, size=(draws, len(values)))
    # n U tends to Σ λ (χ² − 1), n V to Σ λ χ²
    limit = squares @ values + rest - (found.sum() if unbiased else 0)
    n = 10**6
    law = pair_law(n, PairMoments(dim, KERNEL), unbiased=unbiased, factor=2.5)
    for share in (0.9, 0.5, 0.1, 0.01, 0.001):
        judgement = law.judge(2.5 * np.quantile(limit, 1 - share) / n)
        assert judgement.null.method == "limit-law"
        assert_allclose(judgement.p_value, share, atol=4 * math.sqrt(share * (1 - share) / draws))
    # of 26 nodes an axis of the plane
    assert_allclose(law.sd * n / 2.5, math.sqrt(2 * (found**2).sum()), rtol=3e-4)
    assert_allclose(law.mean * n / 2.5, 0 if unbiased else found.sum(), rtol=3e-4, atol=1e-12)


def test_moments_of_pairs_of_few_points():
    # of two points U is h(x, y), and V (h(x, x) + h(y, y) + 2 h(x, y))/4
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    weights = weights / weights.sum()
    squares = (nodes[:, np.newaxis] - nodes) ** 2
    k = 0.7 * np.exp(-0.2 * squares) + 0.3 * np.exp(-1.5 * squares)
    about = k @ weights
    h = k - about[:, np.newaxis] - about + about @ weights
    own = np.diag(h)
    for unbiased, values in ((True, h), (False, (own[:, np.newaxis] + own + 2 * h) / 4)):
        law = pair_law(2, PairMoments(1, KERNEL), unbiased=unbiased, factor=3.0)
        mean = weights @ values @ weights
        assert_allclose(law.mean, 3 * mean, rtol=1e-10, atol=1e-14)
        assert_allclose(law.sd, 3 * math.sqrt(weights @ (values - mean) ** 2 @ weights), rtol=1e-10)


def test_a_kernel_in_which_few_points_meet_is_not_near_its_limit():
    narrow = PairMoments(8, ScaleMixture(np.array([30.0]), np.ones(1), 1.0))
    assert pair_law(50, narrow, unbiased=True).judge(0.1).p_value is None
    wide = PairMoments(8, ScaleMixture(np.array([0.05]), np.ones(1), 1.0))
    assert 0 < pair_law(50, wide, unbiased=True).judge(0.01).p_value < 1


def test_p_values_fall_as_values_rise():
    laws = [
        GammaLaw(0.1, 0.1, 0.9, 50),
        LogNormalLaw(0.1, 0.1, trusted=True),
        pair_law(50, PairMoments(2, KERNEL), unbiased=True),
        pair_law(50, PairMoments(2, KERNEL), unbiased=False),
    ]
    for law in laws:
        p = [law.judge(law.mean + z * law.sd).p_value for z in np.linspace(-0.9, 20, 40)]
        assert p == sorted(p, reverse=True)
        assert len(set(p)) > 35
        assert 0 < p[-1] < 1e-3 < 0.5 < p[0] <= 1


def test_what_rounding_of_its_terms_would_rule_is_not_judged():
    law = GammaLaw(0.0, 1e-10, 0.1, 50)
    assert law.judge(2e-10, size=1.0).z == pytest.approx(2)
    hidden = law.judge(2e-10, size=1e4)
    assert (hidden.excess, hidden.z, hidden.p_value, hidden.null.note) == (None, None, None, WIDE)
    assert (hidden.null.mean, hidden.null.sd) == (0.0, 1e-10)
    assert law.judge(1.0, size=1e4).z == pytest.approx(1e10)  # far out is seen all the same


def test_an_excess_that_is_known_better_than_its_value_is_what_counts():
    law = LogNormalLaw(1 - 1e-30, 1e-31, trusted=True)
    judgement = law.judge(1.0, excess=2e-31)
    assert (judgement.excess, judgement.z) == (2e-31, pytest.approx(2))
    assert_allclose(judgement.p_value, stats.norm.sf(2), rtol=1e-10)
