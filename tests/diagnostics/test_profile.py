"""What a picture shows of a sample is what NumPy computes of it, in few numbers at any n and D."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist
from gaedist.diagnostics.profile import histogram, thinned_ranks


def profile_of(x):
    return gaedist.diagnose(x).profile


@pytest.fixture(scope="module")
def sample():
    x = np.random.default_rng(11).standard_normal((900, 6)) @ np.diag([1, 1, 1.1, 1, 1, 0.9])
    x[:, 3] = x[:, 3] ** 2 - 1
    return x


def test_moments(sample):
    found = profile_of(sample)
    assert_allclose(found.means, sample.mean(axis=0), atol=1e-12)
    assert_allclose(found.sds, sample.std(axis=0, ddof=1), rtol=1e-12)
    assert_allclose(found.eigenvalues, np.linalg.eigvalsh(np.cov(sample.T)), rtol=1e-9)
    assert_allclose(found.correlations, np.corrcoef(sample.T), atol=1e-12)


def test_radii(sample):
    found = profile_of(sample).radii
    radii = np.linalg.norm(sample, axis=1)
    assert found.counts.sum() == len(sample)
    for k in (0, len(found.counts) // 2):
        inside = (radii >= found.edges[k]) & (radii < found.edges[k + 1])
        assert found.counts[k] == inside.sum()


def test_the_worst_axis_in_order(sample):
    found = profile_of(sample).axis
    assert found.place.indices == (3,)
    assert_allclose(found.values, np.sort(sample[:, 3])[found.ranks.astype(int) - 1])
    assert (found.ranks[0], found.ranks[-1], found.n) == (1, 900, 900)


def test_the_worst_direction_has_mean_0_and_sd_1_on_the_other_rows(sample):
    found = profile_of(sample).direction
    assert found.n == 450
    assert np.abs(found.place.vector[3]) > 0.9
    assert abs(float(np.median(found.values))) < 1


def test_the_plane_is_orthonormal(sample):
    plane = profile_of(sample).plane
    vectors = np.array([plane.across.vector, plane.up.vector])
    assert_allclose(vectors @ vectors.T, np.eye(2), atol=1e-9)
    assert_allclose(plane.points, sample @ vectors.T, atol=1e-9)


def test_nothing_grows_with_n():
    found = profile_of(np.random.default_rng(2).standard_normal((20_000, 3)))
    assert len(found.plane.points) == 2000
    assert len(found.axis.values) <= 400
    assert len(found.radii.counts) <= 64


def test_few_axes_of_many_have_their_correlations():
    x = np.random.default_rng(4).standard_normal((300, 40))
    x[:, 31] = x[:, 7]
    found = profile_of(x)
    assert {7, 31} <= set(found.correlated.tolist())
    assert found.correlations.shape == (16, 16)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 2), (9, 1), (50, 1), (5, 30)])
def test_small_samples(shape):
    found = profile_of(np.random.default_rng(6).standard_normal(shape))
    assert found.radii.counts.sum() == shape[0]
    assert (found.plane is None) == (shape[1] == 1 or shape[0] <= 2)


@pytest.mark.parametrize("scale", [0.0, 1e-200, 1e100])
def test_odd_scales(scale):
    profile_of(scale * np.random.default_rng(7).standard_normal((60, 3)))


def test_ranks():
    assert thinned_ranks(3).tolist() == [1, 2, 3]
    ranks = thinned_ranks(100_000)
    assert len(ranks) <= 400
    assert ranks[:3].tolist() == [1, 2, 3]
    assert ranks[-1] == 100_000
    assert np.all(np.diff(ranks) > 0)


def test_histogram_of_equal_numbers():
    found = histogram(np.full(10, 3.0))
    assert found.counts.sum() == 10
