"""Samples, kernels and expansions in Hermite functions for the tests of `gaedist.engine.series`."""

import math

import mpmath
import numpy as np

from gaedist.engine.run.threads import limited_threads
from gaedist.engine.series.hermite import project
from gaedist.engine.series.hermite_fit import Expansion, fit
from gaedist.engine.series.shells import Shells

MP = mpmath.MPContext()
MP.dps = 60


def rate_of(s):
    """The rate of exp(−|x − y|²/(4s))."""
    return math.log2(math.e) / (4 * s)


def sample(kind, n, dim, seed=0):
    rng = np.random.default_rng((seed, dim))
    x = rng.normal(size=(n, dim))
    match kind:
        case "normal":
            return x
        case "shifted":
            return 1e3 + x
        case "anisotropic":
            return x * np.array([1.0, 0.01] * dim)[:dim]
        case "clusters":
            return rng.normal(size=(8, dim))[rng.integers(8, size=n)] + 0.2 * x
        case "outlier":
            x[n // 2] *= 1.5
            return x
    raise ValueError(kind)


def squares(x, y):
    return np.square(x[:, np.newaxis] - y).sum(axis=2)


def kernel(x, y, s):
    return np.exp(-squares(x, y) / (4 * s))


def function(k, x, c, t):
    """φ_k(x) with 60 digits, by He_k's explicit sum."""
    x, c, t = MP.mpf(float(x)), MP.mpf(c), MP.mpf(t)
    z = x * MP.sqrt(2 * c * (1 - t**2) / t)
    terms = [
        MP.mpf(-1) ** m * z ** (k - 2 * m) / (MP.factorial(m) * MP.factorial(k - 2 * m) * 2**m)
        for m in range(k // 2 + 1)
    ]
    scale = MP.sqrt(MP.factorial(k)) * (1 - t**2) ** MP.mpf("0.25") * t ** (MP.mpf(k) / 2)
    return float(scale * MP.fsum(terms) * MP.exp(-(z**2) * t / (2 * (1 + t))))


def expansion(dim, degree, *, single=1000, t=0.4, c=0.25):
    return Expansion(np.zeros(dim), c, t, degree, single)


def fitted(samples, s, error):
    """An expansion for some samples, and the mean of √R in each."""
    found = fit(Shells.of(samples), 1 / (4 * s), error, float)
    sums = np.sqrt(np.square(found.remainders).sum(axis=0))[:, 0]
    return found.expansion, sums / [len(x) for x in samples]


def terms(basis, x, charges=None, threads=1):
    """Σ_i c_i a(x_i), for one set of charges, or for each of several."""
    sets = np.ones((1, len(x))) if charges is None else np.atleast_2d(charges)
    with limited_threads(1):
        found = project(basis, x, lambda rows: sets[:, rows], len(sets), threads)
    return found if np.ndim(charges) == 2 else found[0]


def features(basis, x):
    """a(x_i), one row per point."""
    return terms(basis, x, np.eye(len(x)))
