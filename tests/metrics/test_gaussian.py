import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample as known
from scipy.integrate import quad
from scipy.stats import chi2

from gaedist import GaedistError, score, scores

CASES = [(1, 1, 1.0), (2, 3, 0.5), (300, 2, 0.3), (400, 8, 1.0), (200, 64, 1.5), (60, 256, 4.0)]


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def smoothed(x, sigma=1.0, **options):
    return score(x, sigma=sigma, target="smoothed", **options)


@pytest.mark.parametrize(("n", "dim", "sigma"), CASES)
def test_the_smoothed_target_agrees_with_the_dense_matrix(n, dim, sigma):
    x = 1.1 * sample(n, dim) + 0.1
    result = smoothed(x, sigma)
    assert (result.target, result.estimator) == ("smoothed", "v")
    assert_allclose(result.value, naive.score_smoothed(x, sigma), rtol=1e-11)
    assert_allclose(result.log_value, math.log(result.value), rtol=1e-13)
    pair, cross, prior = naive.smoothed_terms(x, sigma)
    terms = result.terms
    assert_allclose([terms.pair, terms.cross, terms.prior], [pair, cross, prior], rtol=1e-12)


@pytest.mark.parametrize(("n", "dim", "sigma"), CASES[1:])
def test_the_unbiased_estimator_agrees_with_the_dense_matrix(n, dim, sigma):
    x = 1.1 * sample(n, dim) + 0.1
    result = smoothed(x, sigma, estimator="u")
    pair, cross, prior = naive.smoothed_terms(x, sigma, "u")
    assert (result.target, result.estimator) == ("smoothed", "u")
    assert_allclose(result.value, pair + prior - 2 * cross, rtol=1e-11, atol=1e-14 * prior)
    terms = result.terms
    assert_allclose([terms.pair, terms.cross, terms.prior], [pair, cross, prior], rtol=1e-12)


def test_an_unbiased_value_below_zero_has_no_logarithm():
    found = [smoothed(sample(50, 2, seed), estimator="u") for seed in range(40)]
    below = [result for result in found if result.value < 0]
    assert 10 < len(below) < 39
    assert all(result.log_value is None for result in below)
    assert all(
        result.log_value == pytest.approx(math.log(result.value)) for result in found if result.value > 0
    )


@pytest.mark.parametrize(("n", "dim", "sigma"), [(5, 1, 0.3), (6, 3, 1.0), (4, 8, 20.0), (4, 256, 0.3)])
def test_the_smoothed_target_is_equation_three(n, dim, sigma):
    x = sample(n, dim)
    assert_allclose(smoothed(x, sigma).value, float(naive.score_smoothed_mp(x, sigma)), rtol=1e-9)


def bhep_by_quadrature(x, beta):
    """∫ |mean_j e^(itx_j) − e^(−t²/2)|² φ_β(t) dt in one dimension, with the density φ_β of N(0, β²).

    The statistic of Baringhaus & Henze (1988) and Henze & Zirkler (1990) is n times that, of codes that
    they standardise first.
    """

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


# With β² = 1/(2s), e^(−|x−y|²/(4s)) = ∫ e^(it·(x−y)) φ_β(t) dt, so the squared MMD with this kernel is
# ∫ |difference of characteristic functions|² φ_β: the factor between the two is 1, in every dimension.
@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_the_smoothed_target_is_bhep_over_n(sigma, shift):
    beta = 1 / (sigma * math.sqrt(2))
    line, plane = 0.8 * sample(25, 1) + shift, 0.8 * sample(25, 2) + shift
    assert_allclose(smoothed(line, sigma).value, bhep_by_quadrature(line, beta), rtol=1e-9)
    assert_allclose(bhep_on_a_grid(line, beta), bhep_by_quadrature(line, beta), rtol=1e-9)
    assert_allclose(smoothed(plane, sigma).value, bhep_on_a_grid(plane, beta), rtol=1e-9)


@pytest.mark.parametrize("target", ["normal", "smoothed"])
@pytest.mark.parametrize("dim", [1, 64])
def test_scores_are_those_of_each_sigma(target, dim):
    x = sample(140, dim) + 0.1
    sigmas = [1.0, 0.2, "median", 5, np.float64(0.7), "silverman", "scott", 1.0, "best"]
    sigmas += [] if target == "smoothed" else ["mean-field", "mean-field-approx"]
    found = scores(x, sigmas, target=target)
    assert len(found) == len(sigmas)
    for sigma, one in zip(sigmas, found, strict=True):
        alone = score(x, sigma=sigma, target=target)
        assert (one.sigma, one.covariance, one.null.method) == (
            alone.sigma,
            alone.covariance,
            alone.null.method,
        )
        assert_allclose(one.value, alone.value, rtol=1e-13, atol=1e-13 * alone.terms.pair)
        assert_allclose(
            [one.terms.pair, one.terms.cross, one.terms.prior],
            [alone.terms.pair, alone.terms.cross, alone.terms.prior],
            rtol=1e-13,
        )
        assert (one.z is None) == (alone.z is None)
        if one.z is not None:
            assert_allclose(one.z, alone.z, rtol=1e-8)


def test_scores_of_no_sigma_are_none():
    assert scores(sample(4, 2), []) == []


@pytest.mark.parametrize(
    ("sigma", "options", "message"),
    [
        (1.0, {"estimator": "u"}, "estimator u is for the smoothed target"),
        (1.0, {"estimator": "w"}, "estimator must be one of v, u; got 'w'"),
        (1.0, {"target": "blurred"}, "target must be one of normal, smoothed"),
        ("mean-field", {"target": "smoothed"}, "needs one σ for all points; these differ"),
        ("optimize", {"target": "smoothed"}, "these differ from point to point"),
        (np.ones(5), {"target": "smoothed"}, "needs one σ"),
        (1.0, {"target": "smoothed", "covariance": "radial"}, "these differ from point to point"),
        ("joint", {}, "sigma must be one of mean-field"),
    ],
)
def test_what_does_not_go_together_is_refused_whatever_else_is_asked(sigma, options, message):
    x = sample(5, 3)
    for sigmas in ([sigma], [1.0, sigma]):
        with pytest.raises(GaedistError, match=message):
            scores(x, sigmas, **options)


def test_one_point_has_no_unbiased_estimate():
    with pytest.raises(GaedistError, match=r"there is one point\. Take v"):
        smoothed(sample(1, 3), estimator="u")
    assert smoothed(sample(2, 3), estimator="u").value > -1


@pytest.mark.parametrize("sigma", [0.3, 1.0, 1e3, 1e5, 1e8])
@pytest.mark.parametrize("dim", [1, 256])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e6])
def test_the_smoothed_value_is_zero_at_least(sigma, dim, scale):
    result = smoothed(scale * sample(30, dim), sigma)
    assert 0 <= result.value <= 4
    if result.value:
        assert_allclose(result.log_value, math.log(result.value), rtol=1e-13, atol=1e-15)
    else:
        assert result.log_value == -math.inf


def test_codes_far_from_each_other_are_single_points():
    x = sample(60, 256)
    assert_allclose(smoothed(x, 0.3).value, 1 / 60, rtol=1e-13)
    assert_allclose(smoothed(1e9 * x).value, 1 / 60 + 2.0**-128, rtol=1e-13)
    assert_allclose(smoothed(x, 0.3, estimator="u").value, naive.score_smoothed(x, 0.3, "u"), rtol=1e-9)


@pytest.mark.parametrize("sigma", [1e4, 1e7])
def test_a_kernel_too_wide_for_doubles_leaves_a_rounding(sigma):
    for x in (sample(40, 3), sample(40, 3) + 1):
        exact = float(naive.score_smoothed_mp(x, sigma))
        assert abs(smoothed(x, sigma).value - exact) < 1e-13
    assert smoothed(sample(40, 3), 1e9).z is None


@pytest.mark.parametrize(("sigma", "rtol"), [(100.0, 1e-3), (1000.0, 1e-3), (10000.0, 0.05)])
@pytest.mark.parametrize(("n", "dim"), [(400, 1), (400, 3), (2000, 64)])
def test_p_of_a_wide_kernel_is_that_of_the_mean(n, dim, sigma, rtol):
    # k = 1 − |x − y|²/(4s) + …, so that d² is |mean of x|²/(2s), and n |mean of x|² is χ² with D degrees
    x = sample(n, dim, seed=1) + 1 / math.sqrt(n)
    result = smoothed(x, sigma)
    mean = x.mean(axis=0)
    assert result.null.method == "limit-law"
    assert_allclose(result.p_value, chi2.sf(n * (mean**2).sum(), dim), rtol=rtol)


def test_a_shift_scores_more_to_the_smoothed_target():
    x = sample(1000, 8)
    values = [smoothed(x + shift).value for shift in (0, 0.1, 0.2, 0.5, 1, 2, 5)]
    assert (np.diff(values) > 0).all()
    assert smoothed(x + 0.1).z > 8
    assert abs(score(x + 0.1).z) < 3
    assert_allclose(values[-1], naive.score_smoothed(x + 5, 1.0), rtol=1e-12)


@pytest.mark.parametrize("name", ["shrunk", "stretched", "shifted", "collapsed", "heavy-tailed", "mixture"])
def test_what_is_not_normal_scores_more_than_what_is(name):
    # a heavy tail of ν = 5 and clusters along two of the axes are seen in one and two dimensions
    dim = 2
    normal, other = (smoothed(known(kind, 2000, dim), 0.5, estimator="u") for kind in ("normal", name))
    assert abs(normal.z) < 3
    assert other.z > 4
    assert other.value > normal.value
    assert other.p_value < 1e-3 < normal.p_value


def test_a_collapse_to_the_origin_is_at_no_distance_from_the_normal_target_alone():
    x = np.zeros((50, 8))
    assert score(x).value < 1e-14
    assert_allclose(smoothed(x).value, 1 - 2 * 1.5**-4 + 2.0**-4, rtol=1e-13)


def test_rotations_and_orders_leave_the_smoothed_score():
    x = sample(500, 5) + 0.2
    rotation, _ = np.linalg.qr(sample(5, 5, seed=1))
    order = np.random.default_rng(2).permutation(len(x))
    for estimator in ("v", "u"):
        value = smoothed(x, 0.6, estimator=estimator).value
        assert_allclose(smoothed(x @ rotation, 0.6, estimator=estimator).value, value, rtol=1e-12)
        assert_allclose(smoothed(x[order], 0.6, estimator=estimator).value, value, rtol=1e-12)
