"""The coefficients of a Fourier series are direct sums of waves, and the series adds up to the kernel."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.engine.series.fourier import MAX_WAVES, Fourier
from gaedist.engine.series.shells import Shells


def codes(n, dim, seed=0):
    return np.random.default_rng((seed, dim)).normal(size=(n, dim))


def rate_of(s):
    """The rate of exp(−|x − y|²/(4s))."""
    return math.log2(math.e) / (4 * s)


def axes_of(basis):
    """The components of the wave vectors on each axis."""
    return [
        step * np.arange(-(count // 2), count // 2 + 1)
        for step, count in zip(basis.step, basis.shape, strict=True)
    ]


def waves(basis):
    """The wave vectors k, (M, D), of the weights."""
    axes = axes_of(basis)
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def phases(basis, x):
    """Return e^(i k·x) of each point and wave, (n, M): the product of what each axis contributes."""
    found = np.ones((len(x), 1), complex)
    for axis, column in zip(axes_of(basis), (x - basis.center).T, strict=True):
        found = (found[:, :, np.newaxis] * np.exp(1j * np.outer(column, axis))[:, np.newaxis]).reshape(
            len(x), -1
        )
    return found


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("s", [0.5, 4.0])
def test_the_series_adds_up_to_the_kernel(dim, s):
    x, y = codes(12, dim), 3 + codes(8, dim, seed=1)
    basis, k = Fourier(Shells.of([x, y]), rate_of(s)), waves(Fourier(Shells.of([x, y]), rate_of(s)))
    difference = (x[:, np.newaxis] - y).reshape(-1, dim)
    found = np.cos(difference @ k.T) @ basis.weights
    # what is left out on each side is below 1e-17 a term, and some thousands of terms are rounded
    assert_allclose(found, np.exp(-np.square(difference).sum(axis=1) / (4 * s)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("sets", [1, 2, 5])
def test_coefficients_are_sums_of_waves(dim, sets, monkeypatch):
    monkeypatch.setattr("gaedist.engine.series.fourier.CHUNK", 1)  # chunks of as many points as waves
    x = 100 + codes(400, dim)
    charges = np.random.default_rng(1).normal(size=(sets, 400))
    basis = Fourier(Shells.of([x]), rate_of(4.0))
    one, two = (basis.transform(x, lambda rows: charges[:, rows], sets, threads) for threads in (1, 2))
    assert (one == two).all()
    expected = charges @ phases(basis, x)
    # FINUFFT is precise to 1e-14 of the sum of |charges|
    assert_allclose(one, expected, rtol=0, atol=1e-13 * np.abs(charges).sum(axis=1).max())


def test_waves_grow_with_the_spread_over_sigma():
    x = codes(400, 2)
    counts = [math.prod(Fourier(Shells.of([x]), rate_of(s)).shape) for s in (16.0, 4.0, 1.0, 0.25)]
    assert counts == sorted(counts)
    assert Fourier(Shells.of([5 * x]), rate_of(25.0)).shape == Fourier(Shells.of([x]), rate_of(1.0)).shape
    with pytest.raises(ValueError, match=r"the series needs \S+ waves, more than 2e\+06"):
        Fourier(Shells.of([x]), rate_of(1e-6))
    assert 16 * 2**3 * MAX_WAVES == 256 << 20  # bytes of the grid of a thread in three dimensions


def test_estimated_times_grow_with_points_waves_and_sets():
    narrow, wide = (Fourier(Shells.of([codes(400, 3)]), rate_of(s)) for s in (0.25, 4.0))
    assert wide.seconds(10**6) < narrow.seconds(10**6)
    assert wide.seconds(10**4) < wide.seconds(10**6) < wide.seconds(10**6, 3)
