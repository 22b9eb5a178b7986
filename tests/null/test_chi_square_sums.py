import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm

from gaedist.null.chi_square_sums import LimitLaw, limit_law
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
    return limit_law(dim, s).upper_tail(mean + z * sd)


@pytest.mark.parametrize(("case", "expected"), KERNELS.items())
def test_tails_agree_with_those_from_eigenvalues(case, expected):
    assert_allclose(tail(*case), expected, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "expected"), KERNELS.items())
def test_tails_from_eigenvalues_are_what_they_are_said_to_be(case, expected):
    found, first, second, third = naive.limit_tail_mp(*case)
    mean, sd, skewness = limit_moments(*case[:2])
    assert_allclose(float(found), expected, rtol=1e-12)
    assert_allclose([mean, sd**2], [float(first), float(second)], rtol=1e-12)
    assert_allclose(skewness, float(third / second**1.5), rtol=1e-12)


def law(values, counts, *, unit=1.0, rest=0.0):
    """A law of χ² with these eigenvalues, and one of λ = 1, for which centring takes one of λ = 0.4."""
    return LimitLaw(
        unit, np.array([*values, 0.4]), np.array([*counts, 1.0]), np.array([1, 0.4]), np.array([0, 1.0]), rest
    )


@pytest.mark.parametrize("q", [1e-3, 0.5, 3.0, 50.0, 400.0, 1300.0])
def test_one_degree_of_freedom(q):
    assert_allclose(law([0.5], [0.0]).upper_tail(q), chi2.sf(q, 1), rtol=1e-8)
    assert_allclose(
        law([0.5], [0.0], unit=1e-3, rest=2.0).upper_tail(1e-3 * (q + 2)), chi2.sf(q, 1), rtol=1e-8
    )


@pytest.mark.parametrize("q", [1.0, 9.0, 60.0, 500.0])
def test_exponentials_of_two_scales(q):
    # two χ² of λ = 1 and two of λ = ½: the sum of exponentials of mean 2 and 1
    found = law([1 - 1e-12, 0.5], [1.0, 2.0]).upper_tail(q)
    assert_allclose(found, 2 * math.exp(-q / 2) - math.exp(-q), rtol=1e-6)


@pytest.mark.parametrize("z", [-3.0, -1.0, 0.0, 1.0, 3.0, 5.0])
def test_many_eigenvalues_make_a_normal_law(z):
    skewness = limit_moments(32, 0.25)[2]
    edgeworth = norm.sf(z) + norm.pdf(z) * skewness / 6 * (z**2 - 1)
    assert_allclose(tail(32, 0.25, z), edgeworth, rtol=1e-4)


@pytest.mark.parametrize("s", [1e-3, 0.01, 0.25, 1.0, 30.0])
@pytest.mark.parametrize("dim", [1, 2, 3, 8])
def test_eigenvalues_have_the_moments_of_the_kernel(dim, s):
    found = limit_law(dim, s)
    mu, c = found.radial, found.weights
    assert_allclose(c.sum(), 1, rtol=1e-9)
    moved = [float(c @ mu**k) for k in (1, 2, 3)]
    traces = [float(found.counts @ found.values**k) + 1 for k in (1, 2, 3)]  # 1 is λ₀
    centred = (
        traces[0] - moved[0],
        traces[1] - 2 * moved[1] + moved[0] ** 2,
        traces[2] - 3 * moved[2] + 3 * moved[1] * moved[0] - moved[0] ** 3,
    )
    mean, sd, skewness = limit_moments(dim, s)
    assert_allclose(found.unit * (centred[0] + found.rest), mean, rtol=1e-9)
    assert_allclose(2 * found.unit**2 * centred[1], sd**2, rtol=1e-9)
    assert_allclose(8 * found.unit**3 * centred[2] / sd**3, skewness, rtol=1e-7)


def test_tails_fall_from_one_to_nothing():
    limit = limit_law(2, 1.0)
    assert limit.upper_tail(0.0) == limit.upper_tail(-1.0) == 1
    found = [limit.upper_tail(q) for q in np.geomspace(0.02, 150, 60)]
    assert (np.diff(found) < 0).all()
    assert 0 < found[-1] < 1e-200


def test_a_kernel_with_more_eigenvalues_than_can_be_used_has_no_law():
    assert limit_law(1, 1e-7) is not None
    assert limit_law(1, 1e-12) is None
    assert limit_law(3000, 1e-8) is None


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 30, 64, 128, 512, 1000, 3000])
def test_any_kernel_has_a_tail_or_no_law(dim):
    kinds = set()
    for s in np.geomspace(1e-6, 1e7, 27) * dim:
        limit = limit_law(dim, s)
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
