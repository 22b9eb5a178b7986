"""The distribution of d² in many dimensions is exact for one point, and that of simulated samples for more:
p-values are uniform also where every distance is the same in double precision.
"""

import math

import numpy as np
import pytest
from calibration import BOUNDS, HIGH, high_rates
from numpy.testing import assert_allclose
from scipy import stats
from scipy.spatial.distance import pdist
from scipy.special import logsumexp

from gaedist import score
from gaedist.null.radial_sums import FEWEST_AXES, radial_sum


def log_cross(squares, dim, s):
    """The logarithm of the mean of c over points with these |x|²."""
    logs = -dim / 2 * math.log((1 + s) / 2) - np.asarray(squares) / (2 * (1 + s))
    return float(logsumexp(logs) - math.log(np.size(squares)))


def log_pairs(x, s):
    n, dim = x.shape
    logs = -dim / 2 * math.log(s) - pdist(x, "sqeuclidean") / (4 * s)
    return float(logsumexp(logs)) + math.log(2 / n**2)


@pytest.mark.parametrize("dim", [12, 64, 4096])
@pytest.mark.parametrize("s", [0.25, 1.0, 4.0])
def test_one_point_has_the_tails_of_a_chi_square(dim, s):
    null, peer = radial_sum(1, dim, s), stats.chi2(dim)
    for share in (1e-4, 0.01, 0.5, 0.99):
        square = peer.ppf(share)  # a point near 0 makes V small
        below, above = null.tails(-math.inf, log_cross(square, dim, s))
        assert_allclose((below, above), (peer.cdf(square), peer.sf(square)), rtol=0.02)


@pytest.mark.parametrize(
    ("n", "dim", "sigma"),
    [
        (10, 16, 0.5),
        (10, 512, 1.0),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((12, 24, 1.0), (30, 20, 0.3))),
    ],
)
def test_tails_of_normal_samples_are_uniform(n, dim, sigma):
    rng, s = np.random.default_rng((n, dim)), sigma**2
    null, found = radial_sum(n, dim, s), []
    for _ in range(600):
        x = rng.normal(size=(n, dim))
        below, above = null.tails(log_pairs(x, s), log_cross((x**2).sum(axis=1), dim, s))
        assert below + above == pytest.approx(1, abs=0.01)  # interpolated each
        found.append(below)
    assert stats.kstest(found, "uniform").pvalue > 1e-4


def test_a_sum_of_two_points_agrees_with_quadrature():
    # at this D pairs are negligible: P(c(x) + c(y) > t) = E P(c(x) > t − c(y))
    dim, peer = 128, stats.chi2(128)
    squares = peer.ppf((np.arange(20_000) + 0.5) / 20_000)
    c, null = np.exp(-squares / 4), radial_sum(2, dim, 1.0)
    for share in (0.02, 0.5, 0.98):
        total = 2 * np.quantile(c, share)
        rest = np.maximum(total - c, 1e-300)
        expected = float(np.mean(np.where(c >= total, 1.0, peer.cdf(-4 * np.log(rest)))))
        below, _ = null.tails(-math.inf, math.log(total / 2))
        assert_allclose(below, expected, rtol=0.02)


def test_tails_fall_with_the_distance():
    null = radial_sum(20, 64, 1.0)
    found = [null.tails(-math.inf, log) for log in np.linspace(-40, 0, 60)]
    below, above = np.transpose(found)
    assert (np.diff(below) <= 0).all()
    assert (np.diff(above) >= 0).all()
    assert (below[0], above[-1]) == pytest.approx((1, 1))
    assert below[-1] < 1e-300
    assert 0 < above[0] < 1e-6  # that two points are as near as that


def test_pairs_that_are_too_near_make_the_distance_large():
    null, cross = radial_sum(20, 64, 1.0), log_cross(np.full(20, 64.0), 64, 1.0)
    below, above = null.tails(math.log(0.01), cross)
    assert above < 1e-12
    assert below == pytest.approx(1, abs=1e-6)
    assert 0.01 < null.tails(-math.inf, cross)[0] < 1


def test_the_default_score_has_a_p_value_in_any_dimension():
    rng = np.random.default_rng(3)
    for dim in (FEWEST_AXES, 64, 512, 4096):
        x = rng.normal(size=(60, dim))
        usual, shrunk, stretched = (score(scale * x) for scale in (1, 0.7, 1.5))
        assert usual.null.note is None
        assert usual.p_value > 1e-3
        assert (usual.null.method == "radial-sum") == (dim > FEWEST_AXES)
        assert shrunk.p_value < 1e-6
        assert stretched.p_value < 1e-3


def test_it_is_not_used_where_overlaps_are_neither_many_nor_none():
    # σ = 0.5, 1, 2 of at least 10 points are; a narrower kernel in few dimensions is not
    for n, dim, s in ((10, 12, 0.25), (300, 24, 0.25), (300, 64, 1.0), (50, 128, 4.0), (1, 12, 0.01)):
        assert radial_sum(n, dim, s).is_calibrated
    for n, dim, sigma in ((300, 12, 0.25), (300, 16, 0.3)):
        assert not radial_sum(n, dim, sigma**2).is_calibrated
        found = score(np.random.default_rng(dim).normal(size=(n, dim)), sigma=sigma)
        assert (found.null.method, found.p_value) == ("closed-form", None)


def test_few_points_or_axes_have_no_radial_sum():
    rng = np.random.default_rng(4)
    for shape, options in (((9, 64), {}), ((12, 8), {"sigma": 0.3}), ((50, 64), {"target": "smoothed"})):
        found = score(rng.normal(size=shape), **options)
        assert (found.null.method, found.p_value) == ("closed-form", None)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "dim", "sigma"), HIGH)
def test_normal_samples_are_rejected_at_the_nominal_rate_in_many_dimensions(n, dim, sigma):
    found = high_rates(n, dim, sigma)
    for nominal, (low, high) in BOUNDS.items():
        assert low <= found[nominal] <= high
