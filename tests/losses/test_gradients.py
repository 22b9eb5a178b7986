"""First and second derivatives agree with finite differences, and are finite and right at equal codes, at 0
and far away; blocks, transforms of functions and mixed precision give what one dense sum gives.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.errors import GaedistError
from gaedist.kernels.radial import KERNELS
from gaedist.smoothing.mean_field import MEAN_FIELDS

torch = pytest.importorskip("torch", reason="losses need the extra torch")
losses = pytest.importorskip("gaedist.losses", reason="losses need the extra torch")
recomputed = pytest.importorskip("gaedist.losses.recomputed", reason="losses need the extra torch")

pytestmark = pytest.mark.filterwarnings("ignore:the distance to N")

SLICED = {"directions": 5, "seed": 0}
NORMAL = {"target": "normal", "sigma": 1.0, "scale": "value"}
CASES = [
    ("gaussian", {}),
    ("gaussian", {"scale": "z"}),
    ("gaussian", {"estimator": "u", "scale": "z", "sigma": 2.0}),
    ("gaussian", NORMAL),
    *(("mmd", {"kernel": kernel, "scales": [0.3, 2.0]}) for kernel in KERNELS),
    ("mmd", {"estimator": "v", "scale": "log"}),
    ("sliced-wasserstein", SLICED),
    ("sliced-epps-pulley", SLICED),
    ("sliced-epps-pulley", SLICED | {"beta": 50.0}),  # by pairs
    ("cramer-wold", {}),
    ("cramer-wold-approx", {}),
    ("energy", {}),
    ("kl", {}),
]


def codes(n, dim, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=(n, dim)), requires_grad=True)


def bound(name, options):
    return lambda *samples: losses.LOSSES[name](*samples, **options)


def gradient(loss, *tensors):
    tensors = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    value = loss(*tensors)
    return value.detach(), torch.autograd.grad(value, tensors)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_one_sample(name, options):
    loss = bound(name, options)
    assert torch.autograd.gradcheck(loss, (codes(6, 3),))
    assert torch.autograd.gradgradcheck(loss, (codes(6, 3),))


@pytest.mark.parametrize(("name", "options"), [(name, o) for name, o in CASES if o is not NORMAL])
def test_two_samples(name, options):
    samples = codes(4, 2), codes(3, 2, 1)
    assert torch.autograd.gradcheck(bound(name, options), samples)
    assert torch.autograd.gradgradcheck(bound(name, options), samples)


@pytest.mark.parametrize(
    ("width", "sigma"),
    [
        (1, None),
        (3, 1.5),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, 1.5), (3, None))),
    ],
)
def test_mixtures(width, sigma):
    variances = torch.linspace(0.2, 1.5, 4 * width, dtype=torch.double).reshape(4, width).requires_grad_()
    samples = codes(4, 3), variances

    def against_another(x, v):
        return losses.gaussian_mixture(x, v, codes(3, 3, 1), "spherical", sigma=sigma, scale="value")

    def to_normal(scale):
        return lambda x, v: losses.gaussian_mixture(x, v.clamp(max=0.9), sigma=sigma, scale=scale)

    for loss in (to_normal("value"), to_normal("log"), to_normal("z"), against_another):
        assert torch.autograd.gradcheck(loss, samples)
        assert torch.autograd.gradgradcheck(loss, samples)


@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_a_mean_field_is_held_fixed(family):
    x, step = codes(6, 4), 1e-6
    value, (found,) = gradient(lambda x: losses.gaussian_mixture(x, family), x)
    assert torch.isfinite(found).all()
    if family == "radial":  # whose axes turn with the point
        return
    variances = torch.tensor(MEAN_FIELDS[family](x.detach().numpy()).variances)
    rise = losses.gaussian_mixture(x.detach() + step * found, variances) - value
    assert_allclose(rise / step, (found**2).sum(), rtol=1e-4)


EDGES = {
    "equal": torch.ones(6, 3),
    "zero": torch.zeros(6, 3),
    "some equal": torch.tensor([[1.0, 2, 3], [1, 2, 3], [0, 0, 1], [0, 0, 0]]),
    "far": 1e6 * torch.tensor([[1.0, 2, 3], [-1, 0, 2], [4, 4, 0], [1, 1, 1]]),
    "very far": 1e30 * torch.tensor([[1.0, 2, 3], [-1, 0, 2], [4, 4, 0], [1, 1, 1]]),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(("name", "options"), [(name, options) for name, options in CASES if name != "kl"])
def test_edges_are_finite(name, options, edge):
    value, (found,) = gradient(bound(name, options), EDGES[edge].double())
    assert torch.isfinite(value)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_edges_of_a_mean_field_are_finite(family, edge):
    value, (found,) = gradient(lambda x: losses.gaussian_mixture(x, family), EDGES[edge].double())
    assert torch.isfinite(value)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize(
    ("name", "options"), [("gaussian", {"sigma": 1.0}), ("mmd", {"kernel": "gaussian"}), ("mmd", {})]
)
def test_equal_codes_stay_together(name, options):
    # the pull between equal codes is 0, so each is drawn to 0 alone, as symmetry demands
    _, (found,) = gradient(bound(name, options), torch.ones(6, 3, dtype=torch.double))
    assert_allclose(found, np.full((6, 3), float(found[0, 0])), rtol=1e-9)
    assert (found > 0).all()


def test_near_codes_far_from_the_others_keep_their_digits():
    near = torch.tensor([[1e8, 0.0], [1e8 + 0.5, 0.25]], dtype=torch.double)
    x = torch.cat([near, -near])
    value, (found,) = gradient(lambda x: losses.gaussian(x, sigma=0.5, scale="value"), x)
    kernel = np.exp(-(0.5**2 + 0.25**2))
    assert_allclose(value, (4 + 4 * kernel) / 16 + 1 / 5, rtol=1e-12)
    assert_allclose(found[0], [2 / 16 * 2 * 0.5 * kernel, 2 / 16 * 2 * 0.25 * kernel], rtol=1e-10)


@pytest.mark.parametrize(("name", "options"), [*CASES[:4], *CASES[5:6], *CASES[8:11], *CASES[-4:-1]])
@pytest.mark.parametrize("n", [19, 23])  # in blocks of 9; 19 leaves one point
def test_blocks_give_what_a_dense_sum_gives(name, options, n, monkeypatch):
    loss, x = bound(name, options), codes(n, 3)
    value, (found,) = gradient(loss, x)
    monkeypatch.setattr(recomputed, "CACHED", 81)
    monkeypatch.setattr(recomputed, "_MOST_THREADS", 1)
    in_blocks, (blocked,) = gradient(loss, x)
    assert_allclose(in_blocks, value, rtol=1e-11)
    assert_allclose(blocked, found, rtol=1e-9, atol=1e-12)
    assert_allclose(torch.func.grad(loss)(x.detach()), found, rtol=1e-9, atol=1e-12)
    if name == "gaussian":
        assert torch.autograd.gradgradcheck(loss, (codes(5, 3),))


@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_blocks_of_mixtures(family, monkeypatch):
    def loss(x, y):
        return losses.gaussian_mixture(x, family, y, family)

    samples = codes(23, 3), codes(12, 3, 1)
    value, found = gradient(loss, *samples)
    monkeypatch.setattr(recomputed, "CACHED", 27)
    in_blocks, blocked = gradient(loss, *samples)
    assert_allclose(in_blocks, value, rtol=1e-11)
    for one, other in zip(blocked, found, strict=True):
        assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_directions_in_batches(monkeypatch):
    loss, x = bound("sliced-epps-pulley", {"directions": 30, "seed": 0}), codes(9, 3)
    value, (found,) = gradient(loss, x)
    monkeypatch.setattr(recomputed, "CACHED", 500)
    in_batches, (batched,) = gradient(loss, x)
    assert_allclose(in_batches, value, rtol=1e-12)
    assert_allclose(batched, found, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_transforms_and_modes(name, options):
    loss, batch = bound(name, options), codes(18, 3).detach().reshape(3, 6, 3)
    expected = [gradient(loss, x) for x in batch]
    values, gradients = torch.stack([e[0] for e in expected]), torch.stack([e[1][0] for e in expected])
    assert_allclose(torch.vmap(loss)(batch), values, rtol=1e-11)
    assert_allclose(torch.vmap(torch.func.grad(loss))(batch), gradients, rtol=1e-8, atol=1e-11)
    assert_allclose(torch.func.jacrev(loss)(batch[0]), gradients[0], rtol=1e-8, atol=1e-11)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert float(loss(batch[0])) == float(values[0])
    torch.use_deterministic_algorithms(True)
    try:
        again = gradient(loss, batch[0])
    finally:
        torch.use_deterministic_algorithms(False)
    assert float(again[0]) == float(values[0])
    assert torch.equal(again[1][0], gradients[0])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # which PyTorch calls
@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, o, marks=pytest.mark.slow if o.get("kernel") in list(KERNELS)[1:] else [])
        for name, o in CASES
    ],
)
def test_forward_mode(name, options, monkeypatch):
    loss, x = bound(name, options), codes(5, 3).detach()
    assert_allclose(torch.func.jacfwd(loss)(x), gradient(loss, x)[1][0], rtol=1e-8, atol=1e-11)
    hessian = torch.autograd.functional.hessian(loss, x)
    assert_allclose(torch.func.hessian(loss)(x), hessian, rtol=1e-7, atol=1e-10)
    monkeypatch.setattr(recomputed, "CACHED", 3)
    assert_allclose(torch.func.jacfwd(loss)(x), gradient(loss, x)[1][0], rtol=1e-8, atol=1e-11)
    assert_allclose(torch.func.hessian(loss)(x), hessian, rtol=1e-7, atol=1e-10)


@pytest.mark.filterwarnings("ignore")  # of PyTorch's own, when it first compiles
def test_compiled_models_may_contain_a_loss():
    x, layer = codes(6, 3).detach(), torch.nn.Linear(3, 2, dtype=torch.double)

    def step(x):
        return (losses.gaussian(layer(x)) + losses.mmd(layer(x))).exp()

    compiled = torch.compile(step, backend="eager")
    assert_allclose(compiled(x).detach(), step(x).detach(), rtol=1e-14)


@pytest.mark.parametrize("sigma", ["median"])
def test_what_reads_codes_is_refused_within_vmap(sigma):
    batch = codes(18, 3).detach().reshape(3, 6, 3)
    with pytest.raises(
        GaedistError, match=r"sigma median reads the codes, which vmap does not allow\. Give a"
    ):
        torch.vmap(lambda x: losses.gaussian(x, sigma=sigma))(batch)
    with pytest.raises(GaedistError, match="a mean field reads the codes, which vmap does not allow"):
        torch.vmap(lambda x: losses.gaussian_mixture(x, "radial"))(batch)


@pytest.mark.slow
def test_memory_of_100000_codes():
    import resource

    x = torch.randn(100_000, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    losses.gaussian(x).backward()
    assert torch.isfinite(x.grad).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_000_000  # KiB
