"""Spherical covariances keep small distances in far clusters; diagonal ones follow their axes.

Invalid variances are refused.
"""

import math

import numpy as np
import pytest
from members import assert_exact, clusters, log_overlap, member, sample, special
from numpy.testing import assert_allclose

from gaedist import GaedistError
from gaedist.engine import Run, log_pair_sums, pair_derivatives
from gaedist.mixtures.diagonal import Constant, Diagonal, Spherical
from gaedist.mixtures.mixture import Mixture, pair_sum


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


WIDE = [1e3, 1e12, 1e30, 1e40]
"""Largest σ, and its inverse the smallest: products over many, ten, three and two axes are in range."""


@pytest.mark.parametrize(
    ("dim", "largest"),
    [
        # each dimension at one size or two by default
        pytest.param(dim, largest, marks=[] if (j + k) % 3 == 0 else pytest.mark.slow)
        for j, dim in enumerate((1, 4, 7, 8, 13))
        for k, largest in enumerate(WIDE)
    ],
)
def test_diagonal_overlaps_are_exact_for_variances_of_any_size(dim, largest):
    x, y = special(6, dim), sample(3, dim, seed=1)
    c, g = (member("diagonal", z, seed=k, sigmas=(1 / largest, largest)) for k, z in enumerate((x, y)))
    assert_exact(x, c, y, g, rtol=1e-14, atol=1e-13)
    assert_exact(x, c, rtol=1e-14, atol=1e-13)


@pytest.mark.parametrize("scale", [1e20, 1e70, 1e140])
def test_diagonal_overlaps_of_codes_of_any_size(scale):
    x, y = scale * special(6, 9), scale * sample(3, 9, seed=1)
    c, g = member("diagonal", x), member("diagonal", y, seed=1)
    assert_exact(x, c, y, g, rtol=1e-14)


@pytest.mark.parametrize("largest", [2.0, *WIDE, 1e70])
@pytest.mark.parametrize("dim", [1, 4, 7, 8, 13])
def test_derivatives_by_diagonal_variances_of_any_size(dim, largest):
    c, g = (member("diagonal", np.ones((1, dim)), seed=k, sigmas=(1 / largest, largest)) for k in range(2))
    y = sample(1, dim) * np.sqrt(c.variances + g.variances)  # about as far from 0 as can be seen
    x = np.zeros_like(y)
    job = pair_sum(Mixture(x, c), Mixture(y, g))
    (total,) = log_pair_sums([job], Run())
    ((left, right),) = pair_derivatives([job], Run(), log_unit=total + job.log_scale)
    v, e = c.variances[0] + g.variances[0], x[0] - y[0]
    expected = -0.5 * math.fsum(e * e / v) - 0.5 * math.fsum(np.log(v / 2))
    assert_allclose(total + job.log_scale, expected, rtol=1e-14, atol=1e-13)
    assert_allclose(left[0], 1, rtol=1e-12)
    # (e²/v − 1)/v cancels where e² is close to v
    expected, tolerance = (e * e / v - 1) / (2 * v), 1e-14 * (e * e / v + 1) / v
    for found in (left, right):
        assert (abs(found[1:, 0] / found[0, 0] - expected) <= tolerance).all()
