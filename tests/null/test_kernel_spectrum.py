"""Moments and eigenvalues of a centred radial kernel under N(0, I) agree with a dense matrix on a grid, with
simulated samples, and for a Gaussian kernel with its closed form.
"""

import math
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from gaedist.kernels.radial import KERNELS, distance_mixture, squared_lengths
from gaedist.null.chi_square_sums import chi_square_sum, smoothed_limit
from gaedist.null.gaussian_moments import limit_moments
from gaedist.null.kernel_spectrum import PairMoments, log_harmonics

STEP = 0.04
FALL_AT_ZERO = {"laplace": lambda c: c**-0.5, "distance": lambda c: 1.0}
"""−dk/dr at r = 0, for kernels with a kink there."""

FORMULAS = {
    "gaussian": lambda q, c: np.exp(-q / c),
    "inverse-quadratic": lambda q, c: 1 / (1 + q / c),
    "inverse-multiquadric": lambda q, c: (1 + q / c) ** -0.5,
    "rational-quadratic": lambda q, c: (1 + q / (0.5 * c)) ** -0.5,
    "laplace": lambda q, c: np.exp(-np.sqrt(q / c)),
    "distance": lambda q, c: -np.sqrt(q),
}
"""Name → k from q = |x − y|² and C."""


def moments_of(name, dim, scales):
    if name == "distance":
        return PairMoments(dim, distance_mixture(1e4))
    return PairMoments(dim, KERNELS[name].scale_mixture(dim, squared_lengths(dim, scales), 0.5))


def gaussian_moments(dim, s):
    """PairMoments of e^(−|x − y|²/(4s))."""
    return PairMoments(dim, KERNELS["gaussian"].scale_mixture(dim, np.array([4 * s]), 0.5))


@cache
def grid(dim):
    """Points and weights for means over N(0, I): equal steps in D = 1, else Gauss–Hermite."""
    if dim == 1:
        x = np.arange(-8, 8 + STEP / 2, STEP)
        w = np.exp(-(x**2) / 2)
        return x[:, np.newaxis], w / w.sum()
    one, weights = np.polynomial.hermite_e.hermegauss({2: 26, 3: 10}[dim])
    points = np.stack(np.meshgrid(*[one] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    masses = np.prod(np.meshgrid(*[weights / weights.sum()] * dim, indexing="ij"), axis=0).ravel()
    return points, masses


@cache
class Dense:
    """Moments and eigenvalues of h on a grid."""

    def __init__(self, name, dim, scales):
        x, w = grid(dim)
        squares = cdist(x, x, "sqeuclidean")
        k = sum(FORMULAS[name](squares, c) for c in squared_lengths(dim, scales))
        if name in FALL_AT_ZERO:  # Euler and Maclaurin's term for the kink, which leaves an error of STEP⁴
            fall = sum(FALL_AT_ZERO[name](c) for c in squared_lengths(dim, scales))
            k -= STEP / 6 * np.diag(np.full(len(x), fall))
        g = k @ w
        self.mean, self.point = w @ g, w @ (g - w @ g) ** 2
        h = k - g[:, np.newaxis] - g + self.mean
        self.square, self.cube = w @ h**2 @ w, w @ h**3 @ w
        root = np.sqrt(w)
        self.eigenvalues = np.linalg.eigvalsh(root[:, np.newaxis] * h * root)[::-1]


SMOOTH = [
    ("gaussian", 1, (1.0,)),
    ("inverse-quadratic", 1, (0.1, 1.0, 5.0)),
    ("inverse-multiquadric", 1, (0.5,)),
    ("rational-quadratic", 1, (1.0,)),
    ("gaussian", 2, (1.0,)),
    ("inverse-quadratic", 2, (1.0, 4.0)),
    ("inverse-multiquadric", 2, (2.0,)),
    ("gaussian", 3, (1.0,)),
    ("inverse-quadratic", 3, (2.0,)),
]
KINKED = [("laplace", 1, (0.5,)), ("distance", 1, (1.0,))]


def precision(case):
    """Relative error of the dense matrix: few nodes in D = 3, and kinks, limit it."""
    return 2e-6 if case[1] < 3 and case[0] not in FALL_AT_ZERO else 3e-5


@pytest.mark.parametrize("case", SMOOTH + KINKED)
def test_moments_agree_with_a_dense_matrix(case):
    found, dense, rtol = moments_of(*case), Dense(*case), precision(case)
    assert_allclose(found.mean, dense.mean, rtol=rtol)
    assert_allclose(found.square, dense.square, rtol=rtol)
    assert_allclose(found.square, (dense.eigenvalues**2).sum(), rtol=rtol)
    assert_allclose(found.point, dense.point, rtol=rtol)
    skewness = 8 * (dense.eigenvalues**3).sum() / (2 * dense.square) ** 1.5
    assert_allclose(found.skewness, skewness, rtol=1e-3)  # small eigenvalues are merged into one


@pytest.mark.parametrize("case", SMOOTH + KINKED)
def test_eigenvalues_agree_with_a_dense_matrix(case):
    values, counts = moments_of(*case).eigenvalues
    assert (values > 0).all()
    assert (np.diff(values[:-1]) <= 0).all()
    several, dense = np.repeat(values, np.rint(counts).astype(int))[:12], Dense(*case).eigenvalues
    assert len(several) == 12
    assert_allclose(several[:4], dense[:4], rtol=0, atol=1e-4 * dense[0])
    # in few dimensions the small ones of a heavy-tailed kernel converge slowly, and from below
    assert_allclose(several, dense[:12], rtol=0, atol=0.03 * dense[0])
    assert (several < dense[:12] + 1e-4 * dense[0]).all()


@pytest.mark.parametrize("case", SMOOTH + KINKED)
def test_tails_agree_with_the_eigenvalues_of_a_dense_matrix(case):
    moments, dense = moments_of(*case), Dense(*case).eigenvalues
    dense = dense[dense > 1e-7 * dense[0]]
    mean, sd = moments.scale_mixture.peak - moments.mean, math.sqrt(2 * moments.square)
    found, expected = chi_square_sum(*moments.eigenvalues), chi_square_sum(dense, np.ones(len(dense)))
    lost = mean - dense.sum()  # the many small eigenvalues that a grid does not resolve
    for z in (-0.5, 0.0, 1.0, 3.0, 8.0, 15.0):
        tail = expected.upper_tail(mean + z * sd - lost)
        assert 1e-10 < tail < 0.9
        assert_allclose(found.upper_tail(mean + z * sd), tail, rtol=1e-3)  # as for the skewness


@pytest.mark.parametrize("case", [case for case in SMOOTH + KINKED if case[0] != "distance"])
def test_the_mean_cube_agrees_with_a_dense_matrix(case):
    assert_allclose(moments_of(*case).cube, Dense(*case).cube, rtol=0.1)  # rates are binned


def test_the_cube_of_a_distance_counts_as_zero():
    assert moments_of("distance", 3, (1.0,)).cube == 0


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dim", [1, 2, 8, 64])
def test_eigenvalues_add_up_to_the_trace(dim, name):
    found = moments_of(name, dim, (0.5, 2.0))
    values, counts = found.eigenvalues
    assert (counts > 0).all()
    assert_allclose(counts @ values, found.scale_mixture.peak - found.mean, rtol=1e-8)
    assert_allclose(counts @ values**2, found.square, rtol=1e-10)
    assert_allclose(found.trace(3), counts @ values**3, rtol=1e-15)


@pytest.mark.parametrize("s", [0.25, 1.0, 30.0])
@pytest.mark.parametrize("dim", [1, 2, 8, 64])
def test_moments_of_a_gaussian_kernel_agree_with_its_closed_form(dim, s):
    found = gaussian_moments(dim, s)
    mean, sd, skewness = limit_moments(dim, s)
    assert_allclose(1 - found.mean, mean, rtol=1e-12)
    assert_allclose(2 * found.square, sd**2, rtol=1e-11)
    # small eigenvalues are merged into one, which matters most where all are small
    assert_allclose(found.skewness, skewness, rtol=1e-3, atol=1e-7)


GAUSSIANS = [(1, 0.25), (1, 1.0), (1, 8.0), (2, 1.0), (3, 2.0), (8, 8.0), (64, 64.0)]


@pytest.mark.parametrize(("dim", "s"), GAUSSIANS)
def test_tails_of_a_gaussian_kernel_agree_with_its_known_eigenvalues(dim, s):
    limit, found = smoothed_limit(dim, s), chi_square_sum(*gaussian_moments(dim, s).eigenvalues)
    mean, sd, _ = limit_moments(dim, s)
    quantiles = [mean - 0.5 * sd, mean + sd, mean + 3 * sd]
    while limit.upper_tail(quantiles[-1]) > 1e-8:
        quantiles.append(quantiles[-1] + 2.5 * sd)
    expected = [limit.upper_tail(q) for q in quantiles]
    assert 1e-13 < expected[-1] < 1e-8
    assert_allclose([found.upper_tail(q) for q in quantiles], expected, rtol=1e-3)


@pytest.fixture(scope="module")
def simulated():
    """U and V of 20 000 samples of 12 points in D = 2, for the kernel of a Wasserstein auto-encoder."""
    rng, n, runs, scales = np.random.default_rng(5), 12, 20_000, (0.2, 1.0)
    case = moments_of("inverse-quadratic", 2, scales)
    x = rng.normal(size=(runs, n, 2))
    squares = ((x[:, :, np.newaxis] - x[:, np.newaxis]) ** 2).sum(axis=3)
    k = sum(1 / (1 + squares / c) for c in squared_lengths(2, scales))
    g = case.scale_mixture.mean_embedding((x**2).sum(axis=2).ravel(), 2).reshape(runs, n)
    h = k - g[:, :, np.newaxis] - g[:, np.newaxis] + case.mean
    diagonal = np.einsum("rii->r", h)
    total = h.sum(axis=(1, 2))
    return case, n, (total - diagonal) / (n * (n - 1)), total / n**2


@pytest.mark.parametrize("unbiased", [True, False])
def test_mean_and_variance_at_n_agree_with_simulated_samples(simulated, unbiased):
    case, n, u, v = simulated
    found, runs = (u if unbiased else v), len(u)
    variance, centred = case.variance(n, unbiased=unbiased), found - case.expected(n, unbiased=unbiased)
    assert abs(centred.mean()) < 4 * math.sqrt(variance / runs)  # four standard errors, as below
    error = math.sqrt(((centred**2).var()) / runs)
    assert abs((centred**2).mean() - variance) < 4 * error
    assert error < 0.05 * variance


def test_the_skewness_at_n_agrees_with_simulated_samples(simulated):
    case, n, u, _ = simulated
    # of n (n − 1)(n − 2) triangles and n (n − 1)/2 cubes, of which skewness_at leaves out the next order
    cubes = n * (case.skewness_at(n) - case.skewness)
    expected = ((n - 2) * case.skewness + cubes) / math.sqrt(n * (n - 1))
    thirds = u**3 / case.variance(n, unbiased=True) ** 1.5
    error = thirds.std() / math.sqrt(len(u))
    assert error < 0.1 * expected
    assert abs(thirds.mean() - expected) < 4 * error


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 64])
def test_harmonics_are_counted_as_polynomials_minus_those_of_degree_two_less(dim):
    for degree in range(12):
        polynomials = math.comb(degree + dim - 1, dim - 1)
        others = math.comb(degree + dim - 3, dim - 1) if degree > 1 else 0
        assert_allclose(math.exp(log_harmonics(dim, degree)), polynomials - others, rtol=1e-12)
