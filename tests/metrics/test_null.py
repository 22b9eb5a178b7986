import math

import numpy as np
import pytest
from calibration import BOUNDS, DIMS, SIGMAS, SIZES, rates
from numpy.testing import assert_allclose
from samples import SAMPLES, sample
from scipy import stats

from gaedist import GaedistError, score, scores
from gaedist.mixtures.targets import TARGETS
from gaedist.null.chi_square_sums import limit_law
from gaedist.null.distributions import gamma_tails


def check_rates(found):
    for nominal, (low, high) in BOUNDS.items():
        assert low <= found[nominal] <= high


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("sigma", "samples"), [(1.0, 1500), ("median", 500)])
def test_normal_samples_are_rejected_as_often_as_promised(sigma, samples, target):
    check_rates(rates(50, 2, sigma, target, samples=samples))


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("n", SIZES)
def test_normal_samples_are_rejected_as_often_as_promised_everywhere(n, dim, sigma, target):
    found = rates(n, dim, sigma, target)
    if found is None:
        # where points hardly meet, or the law is one of few points near 0, or of one kernel in one dimension
        always = {(32, 0.5), (32, 1.0), (8, 0.5), (1, 0.5)}
        assert (dim, sigma) in always or (n, dim, sigma, target) == (50, 1, "median", "normal")
    else:
        check_rates(found)


@pytest.mark.parametrize("skewness", [-0.5, 1e-9, 1e-4, 0.3, 1.1])
@pytest.mark.parametrize("z", [-4.0, -1.0, 0.0, 2.5, 6.0])
def test_gamma_tails_are_pearsons(z, skewness):
    law = stats.pearson3(skewness)
    assert_allclose(gamma_tails(z, skewness), (law.cdf(z), law.sf(z)), rtol=1e-4, atol=1e-300)


def test_where_a_law_cannot_be_trusted_there_is_a_note_and_no_p_value():
    rng = np.random.default_rng(3)
    for dim, options in ((64, {}), (8, {"sigma": 0.3, "target": "smoothed"}), (32, {"sigma": 0.5})):
        result = score(rng.normal(size=(100, dim)), **options)
        assert (result.null.method, result.p_value) == ("closed-form", None)
        assert result.null.sd > 0
        assert math.isfinite(result.z)
        assert "--null monte-carlo" in result.null.note


def test_a_p_value_says_by_which_law():
    x = np.random.default_rng(4).normal(size=(100, 2))
    plain, smoothed = score(x), score(x, target="smoothed")
    assert (plain.null.method, plain.null.note) == ("gamma", None)
    assert (smoothed.null.method, smoothed.null.note) == ("limit-law", None)
    assert score(x, null="none").null.method == "none"
    unknown = score(x, sigma="mean-field")
    assert (unknown.null.method, unknown.p_value) == ("none", None)
    assert "--null monte-carlo" in unknown.null.note


@pytest.mark.parametrize("estimator", ["v", "u"])
def test_moments_of_the_smoothed_target_are_those_of_simulated_samples(estimator):
    rng = np.random.default_rng(5)
    found = [
        score(rng.normal(size=(30, 3)), sigma=0.8, target="smoothed", estimator=estimator)
        for _ in range(1500)
    ]
    null, values, z = found[0].null, [r.value for r in found], np.array([r.z for r in found])
    assert abs(np.mean(values) - null.mean) < 4 * null.sd / math.sqrt(len(found))
    assert_allclose(np.std(values), null.sd, rtol=0.1)
    assert_allclose([r.excess for r in found], np.array(values) - null.mean, rtol=1e-9, atol=1e-13)
    assert_allclose(z, (np.array(values) - null.mean) / null.sd, rtol=1e-9, atol=1e-10)
    if estimator == "u":
        assert null.mean == 0


def test_both_estimators_are_as_improbable():
    x = sample("shrunk", 400, 2)
    v, u = (score(x, target="smoothed", sigma=0.5, estimator=estimator) for estimator in "vu")
    assert u.value < v.value
    assert 1e-6 < v.p_value < 0.2
    assert_allclose(u.p_value, v.p_value, rtol=0.1)


@pytest.mark.parametrize("dim", [2, 8, 64])
def test_verdicts_of_the_smoothed_target_at_the_median(dim):
    seen = {name for name in SAMPLES if score_p(name, dim) < 1e-3}
    moments = {"shrunk", "stretched", "shifted", "collapsed"}
    assert moments <= seen if dim > 2 else moments - {"shrunk"} <= seen
    assert "normal" not in seen


def score_p(name, dim):
    result = score(sample(name, 1000, dim), target="smoothed", sigma="median")
    # so many standard deviations away that no law is needed
    return result.p_value if result.p_value is not None else 1 / result.z**2


def test_extreme_codes_have_extreme_p_values_and_never_nan():
    for x in (np.zeros((300, 2)), 1e6 + np.zeros((300, 2)), 1e-30 * sample("normal", 300, 2)):
        for target in TARGETS:
            (result,) = scores(x, [1.0], target=target)
            assert 0 < result.p_value < 1e-12
            assert math.isfinite(result.z)


def test_monte_carlo_agrees_with_the_closed_form():
    x = np.random.default_rng(8).normal(size=(40, 2))
    for target in TARGETS:
        exact = score(x, target=target)
        simulated = score(x, target=target, null="monte-carlo", replicates=600)
        assert_allclose(simulated.p_value, exact.p_value, atol=0.08)
        assert abs(simulated.null.mean - exact.null.mean) < 4 * exact.null.sd / math.sqrt(600)
        assert_allclose(simulated.null.sd, exact.null.sd, rtol=0.2)
        assert simulated.value == exact.value


def test_replicates_need_monte_carlo():
    with pytest.raises(GaedistError, match="add --null monte-carlo"):
        score(np.zeros((3, 2)), replicates=99)


def test_quantiles_are_those_of_the_sheet():
    # FORMULAS §7: D = 2, σ = 1: 95 % 1.111, 99 % 1.574; D = 8: 1.137, 1.2476, of n d²
    for dim, quantiles in ((2, (1.111, 1.574)), (8, (1.137, 1.2476))):
        found = [limit_law(dim, 1.0).upper_tail(q) for q in quantiles]
        assert_allclose(found, (0.05, 0.01), rtol=0.02)
