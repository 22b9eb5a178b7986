"""Tails of Σ λ χ²₁ have a relative error below 1e-8, however small they are, and the limit of n d² has the
eigenvalues and the moments of the centred Gaussian kernel.
"""

import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm

from gaedist.null.chi_square_sums import ChiSquareSum, chi_square_sum, smoothed_limit
from gaedist.null.gaussian_moments import limit_moments

KERNELS = {
    (1, 1.0, -0.5): 0.614970886006553,
    (1, 1.0, 2.0): 0.0488263778009047,
    (1, 1.0, 8.0): 0.000302570802524846,
    (1, 1.0, 25.0): 4.38253754865864e-10,
    (2, 0.25, -0.5): 0.646376958562886,
    (2, 0.25, 2.0): 0.0438881526259106,
    (2, 0.25, 8.0): 1.77583857183715e-5,
    (2, 0.25, 25.0): 2.45506242949513e-15,
    (8, 1.0, -0.5): 0.666359862582356,
    (8, 1.0, 2.0): 0.0368642708340635,
    (8, 1.0, 8.0): 4.21781016376793e-7,
    (8, 1.0, 25.0): 2.17503703444136e-23,
    (16, 8.0, -0.5): 0.662292857052202,
    (16, 8.0, 2.0): 0.0374971799832685,
    (16, 8.0, 8.0): 2.49894789856007e-7,
    (16, 8.0, 25.0): 8.23538173951614e-26,
}
"""D, s and z → P(Q > mean + z sd), by `naive.limit_tail_mp`."""


def tail(dim, s, z):
    mean, sd, _ = limit_moments(dim, s)
    return smoothed_limit(dim, s).upper_tail(mean + z * sd)


@pytest.mark.parametrize(("case", "expected"), KERNELS.items())
def test_tails_agree_with_those_from_single_eigenvalues(case, expected):
    assert_allclose(tail(*case), expected, rtol=1e-9)  # the promise is 1e-8


@pytest.mark.slow
@pytest.mark.parametrize(("case", "expected"), KERNELS.items())
def test_the_table_of_tails_is_what_mpmath_gives(case, expected):
    found, first, second, third = naive.limit_tail_mp(*case)
    mean, sd, skewness = limit_moments(*case[:2])
    assert_allclose(float(found), expected, rtol=1e-12)
    assert_allclose([mean, sd**2], [float(first), float(second)], rtol=1e-12)
    assert_allclose(skewness, float(third / second**1.5), rtol=1e-12)


def centred_sum(values, counts, *, unit=1.0, rest=0.0):
    """Σ λ χ² with these eigenvalues and one λ = 1, which centring adds while it removes one λ = 0.4."""
    return ChiSquareSum(
        unit, np.array([*values, 0.4]), np.array([*counts, 1.0]), np.array([1, 0.4]), np.array([0, 1.0]), rest
    )


@pytest.mark.parametrize("q", [1e-3, 0.5, 3.0, 50.0, 400.0, 1300.0])
def test_one_eigenvalue_makes_a_chi_square_of_one_degree_of_freedom(q):
    assert_allclose(centred_sum([0.5], [0.0]).upper_tail(q), chi2.sf(q, 1), rtol=1e-8)
    assert_allclose(
        centred_sum([0.5], [0.0], unit=1e-3, rest=2.0).upper_tail(1e-3 * (q + 2)), chi2.sf(q, 1), rtol=1e-8
    )


@pytest.mark.parametrize("q", [1.0, 9.0, 60.0, 500.0])
def test_two_pairs_of_eigenvalues_make_a_sum_of_two_exponentials(q):
    # two χ² of λ = 1 and two of λ = ½: the sum of exponentials of mean 2 and 1
    found = centred_sum([1 - 1e-12, 0.5], [1.0, 2.0]).upper_tail(q)
    assert_allclose(found, 2 * math.exp(-q / 2) - math.exp(-q), rtol=1e-8)


@pytest.mark.parametrize("z", [-3.0, -1.0, 0.0, 1.0, 3.0, 5.0])
def test_many_eigenvalues_make_a_nearly_normal_distribution(z):
    skewness = limit_moments(32, 0.25)[2]
    edgeworth = norm.sf(z) + norm.pdf(z) * skewness / 6 * (z**2 - 1)
    assert_allclose(tail(32, 0.25, z), edgeworth, rtol=1e-4)  # the next term of the series


@pytest.mark.parametrize("s", [1e-3, 0.01, 0.25, 1.0, 30.0])
@pytest.mark.parametrize("dim", [1, 2, 3, 8])
def test_eigenvalues_add_up_to_the_moments_of_the_kernel(dim, s):
    found = smoothed_limit(dim, s)
    mu, c = found.radial, found.weights
    # the part of Σ λ that is left out is 1e-14, and a wide kernel loses digits as its terms cancel
    assert_allclose(c.sum(), 1, rtol=1e-13)
    moved = [float(c @ mu**k) for k in (1, 2, 3)]
    traces = [float(found.counts @ found.values**k) + 1 for k in (1, 2, 3)]  # 1 is λ₀
    centred = (
        traces[0] - moved[0],
        traces[1] - 2 * moved[1] + moved[0] ** 2,
        traces[2] - 3 * moved[2] + 3 * moved[1] * moved[0] - moved[0] ** 3,
    )
    mean, sd, skewness = limit_moments(dim, s)
    assert_allclose(found.unit * (centred[0] + found.rest), mean, rtol=1e-11)
    assert_allclose(2 * found.unit**2 * centred[1], sd**2, rtol=1e-11)
    assert_allclose(8 * found.unit**3 * centred[2] / sd**3, skewness, rtol=1e-9)


def test_tails_fall_from_one_to_nearly_zero():
    limit = smoothed_limit(2, 1.0)
    assert limit.upper_tail(0.0) == limit.upper_tail(-1.0) == 1
    found = [limit.upper_tail(q) for q in np.geomspace(0.02, 150, 60)]
    assert (np.diff(found) < 0).all()
    assert 0 < found[-1] < 1e-200


def test_a_kernel_with_too_many_eigenvalues_has_no_limit():
    assert smoothed_limit(1, 1e-7) is not None
    assert smoothed_limit(1, 1e-12) is None
    assert smoothed_limit(3000, 1e-8) is None


NARROW_TO_WIDE = np.geomspace(1e-6, 1e7, 14)


@pytest.mark.parametrize(
    "widths", [NARROW_TO_WIDE[2::3], pytest.param(NARROW_TO_WIDE, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("dim", [1, 2, 3, 8, 64, 512, 3000])
def test_any_kernel_has_decreasing_tails_or_no_limit(dim, widths):
    kinds = set()
    for s in widths * dim:
        limit = smoothed_limit(dim, s)
        kinds.add(limit is None)
        if limit is None:
            continue
        mean, sd, _ = limit_moments(dim, s)
        tails = [limit.upper_tail(mean + z * sd) for z in (-0.5, 0.0, 1.0, 3.0, 10.0, 40.0, 1e4, 1e9)]
        assert (np.diff(tails) <= 0).all()
        assert 0.3 < tails[0] <= 1
        assert 1e-3 < tails[3] < 0.05
        assert tails[-1] == 0
    assert False in kinds


@pytest.mark.parametrize(("dim", "quantiles"), [(2, (1.111, 1.574)), (8, (1.137, 1.2476))])
def test_quantiles_agree_with_those_of_simulated_samples(dim, quantiles):
    # 95 % and 99 % of n d² at σ = 1, which samples of n = 300 confirmed to about 2 %
    found = [smoothed_limit(dim, 1.0).upper_tail(q) for q in quantiles]
    assert_allclose(found, (0.05, 0.01), rtol=0.02)


@pytest.mark.parametrize("count", [1.0, 2.0, 7.5, 300.0])
@pytest.mark.parametrize("value", [1e-6, 1.0, 40.0])
def test_equal_eigenvalues_make_a_chi_square(value, count):
    found = chi_square_sum(np.array([value]), np.array([count]))
    q = np.array([0.2, 1.0, 3.0, 20.0]) * count
    assert_allclose([found.upper_tail(value * one) for one in q], chi2.sf(q, count), rtol=1e-7)


@pytest.mark.parametrize("q", [0.5, 4.0, 30.0, 200.0])
def test_pairs_of_eigenvalues_make_exponentials(q):
    # 2λ E₁ for λ = 3, 2 and ½: rates ⅙, ¼ and 1
    rates = np.array([1 / 6, 1 / 4, 1.0])
    factors = [np.prod([b / (b - a) for b in rates if b != a]) for a in rates]
    expected = sum(f * math.exp(-a * q) for f, a in zip(factors, rates, strict=True))
    found = chi_square_sum(np.array([3.0, 2.0, 0.5]), np.full(3, 2.0)).upper_tail(q)
    assert_allclose(found, expected, rtol=1e-7)


def test_unequal_eigenvalues_agree_with_simulated_sums():
    values, counts = np.array([2.0, 0.7, 0.1]), np.array([1.0, 3.0, 40.0])
    rng, runs = np.random.default_rng(6), 200_000
    drawn = sum(value * rng.chisquare(count, size=runs) for value, count in zip(values, counts, strict=True))
    found = chi_square_sum(values, counts)
    for q in (4.0, 8.0, 14.0, 25.0):
        p = found.upper_tail(q)
        assert 1e-4 < p < 0.999
        assert abs((drawn > q).mean() - p) < 4 * math.sqrt(p * (1 - p) / runs)  # four standard errors
