"""Sums over general tiles agree with the dense matrix, from the Gram matrix and from differences alike, also
where every term underflows.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist.engine import PairSum
from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.run.threads import limited_threads
from gaedist.engine.tiling import Tiling
from gaedist.engine.work import Work

RATE = 0.7
FACTORS = [1.0, 0.4]
GRAM, DIFFERENCES = 0.0, 1e12  # steepness for which no tile, and every tile, takes differences


def log_sums(x, y, steepness):
    params_y = None if y is None else np.zeros((1, len(y)))
    job = PairSum(Gaussian(RATE), x, y, np.zeros((1, len(x))), params_y, 0.0, steepness)
    with limited_threads(2) as threads:
        return Tiling(job, Work(threads, None, 0), FACTORS).log_sums()


def dense(x, y):
    """Natural logarithms of Σ 2^(−factor rate |x − y|²)."""
    squares = cdist(x, x)[np.tril_indices(len(x), -1)] ** 2 if y is None else cdist(x, y).ravel() ** 2
    return [np.logaddexp.reduce(-np.log(2) * factor * RATE * squares) for factor in FACTORS]


@pytest.mark.parametrize("steepness", [GRAM, DIFFERENCES])
@pytest.mark.parametrize("distance", [0.0, 3.0, 100.0])  # the last one beyond the range of a double
@pytest.mark.parametrize("dim", [1, 3, 9])
def test_sums_agree_with_the_dense_matrix(dim, distance, steepness):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, dim)), distance + rng.normal(size=(TILE + 44, dim))
    # exponents of up to 1e5 from a Gram matrix lose 5 of 16 digits, of a term, not of its logarithm
    assert_allclose(log_sums(x, y, steepness), dense(x, y), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("steepness", [GRAM, DIFFERENCES])
def test_pairs_of_one_sample_are_counted_once(steepness):
    x = np.random.default_rng(1).normal(size=(2 * TILE + 1, 9))
    assert_allclose(log_sums(x, None, steepness), dense(x, None), rtol=1e-13)


def test_differences_keep_the_digits_that_a_gram_matrix_loses():
    far = 2.0**20 * np.repeat([[-1.0], [1.0]], 40, axis=0)
    x = np.random.default_rng(2).normal(size=(80, 3)).round(6) + far
    exact = dense(x, None)
    assert_allclose(log_sums(x, None, DIFFERENCES), exact, rtol=1e-13)
    assert abs(log_sums(x, None, GRAM)[0] - exact[0]) > 1e-9
