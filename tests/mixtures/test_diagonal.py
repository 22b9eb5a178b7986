"""Spherical covariances keep small distances in far clusters; diagonal ones follow their axes.

Invalid variances are refused.
"""

import math

import numpy as np
import pytest
from members import assert_exact, clusters, log_overlap, member, sample, special
from numpy.testing import assert_allclose

from gaedist import GaedistError
from gaedist.mixtures.diagonal import Constant, Diagonal, Spherical
from gaedist.mixtures.mixture import Mixture


def test_permuted_axes_keep_diagonal_overlaps():
    x, y = special(6, 5), sample(7, 5, seed=1)
    c, g, axes = member("diagonal", x), member("diagonal", y, seed=1), [3, 0, 4, 2, 1]
    got = log_overlap(x[:, axes], Diagonal(c.variances[:, axes]), -y[:, axes], Diagonal(g.variances[:, axes]))
    assert_allclose(got, log_overlap(x, c, -y, g), rtol=0, atol=1e-14)  # sums in another order


@pytest.mark.parametrize("radius", [1e3, 1e4])
@pytest.mark.parametrize("sigmas", [(0.1, 0.2), (0.5, 2.0), (10.0, 50.0)])
def test_far_clusters_keep_their_small_distances(sigmas, radius):
    """|x|² + |y|² − 2 x·y would lose 8 digits of them at this radius."""
    x = clusters(radius)
    assert_exact(x, member("spherical", x, sigmas=sigmas), rtol=1e-13)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (Constant(-1.0), "variances must lie between"),
        (Constant(math.nan), "variances must lie between .* got nan"),
        (Spherical(np.ones(3)), r"spherical covariances of 3 points must have shape \(3, 1\); got \(3,\)"),
        (Spherical(np.ones((2, 1))), r"must have shape \(3, 1\); got \(2, 1\)"),
        (Spherical(np.array([[1.0], [0.0], [1.0]])), "variances must lie between .* got 0"),
        (Spherical(np.array([[1.0], [np.nan], [1.0]])), "variances must lie between .* got nan"),
        (Spherical(np.array([[1.0], [np.inf], [1.0]])), "variances must lie between .* got inf"),
        (
            Diagonal(np.ones((3, 3))),
            r"diagonal covariances of 3 points must have shape \(3, 2\); got \(3, 3\)",
        ),
        (Diagonal(np.array([[1.0, 1], [1, 1], [0, 1]])), "variances must lie between .* got 0"),
    ],
)
def test_invalid_variances_are_refused(covariance, message):
    with pytest.raises(GaedistError, match=message):
        Mixture(np.array([[1.0, 2], [0, 0], [3, 4]]), covariance)
