"""Every row of `KERNELS` is what it states: formula, density of μ, nodes and weights, the engine's sum.

Means over N(0, I) agree with quadrature over the distribution of a distance. Oracles: mpmath, SciPy.
"""

import math
import re

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import gammaln
from scipy.stats import chi2, ncx2

from gaedist.engine import PairSum, Run, log_pair_sums
from gaedist.errors import GaedistError
from gaedist.kernels.radial import KERNELS, distance_mixture, squared_lengths

ALPHAS = {"rational-quadratic": (0.1, 0.5, 3.0)}
CASES = [
    (name, dim, scale, alpha)
    for name in KERNELS
    for dim in (1, 2, 8, 64)
    for scale in (0.05, 1.0, 4.0)
    for alpha in ALPHAS.get(name, (0.5,))
]
SMOOTH = [case for case in CASES if case[0] != "laplace"]


def hyp(half, s):
    """₁F₁(½; D/2; −s), half being D/2."""
    return mpmath.hyp1f1(0.5, half, -mpmath.mpf(s))


FORMULAS = {
    "e^(−r²/C)": lambda q, c, dim, alpha: mpmath.exp(-q / c),
    "1/(1 + r²/C)": lambda q, c, dim, alpha: 1 / (1 + q / c),
    "(1 + r²/C)^(−1/2)": lambda q, c, dim, alpha: (1 + q / c) ** -0.5,
    "(1 + r²/(αC))^(−α)": lambda q, c, dim, alpha: (1 + q / (alpha * c)) ** -alpha,
    "e^(−r/√C)": lambda q, c, dim, alpha: mpmath.exp(-mpmath.sqrt(q / c)),
    "φ_D(D r²/2C), about (1 + r²/C)^(−1/2)": lambda q, c, dim, alpha: hyp(dim / 2, dim * q / (2 * c)),
}
"""Formula of a row → k(q), with q = r²."""


def kernel(name, squares, c, dim, alpha):
    formula = FORMULAS[KERNELS[name].formula]
    return np.array([float(formula(mpmath.mpf(float(q)), c, dim, alpha)) for q in squares])


def laplace_transform(density):
    """∫ e^(−tq) density(t, C, α) dt over t > 0, by mpmath in log t."""

    def integral(q, c, dim, alpha):
        def integrand(v):
            t = mpmath.exp(v)
            return t * mpmath.exp(-t * q) * density(t, c, alpha)

        start = -mpmath.log(c)
        return mpmath.quad(integrand, [start + k for k in (-110, -30, -12, -4, -1, 1, 3, 6, 30, 110)])

    return integral


def beta_mean(factor):
    """E e^(−tq) for t = factor(C, D) times a beta(½, (D − 1)/2) variable cos²θ."""

    def mean(q, c, dim, alpha):
        rate = q * factor(c, dim)
        if dim == 1:
            return mpmath.exp(-rate)

        def integrand(angle):
            return mpmath.sin(angle) ** (dim - 2) * mpmath.exp(-rate * mpmath.cos(angle) ** 2)

        return mpmath.quad(integrand, [0, mpmath.pi / 4, mpmath.pi / 2]) / mpmath.quad(
            lambda angle: mpmath.sin(angle) ** (dim - 2), [0, mpmath.pi / 4, mpmath.pi / 2]
        )

    return mean


DENSITIES = {
    "a point at 1/C": lambda q, c, dim, alpha: mpmath.exp(-q / c),
    "C e^(−Ct)": laplace_transform(lambda t, c, alpha: c * mpmath.exp(-c * t)),
    "√(C/(πt)) e^(−Ct)": laplace_transform(
        lambda t, c, alpha: mpmath.sqrt(c / (mpmath.pi * t)) * mpmath.exp(-c * t)
    ),
    "(αC)^α t^(α−1) e^(−αCt)/Γ(α)": laplace_transform(
        lambda t, c, alpha: (
            (alpha * c) ** alpha * t ** (alpha - 1) * mpmath.exp(-alpha * c * t) / mpmath.gamma(alpha)
        )
    ),
    "e^(−1/(4Ct))/√(4πC t³)": laplace_transform(
        lambda t, c, alpha: mpmath.exp(-1 / (4 * c * t)) / mpmath.sqrt(4 * mpmath.pi * c * t**3)
    ),
    "D/2C times a beta(½, (D − 1)/2) variable": beta_mean(lambda c, dim: mpmath.mpf(dim) / (2 * c)),
}
"""Density of a row → ∫ e^(−tq) dμ(t)."""


@pytest.mark.parametrize("row", KERNELS.values(), ids=KERNELS)
def test_rows_say_what_the_kernel_is_and_where_it_is_from(row):
    assert 0 < len(row.about) < 60  # one phrase in the help
    assert re.search(r"\b(19|20)\d\d\b", row.reference)


@pytest.mark.parametrize("name", KERNELS)
def test_stated_density_integrates_to_the_stated_formula(name):
    integral, alpha = DENSITIES[KERNELS[name].density], 0.75
    for dim, c in ((2, 4.0), (5, 0.6)):
        for q in (0.3, 7.0):
            assert_allclose(float(integral(q, c, dim, alpha)), kernel(name, [q], c, dim, alpha), rtol=1e-8)


@pytest.mark.parametrize(("name", "dim", "scale", "alpha"), SMOOTH)
def test_nodes_and_weights_give_the_kernel(name, dim, scale, alpha):
    squares = dim * np.array([0.0, 1e-4, 0.1, 1.0, 100.0, 1e5])
    c = squared_lengths(dim, [scale])
    mixture = KERNELS[name].scale_mixture(dim, c, alpha)
    found = np.exp(-np.outer(squares, mixture.rates)) @ mixture.weights + mixture.weight_at_zero
    assert_allclose(found, kernel(name, squares, c[0], dim, alpha), rtol=0, atol=2e-14)
    assert mixture.peak == 1
    assert (mixture.weights >= 0).all()
    assert mixture.weight_at_zero >= 0


def test_nodes_and_weights_give_the_laplace_kernel_in_one_dimension():
    # in more dimensions, large rates that change no mean over points are left out
    squares, c = np.array([1e-4, 1.0, 4.0, 30.0, 1e3]), squared_lengths(1, [1.0])
    mixture = KERNELS["laplace"].scale_mixture(1, c, 0.5)
    found = np.exp(-np.outer(squares, mixture.rates)) @ mixture.weights + mixture.weight_at_zero
    assert_allclose(found, kernel("laplace", squares, c[0], 1, 0.5), rtol=1e-12)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(240)


def over_distances(square, dim, stretch=1.0):
    """Nodes r and weights of the mean of a function of stretch · |x − Y|, Y ~ N(0, I), for |x|² = square."""
    high = math.sqrt(square + dim - 1) + 9  # the interval starts at 0, where a narrow kernel has its mass
    r = high * (NODES + 1) / 2
    density = ncx2.pdf(r**2, dim, square) if square else chi2.pdf(r**2, dim)
    return stretch * r, WEIGHTS * high * r * density


@pytest.mark.parametrize(("name", "dim", "scale", "alpha"), CASES)
def test_means_agree_with_quadrature_over_the_distance(name, dim, scale, alpha):
    c = squared_lengths(dim, [scale])
    mixture = KERNELS[name].scale_mixture(dim, c, alpha)
    r, weights = over_distances(0.0, dim, math.sqrt(2))
    assert_allclose(mixture.mean(dim), weights @ kernel(name, r**2, c[0], dim, alpha), rtol=1e-10)
    squares = dim * np.array([0.0, 1.0, 6.0])
    expected = [
        weights @ kernel(name, r**2, c[0], dim, alpha)
        for r, weights in (over_distances(square, dim) for square in squares)
    ]
    assert_allclose(mixture.mean_embedding(squares, dim), expected, rtol=1e-10)


@pytest.mark.parametrize("dim", [2, 8, 64, 512])
@pytest.mark.parametrize("scale", [0.01, 40.0, 1e3])
@pytest.mark.parametrize("name", [name for name in KERNELS if name not in ("gaussian", "cramer-wold")])
def test_means_of_short_and_long_kernels(name, scale, dim):
    c = squared_lengths(dim, [scale])
    mixture = KERNELS[name].scale_mixture(dim, c, 0.5)
    r, weights = over_distances(0.0, dim, math.sqrt(2))
    assert_allclose(mixture.mean(dim), weights @ kernel(name, r**2, c[0], dim, 0.5), rtol=1e-10)
    r, weights = over_distances(1.5 * dim, dim)
    expected = weights @ kernel(name, r**2, c[0], dim, 0.5)
    assert_allclose(mixture.mean_embedding(np.array([1.5 * dim]), dim), expected, rtol=1e-10)


@pytest.mark.parametrize("dim", [1, 2, 8, 64, 512, 3000, 8000])
@pytest.mark.parametrize("scale", [0.05, 4.0])
def test_means_of_the_cramer_wold_kernel_are_phi_d(dim, scale):
    # E e^(−a(u·(x − Y))²) = (1 + 2a)^(−½) e^(−a(u·x)²/(1 + 2a)), and the mean over u is φ_D
    c = squared_lengths(dim, [scale])
    mixture, a = KERNELS["cramer-wold"].scale_mixture(dim, c, 0.5), dim / (2 * c[0])
    squares = dim * np.array([0.0, 1.0, 50.0])
    expected = [float(hyp(dim / 2, a * q / (1 + 2 * a))) / math.sqrt(1 + 2 * a) for q in squares]
    assert_allclose(mixture.mean_embedding(squares, dim), expected, rtol=1e-11)
    assert_allclose(mixture.mean(dim), 1 / math.sqrt(1 + 4 * a), rtol=1e-11)


@pytest.mark.parametrize("name", KERNELS)
def test_several_scales_add_up(name):
    dim, squares = 8, np.array([0.0, 3.0, 90.0])
    c = squared_lengths(dim, [0.1, 1.0, 10.0])
    mixture = KERNELS[name].scale_mixture(dim, c, 0.5)
    parts = [KERNELS[name].scale_mixture(dim, c[k : k + 1], 0.5) for k in range(3)]
    assert mixture.peak == 3
    assert_allclose(mixture.mean(dim), sum(part.mean(dim) for part in parts), rtol=1e-11)
    expected = sum(part.mean_embedding(squares, dim) for part in parts)
    assert_allclose(mixture.mean_embedding(squares, dim), expected, rtol=1e-11)


@pytest.mark.parametrize("name", KERNELS)
def test_the_engine_sums_the_kernel(name):
    rng = np.random.default_rng(1)
    for dim in (1, 8):
        c = squared_lengths(dim, [0.3, 2.0])
        x, y = rng.normal(size=(12, dim)), rng.normal(size=(5, dim))
        profile = KERNELS[name].profile(dim, c, 0.5)
        job = PairSum(profile, x, y, np.zeros((1, 12)), np.zeros((1, 5)), 0.0, max(profile.rates))
        squares = ((x[:, None] - y) ** 2).sum(axis=2).ravel()
        expected = sum(kernel(name, squares, one, dim, 0.5).sum() for one in c)
        assert_allclose(math.exp(log_pair_sums([job], Run())[0]), expected, rtol=1e-12)


@pytest.mark.parametrize("spread", [1e-9, 0.3, 50.0])
@pytest.mark.parametrize("name", KERNELS)
def test_interpolated_embeddings_equal_the_embedding_of_each_point(name, spread):
    # more than 192 points in a narrow range are interpolated, 50 are not
    squares = 8 + spread * np.random.default_rng(2).uniform(size=500)
    mixture = KERNELS[name].scale_mixture(8, squared_lengths(8, [0.2, 1.0]), 0.5)
    few = np.concatenate([mixture.mean_embedding(squares[k : k + 50], 8) for k in range(0, 500, 50)])
    assert_allclose(mixture.mean_embedding(squares, 8), few, rtol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
def test_coarsened_mixtures_keep_the_value_and_derivative_at_0(name):
    mixture = KERNELS[name].scale_mixture(8, squared_lengths(8, [0.2, 1.0]), 0.5)
    coarse = mixture.coarsened(0.8)
    assert_allclose(coarse.weights.sum(), mixture.weights.sum(), rtol=1e-13)
    assert_allclose(coarse.weights @ coarse.rates, mixture.weights @ mixture.rates, rtol=1e-13)
    gaps = np.diff(np.floor(np.log(coarse.rates) / 0.8))
    assert (gaps > 0).all()


@pytest.mark.parametrize("dim", [1, 2, 8, 64, 3000])
def test_mean_distances_to_normal_points(dim):
    squares = np.array([0.0, 1e-8, 0.5, 30.0, 1e4, 1e8])
    mixture = distance_mixture(squares.max())
    log_unit = math.log(2) / 2 + gammaln((dim + 1) / 2) - gammaln(dim / 2)
    with mpmath.workdps(30):
        ratios = [float(mpmath.hyp1f1(-0.5, mpmath.mpf(dim) / 2, -mpmath.mpf(q) / 2)) for q in squares]
    assert_allclose(-mixture.mean_embedding(squares, dim), math.exp(log_unit) * np.array(ratios), rtol=1e-11)
    assert_allclose(-mixture.mean(dim), math.sqrt(2) * math.exp(log_unit), rtol=1e-11)
    assert mixture.conditional
    assert mixture.peak == mixture.weight_at_zero == 0


def test_nodes_and_weights_give_the_distance():
    squares = np.array([1e-6, 0.3, 20.0, 1e8])
    mixture = distance_mixture(1e8)
    found = np.expm1(-np.outer(squares, mixture.rates)) @ mixture.weights
    assert_allclose(found, -np.sqrt(squares), rtol=1e-12)


def test_squared_lengths_are_twice_the_dimension_times_the_scale():
    assert_allclose(squared_lengths(3, [0.1, 2.0]), [0.6, 12.0], rtol=1e-15)
    assert_allclose(squared_lengths(1, [2e-30, 5e29]), [4e-30, 1e30], rtol=1e-15)


@pytest.mark.parametrize(
    "scales", [[], [0.0], [-1.0], [1.0, math.nan], [math.inf], [1e31], [1e-31], [1.0, -2.0]]
)
def test_scales_out_of_range_are_refused(scales):
    with pytest.raises(GaedistError, match=r"scales must be positive numbers.*got \["):
        squared_lengths(2, scales)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scales_at_the_ends_of_the_range_are_accepted(scale):
    assert_allclose(squared_lengths(2, [scale]), 4 * scale, rtol=1e-15)
