"""Sums by label agree with the dense matrix for many labelings at once. Bits do not depend on threads."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist.engine import Run, label_sums, times_labels
from gaedist.mixtures.families import Constant


def job(x, sigma=1.0):
    covariance = Constant(sigma**2)
    return covariance.pair_sum(covariance, x, None, np.zeros(len(x)), None)


def random_labels(n, count, seed=0):
    labels = np.random.default_rng(seed).integers(0, 2, size=(n, count)).astype(np.uint8)
    return labels, np.packbits(labels, axis=1)


def off_diagonal(x, sigma=1.0):
    kernel = np.exp(-cdist(x, x, "sqeuclidean") / (4 * sigma**2))
    np.fill_diagonal(kernel, 0)
    return kernel


@pytest.mark.parametrize(
    ("n", "dim", "count"), [(1, 1, 1), (2, 3, 8), (255, 2, 3), (257, 16, 256), (700, 9, 601)]
)
def test_sums_agree_with_the_dense_matrix(n, dim, count):
    x = np.random.default_rng(1).normal(size=(n, dim))
    labels, bits = random_labels(n, count)
    found, kernel, b = label_sums(job(x), bits, Run()), off_diagonal(x), labels.astype(float)
    assert found.both.shape == found.either.shape == (8 * bits.shape[1],)
    # a few hundred roundings of positive terms
    assert_allclose(found.both[:count], np.einsum("ir,ij,jr->r", b, kernel, b, optimize=True) / 2, rtol=1e-13)
    assert_allclose(found.either[:count], kernel.sum(axis=1) @ b, rtol=1e-13)
    assert_allclose(found.total, kernel.sum() / 2, rtol=1e-13)
    assert not found.both[count:].any()
    assert found.rounding < 1e-12


def test_bits_do_not_depend_on_threads_and_ranges(monkeypatch):
    x = np.random.default_rng(2).normal(size=(1100, 20))
    _, bits = random_labels(1100, 300)
    one = label_sums(job(x), bits, Run(threads=1))
    monkeypatch.setattr("gaedist.engine.label_tiling._SUMS", 1)
    two = label_sums(job(x), bits, Run(threads=2))
    assert (one.both == two.both).all()
    assert (one.either == two.either).all()
    assert one.total == two.total


def test_a_unit_keeps_far_points_from_underflow():
    x = np.array([[0.0], [100.0], [200.0]])
    _, bits = random_labels(3, 8)
    labels = np.unpackbits(bits, axis=1).astype(float)
    found = label_sums(job(x), bits, Run(), log_unit=-2500.0)
    assert_allclose(found.total, 2, rtol=1e-12)
    assert_allclose(found.both, labels[1] * (labels[0] + labels[2]), rtol=1e-12, atol=1e-300)


def test_progress_counts_the_tiles():
    seen = []
    x = np.random.default_rng(3).normal(size=(600, 2))
    label_sums(job(x), random_labels(600, 8)[1], Run(progress=lambda *counts: seen.append(counts)))
    assert seen[-1] == (6, 6)


def test_values_are_summed_by_label():
    rng = np.random.default_rng(4)
    values = rng.normal(size=600) * 10.0 ** rng.uniform(-8, 8, size=600)
    labels, bits = random_labels(600, 3000)
    expected = [math.fsum(values[chosen]) for chosen in labels.T.astype(bool)]
    assert_allclose(times_labels(values, bits), expected, atol=1e-14 * np.abs(values).sum())
