"""Each null distribution gives the tail probabilities of its peer (SciPy, a dense matrix, counted values), a
note in place of a p-value where it is not calibrated, and neither z nor p where rounding hides the value.
"""

import math
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from gaedist.kernels.radial import ScaleMixture
from gaedist.metrics.measurement import Measurement
from gaedist.null.assessment import COARSE, WIDE, Assessment, Null
from gaedist.null.distributions import (
    Gamma,
    KernelLimit,
    LogNormal,
    NoDistribution,
    Simulated,
    clipped,
    gamma_tails,
    smallest_p,
    too_skewed,
)
from gaedist.null.kernel_spectrum import PairMoments

KERNEL = ScaleMixture(np.array([0.2, 1.5]), np.array([0.7, 0.3]), 1.0)


def assess(null, value, *, constant=0.0, log_rounding_scale=-math.inf):
    """Assess a value whose largest term has this logarithm."""
    measured = Measurement(
        value=value + constant,
        log_value=None,
        varying=value,
        constant=constant,
        log_rounding_scale=log_rounding_scale,
    )
    return null.assess(measured)


def test_p_values_are_clipped_to_positive_doubles_up_to_one():
    assert clipped(None) is None
    assert (clipped(0.0), clipped(-1e-20)) == (sys.float_info.min, sys.float_info.min)
    assert (clipped(1.1), clipped(0.3)) == (1.0, 0.3)


# Pearson's type III


@pytest.mark.parametrize("skewness", [-2.5, -0.3, 0.01, 0.7, 2.8])
def test_gamma_agrees_with_pearsons_type_iii(skewness):
    null = Gamma(3.0, 0.2, skewness, 50)
    z = np.array([-3.0, -0.7, 0.0, 0.4, 2.0, 8.0])
    found = [assess(null, 3 + 0.2 * one) for one in z]
    expected = np.maximum(stats.pearson3(skewness).sf(z), sys.float_info.min)
    assert_allclose([f.p_value for f in found], expected, rtol=1e-8)
    assert_allclose([f.z for f in found], z, atol=1e-13)
    assert_allclose([f.excess for f in found], 0.2 * z, atol=1e-14)
    reported = found[0].null
    assert (reported.method, reported.mean, reported.sd, reported.note) == ("gamma", 3.0, 0.2, None)


def test_gamma_with_the_moments_of_a_chi_square_is_that_chi_square():
    # k degrees of freedom: mean k, variance 2k, skewness √(8/k)
    for k in (1, 3, 50):
        null = Gamma(k, math.sqrt(2 * k), math.sqrt(8 / k), 50)
        values = k * np.array([0.01, 0.5, 1, 3, 20])
        assert_allclose(
            [assess(null, value).p_value for value in values], stats.chi2(k).sf(values), rtol=1e-12
        )
        assert assess(null, -1.0).p_value == 1  # below its support


def test_gamma_without_skewness_is_normal():
    z = np.array([-9.0, -1.0, 0.0, 3.0, 30.0])
    for skewness in (0.0, 1e-7, -1e-7):
        found = np.array([gamma_tails(one, skewness) for one in z])
        assert_allclose(found, np.transpose([stats.norm.cdf(z), stats.norm.sf(z)]), rtol=1e-13)


@pytest.mark.parametrize("skewness", [-0.5, 1e-9, 1e-4, 0.3, 1.1])
@pytest.mark.parametrize("z", [-4.0, -1.0, 0.0, 2.5, 6.0])
def test_both_gamma_tails_agree_with_pearsons_type_iii(z, skewness):
    peer = stats.pearson3(skewness)
    assert_allclose(gamma_tails(z, skewness), (peer.cdf(z), peer.sf(z)), rtol=1e-12)


@pytest.mark.parametrize("skewness", [-0.5, 0.4, 1.1])
def test_a_two_sided_p_value_is_twice_the_smaller_tail(skewness):
    null = Gamma(0.0, 1.0, skewness, 50, two_sided=True)
    z = np.array([-3.0, -1.0, -0.1, 0.2, 1.5, 6.0])
    peer = stats.pearson3(skewness)
    found = [assess(null, one).p_value for one in z]
    assert_allclose(found, np.maximum(2 * np.minimum(peer.cdf(z), peer.sf(z)), sys.float_info.min), rtol=1e-8)
    median = peer.ppf(0.5)
    assert_allclose(assess(null, median).p_value, 1, rtol=1e-8)


@pytest.mark.parametrize(
    ("null", "trusted"),
    [
        (Gamma(0.0, 1.0, 2.8, 10), True),
        (Gamma(0.0, 1.0, 2.8, 9), False),
        (Gamma(0.0, 1.0, 3.0, 10), False),
        (Gamma(0.0, 1.0, -3.0, 10), False),
        (Gamma(0.0, 1.0, math.nan, 10), False),
        (Gamma(0.0, 1.0, 1.1, 10, two_sided=True), True),
        (Gamma(0.0, 1.0, 1.3, 10, two_sided=True), False),
        (Gamma(0.0, 1.0, -0.5, 10, two_sided=True), True),
        (Gamma(0.0, 1.0, -0.7, 10, two_sided=True), False),
        (LogNormal(1.0, 1.0, trusted=False), False),
        (LogNormal(1.0, 1.0, trusted=True), True),
        (KernelLimit.of(10, PairMoments(2, KERNEL), unbiased=True), True),
        (KernelLimit.of(9, PairMoments(2, KERNEL), unbiased=True), False),
    ],
)
def test_where_it_is_not_calibrated_there_is_a_note_and_no_p_value(null, trusted):
    assessment = assess(null, null.mean + 2 * null.sd)
    assert (assessment.p_value is not None) == trusted
    assert assessment.null.note == (None if trusted else too_skewed())
    assert (assessment.null.method != "closed-form") == trusted
    assert assessment.z == pytest.approx(2)


@pytest.mark.parametrize("sd", [0.0, math.inf, math.nan])
def test_a_value_that_does_not_vary_has_no_z(sd):
    for null in (Gamma(2.0, sd, 0.1, 50), LogNormal(2.0, sd, trusted=True)):
        assessment = assess(null, 2.0)
        assert (assessment.excess, assessment.z, assessment.p_value) == (None, None, None)
        assert (assessment.null.method, assessment.null.mean, assessment.null.sd) == (
            "closed-form",
            2.0,
            None,
        )
        assert "have the same value" in assessment.null.note


# Log-normal


@pytest.mark.parametrize(("mean", "sd"), [(0.9, 0.1), (2.0, 3.0), (1e-4, 1e-3)])
def test_log_normal_agrees_with_scipy(mean, sd):
    shape = math.sqrt(math.log1p((sd / mean) ** 2))
    peer = stats.lognorm(shape, scale=mean * math.exp(-(shape**2) / 2))
    assert_allclose((peer.mean(), peer.std()), (mean, sd), rtol=1e-12)
    null = LogNormal(mean, sd, trusted=True)
    values = mean * np.array([1e-3, 0.5, 1.0, 2.0, 1.0 + 5 * sd / mean])
    found = [assess(null, value) for value in values]
    expected = np.maximum(peer.sf(values), sys.float_info.min)
    assert_allclose([f.p_value for f in found], expected, rtol=1e-10)
    assert {f.null.method for f in found} == {"log-normal"}
    assert assess(null, 0.0).p_value == assess(null, -1.0).p_value == 1


# The limit of means over pairs


def spectrum(dim, count):
    """Eigenvalues of h under N(0, I), by a Gauss–Hermite rule (Nyström)."""
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


@pytest.mark.parametrize(
    ("dim", "count", "unbiased"),
    [
        (1, 150, True),
        (2, 26, False),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, 150, False), (2, 26, True))),
    ],
)
def test_the_tail_agrees_with_simulated_chi_squares(dim, count, unbiased):
    found = spectrum(dim, count)
    values, draws = found[found > 1e-3 * found[0]], 100_000
    rest = found.sum() - values.sum()  # counts as its mean
    squares = np.random.default_rng(dim).chisquare(1, size=(draws, len(values)))
    # n U tends to Σ λ (χ² − 1), n V to Σ λ χ²
    limit = squares @ values + rest - (found.sum() if unbiased else 0)
    n = 10**6
    null = KernelLimit.of(n, PairMoments(dim, KERNEL), unbiased=unbiased, factor=2.5)
    for share in (0.9, 0.5, 0.1, 0.01, 0.001):
        assessment = assess(null, 2.5 * np.quantile(limit, 1 - share) / n)
        assert assessment.null.method == "limit-law"
        assert_allclose(assessment.p_value, share, atol=4 * math.sqrt(share * (1 - share) / draws))
    # rtol: 26 nodes for each axis of the plane
    assert_allclose(null.sd * n / 2.5, math.sqrt(2 * (found**2).sum()), rtol=3e-4)
    assert_allclose(null.mean * n / 2.5, 0 if unbiased else found.sum(), rtol=3e-4, atol=1e-12)


def test_moments_of_two_points_agree_with_quadrature():
    # for two points U is h(x, y), and V (h(x, x) + h(y, y) + 2 h(x, y))/4
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    weights = weights / weights.sum()
    squares = (nodes[:, np.newaxis] - nodes) ** 2
    k = 0.7 * np.exp(-0.2 * squares) + 0.3 * np.exp(-1.5 * squares)
    about = k @ weights
    h = k - about[:, np.newaxis] - about + about @ weights
    own = np.diag(h)
    for unbiased, values in ((True, h), (False, (own[:, np.newaxis] + own + 2 * h) / 4)):
        null = KernelLimit.of(2, PairMoments(1, KERNEL), unbiased=unbiased, factor=3.0)
        mean = weights @ values @ weights
        assert_allclose(null.mean, 3 * mean, rtol=1e-10, atol=1e-14)
        assert_allclose(null.sd, 3 * math.sqrt(weights @ (values - mean) ** 2 @ weights), rtol=1e-10)


def test_a_narrow_kernel_is_not_near_its_limit():
    narrow = PairMoments(8, ScaleMixture(np.array([30.0]), np.ones(1), 1.0))
    assert assess(KernelLimit.of(50, narrow, unbiased=True), 0.1).p_value is None
    wide = PairMoments(8, ScaleMixture(np.array([0.05]), np.ones(1), 1.0))
    assert 0 < assess(KernelLimit.of(50, wide, unbiased=True), 0.01).p_value < 1


def test_p_values_fall_as_values_rise():
    nulls = [
        Gamma(0.1, 0.1, 0.9, 50),
        LogNormal(0.1, 0.1, trusted=True),
        KernelLimit.of(50, PairMoments(2, KERNEL), unbiased=True),
        KernelLimit.of(50, PairMoments(2, KERNEL), unbiased=False),
    ]
    for null in nulls:
        p = [assess(null, null.mean + z * null.sd).p_value for z in np.linspace(-0.9, 20, 40)]
        assert p == sorted(p, reverse=True)
        assert len(set(p)) > 35
        assert 0 < p[-1] < 1e-3 < 0.5 < p[0] <= 1


def test_a_value_lost_to_the_rounding_of_its_terms_has_no_z():
    null = Gamma(0.0, 1e-10, 0.1, 50)
    assert assess(null, 2e-10, log_rounding_scale=0.0).z == pytest.approx(2)
    hidden = assess(null, 2e-10, log_rounding_scale=math.log(1e4))
    assert (hidden.excess, hidden.z, hidden.p_value, hidden.null.note) == (None, None, None, WIDE)
    assert (hidden.null.mean, hidden.null.sd) == (0.0, 1e-10)
    assert assess(null, 1.0, log_rounding_scale=math.log(1e4)).z == pytest.approx(
        1e10
    )  # an excess that is large enough shows


def test_a_subclass_may_know_the_excess_to_more_digits_than_the_value():
    class Exact(LogNormal):
        def excess(self, measured):
            return 2e-31

    assessment = assess(Exact(1 - 1e-30, 1e-31, trusted=True), 1.0)
    assert (assessment.excess, assessment.z) == (2e-31, pytest.approx(2))
    assert_allclose(assessment.p_value, stats.norm.sf(2), rtol=1e-10)


# Simulated values, and none


@pytest.mark.parametrize(
    ("value", "above", "below"),
    [(-1.0, 9, 0), (0.0, 9, 1), (3.5, 5, 4), (4.0, 5, 5), (8.0, 1, 9), (9.0, 0, 9)],
)
def test_simulated_values_at_least_as_extreme_are_counted_with_the_measured_one(value, above, below):
    values = np.arange(9.0)
    for two_sided in (False, True):
        found = assess(Simulated(values, two_sided=two_sided), value, constant=100.0)
        hits = 2 * min(1 + above, 1 + below) if two_sided else 1 + above
        assert found.p_value == min(1, hits / 10)
        assert (found.null.method, found.null.replicates, found.null.note) == ("monte-carlo", 9, None)
        assert_allclose((found.null.mean, found.null.sd), (104, values.std(ddof=1)), rtol=1e-14)
        assert_allclose((found.excess, found.z), (value - 4, (value - 4) / values.std(ddof=1)), rtol=1e-14)


def test_equal_simulated_values_give_a_note_and_no_z():
    found = assess(Simulated(np.full(9, 2.0), two_sided=False), 2.0)
    assert (found.excess, found.z, found.p_value) == (None, None, None)
    assert (found.null.mean, found.null.sd) == (2.0, None)
    assert found.null.note.startswith("all simulated values are equal in double precision.")


def test_simulated_values_lost_to_rounding_give_a_note_and_no_z():
    values = 1e-10 * np.arange(9.0)
    found = assess(Simulated(values, two_sided=False), 3e-10, log_rounding_scale=math.log(1e4))
    assert (found.z, found.p_value, found.null.note) == (None, None, WIDE)


def test_the_smallest_p_value_is_that_of_a_value_beyond_all_simulated_ones():
    for two_sided in (False, True):
        found = assess(Simulated(np.arange(9.0), two_sided=two_sided), 99.0)
        assert found.p_value == smallest_p(9, two_sided=two_sided)


def test_without_a_distribution_there_is_only_a_note():
    assert assess(NoDistribution("because."), 1.0) == Assessment(Null("none", note="because."))


def test_single_precision_is_named_where_it_is_the_cause():
    hidden, other = Null("closed-form", 0.0, 1.0, note=WIDE), Null("closed-form", note=too_skewed())
    assert hidden.explained("single").note == COARSE
    assert (hidden.explained("double"), other.explained("single")) == (hidden, other)
