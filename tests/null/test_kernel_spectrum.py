import math
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from scipy.stats import chi2

from gaedist.kernels.radial import distance_mixture, squared_lengths
from gaedist.null.chi_square_sums import limit_law, quadratic_law
from gaedist.null.gaussian_moments import limit_moments
from gaedist.null.kernel_spectrum import PairMoments, log_harmonics

STEP = 0.04
SLOPES = {"laplace": lambda c: c**-0.5, "distance": lambda c: 1.0}
"""By how much a kernel falls at r = 0."""

KERNELS = {
    "gaussian": lambda q, c: np.exp(-q / c),
    "inverse-quadratic": lambda q, c: 1 / (1 + q / c),
    "inverse-multiquadric": lambda q, c: (1 + q / c) ** -0.5,
    "rational-quadratic": lambda q, c: (1 + q / (0.5 * c)) ** -0.5,
    "laplace": lambda q, c: np.exp(-np.sqrt(q / c)),
    "distance": lambda q, c: -np.sqrt(q),
}


def moments_of(name, dim, scales):
    if name == "distance":
        return PairMoments(dim, distance_mixture(1e4))
    return PairMoments(dim, KERNELS[name].scale_mixture(dim, squared_lengths(dim, scales), 0.5))


def gaussian_moments(dim, s):
    """Of e^(−|x − y|²/(4s))."""
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
    """h on a grid, and what it tells."""

    def __init__(self, name, dim, scales):
        x, w = grid(dim)
        squares = cdist(x, x, "sqeuclidean")
        k = sum(KERNELS[name](squares, c) for c in squared_lengths(dim, scales))
        if name in SLOPES:  # Euler and Maclaurin's term for the kink, which leaves an error of STEP⁴
            slope = sum(SLOPES[name](c) for c in squared_lengths(dim, scales))
            k -= STEP / 6 * np.diag(np.full(len(x), slope))
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
    """Of the dense matrix."""
    return 2e-6 if case[1] < 3 and case[0] not in SLOPES else 3e-5


@pytest.mark.parametrize("case", SMOOTH + KINKED)
def test_moments_are_those_of_a_dense_matrix(case):
    found, dense, rtol = moments_of(*case), Dense(*case), precision(case)
    assert_allclose(found.mean, dense.mean, rtol=rtol)
    assert_allclose(found.square, dense.square, rtol=rtol)
    assert_allclose(found.square, (dense.eigenvalues**2).sum(), rtol=rtol)
    assert_allclose(found.point, dense.point, rtol=rtol)
    assert_allclose(found.skewness, 8 * (dense.eigenvalues**3).sum() / (2 * dense.square) ** 1.5, rtol=1e-3)


@pytest.mark.parametrize("case", SMOOTH + KINKED)
def test_eigenvalues_are_those_of_a_dense_matrix(case):
    values, counts = moments_of(*case).eigenvalues
    assert (values > 0).all()
    assert (np.diff(values[:-1]) <= 0).all()
    several, dense = np.repeat(values, np.rint(counts).astype(int))[:12], Dense(*case).eigenvalues
    assert len(several) == 12
    assert_allclose(several[:4], dense[:4], rtol=0, atol=1e-4 * dense[0])
    # in few dimensions the small ones of a heavy tail converge slowly, and from below
    assert_allclose(several, dense[:12], rtol=0, atol=0.03 * dense[0])
    assert (several < dense[:12] + 1e-4 * dense[0]).all()


@pytest.mark.parametrize("case", SMOOTH + KINKED)
def test_the_law_is_that_from_a_dense_matrix(case):
    moments, dense = moments_of(*case), Dense(*case).eigenvalues
    dense = dense[dense > 1e-7 * dense[0]]
    mean, sd = moments.scale_mixture.peak - moments.mean, math.sqrt(2 * moments.square)
    found, expected = quadratic_law(*moments.eigenvalues), quadratic_law(dense, np.ones(len(dense)))
    lost = mean - dense.sum()  # the many small eigenvalues that no grid has
    for z in (-0.5, 0.0, 1.0, 3.0, 8.0, 15.0):
        tail = expected.upper_tail(mean + z * sd - lost)
        assert 1e-10 < tail < 0.9
        assert_allclose(found.upper_tail(mean + z * sd), tail, rtol=1e-3)


@pytest.mark.parametrize("case", [case for case in SMOOTH + KINKED if case[0] != "distance"])
def test_the_mean_cube_is_that_of_a_dense_matrix(case):
    assert_allclose(moments_of(*case).cube, Dense(*case).cube, rtol=0.1)


def test_the_cube_of_a_distance_is_not_asked_for():
    assert moments_of("distance", 3, (1.0,)).cube == 0


@pytest.mark.parametrize("name", [*KERNELS, "distance"])
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
def test_moments_of_a_gaussian_are_the_exact_ones(dim, s):
    found = gaussian_moments(dim, s)
    mean, sd, skewness = limit_moments(dim, s)
    assert_allclose(1 - found.mean, mean, rtol=1e-12)
    assert_allclose(2 * found.square, sd**2, rtol=1e-11)
    assert_allclose(found.skewness, skewness, rtol=1e-3, atol=1e-7)


LAWS = [(1, 0.25), (1, 1.0), (1, 8.0), (2, 1.0), (3, 2.0), (8, 8.0), (64, 64.0)]


@pytest.mark.parametrize(("dim", "s"), LAWS)
def test_the_law_of_a_gaussian_is_that_from_its_known_eigenvalues(dim, s):
    limit, found = limit_law(dim, s), quadratic_law(*gaussian_moments(dim, s).eigenvalues)
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
def test_moments_of_samples_are_those_of_simulation(simulated, unbiased):
    case, n, u, v = simulated
    found, runs = (u if unbiased else v), len(u)
    variance, centred = case.variance(n, unbiased=unbiased), found - case.expected(n, unbiased=unbiased)
    assert abs(centred.mean()) < 4 * math.sqrt(variance / runs)
    error = math.sqrt(((centred**2).var()) / runs)
    assert abs((centred**2).mean() - variance) < 4 * error
    assert error < 0.05 * variance


def test_skewness_of_samples_is_that_of_simulation(simulated):
    case, n, u, _ = simulated
    # of n (n − 1)(n − 2) triangles and n (n − 1)/2 cubes, of which skewness_at leaves out the next order
    cubes = n * (case.skewness_at(n) - case.skewness)
    expected = ((n - 2) * case.skewness + cubes) / math.sqrt(n * (n - 1))
    thirds = u**3 / case.variance(n, unbiased=True) ** 1.5
    error = thirds.std() / math.sqrt(len(u))
    assert error < 0.1 * expected
    assert abs(thirds.mean() - expected) < 4 * error


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 64])
def test_harmonics_are_polynomials_less_those_times_the_square_of_a_length(dim):
    for degree in range(12):
        polynomials = math.comb(degree + dim - 1, dim - 1)
        others = math.comb(degree + dim - 3, dim - 1) if degree > 1 else 0
        assert_allclose(math.exp(log_harmonics(dim, degree)), polynomials - others, rtol=1e-12)


@pytest.mark.parametrize("count", [1.0, 2.0, 7.5, 300.0])
@pytest.mark.parametrize("value", [1e-6, 1.0, 40.0])
def test_equal_eigenvalues_make_a_chi_squared_law(value, count):
    law = quadratic_law(np.array([value]), np.array([count]))
    q = np.array([0.2, 1.0, 3.0, 20.0]) * count
    assert_allclose([law.upper_tail(value * one) for one in q], chi2.sf(q, count), rtol=1e-7)


@pytest.mark.parametrize("q", [0.5, 4.0, 30.0, 200.0])
def test_pairs_of_eigenvalues_make_exponentials(q):
    # 2λ E₁ for λ = 3, 2 and ½: rates ⅙, ¼ and 1
    rates = np.array([1 / 6, 1 / 4, 1.0])
    factors = [np.prod([b / (b - a) for b in rates if b != a]) for a in rates]
    expected = sum(f * math.exp(-a * q) for f, a in zip(factors, rates, strict=True))
    found = quadratic_law(np.array([3.0, 2.0, 0.5]), np.full(3, 2.0)).upper_tail(q)
    assert_allclose(found, expected, rtol=1e-7)


def test_unequal_eigenvalues_make_the_law_of_simulation():
    values, counts = np.array([2.0, 0.7, 0.1]), np.array([1.0, 3.0, 40.0])
    rng, runs = np.random.default_rng(6), 200_000
    drawn = sum(value * rng.chisquare(count, size=runs) for value, count in zip(values, counts, strict=True))
    law = quadratic_law(values, counts)
    for q in (4.0, 8.0, 14.0, 25.0):
        p = law.upper_tail(q)
        assert 1e-4 < p < 0.999
        assert abs((drawn > q).mean() - p) < 4 * math.sqrt(p * (1 - p) / runs)
