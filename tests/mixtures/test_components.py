"""The overlap of a smoothed sample with a few components is the sum of normal densities, for every family of
the components, and the engine's own where that is affordable.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from gaedist.mixtures.components import ComponentOverlap
from gaedist.mixtures.diagonal import Constant, Diagonal, Spherical
from gaedist.mixtures.full import Full
from gaedist.mixtures.mixture import Mixture, overlap
from gaedist.mixtures.radial import Radial

RNG = np.random.default_rng(0)
ROOTS = RNG.normal(size=(3, 4, 4)) + np.eye(4)
FAMILIES = {
    "constant": Constant(0.3),
    "spherical": Spherical(np.array([[0.3], [1.0], [2.0]])),
    "diagonal": Diagonal(RNG.uniform(0.1, 2, size=(3, 4))),
    "full": Full(ROOTS @ ROOTS.transpose(0, 2, 1)),
}


def pair(family, n=50):
    x = RNG.normal(size=(n, 4))
    q = Mixture(RNG.normal(size=(3, 4)), FAMILIES[family], np.array([0.5, 0.2, 0.3]))
    return Mixture(x, Constant(0.49)), q


def matrices(q):
    covariance = q.covariance
    if isinstance(covariance, Full):
        return covariance.matrices
    variances = np.atleast_2d(covariance.sigmas() ** 2)
    return [np.diag(np.broadcast_to(row, 4)) for row in np.broadcast_to(variances, (3, variances.shape[1]))]


@pytest.mark.parametrize("family", FAMILIES)
def test_dense(family):
    p, q = pair(family)
    dense = sum(
        w * stats.multivariate_normal(m, c + 0.49 * np.eye(4)).pdf(p.centers).mean()
        for w, m, c in zip(q.weights, q.centers, matrices(q), strict=True)
    )
    found = ComponentOverlap(p, q, 2.0).finish([], [])
    assert_allclose(found.log_total, math.log(dense) + 2 * math.log(4 * math.pi * 2), rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_engine(family):
    p, q = pair(family, 300)
    assert_allclose(
        ComponentOverlap(p, q, 0.7).finish([], []).log_total, overlap(q, p, unit=0.7).log_total, rtol=1e-12
    )


def test_many_dimensions_and_far_points_do_not_underflow():
    p = Mixture(np.full((3, 512), 9.0), Constant(1.0))
    q = Mixture(np.zeros((2, 512)), Spherical(np.array([[1e-6], [1e6]])))
    near, far = ((-0.5 * 512 * (math.log(v) + 81 / v)) for v in (1 + 1e-6, 1 + 1e6))
    expected = np.logaddexp(near, far) - math.log(2) + 256 * math.log(2)
    assert_allclose(ComponentOverlap(p, q, 1.0).finish([], []).log_total, expected, rtol=1e-12)


@pytest.mark.parametrize("covariance", [*FAMILIES.values(), Radial(RNG.uniform(0.1, 2, size=(3, 2)))])
def test_a_wider_kernel_adds_to_every_variance(covariance):
    assert_allclose(covariance.widened(0.7).sigmas() ** 2, covariance.sigmas() ** 2 + 0.7, rtol=1e-13)
