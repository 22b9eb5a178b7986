"""Random members of every family of covariances, for the tests of all of them."""

import numpy as np

from gaedist.mixtures.diagonal import Constant, Diagonal, Radial, Spherical
from gaedist.mixtures.full import Full


def variances(rng, sigmas, *shape):
    """Squares of standard deviations whose logarithms are uniform between those of two."""
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
        round_ = ~x.any(axis=1) | (dim == 1)
        found[round_, 0] = found[round_, 1]
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
