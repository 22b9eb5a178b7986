import itertools
import math

import naive
import numpy as np
import pytest
from members import member, taken
from numpy.testing import assert_allclose
from threadpoolctl import threadpool_limits

from gaedist import GaedistError
from gaedist.mixtures.diagonal import Constant, Diagonal, Radial, Spherical
from gaedist.mixtures.families import FAMILIES, common_family, holds, promoted
from gaedist.mixtures.full import Full
from gaedist.mixtures.mixture import Mixture, normal, overlap, squared_distance
from gaedist.smoothing.mean_field import radial_mean_field

PAIRS = list(itertools.product(FAMILIES, repeat=2))
ISOTROPIC = ["constant", "spherical", "radial", "full"]  # families that a rotation keeps


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def special(n, dim, seed=0):
    """A sample with a point at 0, and with x, −x, 2x and 3x."""
    x = sample(n, dim, seed)
    x[1:5] = np.array([[0.0], [-1], [2], [3]]) * x[0]
    return x


def log_overlap(x, c, y=None, g=None):
    p = Mixture(x, c)
    return overlap(p, p if y is None else Mixture(y, g)).log_total


def dense(x, c, y, g):
    return naive.overlap_full(x, naive.matrices(c, x), y, naive.matrices(g, y))


def exact(x, c, y, g):
    return naive.overlap_full_mp(x, naive.matrices_mp(c, x), y, naive.matrices_mp(g, y))


def assert_exact(x, c, y=None, g=None, *, rtol=0.0, atol=0.0):
    expected = exact(x, c, *((x, c) if y is None else (y, g)))
    assert abs(log_overlap(x, c, y, g) - expected) <= atol + rtol * abs(expected)


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 33, 64])
@pytest.mark.parametrize(("family", "other"), PAIRS)
def test_overlap_agrees_with_dense_matrices(family, other, dim):
    x, y = special(6, dim), np.vstack([special(5, dim, seed=1), sample(2, dim)])  # two points are in both
    c, g = member(family, x), member(other, y, seed=1)
    assert_allclose(log_overlap(x, c, y, g), dense(x, c, y, g), rtol=0, atol=5e-14)
    assert_allclose(log_overlap(x, c), dense(x, c, x, c), rtol=0, atol=5e-14)


@pytest.mark.parametrize("family", ["constant", "spherical", "radial"])
def test_overlap_agrees_with_dense_matrices_in_512_dimensions(family):
    x, y = sample(2, 512), special(5, 512, seed=1)
    c, g = member(family, x, sigmas=(0.9, 1.3)), member("radial", y, seed=1)
    with threadpool_limits(1):  # small matrices, one after the other
        expected, own = dense(x, c, y, g), dense(x, c, x, c)
    assert_allclose(log_overlap(x, c, y, g), expected, rtol=0, atol=5e-13)
    assert_allclose(log_overlap(x, c), own, rtol=0, atol=5e-13)


@pytest.mark.parametrize(
    ("family", "n", "m", "dim"),
    [
        ("constant", 513, 257, 9),
        ("spherical", 513, 257, 2),
        ("spherical", 300, 256, 9),
        ("radial", 513, 257, 2),
        ("radial", 300, 256, 9),
        ("diagonal", 300, 257, 3),
        ("full", 300, 257, 2),
    ],
)
def test_overlap_agrees_with_dense_matrices_across_tiles(family, n, m, dim):
    x, y = special(n, dim), special(m, dim, seed=1)
    c, g = member(family, x), member(family, y, seed=1)
    assert_allclose(log_overlap(x, c, y, g), dense(x, c, y, g), rtol=0, atol=2e-14)
    assert_allclose(log_overlap(y, g), dense(y, g, y, g), rtol=0, atol=2e-14)


@pytest.mark.parametrize("dim", [1, 2, 8])
@pytest.mark.parametrize(("family", "other"), PAIRS)
def test_one_point_and_equal_points(family, other, dim):
    x, y = np.tile(sample(1, dim), (4, 1)), sample(1, dim)
    c, g = member(family, x), member(other, y, seed=1)
    assert_allclose(log_overlap(x, c, y, g), dense(x, c, y, g), rtol=0, atol=1e-14)
    assert_allclose(log_overlap(x, c), dense(x, c, x, c), rtol=0, atol=1e-14)
    alone = Mixture(y, g)
    assert overlap(alone, alone).log_pairs == -math.inf
    assert_allclose(overlap(alone, alone).log_self, dense(y, g, y, g), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dim", [1, 2, 3, 8])
@pytest.mark.parametrize("family", FAMILIES)
def test_sigmas_from_a_thousandth_to_a_thousand(family, dim):
    x, y = special(6, dim), special(5, dim, seed=1)
    c, g = (member(family, z, seed=k, sigmas=(1e-3, 1e3)) for k, z in enumerate((x, y)))
    if family == "full":  # a matrix of double is not known better than its condition
        scales = np.geomspace(1e-3, 1e3, 6)[:, np.newaxis, np.newaxis]
        c, g = (
            Full(member(family, z, seed=k).matrices * scales[: len(z)] ** 2) for k, z in enumerate((x, y))
        )
    assert_exact(x, c, y, g, atol=1e-12)
    assert_exact(x, c, atol=1e-12)


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize(("family", "other"), PAIRS)
def test_distance_agrees_with_quadrature_of_the_densities(family, other, dim):
    x, y = special(6, dim), sample(3, dim, seed=1) + 0.5
    c, g = member(family, x), member(other, y, seed=1)
    got = squared_distance(Mixture(x, c), Mixture(y, g))
    expected = naive.squared_distance_by_quadrature(x, naive.matrices(c, x), y, naive.matrices(g, y))
    assert_allclose(math.exp(got.log_value), expected, rtol=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 8])
@pytest.mark.parametrize("family", FAMILIES)
def test_score_agrees_with_dense_matrices(family, dim):
    x = special(6, dim)
    c = member(family, x)
    got = squared_distance(Mixture(x, c), normal(dim), unit=1)
    assert_allclose(math.exp(got.log_value), naive.score_full(x, naive.matrices(c, x)), rtol=1e-12)


def test_families_hold_each_other():
    table = {
        "constant": ["constant"],
        "spherical": ["constant", "spherical"],
        "radial": ["constant", "spherical", "radial"],
        "diagonal": ["constant", "spherical", "diagonal"],
        "full": ["constant", "spherical", "radial", "diagonal", "full"],
    }
    assert {wide: [name for name in FAMILIES if holds(wide, name)] for wide in FAMILIES} == table


def test_two_families_meet_in_the_narrowest_that_holds_both():
    for first, second in PAIRS:
        apart = {first, second} == {"radial", "diagonal"}
        assert common_family(first, second) == (
            "full" if apart else max(first, second, key=list(FAMILIES).index)
        )


@pytest.mark.parametrize(("narrow", "wide"), [pair for pair in PAIRS if holds(pair[1], pair[0])])
@pytest.mark.parametrize("dim", [1, 2, 8])
def test_promotion_keeps_the_covariances(narrow, wide, dim):
    x, y = special(6, dim), sample(7, dim, seed=1)
    c, g = member(narrow, x), member("spherical", y, seed=1)
    wider = promoted(c, wide, x)
    assert wider.name == wide
    assert_allclose(naive.matrices(wider, x), naive.matrices(c, x), rtol=0, atol=1e-14)
    assert_allclose(log_overlap(x, wider), log_overlap(x, c), rtol=0, atol=2e-14)
    assert_allclose(log_overlap(x, wider, y, g), log_overlap(x, c, y, g), rtol=0, atol=2e-14)


@pytest.mark.parametrize(("wide", "narrow"), [pair for pair in PAIRS if not holds(pair[1], pair[0])])
def test_promotion_does_not_narrow(wide, narrow):
    x = sample(4, 3)
    with pytest.raises(GaedistError, match=f"{wide} covariances are no members of the {narrow} family"):
        promoted(member(wide, x), narrow, x)


@pytest.mark.parametrize("dim", [2, 8, 33])
@pytest.mark.parametrize("family", ISOTROPIC)
def test_rotations_keep_overlaps(family, dim):
    x, y = special(6, dim), sample(7, dim, seed=1)
    c, g = member(family, x), member(family, y, seed=1)
    rotation, _ = np.linalg.qr(sample(dim, dim, seed=2))

    def rotated(covariance):
        return Full(rotation @ covariance.matrices @ rotation.T) if family == "full" else covariance

    got = log_overlap(x @ rotation.T, rotated(c), y @ rotation.T, rotated(g))
    assert_allclose(got, log_overlap(x, c, y, g), rtol=0, atol=5e-14)
    assert_allclose(log_overlap(x @ rotation.T, rotated(c)), log_overlap(x, c), rtol=0, atol=5e-14)


def test_permuted_axes_keep_diagonal_overlaps():
    x, y = special(6, 5), sample(7, 5, seed=1)
    c, g, axes = member("diagonal", x), member("diagonal", y, seed=1), [3, 0, 4, 2, 1]
    got = log_overlap(x[:, axes], Diagonal(c.variances[:, axes]), -y[:, axes], Diagonal(g.variances[:, axes]))
    assert_allclose(got, log_overlap(x, c, -y, g), rtol=0, atol=1e-14)


@pytest.mark.parametrize("family", FAMILIES)
def test_order_of_rows_does_not_matter(family):
    x, y = special(300, 3), sample(20, 3, seed=1)
    c, g, rows = member(family, x), member(family, y, seed=1), np.random.default_rng(2).permutation(300)
    assert_allclose(log_overlap(x[rows], taken(c, rows)), log_overlap(x, c), rtol=0, atol=1e-14)
    assert_allclose(log_overlap(x[rows], taken(c, rows), y, g), log_overlap(x, c, y, g), rtol=0, atol=1e-14)


@pytest.mark.parametrize("family", FAMILIES)
def test_doubling_every_point_only_moves_overlap_from_selves_to_pairs(family):
    x = special(150, 3)
    c, rows = member(family, x), np.repeat(np.arange(150), 2)
    once, twice = Mixture(x, c), Mixture(x[rows], taken(c, rows))
    assert_allclose(overlap(twice, twice).log_total, overlap(once, once).log_total, rtol=0, atol=1e-14)
    half = overlap(once, once).log_self - math.log(2)
    assert_allclose(overlap(twice, twice).log_self, half, rtol=0, atol=1e-14)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_count_as_repeated_points(family):
    x, y = sample(3, 2), sample(5, 2, seed=1)
    c, q, rows = member(family, x), Mixture(y, member(family, y, seed=1)), np.repeat(np.arange(3), [1, 2, 3])
    weighted, repeated = Mixture(x, c, np.array([1, 2, 3]) / 6), Mixture(x[rows], taken(c, rows))
    assert_allclose(overlap(weighted, q).log_total, overlap(repeated, q).log_total, rtol=0, atol=1e-14)
    got = overlap(weighted, weighted).log_total
    assert_allclose(got, overlap(repeated, repeated).log_total, rtol=0, atol=1e-14)


def test_in_one_dimension_radial_is_spherical():
    x, y = sample(300, 1), sample(40, 1, seed=1)
    c, g = member("spherical", x), member("spherical", y, seed=1)
    a, b = Radial(np.repeat(c.variances, 2, axis=1)), Radial(np.repeat(g.variances, 2, axis=1))
    assert_allclose(log_overlap(x, a, y, b), log_overlap(x, c, y, g), rtol=0, atol=1e-14)


def clusters(radius, dim=5):
    """Points near two centres that far from 0, opposite to each other."""
    rng = np.random.default_rng(0)
    center = rng.normal(size=dim)
    return rng.normal(size=(6, dim)) + radius / np.linalg.norm(center) * np.outer(
        [1, 1, 1, -1, -1, -1], center
    )


@pytest.mark.parametrize("radius", [1e3, 1e4])
@pytest.mark.parametrize("sigmas", [(0.1, 0.2), (0.5, 2.0), (10.0, 50.0)])
@pytest.mark.parametrize("family", ["spherical", "radial"])
def test_far_clusters_keep_their_small_distances(family, sigmas, radius):
    x = clusters(radius)
    assert_exact(x, member(family, x, sigmas=sigmas), rtol=1e-13)


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


@pytest.mark.parametrize("radius", [0.05, 1.0, 30.0])
@pytest.mark.parametrize("factor", [1.0, -1.0, 2.0, -3.0])
def test_radial_needles_on_one_line(radius, factor):
    """σ of a thousand along the point, a thousandth across it: any error of sin² counts 10¹² times."""
    x = radius * sample(6, 4)
    needles = Radial(np.tile([1e6, 1e-6], (6, 1)))
    assert_exact(x, needles, factor * x, needles, atol=1e-13)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (Constant(-1.0), "variances must lie between"),
        (Constant(math.nan), "variances must lie between .* got nan"),
        (Spherical(np.ones(3)), r"spherical covariances of 3 points must be \(3, 1\); got \(3,\)"),
        (Spherical(np.ones((2, 1))), r"must be \(3, 1\); got \(2, 1\)"),
        (Spherical(np.array([[1.0], [0.0], [1.0]])), "variances must lie between .* got 0"),
        (Spherical(np.array([[1.0], [np.nan], [1.0]])), "variances must lie between .* got nan"),
        (Spherical(np.array([[1.0], [np.inf], [1.0]])), "variances must lie between .* got inf"),
        (Radial(np.ones((3, 1))), r"radial covariances of 3 points must be \(3, 2\); got \(3, 1\)"),
        (Radial(np.array([[1.0, 1], [1, -2], [1, 1]])), "variances must lie between .* got -2"),
        (Radial(np.array([[1.0, 2], [2, 1], [1, 1]])), r"row 1 .* as the point is 0; got \[2.0, 1.0\]"),
        (Diagonal(np.ones((3, 3))), r"diagonal covariances of 3 points must be \(3, 2\); got \(3, 3\)"),
        (Diagonal(np.array([[1.0, 1], [1, 1], [0, 1]])), "variances must lie between .* got 0"),
        (Full(np.ones((3, 2))), r"full covariances of 3 points must be \(3, 2, 2\); got \(3, 2\)"),
        (Full(np.array([np.eye(2), [[1, 0.5], [0.4, 1]], np.eye(2)])), "covariance 1 is not symmetric"),
        (
            Full(np.array([np.eye(2), np.eye(2), np.full((2, 2), np.nan)])),
            "covariances must be below .* got nan",
        ),
        (
            Full(np.array([np.eye(2), [[1, 2], [2, 1]], -np.eye(2)])),
            "covariance 1 is not positive definite .* eigenvalue is -1, .* 2 of 3 are so",
        ),
        (Full(np.array([np.eye(2), np.eye(2), np.ones((2, 2))])), "covariance 2 is not positive definite"),
        (Full(np.array([np.eye(2), np.eye(2), 1e160 * np.eye(2)])), "covariances must be below .* got 1e"),
    ],
)
def test_what_is_no_covariance_is_refused(covariance, message):
    with pytest.raises(GaedistError, match=message):
        Mixture(np.array([[1.0, 2], [0, 0], [3, 4]]), covariance)


def test_radial_covariances_in_one_dimension_have_one_variance():
    with pytest.raises(GaedistError, match=r"row 1 .* as there is one axis; got \[1.0, 2.0\]"):
        Mixture(np.ones((2, 1)), Radial(np.array([[1.0, 1.0], [1.0, 2.0]])))


def test_radial_covariances_refuse_points_whose_norm_overflows():
    with pytest.raises(GaedistError, match=r"need \|x\| up to 1e\+75; got 1e\+80"):
        Mixture(np.array([[1e80, 0.0]]), Radial(np.ones((1, 2))))
