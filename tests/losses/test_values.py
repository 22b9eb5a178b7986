"""Every loss is the value, the logarithm and the z of `gaedist.score`, and of `gaedist.compare`.

The sums of both share no code: here they are tensors, there compiled tiles. The smoothed distance at σ = √D,
which nearly cancels in many dimensions, is compared with 200 digits too.
"""

import warnings

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist
from gaedist.engine import random_directions
from gaedist.kernels.radial import KERNELS
from gaedist.metrics.registry import ONE_SAMPLE, TWO_SAMPLE
from gaedist.smoothing.bandwidths import BANDWIDTHS

torch = pytest.importorskip("torch", reason="losses need the extra torch")
losses = pytest.importorskip("gaedist.losses", reason="losses need the extra torch")

pytestmark = pytest.mark.filterwarnings("ignore:the distance to N")

DIRECTIONS = gaedist.Parameters(directions=20)
SIZES = [(1, 1), (1, 4), (2, 3), (60, 24), (40, 512), (1100, 3)]
SLICED = ("sliced-wasserstein", "sliced-epps-pulley")
SIGMAS = [1.0, 0.5, 3.0, *BANDWIDTHS]
CLOSED = {"null": "closed-form"}


def sample(n, dim, seed=0, scale=1.1):
    return scale * np.random.default_rng((n, dim, seed)).normal(size=(n, dim)) + 0.1


def options_of(name):
    """Return the parameters of a score, and the same as options of a loss."""
    return (DIRECTIONS, {"directions": 20, "seed": 0}) if name in SLICED else (None, {})


def outcome(function):
    """Return what a function gives, or what it says is wrong."""
    try:
        return function()
    except gaedist.GaedistError as error:
        return error


@pytest.mark.parametrize("name", losses.LOSSES)
def test_names_are_those_of_the_metrics(name):
    assert name in ONE_SAMPLE


@pytest.mark.parametrize(("n", "dim"), SIZES)
@pytest.mark.parametrize("name", [name for name in losses.LOSSES if name != "gaussian"])
def test_one_sample(name, n, dim):
    x, (parameters, options) = sample(n, dim), options_of(name)
    expected = outcome(lambda: gaedist.score(x, metric=name, parameters=parameters, **CLOSED))
    found = outcome(lambda: losses.LOSSES[name](torch.tensor(x), scale="value", **options))
    if isinstance(expected, gaedist.GaedistError) or expected.infinite:
        assert isinstance(found, gaedist.GaedistError)
        return
    assert_allclose(found, expected.value, rtol=1e-10)
    if expected.z is not None:
        z = losses.LOSSES[name](torch.tensor(x), scale="z", **options)
        assert_allclose(z, expected.z, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("n", "dim"), SIZES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel(kernel, n, dim):
    x, parameters = sample(n, dim), gaedist.Parameters(kernel=kernel, scales=[0.3, 2.0])
    expected = outcome(lambda: gaedist.score(x, metric="mmd", parameters=parameters, **CLOSED))
    found = outcome(lambda: losses.mmd(torch.tensor(x), kernel=kernel, scales=[0.3, 2.0]))
    if isinstance(expected, gaedist.GaedistError):
        assert str(found).startswith(str(expected))  # what to do follows
    else:
        assert_allclose(found, expected.value, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kernel", KERNELS)
def test_estimator_v_pairs_points_with_themselves(kernel):
    x, n = torch.tensor(sample(30, 4)), 30
    peak = 7.0  # one for each default scale
    pairs = float(losses.mmd(x, kernel=kernel) - losses.mmd(x, kernel=kernel, estimator="v")) * n
    # V = U + (k(0) − mean over i ≠ j)/n, and the mean over pairs is k(0) less n (V − U)
    squares = ((x[:, None] - x) ** 2).sum(2)
    assert 0 < peak + pairs < peak
    value = losses.mmd(x, kernel=kernel, estimator="v")
    assert_allclose(losses.mmd(x, kernel=kernel, estimator="v", scale="log"), torch.log(value), rtol=1e-12)
    if kernel == "inverse-quadratic":
        scales = 8 * torch.tensor([0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0], dtype=torch.double)
        kernels = (1 / (1 + squares[..., None] / scales)).sum(2)
        mean = (kernels.sum() - peak * n) / (n * (n - 1))
        assert_allclose(peak + pairs, mean, rtol=1e-9)


@pytest.mark.parametrize(("n", "dim"), SIZES)
@pytest.mark.parametrize(("target", "estimator"), [("normal", "v"), ("smoothed", "v"), ("smoothed", "u")])
@pytest.mark.parametrize("sigma", SIGMAS)
def test_gaussian(sigma, target, estimator, n, dim):
    x, options = sample(n, dim), {"sigma": sigma, "target": target, "estimator": estimator}
    expected = outcome(lambda: gaedist.score(x, **options, **CLOSED))
    found = outcome(lambda: losses.gaussian(torch.tensor(x), scale="value", **options))
    if isinstance(expected, gaedist.GaedistError):
        assert str(found) == str(expected)
        return
    # the terms are about 1 each, of which u leaves little, and D log σ has rounding errors in score
    assert_allclose(found, expected.value, rtol=1e-10, atol=2e-13 if target == "smoothed" else 0)
    if expected.z is not None:
        z = losses.gaussian(torch.tensor(x), scale="z", **options)
        assert_allclose(z, expected.z, rtol=1e-8, atol=1e-8)
    if estimator == "v":
        log = losses.gaussian(torch.tensor(x), scale="log", **options)
        assert_allclose(log, expected.log_value, rtol=1e-10, atol=2e-10)


@pytest.mark.parametrize("dim", [1, 8, 512])
def test_the_default_is_z_at_the_spread_of_the_prior(dim):
    x = sample(20, dim)
    expected = gaedist.score(x, target="smoothed", sigma="prior", **CLOSED).z
    assert_allclose(losses.gaussian(torch.tensor(x)), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0, "prior"])
@pytest.mark.parametrize("target", ["normal", "smoothed"])
def test_logarithm_in_4096_dimensions(sigma, target):
    x = sample(12, 4096)
    expected = gaedist.score(x, sigma=sigma, target=target, **CLOSED)
    found = losses.gaussian(torch.tensor(x), sigma=sigma, target=target, scale="log")
    assert_allclose(found, expected.log_value, rtol=1e-10, atol=2e-10)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize(
    ("name", "n", "dim"),
    [
        *(
            (name, *size)
            for name in losses.LOSSES
            for size in [(1, 3), (2, 1), (70, 32), (9, 512), (6, 4096)]
        ),
        ("kl", 300, 256),
    ],
)
def test_every_type_is_summed_in_double(name, n, dim, dtype):
    (parameters, options), x = options_of(name), torch.tensor(sample(n, dim)).to(getattr(torch, dtype))
    loss, smoothing = losses.LOSSES[name], {}
    if name == "gaussian":
        smoothing = {"sigma": dim**0.5, "target": "smoothed"}
    codes = x.double().numpy()
    expected = outcome(
        lambda: gaedist.score(codes, metric=name, parameters=parameters, **smoothing, **CLOSED)
    )
    found = outcome(lambda: loss(x.requires_grad_(), scale="value", **options))
    if isinstance(expected, gaedist.GaedistError) or expected.infinite:
        assert "drop_last=True" in str(found) or str(found) == str(expected)
        return
    assert_allclose(found.detach(), expected.value, rtol=1e-10)
    if name != "mmd":  # whose estimator u can be negative
        log = loss(x, scale="log", **options)
        assert_allclose(log.detach(), expected.log_value, rtol=1e-10, atol=1e-10)
    found.backward()
    assert x.grad.dtype == x.dtype
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(("n", "dim"), [(12, 256), (6, 2048)])
def test_terms_that_nearly_cancel(n, dim):
    x = sample(n, dim, scale=1.0)
    v, u = map(float, naive.score_smoothed_mp(x, dim**0.5))
    options = {"sigma": dim**0.5, "scale": "value"}
    assert_allclose(losses.gaussian(torch.tensor(x), **options), v, rtol=1e-12)
    assert_allclose(losses.gaussian(torch.tensor(x), estimator="u", **options), u, rtol=1e-9)


@pytest.mark.parametrize(("n", "m", "dim"), [(1, 2, 3), (2, 3, 1), (7, 7, 3), (30, 50, 24), (8, 5, 512)])
@pytest.mark.parametrize("name", [name for name in losses.LOSSES if name in TWO_SAMPLE])
def test_two_samples(name, n, m, dim):
    x, y, (parameters, options) = sample(n, dim), sample(m, dim, 1), options_of(name)
    options |= {"sigma": 1.0} if name == "gaussian" else {}
    x = x.astype(np.float32)
    expected = outcome(lambda: gaedist.compare(x, y, metric=name, parameters=parameters))
    tensors = torch.tensor(x), torch.tensor(y)
    found = outcome(lambda: losses.LOSSES[name](*tensors, scale="value", **options))
    if isinstance(expected, gaedist.GaedistError):
        assert str(found) == str(expected) or "drop_last=True" in str(found)
    else:
        assert_allclose(found, expected.value, rtol=1e-10)


@pytest.mark.parametrize(("n", "m", "dim"), [(9, 7, 2), (90, 70, 64)])
def test_kl_of_two_samples(n, m, dim):
    x, y = sample(n, dim), 3 * sample(m, dim, 1)
    (a, c), (b, d) = ((z.mean(axis=0), np.cov(z.T, bias=True)) for z in (x, y))
    apart, inverse = a - b, np.linalg.inv(d)
    logs = np.linalg.slogdet(c)[1] - np.linalg.slogdet(d)[1]
    expected = (np.trace(inverse @ c) + apart @ inverse @ apart - dim - logs) / 2
    assert_allclose(losses.kl(torch.tensor(x), torch.tensor(y)), expected, rtol=1e-10)


@pytest.mark.parametrize("beta", [0.7, 40.0])  # by waves and by pairs
@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 4), (60, 90)])
def test_sliced_epps_pulley_of_two_samples(n, m, beta):
    x, y = sample(n, 3), sample(m, 3, 1)
    values = []
    for along in random_directions(3, 5, 0):
        t, s = x @ along, y @ along
        means = [
            np.exp(-((beta * np.subtract.outer(a, b)) ** 2) / 2).mean() for a, b in ((t, t), (s, s), (t, s))
        ]
        values.append(n * m / (n + m) * (means[0] + means[1] - 2 * means[2]))
    found = losses.sliced_epps_pulley(torch.tensor(x), torch.tensor(y), beta=beta, directions=5, seed=0)
    assert_allclose(found, np.mean(values), rtol=1e-10)


@pytest.mark.parametrize("sigma", [0.7, "median", "silverman"])
@pytest.mark.parametrize("estimator", ["v", "u"])
def test_gaussian_of_two_samples(sigma, estimator):
    x, y = sample(20, 5), sample(33, 5, 1)
    expected = gaedist.compare(x, y, sigma=sigma, estimator=estimator)
    options = {"sigma": sigma, "estimator": estimator}
    found = losses.gaussian(torch.tensor(x), torch.tensor(y), scale="value", **options)
    assert_allclose(found, expected.value, rtol=1e-10)


@pytest.mark.parametrize(
    "loss",
    [
        losses.gaussian,
        lambda *samples, scale: losses.gaussian(*samples, estimator="u", scale=scale),
        losses.mmd,
        lambda *samples, scale: losses.mmd(*samples, estimator="v", scale=scale),
        losses.energy,
        losses.cramer_wold,
        lambda *samples, scale: losses.cramer_wold(*samples, approximate=True, scale=scale),
        lambda *samples, scale: losses.sliced_wasserstein(*samples, directions=9, scale=scale),
        lambda *samples, scale: losses.sliced_epps_pulley(*samples, directions=9, scale=scale),
    ],
)
def test_z_of_two_normal_samples_is_0_on_average_with_sd_1(loss):
    rng = np.random.default_rng(3)
    draws = torch.tensor(rng.normal(size=(900, 12, 3))), torch.tensor(rng.normal(size=(900, 9, 3)))
    torch.manual_seed(0)
    z = torch.vmap(lambda x, y: loss(x, y, scale="z"), randomness="different")(*draws).numpy()
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert abs(z.std() - 1) < 0.15  # tails are heavier than normal ones


@pytest.mark.parametrize("estimator", ["v", "u"])
@pytest.mark.parametrize("name", ["gaussian", "mmd"])
def test_no_z_where_rounding_hides_the_sample(name, estimator):
    x = torch.tensor(sample(9, 3))
    wide = {"sigma": 1e9} if name == "gaussian" else {"kernel": "gaussian", "scales": [1e12]}
    for samples in ((x,), (x, x[:4])):
        with pytest.raises(gaedist.GaedistError, match="there is no z: the kernel is so wide"):
            losses.LOSSES[name](*samples, scale="z", estimator=estimator, **wide)


def test_a_narrow_kernel_is_refused_as_by_the_metric():
    with pytest.raises(gaedist.GaedistError, match="the kernel is so narrow that its mean"):
        losses.mmd(torch.tensor(sample(9, 512)), kernel="gaussian", scales=[1e-3])


@pytest.mark.parametrize("name", losses.LOSSES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_codes_that_are_not_finite_give_no_number(name, bad):
    x = torch.tensor(sample(9, 3))
    y = x.clone()
    y[4, 1] = bad
    (_, options), loss = options_of(name), losses.LOSSES[name]
    assert not torch.isfinite(loss(y, **options))
    assert not torch.isfinite(loss(y, x, **options))


def test_the_normal_target_names_its_minimum():
    x = torch.zeros(5, 3, dtype=torch.double)
    with pytest.warns(UserWarning, match=r"codes at 0 have 0\. Trained with it, codes collapse"):
        value = losses.gaussian(x, target="normal", sigma=1.0, scale="value")
    assert_allclose(value, 0, atol=1e-15)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert losses.gaussian(x, scale="value") > 0.01
