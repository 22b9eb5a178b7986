"""Gradients that are written out are those of the formulas, and sums in groups of axes lose no digits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.engine import Profile, Shape

torch = pytest.importorskip("torch", reason="losses need the extra torch")
losses = pytest.importorskip("gaedist.losses", reason="losses need the extra torch")
diagonals = pytest.importorskip("gaedist.losses.diagonal", reason="losses need the extra torch")
sliced = pytest.importorskip("gaedist.losses.sliced", reason="losses need the extra torch")
profiles = pytest.importorskip("gaedist.losses.profiles", reason="losses need the extra torch")

SHAPES = {
    Shape.POWER: ((0.3, 2.0), ()),
    Shape.ROOT: ((), ()),
    Shape.INVERSE: ((0.01, 0.3, 5.0), ()),
    Shape.INVERSE_ROOT: ((0.2, 1.0), ()),
    Shape.INVERSE_POWER: ((0.2, 1.0), (0.7,)),
    Shape.ROOT_POWER: ((0.3, 2.0), ()),
    Shape.SERIES: ((0.2,), (0.0, 0.3, -0.1, 1.0)),
}


def gradients(function, tensors, weights):
    """Return the gradient of Σ weight · value as it is written out, by autograd, and of a batch."""
    written_out = torch.autograd.grad((function(*tensors) * weights).sum(), tensors)
    by_autograd = torch.autograd.grad((function(*tensors) * weights).sum(), tensors, create_graph=True)
    stacked = [torch.stack([t.detach(), 2 * t.detach()]).requires_grad_() for t in tensors]
    of_batch = torch.autograd.grad((torch.vmap(function)(*stacked) * weights).sum(), stacked)
    return written_out, by_autograd, [slope[0] for slope in of_batch]


def assert_alike(function, tensors, weights):
    written_out, *others = gradients(function, tensors, weights)
    for other in others:
        for a, b in zip(written_out, other, strict=True):
            assert torch.isfinite(a).all()
            assert_allclose(a.detach(), b.detach(), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shape", Shape)
def test_profiles(shape):
    rates, rest = SHAPES[shape]
    squared = torch.logspace(-6, 6, 40, dtype=torch.double)
    squared[0] = 0
    weights = torch.linspace(-1, 2, 40, dtype=torch.double)
    profile = Profile(shape, rates, rest)
    assert_alike(lambda t: profiles.profile_of(profile, t), [squared.requires_grad_()], weights)


def diagonal(n, m, dim, spread, seed=0):
    g = np.random.default_rng(seed)
    sizes = (n, dim), (n, dim), (m, dim), (m, dim)
    x, v, y, w = (torch.tensor(g.normal(size=size)) for size in sizes)
    return [part.requires_grad_() for part in (x, (spread * v).exp(), y, (spread * w).exp())]


@pytest.fixture(params=[0, 10**9], ids=["compiled", "by PyTorch"])
def compiled_from(request, monkeypatch):
    """Let compiled code, or PyTorch, compute the overlaps of any size."""
    monkeypatch.setattr(diagonals, "_MANY", request.param)


@pytest.mark.parametrize("dim", [1, 3, 40])
def test_diagonal(dim, compiled_from):
    weights = torch.linspace(-1, 2, 20, dtype=torch.double).reshape(5, 4)
    assert_alike(diagonals.DIAGONAL, diagonal(5, 4, dim, 0.7), weights)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 200.0])
@pytest.mark.parametrize("dim", [1, 64, 1000])
def test_products_of_widths_stay_in_range(dim, spread, compiled_from):
    x, v, y, w = (part.detach().numpy().astype(np.longdouble) for part in diagonal(6, 5, dim, spread))
    both, apart = v[:, None] + w, x[:, None] - y
    expected = -0.5 * (np.log(both) + apart**2 / both).sum(2)
    tensors = diagonal(6, 5, dim, spread)
    found = diagonals.DIAGONAL(*tensors)
    assert_allclose(found.detach().numpy(), expected.astype(float), rtol=1e-13, atol=1e-13 * dim)
    if spread > 100:
        return  # derivatives leave the range of a double
    widths = 0.5 * (apart**2 / both - 1) / both
    gradients = (-apart / both).sum(1), widths.sum(1), (apart / both).sum(0), widths.sum(0)
    for slope, wanted in zip(torch.autograd.grad(found.sum(), tensors), gradients, strict=True):
        scale = np.abs(wanted).max(initial=1e-300)
        assert_allclose(slope.numpy(), wanted.astype(float), rtol=1e-12, atol=1e-14 * scale)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", [0, 1])
def test_numbers_that_are_not_finite_show(odd, place, compiled_from):
    """A center or a width that is not finite makes its pairs NaN or −∞, and stops nothing."""
    tensors = [part.detach() for part in diagonal(6, 5, 3, 0.7)]
    tensors[place][2, 1] = odd
    with torch.enable_grad():
        found = diagonals.DIAGONAL(*(part.requires_grad_() for part in tensors)).detach()
    rows = torch.isfinite(found).all(1)
    assert rows.tolist() == [True, True, False, True, True, True]
    assert not torch.isfinite(found[2]).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 8), (8, 7), (65, 130)])
def test_compiled_overlaps_are_those_of_pytorch(size, monkeypatch):
    """Columns of larger tensors, and any number of threads, give the same bits of the compiled code."""
    wide = [torch.cat([part.detach(), part.detach()], 1) for part in diagonal(*size, 5, 0.7)]
    weights, threads = torch.linspace(-1, 2, size[0] * size[1], dtype=torch.double).reshape(size), []

    def found(many, count):
        monkeypatch.setattr(diagonals, "_MANY", many)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads.append(count) or count)
        tensors = [part[:, 2:7].requires_grad_() for part in wide]
        value = diagonals.DIAGONAL(*tensors)
        return value.detach(), *torch.autograd.grad((value * weights).sum(), tensors)

    one, two, plain = found(0, 1), found(0, 3), found(10**9, 1)
    assert threads == [1, 1, 3, 3]
    for a, b, c in zip(one, two, plain, strict=True):
        assert (a == b).all()
        assert_allclose(a, c, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dim", [8, 512, 4096])
def test_aggregate_posterior_keeps_digits_in_many_dimensions(dim):
    """Overlaps differ in the second digit: what is left of them has as many digits at any D."""
    g, n, s = np.random.default_rng(1), 12, float(dim)
    mu, v = g.normal(size=(n, dim)), np.exp(g.normal(size=(n, dim)) - 1)

    def overlap(a, v, b, w):
        both = v[:, None].astype(np.longdouble) + w + 2 * s
        logs = np.log(both / (2 * s)) + (a[:, None].astype(np.longdouble) - b) ** 2 / both
        return np.exp(-0.5 * logs.sum(2)).mean()

    prior = np.zeros((1, dim)), np.ones((1, dim))
    expected = overlap(mu, v, mu, v) + overlap(*prior, *prior) - 2 * overlap(mu, v, *prior)
    found = losses.gaussian_mixture(torch.tensor(mu), torch.tensor(v), sigma=s**0.5)
    assert_allclose(float(found), float(expected), rtol=1e-12)


@pytest.mark.parametrize("size", [0, 10**9])
@pytest.mark.parametrize("count", [1, 2, 30, 3000])
def test_waves(count, size):
    """Multiples by rotation agree with cosines and sines of the multiples, and so do their derivatives."""
    angles = torch.linspace(-40, 40, 35, dtype=torch.double).reshape(7, 5).requires_grad_()
    multiples = torch.arange(1, count + 1, dtype=torch.double)[:, None, None]
    expected = torch.stack([torch.cos(multiples * angles).mean(1), torch.sin(multiples * angles).mean(1)])
    found = sliced._waves(count, size)(angles)
    error = 2e-16 * 40 * count + 1e-14  # the rounding of the largest multiple, and of a cosine
    assert_allclose(found.detach(), expected.detach(), rtol=0, atol=error)
    weights = torch.linspace(-1, 2, expected.numel(), dtype=torch.double).reshape(expected.shape)
    (gradients,), (exact,) = (torch.autograd.grad((t * weights).sum(), [angles]) for t in (found, expected))
    assert_allclose(gradients, exact, rtol=0, atol=error * count**2 / 7)  # Σ_k k, over 7 rows
    if count <= 30:
        assert_alike(sliced._waves(count, size), [angles], weights)
