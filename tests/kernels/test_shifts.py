"""The excess of shifted normal samples is that of closed forms, and the shift is its inverse."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import hyp1f1

from gaedist.kernels.radial import KERNELS, distance_mixture, phi_d_mixture, squared_lengths
from gaedist.kernels.shifts import ShiftCurve


def kernel_curve(name, dim):
    squares = squared_lengths(dim, (0.1, 1.0))
    return ShiftCurve.of_kernel(KERNELS[name].scale_mixture(dim, squares, 1.0), dim)


CURVES = {
    "one rate": lambda dim: ShiftCurve(np.array([2.0]), np.array([0.3])),
    "distance": lambda dim: ShiftCurve.of_kernel(distance_mixture(dim), dim),
    "square": lambda dim: ShiftCurve(slope=0.5),
    **{name: lambda dim, name=name: kernel_curve(name, dim) for name in KERNELS},
}


@pytest.mark.parametrize("dim", [1, 8, 512])
@pytest.mark.parametrize("name", CURVES)
def test_the_shift_is_the_inverse_of_the_excess(name, dim):
    curve = CURVES[name](dim)
    for shift in (1e-4, 0.3, 1.0, 3.0, 4.0 * dim**0.5):
        excess = curve.excess(shift)
        if excess < 0.999 * curve.heights.sum() or curve.slope:
            assert_allclose(curve.shift(excess), shift, rtol=1e-6)
            assert_allclose(curve.times(7).shift(7 * excess), shift, rtol=1e-6)
    assert curve.excess(0) == 0
    assert curve.excess(0.1) < curve.excess(0.2) < curve.excess(0.4)


def test_no_shift_gives_more_than_all_of_a_kernel():
    for name in KERNELS:
        curve = kernel_curve(name, 8)
        assert curve.shift(2 * curve.heights.sum()) == math.inf
    assert ShiftCurve(np.array([0.0]), np.array([1.0])).shift(1e-9) == math.inf


@pytest.mark.parametrize("dim", [2, 8])
def test_a_gaussian_kernel_has_a_closed_form(dim):
    t, shift = 0.7, 1.3
    mixture = KERNELS["gaussian"].scale_mixture(dim, np.array([1 / t]), 1.0)
    expected = 2 * (1 + 4 * t) ** (-dim / 2) * -math.expm1(-t * shift**2 / (1 + 4 * t))
    assert_allclose(ShiftCurve.of_kernel(mixture, dim).excess(shift), expected, rtol=1e-13)


@pytest.mark.parametrize("dim", [2, 8, 64])
def test_the_mean_distance_of_a_shift_is_a_confluent_hypergeometric_function(dim):
    # E|X − Y| of X ~ N(m, I) and Y ~ N(0, I) is 2 Γ((D + 1)/2)/Γ(D/2) ₁F₁(−½; D/2; −|m|²/4)
    shift = 1.7
    factor = 2 * math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2))
    expected = 2 * factor * (hyp1f1(-0.5, dim / 2, -(shift**2) / 4) - 1)
    assert_allclose(ShiftCurve.of_kernel(distance_mixture(dim), dim).excess(shift), expected, rtol=1e-9)


def test_the_mean_over_directions_of_a_gaussian_is_that_of_phi_d():
    # along u the shift is u·m, and E e^(−c (u·m)²) = ₁F₁(½; D/2; −c |m|²)
    dim, t, shift = 8, 0.5, 2.0
    line = 2 * (1 + 4 * t) ** -0.5 * (1 - hyp1f1(0.5, dim / 2, -t * shift**2 / (1 + 4 * t)))
    assert_allclose(ShiftCurve.of_kernel(phi_d_mixture(dim, t), dim).excess(shift), line, rtol=1e-9)
