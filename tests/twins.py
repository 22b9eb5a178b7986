"""Slow twins of the metrics with their default parameters, straight from the formulas of the registry.

They share no code with the package. Directions and γ are arguments, so that no draw or default is shared.
"""

import math

import mpmath
import naive
import numpy as np
from scipy.spatial.distance import cdist, pdist
from scipy.special import hyp1f1, ndtri
from scipy.stats import chi2, ncx2, norm

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


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
    """E k(|x − Y|²) over Y of N(0, I): |x − Y|² has a non-central χ² distribution with |x|²."""
    last = math.sqrt(square) + math.sqrt(dim) + 12
    return gauss_legendre(lambda r: kernel(r * r) * 2 * r * ncx2.pdf(r * r, dim, square), last)


def prior_mean(kernel, dim):
    """E k(|Y − Y'|²): |Y − Y'|²/2 has a χ² distribution."""
    return gauss_legendre(lambda r: kernel(2 * r * r) * 2 * r * chi2.pdf(r * r, dim), math.sqrt(dim) + 12)


KERNELS = {
    "gaussian": lambda q, c, dim, alpha: np.exp(-q / c),
    "inverse-quadratic": lambda q, c, dim, alpha: c / (c + q),
    "inverse-multiquadric": lambda q, c, dim, alpha: 1 / np.sqrt(1 + q / c),
    "rational-quadratic": lambda q, c, dim, alpha: (1 + q / (alpha * c)) ** -alpha,
    "laplace": lambda q, c, dim, alpha: np.exp(-np.sqrt(q / c)),
    "cramer-wold": lambda q, c, dim, alpha: hyp1f1(0.5, dim / 2, -dim * q / (2 * c)),
}
"""Name → from |x − y|², C, D and α to the radial kernel."""


def mmd(x, kernel="inverse-quadratic", scales=SCALES, alpha=2.0):
    n, dim = x.shape

    def k(q):
        return sum(KERNELS[kernel](q, 2 * dim * scale, dim, alpha) for scale in scales)

    dense = k(cdist(x, x, "sqeuclidean"))
    pair = (dense.sum() - np.trace(dense)) / (n * (n - 1))
    about = [mean_about(k, dim, square) for square in (x**2).sum(axis=1)]
    return pair - 2 * np.mean(about) + prior_mean(k, dim)


def bhep(x, beta=1.0):
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
    return bhep(np.linalg.solve(factor, centered.T).T, beta)


def kl(x):
    mean, covariance = x.mean(axis=0), np.cov(x.T, ddof=0).reshape(x.shape[1], x.shape[1])
    return (np.trace(covariance) + mean @ mean - x.shape[1] - np.linalg.slogdet(covariance)[1]) / 2


def wasserstein(t):
    """W₂² of points on a line to N(0, 1)."""
    n = len(t)
    z = ndtri(np.arange(n + 1) / n)
    return np.mean(t**2) + 1 - 2 * np.sort(t) @ (norm.pdf(z[:-1]) - norm.pdf(z[1:]))


def sliced_wasserstein(x, directions):
    """W₂² to N(0, 1) along each direction."""
    return np.array([wasserstein(t) for t in directions @ x.T])


def sliced_epps_pulley(x, directions, beta=1.0):
    """The BHEP statistic along each direction."""
    return np.array([bhep(t[:, np.newaxis], beta) for t in directions @ x.T])


def approximate_phi_d(dim, s):
    return (1 + 4 * s / (2 * dim - 3)) ** -0.5


def cramer_wold(x, gamma=None, phi_d=lambda dim, s: hyp(0.5, dim / 2, -s)):
    n, dim = x.shape
    gamma = (4 / (3 * n)) ** 0.4 if gamma is None else gamma
    pair = (1 + 2 / n * phi_d(dim, pdist(x, "sqeuclidean") / (4 * gamma)).sum()) / n  # φ_D(0) = 1
    cross = phi_d(dim, (x**2).sum(axis=1) / (2 + 4 * gamma)).mean()
    brackets = gamma**-0.5 * pair + (1 + gamma) ** -0.5 - 2 * (gamma + 0.5) ** -0.5 * cross
    return brackets / (2 * math.sqrt(math.pi))


def cramer_wold_approx(x, gamma=None):
    return cramer_wold(x, gamma, approximate_phi_d)


def energy(x):
    dim = x.shape[1]
    unit = math.sqrt(2) * math.gamma((dim + 1) / 2) / math.gamma(dim / 2)  # E|Y|
    about = unit * hyp(-0.5, dim / 2, -(x**2).sum(axis=1) / 2)
    return 2 * about.mean() - math.sqrt(2) * unit - cdist(x, x).mean()


ONE_SAMPLE = {
    "gaussian": lambda x, directions: naive.score(x, 1.0),
    "bhep": lambda x, directions: bhep(x),
    "henze-zirkler": lambda x, directions: henze_zirkler(x),
    "kl": lambda x, directions: kl(x),
    "mmd": lambda x, directions: mmd(x),
    "sliced-wasserstein": lambda x, directions: sliced_wasserstein(x, directions).mean(),
    "cramer-wold": lambda x, directions: cramer_wold(x),
    "cramer-wold-approx": lambda x, directions: cramer_wold_approx(x),
    "sliced-epps-pulley": lambda x, directions: sliced_epps_pulley(x, directions).mean(),
    "energy": lambda x, directions: energy(x),
    "mardia-skewness": lambda x, directions: ((x @ x.T) ** 3).mean(),
    "mardia-kurtosis": lambda x, directions: ((x**2).sum(axis=1) ** 2).mean(),
}
"""Name → from a sample and directions to the value."""


def pair_kernel(metric, pooled, gamma=None, scales=SCALES):
    """The kernel matrix of a two-sample metric, with its factor, and the estimator."""
    dim, squares = pooled.shape[1], cdist(pooled, pooled, "sqeuclidean")
    if metric == "gaussian":
        return np.exp(-squares / 4), "v"
    if metric == "energy":
        return -np.sqrt(squares), "v"
    if metric == "mmd":
        return sum(1 / (1 + squares / (2 * dim * scale)) for scale in scales), "u"
    s = squares / (4 * gamma)
    phi_d = hyp1f1(0.5, dim / 2, -s) if metric == "cramer-wold" else approximate_phi_d(dim, s)
    return phi_d / (2 * math.sqrt(math.pi * gamma)), "v"


def transport(x, y, directions):
    """W₂² of two samples along each direction: the points of each are repeated until there are as many."""
    first, second = (
        np.sort(np.repeat(a @ directions.T, len(b), axis=0), axis=0) for a, b in ((x, y), (y, x))
    )
    return ((first - second) ** 2).mean(axis=0)


def two_sample(metric, pooled, mask, directions):
    """A two-sample metric of the pooled points in the mask and the others."""
    n, m = int(mask.sum()), int((~mask).sum())
    if metric == "sliced-wasserstein":
        return transport(pooled[mask], pooled[~mask], directions).mean()
    gamma = (4 / 3 * (1 / n + 1 / m) / 2) ** 0.4  # Silverman's rule for the harmonic mean of the sizes
    kernel, estimator = pair_kernel(metric, pooled, gamma)
    return naive.two_sample(kernel, mask, estimator)
