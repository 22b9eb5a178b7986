"""Every check: p-values of normal samples are calibrated, the statistic is that of an independent formula,
and its defect is found, with where and how much. Premises that fail are said.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from gaedist.diagnostics import dependence, points
from gaedist.diagnostics.base import Outcome, Part, PremiseError
from gaedist.diagnostics.registry import CHECKS

ALPHA = 0.01


def run(name, sample):
    return CHECKS[name].run(sample)


@pytest.mark.parametrize(("n", "dim"), [(60, 1), (60, 3), pytest.param(200, 20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CHECKS)
def test_normal_samples(sample, normal, name, n, dim):
    """Of 150 normal samples about 5 % have p < 5 %; fewer where Bonferroni's inequality is far from sharp."""
    try:
        p = [math.exp(run(name, sample(normal(n, dim, seed))).log_p) for seed in range(150)]
    except PremiseError:
        assert dim == 1
        return
    assert np.mean(np.array(p) < 0.05) < 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 150)
    assert max(p) <= 1


@pytest.mark.parametrize("name", CHECKS)
def test_p_is_right_for_any_order_of_axes(sample, normal, name):
    x = normal(150, 5)
    x[:, 1] *= 1.4
    first, second = (run(name, sample(x[:, order])).log_p for order in ([0, 1, 2, 3, 4], [4, 2, 1, 0, 3]))
    assert_allclose(first, second, rtol=1e-7, atol=1e-9) if name != "directions" else None


def test_location(sample, normal):
    x = normal(400, 5)
    x[:, 3] += 0.4
    found = run("location", sample(x))
    axis, total = found.parts
    assert axis.places[0].indices == (3,)
    assert_allclose(axis.places[0].effect, x[:, 3].mean())
    exact = -math.expm1(5 * math.log1p(-2 * stats.norm.sf(20 * abs(x[:, 3].mean()))))
    assert_allclose(axis.log_p, math.log(exact), rtol=1e-6)
    assert_allclose(total.log_p, stats.chi2.logsf(400 * np.sum(x.mean(axis=0) ** 2), 5), rtol=1e-8)
    t = stats.ttest_1samp(x, 0).pvalue.min()
    assert_allclose(
        CHECKS["location"].adjusted(sample(x)), math.log(-math.expm1(5 * math.log1p(-t))), rtol=1e-6
    )


def test_scale(sample, normal):
    x = normal(300, 4)
    x[:, 0] *= 0.03
    x[:, 2] *= 1.5
    found = run("scale", sample(x))
    assert found.parts[0].places[0].indices == (0,)
    assert "Axis 0 hardly varies (sd 0.028): collapsed." in found.parts[0].sentence
    assert "Axis 2 varies too much (sd 1." in found.parts[0].sentence
    square = 299 * x[:, 2].var(ddof=1)
    assert_allclose(found.parts[0].places[1].p_value, 2 * stats.chi2.sf(square, 299), rtol=1e-8)


def test_dependence(sample, normal):
    x = normal(200, 6)
    x[:, 4] = 0.5 * x[:, 1] + math.sqrt(0.75) * x[:, 4]
    pair = run("dependence", sample(x)).parts[0]
    r, p = stats.pearsonr(x[:, 1], x[:, 4])
    assert pair.places[0].indices == (1, 4)
    assert_allclose(pair.places[0].effect, r, rtol=1e-10)
    assert_allclose(pair.places[0].p_value, p, rtol=1e-7)
    assert_allclose(pair.log_p, math.log(15 * p), rtol=1e-6)


@pytest.mark.parametrize(("n", "dim"), [(12, 5), pytest.param(8, 30, marks=pytest.mark.slow)])
def test_moments_over_all_pairs(n, dim):
    """Σ R² and Σ R of independent axes have the mean, the sd and the skewness that are claimed."""
    x = np.random.default_rng(n).normal(size=(20_000, n, dim))
    x -= x.mean(axis=1, keepdims=True)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    r = np.einsum("kij,kil->kjl", x, x)
    for find, values in (
        (dependence.all_pairs, (np.square(r).sum(axis=(1, 2)) - dim) / (dim * (dim - 1))),
        (dependence.mean_of_pairs, (r.sum(axis=(1, 2)) - dim) / (dim * (dim - 1))),
    ):
        found = np.array([find(matrix, n) for matrix in r[:4000]])
        assert_allclose(found[:, 0], values[:4000], atol=1e-12)
        rates = [np.mean(np.exp(found[:, 1]) < level) / level for level in (0.5, 0.1, 0.02)]
        assert_allclose(rates, 1, atol=0.3)


def test_dependence_by_one_factor(sample, normal):
    """A factor over all axes is seen by all pairs, and by the largest eigenvalue with its direction."""
    u = np.ones(40) / math.sqrt(40)
    x = normal(500, 40) + 1.5 * np.outer(normal(500, 1, 3)[:, 0], u)
    parts = run("dependence", sample(x)).parts
    assert parts[1].log_p < -20
    assert parts[2].log_p < -20
    assert abs(np.dot(parts[2].places[0].vector, u)) > 0.9


def test_dependence_with_fewer_points_than_axes(sample, normal):
    found = run("dependence", sample(normal(20, 50)))
    assert len(found.parts) == 3
    assert found.log_p > math.log(ALPHA)


def test_squares(sample, normal):
    x = normal(1000, 4)
    x[:, 2] = np.abs(x[:, 2]) * np.sign(normal(1000, 1, 9)[:, 0])
    x[:, 3] = x[:, 0] * np.sign(normal(1000, 1, 8)[:, 0])
    assert run("dependence", sample(x)).log_p > math.log(ALPHA)
    assert run("squares", sample(x)).parts[0].places[0].indices == (0, 3)
    assert run("squares", sample(x)).log_p < -100


@pytest.mark.parametrize(("scale", "words"), [(0.0, "too little"), (3.0, "too much")])
def test_radius_law(sample, normal, scale, words):
    x = normal(300, 8)
    r = np.linalg.norm(x, axis=1, keepdims=True)
    x *= (
        math.sqrt(8) / r
        if scale == 0
        else np.sqrt(scale / np.random.default_rng(1).chisquare(scale, (300, 1)))
    )
    law = run("radius", sample(x)).parts[0]
    assert law.log_p < -20
    assert words in law.sentence


def test_radius_is_that_of_scipy(sample, normal):
    x = normal(50, 3)
    u = np.sort(stats.chi2.cdf(np.square(x).sum(axis=1), 3))
    i = np.arange(1, 51)
    expected = -50 - np.mean((2 * i - 1) * (np.log(u) + np.log1p(-u[::-1])))
    found = run("radius", sample(x))
    assert_allclose(found.parts[0].statistic, expected, rtol=1e-9)
    far = -math.expm1(50 * math.log1p(-stats.chi2.sf(np.square(x).sum(axis=1).max(), 3)))
    assert_allclose(math.exp(found.parts[1].log_p), far, rtol=1e-9)


@pytest.mark.parametrize("level", ["standardised", "whitened"])
def test_radius_of_fitted_codes(sample, normal, level):
    """Of 400 normal samples, moved and scaled, the p-values of fitted codes are calibrated."""
    turn = np.random.default_rng(5).normal(size=(4, 4)) if level == "whitened" else np.diag([1, 2, 0.3, 5])
    p = [
        math.exp(run("radius", getattr(sample(2 + normal(80, 4, s) @ turn), level)).log_p) for s in range(400)
    ]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.085


def test_far_and_near_rows(sample, normal):
    x = normal(200, 10)
    x[17] *= 4
    x[33] *= 0.02
    _, far, near = run("radius", sample(x)).parts
    assert far.places[0].indices == (17,)
    assert near.places[0].indices == (33,)
    assert "Row 17 lies far out" in far.sentence


def test_marginals(sample, normal):
    x = normal(400, 5)
    x[:, 2] = np.random.default_rng(1).exponential(size=400) - 1
    found = run("marginals", sample(x))
    assert found.parts[0].places[0].indices == (2,)
    assert "skewed to the right" in found.parts[0].sentence
    assert_allclose(found.details["skewness"], stats.skew(x[:, 2]), rtol=1e-10)
    assert_allclose(found.details["kurtosis"], stats.kurtosis(x[:, 2]), rtol=1e-10)


def test_two_clusters_on_an_axis(sample, normal):
    x = normal(400, 3)
    x[:, 1] = np.sign(x[:, 1]) + 0.2 * normal(400, 1, 4)[:, 0]
    assert "two clusters" in run("marginals", sample(x)).parts[0].sentence


def test_directions(sample, normal):
    """Two clusters along a direction, with mean 0 and covariance I, are found with their direction."""
    u = np.array([3.0, -4, 0, 0, 0]) / 5
    x = normal(2000, 5)
    c = np.sign(x @ u) * 0.95 + 0.31 * normal(2000, 1, 7)[:, 0]
    x += np.outer(c - x @ u, u)
    found = run("directions", sample(x)).parts[0]
    assert found.log_p < -50
    assert abs(np.dot(found.places[0].vector, u)) > 0.98


def test_directions_are_repeatable(sample, normal):
    first, second = (run("directions", sample(normal(200, 6))).log_p for _ in range(2))
    assert first == second


def test_equal_and_close_rows(sample, normal):
    x = normal(300, 6)
    x[12], x[250] = x[200], x[99] + 1e-5
    equal, close = run("points", sample(x)).parts
    assert equal.places[0].indices == (12, 200)
    assert equal.sentence == "Rows 12 and 200 are equal."
    assert close.places[0].indices == (99, 250)
    expected = 299 * 298 / 2 * stats.chi2.cdf(np.sum((x[250] - x[99]) ** 2) / 2, 6)
    assert_allclose(close.log_p, math.log(expected), rtol=1e-2)


@pytest.mark.parametrize(("dim", "work"), [(3, 0), (12, 0), (12, 1e9)])
def test_every_search_finds_a_close_pair(sample, normal, monkeypatch, dim, work):
    """By a k-d tree, in the cells of a grid, and among all pairs."""
    x = normal(500, dim)
    x[400] = x[3] + 1e-3
    squares = np.square(x[:, np.newaxis] - x).sum(axis=2) + np.diag(np.full(500, np.inf))
    monkeypatch.setattr(points, "_EXACT_WORK", work)
    place = run("points", sample(x)).parts[1].places[0]
    assert place.indices == (3, 400)
    assert_allclose(place.effect, math.sqrt(squares.min() / (2 * dim)), rtol=1e-9)


def test_grids_hold_few_pairs_of_a_normal_sample(sample, normal, monkeypatch):
    monkeypatch.setattr(points, "_EXACT_WORK", 0)
    x = normal(20_000, 8)
    i, _ = points._in_cells(x, sample(x))
    assert 0 < len(i) < 40_000
    assert run("points", sample(x)).log_p > math.log(ALPHA)


def test_coincidences_of_coarse_numbers(sample):
    """Numbers in half precision coincide by chance in one dimension; in three they do not."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 1)).astype(np.float16)
    assert run("points", sample(x)).parts[0].log_p > math.log(ALPHA)
    y = rng.normal(size=(3000, 3)).astype(np.float16)
    y[0] = y[1]
    assert run("points", sample(y)).parts[0].log_p < math.log(ALPHA)


def test_order(sample, normal):
    x = normal(400, 3)
    centered = x - x.mean(axis=0)
    found = run("order", sample(x)).parts[0]
    assert_allclose(found.statistic, (centered[1:] * centered[:-1]).sum() / (centered**2).sum(), rtol=1e-12)
    for i in range(1, 400):
        x[i] = 0.3 * x[i - 1] + x[i]
    assert run("order", sample(x)).parts[0].log_p < -20


def test_order_has_the_exact_moments(sample, normal):
    from gaedist.diagnostics import order

    values = [order.check(sample(normal(12, 2, seed))).parts[0].statistic for seed in range(1500)]
    assert_allclose(np.mean(values), -1 / 12, atol=4 * np.std(values) / math.sqrt(1500))


@pytest.mark.parametrize("name", CHECKS)
def test_premises(sample, name):
    """One point, and one axis, are a result or a reason."""
    reasons = []
    for x in (np.ones((1, 3)), np.ones((1, 1)), np.random.default_rng(0).normal(size=(3, 1))):
        try:
            assert run(name, sample(x)).log_p <= 0
        except PremiseError as error:
            reasons.append(str(error))
    assert all(reason and not reason.endswith(".") for reason in reasons)


def test_parts():
    outcome = Outcome((Part(1.0, math.log(0.2), "a"), Part(2.0, math.log(0.004), "b", topic="x")), 0.0, "")
    assert outcome.strongest.sentence == "b"
    assert_allclose(math.exp(outcome.log_p), 0.008)
    assert [part.sentence for part in outcome.significant(math.log(0.01))] == ["b"]
