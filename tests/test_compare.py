import itertools
import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import GaedistError, compare


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.mark.parametrize(
    ("n", "m", "dim", "sigma"), [(1, 1, 1, 1.0), (300, 500, 2, 0.3), (700, 200, 16, 1.5)]
)
def test_compare_agrees_with_the_dense_matrix(n, m, dim, sigma):
    x, y = sample(n, dim), 1.2 * sample(m, dim, seed=1)
    result = compare(x, y, sigma=sigma)
    assert_allclose(result.value, naive.compare(x, y, sigma), rtol=1e-11)
    assert_allclose(compare(y, x, sigma=sigma).value, result.value, rtol=1e-13)


def test_many_dimensions_do_not_overflow():
    x, y = sample(4, 3000), sample(3, 3000, seed=1)
    assert_allclose(compare(x, y, sigma=0.5).value, 1 / 4 + 1 / 3, rtol=1e-14)


def test_identical_samples_are_at_no_distance():
    x = sample(300, 3)
    assert compare(x, x).value < 1e-14


def test_expected_is_the_mean_over_all_relabelings():
    x, y = sample(3, 2), sample(4, 2, seed=1)
    pooled = np.concatenate([x, y])
    values = []
    for chosen in itertools.combinations(range(7), 3):
        rest = [k for k in range(7) if k not in chosen]
        values.append(naive.compare(pooled[list(chosen)], pooled[rest], 0.8))
    assert len(values) == math.comb(7, 3)
    assert_allclose(compare(x, y, sigma=0.8).expected, np.mean(values), rtol=1e-13)


def test_a_wide_kernel_leaves_no_distance():
    result = compare(sample(9, 2), sample(8, 2, seed=1), sigma=1e70)
    assert result.expected >= 0
    assert result.value < 1e-14


def test_dimensions_must_agree():
    with pytest.raises(GaedistError, match="dimensions differ: 2 and 3"):
        compare(sample(4, 2), sample(4, 3))
