"""Overlaps of every family, and of every two, equal those of dense matrices, 200 digits and quadrature.

They do not depend on the order of rows or on rotations, and a covariance in a wider family is the same.
"""

import itertools
import math

import naive
import numpy as np
import pytest
from members import assert_exact, dense, log_overlap, member, sample, special, taken
from numpy.testing import assert_allclose
from threadpoolctl import threadpool_limits

from gaedist import GaedistError
from gaedist.mixtures.distance import squared_distance
from gaedist.mixtures.families import FAMILIES, common_family, contains, promoted
from gaedist.mixtures.full import Full
from gaedist.mixtures.mixture import Mixture, normal, overlap

PAIRS = list(itertools.product(FAMILIES, repeat=2))
ISOTROPIC = ["constant", "spherical", "radial", "full"]  # families that a rotation keeps

# Overlaps are compared as logarithms, so a tolerance of 1e-14 is about 50 roundings of the overlap itself.
# Where it is larger, exponents are: their rounding is proportional to D, and to |x|² over the least σ².


@pytest.mark.parametrize("dim", [1, 2, 3, 6, 7, 8, 33, 64])
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
        *(("full", 40, 21, dim) for dim in (17, 18, 19, 20, 21, 22, 33)),  # on both sides of LargeFull
    ],
)
def test_overlap_agrees_with_dense_matrices_across_tiles(family, n, m, dim):
    x, y = special(n, dim), special(m, dim, seed=1)
    c, g = member(family, x), member(family, y, seed=1)
    assert_allclose(log_overlap(x, c, y, g), dense(x, c, y, g), rtol=0, atol=2e-14)
    assert_allclose(log_overlap(y, g), dense(y, g, y, g), rtol=0, atol=2e-14)


@pytest.mark.parametrize("dim", [1, 2, 8])
@pytest.mark.parametrize(("family", "other"), PAIRS)
def test_overlap_of_one_point_and_of_equal_points(family, other, dim):
    x, y = np.tile(sample(1, dim), (4, 1)), sample(1, dim)
    c, g = member(family, x), member(other, y, seed=1)
    assert_allclose(log_overlap(x, c, y, g), dense(x, c, y, g), rtol=0, atol=1e-14)
    assert_allclose(log_overlap(x, c), dense(x, c, x, c), rtol=0, atol=1e-14)
    alone = Mixture(y, g)
    assert overlap(alone, alone).log_pairs == -math.inf
    assert_allclose(overlap(alone, alone).log_self, dense(y, g, y, g), rtol=0, atol=1e-14)


MANY_AXES = ("constant", 8), ("spherical", 8)
"""What takes a second, in families with one number for each point."""


@pytest.mark.parametrize(
    ("family", "dim"),
    [
        pytest.param(family, dim, marks=pytest.mark.slow if (family, dim) in MANY_AXES else [])
        for family in FAMILIES
        for dim in (1, 2, 3, 8)
    ],
)
def test_overlap_is_exact_for_sigmas_from_a_thousandth_to_a_thousand(family, dim):
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


def test_which_family_contains_which():
    table = {
        "constant": ["constant"],
        "spherical": ["constant", "spherical"],
        "radial": ["constant", "spherical", "radial"],
        "diagonal": ["constant", "spherical", "diagonal"],
        "full": ["constant", "spherical", "radial", "diagonal", "full"],
    }
    assert {wide: [name for name in FAMILIES if contains(wide, name)] for wide in FAMILIES} == table


def test_common_family_is_the_narrowest_that_contains_both():
    for first, second in PAIRS:
        apart = {first, second} == {"radial", "diagonal"}
        assert common_family(first, second) == (
            "full" if apart else max(first, second, key=list(FAMILIES).index)
        )


@pytest.mark.parametrize(("narrow", "wide"), [pair for pair in PAIRS if contains(pair[1], pair[0])])
@pytest.mark.parametrize("dim", [1, 2, 8])
def test_promotion_keeps_the_covariances(narrow, wide, dim):
    x, y = special(6, dim), sample(7, dim, seed=1)
    c, g = member(narrow, x), member("spherical", y, seed=1)
    wider = promoted(c, wide, x)
    assert wider.name == wide
    assert_allclose(naive.matrices(wider, x), naive.matrices(c, x), rtol=0, atol=1e-14)
    assert_allclose(log_overlap(x, wider), log_overlap(x, c), rtol=0, atol=2e-14)
    assert_allclose(log_overlap(x, wider, y, g), log_overlap(x, c, y, g), rtol=0, atol=2e-14)


@pytest.mark.parametrize(("wide", "narrow"), [pair for pair in PAIRS if not contains(pair[1], pair[0])])
def test_promotion_to_a_family_that_is_not_wider_is_refused(wide, narrow):
    x = sample(4, 3)
    with pytest.raises(GaedistError, match=f"{wide} covariances cannot be converted to the {narrow} family"):
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


@pytest.mark.parametrize("family", FAMILIES)
def test_order_of_rows_does_not_matter(family):
    x, y = special(300, 3), sample(20, 3, seed=1)
    c, g, rows = member(family, x), member(family, y, seed=1), np.random.default_rng(2).permutation(300)
    assert_allclose(log_overlap(x[rows], taken(c, rows)), log_overlap(x, c), rtol=0, atol=1e-14)
    assert_allclose(log_overlap(x[rows], taken(c, rows), y, g), log_overlap(x, c, y, g), rtol=0, atol=1e-14)


@pytest.mark.parametrize("family", FAMILIES)
def test_doubling_every_point_halves_the_self_overlap_and_keeps_the_total(family):
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


@pytest.mark.parametrize("family", FAMILIES.values())
def test_every_family_describes_itself(family):
    assert family.about
    assert "\n" not in family.about
    assert family.definition.startswith("Σ_i")
