import math

import mpmath
import numpy as np
import pytest
from gaedist.metrics.sliced import (
    EppsPulley,
    Wasserstein,
    _powers,
    _triples,
    epps_pulley_cumulants,
    quantile_means,
    wasserstein_cumulants,
    wasserstein_mean,
)
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import ndtri, roots_gegenbauer
from scipy.stats import beta as beta_law
from scipy.stats import norm

from gaedist.engine import Run, random_directions
from gaedist.engine.directions import Slices, slice_values
from gaedist.null.kernel_spectrum import log_harmonics


def normal(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def quantiles(n):
    return ndtri((np.arange(n) + 0.5) / n)


# Epps and Pulley


def epps_pulley(t, beta):
    """T from all pairs, in long doubles, and how much rounding may leave of it."""
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
    "many": normal(1500),
    "one": np.array([0.3]),
    "one far": np.array([40.0]),
    "two": normal(2),
    "three": normal(3),
    "outlier": np.append(normal(300), 1e6),
    "outlier below": np.append(normal(300), -1e6),
    "spread": 50 * normal(800),
    "widely spread": 1e3 * normal(2000),
    "beyond": 1e150 * normal(30),
    "equal": np.full(400, 0.7),
    "equal and far": np.full(400, 50.0),
    "shifted": 50 + normal(300),
    "clusters": CLUSTERS,
    "clusters far apart": 100 * CLUSTERS,
    "heavy-tailed": np.random.default_rng(3).standard_cauchy(1500),
}


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("kind", LINES)
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
    found = EppsPulley(beta).of_sorted(t[np.newaxis])
    assert_allclose(found, [expected], rtol=1e-7 if beta < 0.01 else 1e-11)


@pytest.mark.parametrize("beta", [0.3, 3.0])
def test_epps_pulley_of_points_that_spread_has_no_seam(beta):
    # from one way of computing it to another, wherever that is
    for scale in np.geomspace(0.1, 3000, 30):
        t = np.sort(scale * normal(150))
        assert_allclose(EppsPulley(beta).of_sorted(t[np.newaxis]), [epps_pulley(t, beta)[0]], rtol=1e-10)


def test_epps_pulley_of_rows_is_that_of_each():
    rows = np.sort(np.stack([normal(50), 100 * normal(50), np.zeros(50)]), axis=1)
    together = EppsPulley(1.0).of_sorted(rows)
    assert together.shape == (3,)
    assert list(together) == [EppsPulley(1.0).of_sorted(row[np.newaxis])[0] for row in rows]


# W₂²


@pytest.mark.parametrize(
    "t", [normal(1), normal(2), normal(9), 3 + 0.1 * normal(9), np.zeros(4), 1e4 * normal(5), quantiles(40)]
)
def test_wasserstein_is_the_integral_over_quantiles(t):
    # ∫ (F⁻¹(p) − Φ⁻¹(p))² dp, with p = Φ(z), piece by piece
    t, n = np.sort(t), len(t)
    edges = np.clip(ndtri(np.arange(n + 1) / n), -12, 12)
    pieces = [
        quad(lambda z, one=one: (one - z) ** 2 * norm.pdf(z), low, high, epsabs=1e-15, epsrel=1e-12)[0]
        for one, low, high in zip(t, edges[:-1], edges[1:], strict=True)
    ]
    assert_allclose(Wasserstein().of_sorted(t[np.newaxis]), [math.fsum(pieces)], rtol=1e-11)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1001])
def test_quantile_means(n):
    means = quantile_means(n)
    assert_allclose(means.sum(), 0, atol=1e-11)
    assert_allclose(means, -means[::-1], atol=1e-12)
    edges = np.clip(ndtri(np.arange(n + 1) / n), -12, 12)
    for i in (0, n // 3, n - 1):
        expected = n * quad(lambda z: z * norm.pdf(z), edges[i], edges[i + 1])[0]
        assert_allclose(means[i], expected, rtol=1e-10, atol=1e-12)
    # a sample of them is nearer to N(0, 1) than any other
    least = Wasserstein().of_sorted(means[np.newaxis])[0]
    assert_allclose(least, 1 - (means**2).mean(), rtol=1e-11)
    assert least < Wasserstein().of_sorted(means[np.newaxis] + 0.01 * np.sort(normal(n)))[0]


def order_means(n):
    """E t_(i) of N(0, 1), by quadrature: Φ(t_(i)) is of the beta law."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    z, i = 12 * nodes[:, np.newaxis], np.arange(1, n + 1)
    return 12 * (weights[:, np.newaxis] * z * norm.pdf(z) * beta_law.pdf(norm.cdf(z), i, n + 1 - i)).sum(
        axis=0
    )


def test_the_mean_of_wasserstein_for_few_points():
    assert_allclose(wasserstein_mean(1), 2, rtol=1e-14)
    # E of the larger of two is 1/√π, of three 3/(2√π); they meet 2 φ(0) and 3 φ(Φ⁻¹(2/3))
    assert_allclose(wasserstein_mean(2), 2 - 2 * math.sqrt(2) / math.pi, rtol=1e-13)
    largest = 3 * norm.pdf(norm.ppf(2 / 3))
    assert_allclose(wasserstein_mean(3), 2 - 2 * largest / math.sqrt(math.pi), rtol=1e-13)


@pytest.mark.parametrize("n", [3, 10, 300])
def test_the_mean_of_wasserstein_is_that_of_order_statistics(n):
    edges = norm.pdf(ndtri(np.arange(n + 1) / n))
    expected = 2 - 2 * order_means(n) @ (edges[:-1] - edges[1:])
    assert_allclose(wasserstein_mean(n), expected, rtol=1e-11)


def test_the_mean_of_wasserstein_is_that_of_simulated_samples():
    rows = np.sort(np.random.default_rng(5).normal(size=(2000, 1000)), axis=1)
    found = Wasserstein().of_sorted(rows)
    assert abs(found.mean() - wasserstein_mean(1000)) < 4 * found.std() / math.sqrt(2000)


def test_n_times_the_mean_of_wasserstein_grows_as_log_log_n():
    # del Barrio, Giné and Utzet, Bernoulli 11 (2005) 131
    sizes = (1e3, 1e4, 1e5, 1e6)
    steps = np.diff([n * wasserstein_mean(int(n)) for n in sizes])
    ratios = steps / np.diff(np.log(np.log(sizes)))
    assert (np.diff(ratios) > 0).all()
    assert 0.84 < ratios[0] < ratios[-1] < 1


# Cosines of directions


def angles(dim, count=60):
    """Nodes and weights of a rule for the cosine of the angle between two directions."""
    if dim == 2:
        nodes, weights = np.polynomial.chebyshev.chebgauss(count)
    else:
        nodes, weights = roots_gegenbauer(count, dim / 2 - 1)
    return nodes, weights / weights.sum()


@pytest.mark.parametrize("dim", [2, 3, 5, 64])
def test_powers_of_the_cosine(dim):
    nodes, weights = angles(dim)
    k = np.array([0, 2, 4, 10, 40])
    assert_allclose(_powers(dim, k), weights @ nodes[:, np.newaxis] ** k, rtol=1e-10)
    assert_allclose(_powers(1, k), 1, rtol=1e-13)


@pytest.mark.parametrize("k", [1, 2, 3, 8])
@pytest.mark.parametrize("dim", [2, 3, 4, 9])
def test_triple_is_the_mean_over_three_directions(dim, k):
    # with u fixed, v·w = c c' + s s' e, and e the cosine of an angle in one dimension less
    c, w = angles(dim, 24)
    e, v = (np.array([-1.0, 1.0]), np.array([0.5, 0.5])) if dim == 2 else angles(dim - 1, 24)
    first, second, third = c[:, None, None], c[None, :, None], e
    cosine = first * second + np.sqrt((1 - first**2) * (1 - second**2)) * third
    expected = np.einsum("ijk,i,j,k->", (first * second * cosine) ** k, w, w, v)
    assert_allclose(_triples(dim)[k - 1], expected, rtol=1e-11)


@pytest.mark.parametrize("dim", [1, 2, 3, 16, 300])
@pytest.mark.parametrize("k", [1, 2, 7, 400])
def test_eigenvalues_of_powers_of_the_cosine_sum_to_1(dim, k):
    # E (u·u)^k = Σ over harmonics of degree k − 2j of k! Γ(D/2) / (2^k j! Γ(k − j + D/2))
    def log_eigenvalue(j):
        log = math.lgamma(k + 1) - math.lgamma(j + 1) - k * math.log(2)
        return log + math.lgamma(dim / 2) - math.lgamma(k - j + dim / 2)

    def power_sum(power):
        logs = (log_harmonics(dim, k - 2 * j) + power * log_eigenvalue(j) for j in range(k // 2 + 1))
        return math.fsum(map(math.exp, logs))

    assert_allclose(power_sum(1), 1, rtol=1e-11)
    cubes = power_sum(3)
    assert_allclose(_triples(dim)[k - 1], cubes, rtol=1e-10)
    if dim == 1:
        assert_allclose(cubes, 1, rtol=1e-11)


# The laws


def three(cumulants):
    return cumulants.mean, cumulants.sd, cumulants.skewness


@pytest.mark.parametrize(
    "cumulants", [wasserstein_cumulants, lambda *sizes: epps_pulley_cumulants(*sizes, 0.8)], ids=["w", "t"]
)
def test_one_direction_is_a_line(cumulants):
    line = three(cumulants(50, 1, 1))
    assert_allclose(three(cumulants(50, 1, 30)), line, rtol=1e-12)
    assert_allclose(three(cumulants(50, 6, 1)), line, rtol=1e-10)
    means, deviations, skewness = zip(
        *[three(cumulants(50, 6, count)) for count in (1, 2, 9, 999)], strict=True
    )
    assert_allclose(means, line[0], rtol=1e-10)
    assert list(deviations) == sorted(deviations, reverse=True)
    assert list(skewness) == sorted(skewness, reverse=True)


def test_cumulants_of_wasserstein_on_a_line_are_those_of_chi_squares():
    # n W₂² is Σ χ²/k to first order; of 400 terms, beyond which there are 2/400 of the variance
    found = wasserstein_cumulants(1000, 1, 1)
    assert_allclose(found.sd * 1000, math.sqrt(math.pi**2 / 3), rtol=1e-3)
    zeta3 = float(mpmath.zeta(3))
    assert_allclose(found.skewness, 8 * zeta3 / (math.pi**2 / 3) ** 1.5, rtol=3e-3)


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("n", [1, 2, 30])
def test_mean_and_variance_of_epps_pulley_on_a_line_are_those_of_the_sheet(n, beta):
    # FORMULAS §6 and §7, of D = 1 and s = 1/(2β²)
    s = 1 / (2 * beta**2)

    def power(x):
        return x**-0.5

    mean_k, g0, tg = power(1 + 1 / s), power(1 + 1 / (2 * s)), 1 / (4 * s + 2)
    zeta1, zeta2 = g0**2 * power(1 + 4 * tg) - mean_k**2, power(1 + 2 / s) - mean_k**2
    variance = 2 * (n - 1) / n**3 * (zeta2 - 2 * zeta1) + 4 * zeta1 / n**3
    found = epps_pulley_cumulants(n, 1, 1, beta)
    assert_allclose(found.mean, 1 - mean_k, rtol=1e-13)
    assert_allclose(found.sd, n * math.sqrt(variance), rtol=1e-11)


@pytest.mark.parametrize(("n", "dim", "count"), [(400, 3, 4), (100, 2, 20)])
def test_cumulants_are_those_of_simulated_samples(n, dim, count):
    # in new directions each; W₂²'s are of first order in 1/n, from which 400 points are 2 % away
    samples, rng = 1500, np.random.default_rng(7)
    values = []
    for seed in range(samples):
        x, directions = rng.normal(size=(n, dim)), random_directions(dim, count, seed)
        jobs = [Slices(x, directions, statistic) for statistic in (Wasserstein(), EppsPulley(1.0))]
        values.append([row.mean() for row in slice_values(jobs, Run(threads=1))])
    laws = wasserstein_cumulants(n, dim, count), epps_pulley_cumulants(n, dim, count, 1.0)
    for found, law in zip(np.transpose(values), laws, strict=True):
        z = (found - law.mean) / law.sd
        assert abs(z.mean()) < 4 / math.sqrt(samples)
        assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(samples)
        assert abs((z**3).mean() - law.skewness) < 4 * (z**3).std() / math.sqrt(samples)
