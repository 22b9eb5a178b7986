"""The closed-form null distribution of the gaussian metric rejects normal samples at the nominal rates, has
exact moments for both targets and estimators, and gives a note in place of a p-value that is not calibrated.
"""

import math
from bisect import bisect_left

import numpy as np
import pytest
from calibration import BOUNDS, DIMS, SIGMAS, SIZES, rates
from numpy.testing import assert_allclose
from samples import SAMPLES, sample

from gaedist import score, scores
from gaedist.mixtures.targets import TARGETS
from gaedist.null.radial_sums import FEWEST_AXES


def check_rates(found):
    for nominal, (low, high) in BOUNDS.items():
        assert low <= found[nominal] <= high


@pytest.mark.parametrize("target", ["normal", pytest.param("smoothed", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("sigma", "samples"), [(1.0, 1000), ("median", 500)])
def test_normal_samples_are_rejected_at_the_nominal_rate(sigma, samples, target):
    check_rates(rates(50, 2, sigma, target, samples=samples))


def test_normal_samples_are_rejected_at_the_nominal_rate_for_the_smoothed_target():
    """Tails take long; p falls as the value rises, so that bisection finds how many are below a rate."""
    rng, samples, options = np.random.default_rng((50, 2)), 1000, {"sigma": 1.0, "target": "smoothed"}
    x = sorted(
        (rng.normal(size=(50, 2)) for _ in range(samples)),
        key=lambda x: -score(x, null="none", **options).value,
    )
    assert not score(x[0], **options).two_sided
    below = {
        nominal: bisect_left(x, nominal, key=lambda x: score(x, **options).p_value) for nominal in BOUNDS
    }
    check_rates({nominal: count / samples for nominal, count in below.items()})


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("n", SIZES)
def test_normal_samples_are_rejected_at_the_nominal_rate_at_all_sizes(n, dim, sigma, target):
    found = rates(n, dim, sigma, target)
    if found is None:
        # too skewed: kernels rarely overlap, or few points lie near 0, or one dimension at the median
        always = {(32, 0.5), (32, 1.0), (8, 0.5), (1, 0.5)}
        assert dim < FEWEST_AXES or target == "smoothed"
        assert (dim, sigma) in always or (n, dim, sigma, target) == (50, 1, "median", "normal")
    else:
        check_rates(found)


def test_where_it_is_not_calibrated_there_is_a_note_and_no_p_value():
    rng = np.random.default_rng(3)
    for dim, options in ((8, {"sigma": 0.3}), (8, {"sigma": 0.3, "target": "smoothed"})):
        result = score(rng.normal(size=(100, dim)), **options)
        assert (result.null.method, result.p_value) == ("closed-form", None)
        assert result.null.sd > 0
        assert math.isfinite(result.z)
        assert "--null monte-carlo" in result.null.note


def test_the_method_of_a_p_value_is_reported():
    x = np.random.default_rng(4).normal(size=(100, 2))
    plain, smoothed = score(x), score(x, target="smoothed")
    many = score(np.random.default_rng(4).normal(size=(100, 64)))
    assert (many.null.method, many.null.note, many.skewed) == ("radial-sum", None, True)
    assert (plain.null.method, plain.null.note) == ("gamma", None)
    assert (smoothed.null.method, smoothed.null.note) == ("limit-law", None)
    assert score(x, null="none").null.method == "none"
    unknown = score(x, sigma="mean-field")
    assert (unknown.null.method, unknown.p_value) == ("none", None)
    assert "--null monte-carlo" in unknown.null.note


@pytest.mark.parametrize("estimator", ["v", pytest.param("u", marks=pytest.mark.slow)])
def test_moments_for_the_smoothed_target_agree_with_simulated_samples(monkeypatch, estimator):
    # p-values are not looked at, and would take half of the time
    monkeypatch.setattr("gaedist.null.chi_square_sums.ChiSquareSum.upper_tail", lambda self, q: 0.5)
    rng = np.random.default_rng(5)
    found = [
        score(rng.normal(size=(30, 3)), sigma=0.8, target="smoothed", estimator=estimator)
        for _ in range(1500)
    ]
    null, values, z = found[0].null, [r.value for r in found], np.array([r.z for r in found])
    assert abs(np.mean(values) - null.mean) < 4 * null.sd / math.sqrt(len(found))  # four standard errors
    assert_allclose(np.std(values), null.sd, rtol=0.1)  # about four, of a skewed distribution
    # the excess is formed term by term, and the difference on the right has lost digits
    assert_allclose([r.excess for r in found], np.array(values) - null.mean, rtol=1e-9, atol=1e-13)
    assert_allclose(z, (np.array(values) - null.mean) / null.sd, rtol=1e-9, atol=1e-10)
    if estimator == "u":
        assert null.mean == 0


def test_both_estimators_give_nearly_the_same_p_value():
    x = sample("shrunk", 400, 2)
    v, u = (score(x, target="smoothed", sigma=0.5, estimator=estimator) for estimator in "vu")
    assert u.value < v.value
    assert 1e-6 < v.p_value < 0.2
    assert_allclose(u.p_value, v.p_value, rtol=0.1)


@pytest.mark.parametrize("dim", [2, 8, 64])
def test_the_smoothed_target_at_the_median_detects_wrong_moments(dim):
    seen = {name for name in SAMPLES if score_p(name, dim) < 1e-3}
    moments = {"shrunk", "stretched", "shifted", "collapsed"}
    assert moments <= seen if dim > 2 else moments - {"shrunk"} <= seen
    assert "normal" not in seen


def score_p(name, dim):
    result = score(sample(name, 1000, dim), target="smoothed", sigma="median")
    # Chebyshev's bound, where no p-value is given
    return result.p_value if result.p_value is not None else 1 / result.z**2


def test_extreme_codes_have_tiny_p_values_and_a_finite_z():
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
        # about four standard errors of 600 replicates each
        assert_allclose(simulated.p_value, exact.p_value, atol=0.08)
        assert abs(simulated.null.mean - exact.null.mean) < 4 * exact.null.sd / math.sqrt(600)
        assert_allclose(simulated.null.sd, exact.null.sd, rtol=0.2)
        assert simulated.value == exact.value


def test_z_of_normal_samples_has_mean_zero_and_variance_one():
    rng = np.random.default_rng(11)
    z = [score(rng.normal(size=(50, 8)), sigma=0.8).z for _ in range(400)]
    assert abs(np.mean(z)) < 4 / 20  # four standard errors, and about as many of the variance
    assert 0.75 < np.var(z) < 1.35
