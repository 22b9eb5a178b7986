"""Radial covariances stay exact where |x| is large, points lie on one line, or σ differ by a factor of 10⁶.

In one dimension they are spherical, and at x = 0 both variances must be equal.
"""

import numpy as np
import pytest
from members import assert_exact, clusters, log_overlap, member, sample
from numpy.testing import assert_allclose

from gaedist import GaedistError
from gaedist.mixtures.mixture import Mixture
from gaedist.mixtures.radial import Radial
from gaedist.smoothing.mean_field import radial_mean_field


def test_in_one_dimension_radial_is_spherical():
    x, y = sample(300, 1), sample(40, 1, seed=1)
    c, g = member("spherical", x), member("spherical", y, seed=1)
    a, b = Radial(np.repeat(c.variances, 2, axis=1)), Radial(np.repeat(g.variances, 2, axis=1))
    assert_allclose(log_overlap(x, a, y, b), log_overlap(x, c, y, g), rtol=0, atol=1e-14)


@pytest.mark.parametrize("radius", [pytest.param(1e3, marks=pytest.mark.slow), 1e4])
@pytest.mark.parametrize("sigmas", [(0.1, 0.2), (0.5, 2.0), (10.0, 50.0)])
def test_far_clusters_keep_their_small_distances(sigmas, radius):
    x = clusters(radius)
    assert_exact(x, member("radial", x, sigmas=sigmas), rtol=1e-13)


@pytest.mark.parametrize("radius", [1e3, 1e4])
def test_far_clusters_under_their_mean_field(radius):
    x = clusters(radius)
    assert_exact(x, radial_mean_field(x), rtol=1e-13)


def nearly_on_one_line(radius, factor, across):
    """Two points, one of which is nearly a multiple of the other."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 4))
    x *= radius / np.linalg.norm(x)
    return x, factor * x + across * rng.normal(size=(1, 4))


@pytest.mark.parametrize("radius", [1.0, 30.0, 1e3, 1e4])
@pytest.mark.parametrize("factor", [1.0, -1.0, 2.0, -3.0])
@pytest.mark.parametrize("across", [0.0, 1e-3, 1.0])
def test_radial_points_nearly_on_one_line(radius, factor, across):
    """Where norms are large, sin² of their angle comes from differences: a Gram matrix would lose it."""
    x, y = nearly_on_one_line(radius, factor, across)
    for a, b in ((1e-4, 1.0), (1.0, 1e-4), (2.0, 1.0), (1e4, 1.0)):
        assert_exact(x, Radial(np.array([[a, b]])), y, Radial(np.array([[2 * a, b]])), rtol=1e-10)


@pytest.mark.parametrize("radius", [1.0, 30.0, 1e3, 1e4])
@pytest.mark.parametrize("factor", [1.0, -1.0, 2.0, -3.0])
@pytest.mark.parametrize("across", [0.0, 1e-3, 1.0])
def test_mean_field_of_points_nearly_on_one_line(radius, factor, across):
    x, y = nearly_on_one_line(radius, factor, across)
    assert_exact(x, radial_mean_field(x), y, radial_mean_field(y), rtol=1e-12)


@pytest.mark.parametrize("radius", [0.05, pytest.param(1.0, marks=pytest.mark.slow), 30.0])
@pytest.mark.parametrize("factor", [1.0, -1.0, 2.0, -3.0])
def test_radial_needles_on_one_line(radius, factor):
    """σ is a thousand along the point and a thousandth across it, so an error of sin² counts 10¹² times."""
    x = radius * sample(6, 4)
    needles = Radial(np.tile([1e6, 1e-6], (6, 1)))
    assert_exact(x, needles, factor * x, needles, atol=1e-13)


@pytest.mark.parametrize(
    ("variances", "message"),
    [
        (np.ones((3, 1)), r"radial covariances of 3 points must have shape \(3, 2\); got \(3, 1\)"),
        ([[1.0, 1], [1, -2], [1, 1]], "variances must lie between .* got -2"),
        ([[1.0, 2], [2, 1], [1, 1]], r"row 1 .* as the point is 0; got \[2.0, 1.0\]"),
    ],
)
def test_invalid_variances_are_refused(variances, message):
    with pytest.raises(GaedistError, match=message):
        Mixture(np.array([[1.0, 2], [0, 0], [3, 4]]), Radial(np.array(variances)))


def test_in_one_dimension_both_variances_must_be_equal():
    with pytest.raises(GaedistError, match=r"row 1 .* as D is 1; got \[1.0, 2.0\]"):
        Mixture(np.ones((2, 1)), Radial(np.array([[1.0, 1.0], [1.0, 2.0]])))


def test_points_whose_norm_overflows_are_refused():
    with pytest.raises(GaedistError, match=r"need \|x\| of at most 1e\+75; got 1e\+80"):
        Mixture(np.array([[1e80, 0.0]]), Radial(np.ones((1, 2))))
