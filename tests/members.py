"""Covariances of every family, drawn at random, and exact values of their overlaps."""

import naive
import numpy as np

from gaedist.mixtures.diagonal import Constant, Diagonal, Spherical
from gaedist.mixtures.full import Full
from gaedist.mixtures.mixture import Mixture, overlap
from gaedist.mixtures.radial import Radial


def variances(rng, sigmas, *shape):
    """Squares of standard deviations whose logarithms are uniform between those of the two given."""
    low, high = sigmas
    return np.exp(2 * rng.uniform(np.log(low), np.log(high), shape))


def member(family, x, *, seed=0, sigmas=(0.5, 2.0)):
    """Covariances of a family for the points x, with standard deviations between these."""
    rng, (n, dim) = np.random.default_rng(seed), x.shape
    if family == "constant":
        return Constant(float(variances(rng, sigmas)))
    if family == "spherical":
        return Spherical(variances(rng, sigmas, n, 1))
    if family == "radial":
        found = variances(rng, sigmas, n, 2)
        equal = ~x.any(axis=1) | (dim == 1)
        found[equal, 0] = found[equal, 1]
        return Radial(found)
    if family == "diagonal":
        return Diagonal(variances(rng, sigmas, n, dim))
    axes, _ = np.linalg.qr(rng.normal(size=(n, dim, dim)))
    matrices = axes * variances(rng, sigmas, n, 1, dim) @ axes.transpose(0, 2, 1)
    return Full((matrices + matrices.transpose(0, 2, 1)) / 2)


def taken(covariance, rows):
    """The covariances of these rows."""
    if covariance.name == "constant":
        return covariance
    return type(covariance)(
        (covariance.matrices if covariance.name == "full" else covariance.variances)[rows]
    )


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def special(n, dim, seed=0):
    """A sample with a point at 0, and with x, −x, 2x and 3x."""
    x = sample(n, dim, seed)
    x[1:5] = np.array([[0.0], [-1], [2], [3]]) * x[0]
    return x


def clusters(radius, dim=5):
    """Six points near two centers at this distance from 0, opposite to each other."""
    rng = np.random.default_rng(0)
    center = rng.normal(size=dim)
    return rng.normal(size=(6, dim)) + radius / np.linalg.norm(center) * np.outer(
        [1, 1, 1, -1, -1, -1], center
    )


def log_overlap(x, c, y=None, g=None):
    """log of the overlap of two smoothed samples, or of one with itself, by the package."""
    p = Mixture(x, c)
    return overlap(p, p if y is None else Mixture(y, g)).log_total


def dense(x, c, y, g):
    """The same from dense matrices."""
    return naive.overlap_full(x, naive.matrices(c, x), y, naive.matrices(g, y))


def exact(x, c, y, g):
    """The same with 200 digits."""
    return naive.overlap_full_mp(x, naive.matrices_mp(c, x), y, naive.matrices_mp(g, y))


def assert_exact(x, c, y=None, g=None, *, rtol=0.0, atol=0.0):
    expected = exact(x, c, *((x, c) if y is None else (y, g)))
    assert abs(log_overlap(x, c, y, g) - expected) <= atol + rtol * abs(expected)
