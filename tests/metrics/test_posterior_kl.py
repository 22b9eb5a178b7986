"""The KL of posteriors has its closed form; its split agrees with quadrature within its standard error.

Limits: s = 0, posteriors that do not overlap (log n), all of them N(0, I) (0), one point.
"""

import math
from itertools import pairwise

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm

from gaedist.files.widths import Widths
from gaedist.metrics.posterior_kl import posterior_kl


def posteriors(n, dim, seed=0, low=-2.0, high=0.0):
    rng = np.random.default_rng(seed)
    log_variances = rng.uniform(low, high, size=(n, dim))
    return rng.normal(size=(n, dim)), log_variances


def found(means, log_variances, seed=0):
    return posterior_kl(means, Widths("logvar", None, log_variances), seed)


@pytest.mark.parametrize(("low", "high"), [(-4, 1), (-1e-7, 1e-7), (-600, -500), (5, 20)])
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (7, 3), (40, 2)])
def test_the_mean_is_the_closed_form(n, dim, low, high):
    means, logs = posteriors(n, dim, low=low, high=high)
    assert_allclose(found(means, logs).kl, float(naive.posterior_kl_mp(means, logs)), rtol=1e-13)


def test_collapsed_posteriors_have_no_kl_to_rounding():
    logs = np.full((9, 4), 1e-9)
    got = found(np.zeros((9, 4)), logs)
    assert_allclose(got.kl, 4 * 1e-18 / 4, atol=1e-24)
    assert (got.mutual_information, got.active_units) == (pytest.approx(0, abs=1e-8), 0)


@pytest.mark.parametrize("shape", [(50, 3), (50, 1), (1, 3), (1, 1)])
def test_widths_that_are_shared_are_repeated(shape):
    means, _ = posteriors(50, 3)
    logs = np.random.default_rng(1).uniform(-2, 0, size=shape)
    shared, full = found(means, logs), found(means, np.array(np.broadcast_to(logs, means.shape)))
    assert_allclose(
        [shared.kl, shared.mutual_information, shared.norm],
        [full.kl, full.mutual_information, full.norm],
        rtol=1e-13,
    )


def exact_split(means, sds):
    """KL(q ‖ N(0, 1)) of a mixture in one dimension, by quadrature."""

    def integrand(z):
        q = norm.pdf(z, means, sds).mean()
        return q * (math.log(q) - norm.logpdf(z)) if q > 0 else 0.0

    points = np.linspace(means.min() - 10 * sds.max(), means.max() + 10 * sds.max(), 60)
    return math.fsum(quad(integrand, a, b, epsabs=1e-11)[0] for a, b in pairwise(points))


def test_the_split_is_that_of_quadrature_on_average():
    rng = np.random.default_rng(2)
    sds = rng.uniform(0.2, 0.9, size=(150, 1))
    means = rng.normal(size=(150, 1)) * np.sqrt(1 - sds**2) + 0.3
    expected = exact_split(means[:, 0], sds[:, 0])
    results = [found(means, 2 * np.log(sds), seed) for seed in range(200)]
    values = np.array([result.aggregate_kl for result in results])
    errors = np.array([result.mutual_information_se for result in results])
    assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(200)
    assert 0.4 < values.std() / errors.mean() < 1.1  # an upper bound: one point of each posterior
    assert errors.mean() < expected


def test_few_of_many_posteriors_are_drawn_and_the_error_says_so(monkeypatch):
    means, logs = posteriors(3000, 2)
    all_of_them = found(means, logs)
    monkeypatch.setattr("gaedist.metrics.posterior_kl._MOST_WORK", 3000 * 22 * 200.0)
    few = found(means, logs)
    assert (all_of_them.draws, few.draws) == (3000, 200)
    assert abs(few.mutual_information - all_of_them.mutual_information) < 4 * few.mutual_information_se
    assert few.mutual_information_se > 2 * all_of_them.mutual_information_se
    monkeypatch.setattr("gaedist.metrics.posterior_kl._MOST_WORK", 3000 * 22 * 50.0)
    none = found(means, logs)
    assert (none.mutual_information, none.aggregate_kl, none.draws) == (None, None, 0)
    assert none.kl == few.kl
    assert "--subsample" in none.note


def test_posteriors_that_do_not_overlap_tell_all_inputs_apart():
    means = 10.0 * np.arange(50)[:, np.newaxis] * np.ones((50, 3))
    got = found(means, np.full((50, 3), -2.0))
    assert_allclose(got.mutual_information, math.log(50), rtol=1e-12)
    assert "log n = 3.91" in got.note
    assert_allclose(got.aggregate_kl, got.kl - math.log(50), rtol=1e-12)


def test_a_standard_deviation_of_0_is_infinite_and_one_nearly_0_is_not_split():
    means, logs = posteriors(20, 2)
    logs[3, 1] = -np.inf
    got = found(means, logs)
    assert (got.kl, got.mutual_information, got.aggregate_kl) == (math.inf, None, None)
    assert got.note
    logs[3, 1] = -900
    got = found(means, logs)
    assert_allclose(got.kl, float(naive.posterior_kl_mp(means, logs)), rtol=1e-13)
    assert got.mutual_information is None
    assert "not split" in got.note


def test_one_point():
    got = found(np.array([[0.5]]), np.array([[-1.0]]))
    assert (got.mutual_information, got.mutual_information_se, got.note) == (0, None, None)
    assert got.aggregate_kl == got.kl


def test_active_units_are_those_whose_means_vary():
    rng = np.random.default_rng(3)
    means = rng.normal(size=(2000, 4)) * [1, 0.2, 0.05, 0]
    assert found(means, np.full((2000, 4), -1.0)).active_units == 2


def test_the_norm_is_that_of_the_aggregate_posterior():
    means, logs = posteriors(500, 3)
    got = found(means, logs)
    assert_allclose(got.norm, (means**2 + np.exp(logs)).mean(), rtol=1e-13)
    assert_allclose(got.norm_of_means, (means**2).mean(), rtol=1e-13)
