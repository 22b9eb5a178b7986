"""The Epps–Pulley statistic of points on a line is exact to rounding, however they spread.

Every way to compute it agrees with the double sum, and its moments under N(0, 1) with closed forms.
"""

import math

import mpmath
import numpy as np
import pytest
import twins
from numpy.testing import assert_allclose
from samples import sample
from scipy.special import ndtri

from gaedist import Parameters, Run, score
from gaedist.engine import random_directions
from gaedist.metrics.sliced_epps_pulley import EppsPulley, epps_pulley_moments


def normal(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def quantiles(n):
    return ndtri((np.arange(n) + 0.5) / n)


def epps_pulley(t, beta):
    """T from all pairs, in long doubles, and the rounding error that this may have."""
    t, n, b = t.astype(np.longdouble), len(t), np.longdouble(beta) ** 2
    pair = sum(
        np.exp(-b / 2 * (some[:, np.newaxis] - t) ** 2).sum() for some in np.array_split(t, 1 + n // 1000)
    )
    cross = np.exp(-b * t * t / (2 * (1 + b))).mean() / np.sqrt(1 + b)
    value = n * (pair / n**2 - 2 * cross + 1 / np.sqrt(1 + 2 * b))
    return float(value), n * np.finfo(np.longdouble).eps


def epps_pulley_mp(t, beta):
    """T from all pairs, with 50 digits."""
    with mpmath.workdps(50):
        t, n, b = [mpmath.mpf(float(one)) for one in t], len(t), mpmath.mpf(beta) ** 2
        pair = mpmath.fsum(mpmath.exp(-b / 2 * (p - q) ** 2) for p in t for q in t)
        cross = mpmath.fsum(mpmath.exp(-b * p * p / (2 * (1 + b))) for p in t)
        return float(pair / n - 2 * cross / mpmath.sqrt(1 + b) + n / mpmath.sqrt(1 + 2 * b))


CLUSTERS = np.concatenate([c + 1e-3 * normal(200, seed=4) for c in (-30, -1, 0, 2, 25)])


LINES = {
    "normal": normal(500),
    "many": normal(1200),
    "one": np.array([0.3]),
    "one far": np.array([40.0]),
    "two": normal(2),
    "three": normal(3),
    "outlier": np.append(normal(300), 1e6),
    "outlier below": np.append(normal(300), -1e6),
    "spread": 50 * normal(800),
    "widely spread": 1e3 * normal(1200),
    "beyond": 1e150 * normal(30),
    "equal": np.full(400, 0.7),
    "equal and far": np.full(400, 50.0),
    "shifted": 50 + normal(300),
    "clusters": CLUSTERS,
    "clusters far apart": 100 * CLUSTERS,
    "heavy-tailed": np.random.default_rng(3).standard_cauchy(1200),
}


LARGE = "many", "spread", "widely spread", "clusters", "clusters far apart", "heavy-tailed"
"""Lines whose double sum takes long: β takes turns, and the others are tried by hand."""


@pytest.mark.parametrize(
    ("kind", "beta"),
    [
        pytest.param(kind, beta, marks=pytest.mark.slow if kind in LARGE and (j + k) % 3 else [])
        for j, kind in enumerate(LINES)
        for k, beta in enumerate((0.1, 1.0, 10.0))
    ],
)
def test_epps_pulley_is_the_double_sum(kind, beta):
    # the largest error was 1.7e-11, of an outlier and β = 0.1, where terms of size 1 leave 3e-5
    t = np.sort(LINES[kind])
    expected, rounding = epps_pulley(t, beta)
    assert rounding < 1e-11 * expected
    assert_allclose(EppsPulley(beta).of_sorted(t[np.newaxis]), [expected], rtol=1e-10)


@pytest.mark.parametrize("beta", [1e-3, 0.1, 1.0, 10.0])
@pytest.mark.parametrize(
    "t",
    [quantiles(100), 1e-9 * normal(40), np.zeros(1), normal(40)],
    ids=["quantiles", "at 0", "0", "normal"],
)
def test_epps_pulley_keeps_its_digits_near_0(t, beta):
    # T of the quantiles at β = 0.001 is 1e-14, whose error was 6e-9, and otherwise 1e-12
    t = np.sort(t)
    expected = epps_pulley_mp(t, beta)
    assert_allclose(
        EppsPulley(beta).of_sorted(t[np.newaxis]), [expected], rtol=1e-7 if beta < 0.01 else 1e-11
    )


@pytest.mark.parametrize("beta", [0.3, 3.0])
def test_epps_pulley_has_no_jump_as_points_spread(beta):
    # there is no jump where the way of computing it changes
    for scale in np.geomspace(0.1, 3000, 30):
        t = np.sort(scale * normal(150))
        assert_allclose(EppsPulley(beta).of_sorted(t[np.newaxis]), [epps_pulley(t, beta)[0]], rtol=1e-10)


def test_epps_pulley_of_rows_is_computed_row_by_row():
    rows = np.sort(np.stack([normal(50), 100 * normal(50), np.zeros(50)]), axis=1)
    together = EppsPulley(1.0).of_sorted(rows)
    assert together.shape == (3,)
    assert list(together) == [EppsPulley(1.0).of_sorted(row[np.newaxis])[0] for row in rows]


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("n", [1, 2, 30])
def test_mean_and_variance_of_epps_pulley_on_a_line_are_known_in_closed_form(n, beta):
    # n d² to the smoothed prior for D = 1 and s = σ² = 1/(2β²), with the kernel k = e^(−|x−y|²/(4s)):
    # ζ₁ is the variance of E[k | x], ζ₂ of k, and E[k | x] = g0 e^(−tg x²)
    s = 1 / (2 * beta**2)

    def power(x):
        return x**-0.5

    mean_k, g0, tg = power(1 + 1 / s), power(1 + 1 / (2 * s)), 1 / (4 * s + 2)
    zeta1, zeta2 = g0**2 * power(1 + 4 * tg) - mean_k**2, power(1 + 2 / s) - mean_k**2
    variance = 2 * (n - 1) / n**3 * (zeta2 - 2 * zeta1) + 4 * zeta1 / n**3
    found = epps_pulley_moments(n, 1, 1, beta)
    assert_allclose(found.mean, 1 - mean_k, rtol=1e-13)
    assert_allclose(found.sd, n * math.sqrt(variance), rtol=1e-11)


@pytest.mark.parametrize("beta", [0.2, 2.5])
@pytest.mark.parametrize("dim", [1, 5])
def test_beta_and_directions_are_used_and_reported(dim, beta):
    x, parameters = sample("heavy-tailed", 30, dim), Parameters(beta=beta, directions=7)
    found = score(x, metric="sliced-epps-pulley", parameters=parameters, run=Run(seed=5))
    expected = twins.sliced_epps_pulley(x, random_directions(dim, 7, 5), beta).mean()
    assert_allclose(found.value, expected, rtol=1e-12)
    assert found.parameters == parameters


def test_equal_points_far_from_0_count_as_near():
    t = np.array([1e18, 1e18, 1e18, 2e18])[:, np.newaxis]
    # pair term 10/16, cross term 0
    expected = 4 * (10 / 16 + 1 / math.sqrt(3))
    assert_allclose(score(t, metric="sliced-epps-pulley").value, expected, rtol=1e-14)
