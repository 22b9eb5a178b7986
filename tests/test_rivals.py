import math
from bisect import bisect_left
from functools import cache

import mpmath
import numpy as np
import ot
import pingouin
import pytest
from numpy.testing import assert_allclose
from samples import sample
from scipy.spatial.distance import cdist
from scipy.special import hyp1f1, ndtri
from scipy.stats import binom, chi2, energy_distance, ncx2, norm, ortho_group
from sklearn.metrics.pairwise import rbf_kernel

from gaedist import GaedistError, score, scores
from gaedist.engine import Run, random_directions
from gaedist.parameters import Parameters
from gaedist.rivals import RIVALS
from gaedist.score import METRICS
from gaedist.tails import TAILS

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SEED, COUNT = 5, 7
FEW = Parameters(directions=COUNT)
SLICED = ("sliced-wasserstein", "sliced-epps-pulley")
SINGULAR = ("henze-zirkler", "kl")


def measured(name, x, **options):
    parameters = FEW if name in SLICED else None
    return score(x, metric=name, **{"parameters": parameters, "run": Run(seed=SEED), **options})


# Slow twins, from the formulas of FORMULAS §8


def hyp(a, half, z):
    """₁F₁(a; half; z)."""
    return np.vectorize(lambda one: float(mpmath.hyp1f1(a, half, mpmath.mpf(float(one)))))(z)


def gauss_legendre(function, last, panels=60):
    """∫ of a function from 0 to ``last``."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.linspace(0, last, panels + 1)
    r = (edges[:-1, np.newaxis] + (nodes + 1) / 2 * np.diff(edges)[:, np.newaxis]).ravel()
    return float(function(r) @ np.tile(weights, panels)) * last / panels / 2


def mean_about(kernel, dim, square):
    """E k(|x − Y|²) over Y of N(0, I): |x − Y|² is of the non-central χ² law of |x|²."""
    last = math.sqrt(square) + math.sqrt(dim) + 12
    return gauss_legendre(lambda r: kernel(r * r) * 2 * r * ncx2.pdf(r * r, dim, square), last)


def prior_mean(kernel, dim):
    """E k(|Y − Y'|²), where |Y − Y'|²/2 is of the χ² law."""
    return gauss_legendre(lambda r: kernel(2 * r * r) * 2 * r * chi2.pdf(r * r, dim), math.sqrt(dim) + 12)


TAIL_TWINS = {
    "gaussian": lambda q, c, dim, alpha: np.exp(-q / c),
    "inverse-quadratic": lambda q, c, dim, alpha: c / (c + q),
    "inverse-multiquadric": lambda q, c, dim, alpha: 1 / np.sqrt(1 + q / c),
    "rational-quadratic": lambda q, c, dim, alpha: (1 + q / (alpha * c)) ** -alpha,
    "laplace": lambda q, c, dim, alpha: np.exp(-np.sqrt(q / c)),
    "cramer-wold": lambda q, c, dim, alpha: hyp1f1(0.5, dim / 2, -dim * q / (2 * c)),
}


def mmd(x, kernel="inverse-quadratic", scales=SCALES, alpha=2.0):
    n, dim = x.shape

    def k(q):
        return sum(TAIL_TWINS[kernel](q, 2 * dim * scale, dim, alpha) for scale in scales)

    dense = k(cdist(x, x, "sqeuclidean"))
    pair = (dense.sum() - np.trace(dense)) / (n * (n - 1))
    about = [mean_about(k, dim, square) for square in (x**2).sum(axis=1)]
    return pair - 2 * np.mean(about) + prior_mean(k, dim)


def epps_pulley(x, beta):
    """n ∫ |ψ − e^(−|t|²/2)|² N(t; 0, β²I) dt, from the dense matrix, in long doubles."""
    n, dim = x.shape
    x, b = x.astype(np.longdouble), np.longdouble(beta) ** 2
    within = sum(np.subtract.outer(column, column) ** 2 for column in x.T)
    pair, cross = np.exp(-b * within / 2).mean(), np.exp(-b * (x**2).sum(axis=1) / (2 * (1 + b))).mean()
    half = np.longdouble(dim) / 2
    return float(n * (pair - 2 * (1 + b) ** -half * cross + (1 + 2 * b) ** -half))


def henze_zirkler(x):
    n, dim = x.shape
    centered = x - x.mean(axis=0)
    factor = np.linalg.cholesky(np.cov(x.T, ddof=0).reshape(dim, dim))
    beta = ((2 * dim + 1) * n / 4) ** (1 / (dim + 4)) / math.sqrt(2)
    return epps_pulley(np.linalg.solve(factor, centered.T).T, beta)


def divergence(x):
    mean, covariance = x.mean(axis=0), np.cov(x.T, ddof=0).reshape(x.shape[1], x.shape[1])
    return (np.trace(covariance) + mean @ mean - x.shape[1] - np.linalg.slogdet(covariance)[1]) / 2


def along(x, count=COUNT, seed=SEED):
    return x @ random_directions(x.shape[1], count, seed).T


def wasserstein(t):
    n = len(t)
    z = ndtri(np.arange(n + 1) / n)
    return np.mean(t**2) + 1 - 2 * np.sort(t) @ (norm.pdf(z[:-1]) - norm.pdf(z[1:]))


def sliced_wasserstein_values(x):
    return [wasserstein(t) for t in along(x).T]


def sliced_epps_pulley_values(x, beta=1.0):
    return [epps_pulley(t[:, np.newaxis], beta) for t in along(x).T]


def cramer_wold(x, gamma=None, projected=lambda dim, s: hyp(0.5, dim / 2, -s)):
    n, dim = x.shape
    gamma = (4 / (3 * n)) ** 0.4 if gamma is None else gamma
    pair = projected(dim, cdist(x, x, "sqeuclidean") / (4 * gamma)).mean()
    cross = projected(dim, (x**2).sum(axis=1) / (2 + 4 * gamma)).mean()
    brackets = gamma**-0.5 * pair + (1 + gamma) ** -0.5 - 2 * (gamma + 0.5) ** -0.5 * cross
    return brackets / (2 * math.sqrt(math.pi))


def approximate(dim, s):
    return (1 + 4 * s / (2 * dim - 3)) ** -0.5


def energy(x):
    dim = x.shape[1]
    unit = math.sqrt(2) * math.gamma((dim + 1) / 2) / math.gamma(dim / 2)  # E|Y|
    about = unit * hyp(-0.5, dim / 2, -(x**2).sum(axis=1) / 2)
    return 2 * about.mean() - math.sqrt(2) * unit - cdist(x, x).mean()


TWINS = {
    "bhep": lambda x: epps_pulley(x, 1.0),
    "henze-zirkler": henze_zirkler,
    "kl": divergence,
    "mmd": mmd,
    "sliced-wasserstein": lambda x: np.mean(sliced_wasserstein_values(x)),
    "cramer-wold": cramer_wold,
    "cramer-wold-approx": lambda x: cramer_wold(x, projected=approximate),
    "sliced-epps-pulley": lambda x: np.mean(sliced_epps_pulley_values(x)),
    "energy": energy,
    "mardia-skewness": lambda x: ((x @ x.T) ** 3).mean(),
    "mardia-kurtosis": lambda x: ((x**2).sum(axis=1) ** 2).mean(),
}
"""Name → from a sample to what the metric is by default."""


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize(("n", "dim"), [(40, 1), (9, 3), (25, 8), (70, 20)])
@pytest.mark.parametrize("kind", ["normal", "shifted", "heavy-tailed"])
def test_values_are_those_of_slow_twins(name, n, dim, kind):
    if (name, dim) == ("cramer-wold-approx", 1):
        pytest.skip("there is none in one dimension: see the test of its message")
    x = sample(kind, n, dim)
    assert_allclose(measured(name, x).value, TWINS[name](x), rtol=RTOL)
