"""Sums on a PyTorch device agree with the compiled tiles, for every shape of block and both precisions.

Here the device is the processor; on another device the same blocks run.
"""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist as library
from gaedist.engine import device
from gaedist.engine.gaussian_tiling import gaussian_total
from gaedist.engine.run.threads import limited_threads
from gaedist.engine.work import Work
from gaedist.errors import GaedistError
from gaedist.mixtures.diagonal import Constant, Spherical

torch = pytest.importorskip("torch", reason="sums on a device need the extra torch")

CPU = library.Run(device="cpu")


def codes(n, dim, seed=0):
    return np.random.default_rng((seed, dim)).normal(size=(n, dim))


def job(x, y=None, sigma=1.0, weights=None):
    covariance = Constant(sigma**2)
    log2 = np.zeros(len(x)) if weights is None else np.log2(weights)
    return covariance.pair_sum(covariance, x, y, log2, None if y is None else np.zeros(len(y)))


def compiled(wanted, precision="double"):
    with limited_threads(1) as count:
        return gaussian_total(wanted, Work(count, None, 0), precision)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setitem(device._BLOCKS, "cpu", 100)


@pytest.mark.parametrize("n", [2, 99, 100, 101, 350])
@pytest.mark.parametrize(("dim", "sigma"), [(1, 0.05), (3, 1.0), (64, 1.0), (64, 8.0), (512, 1.0)])
def test_pairs_of_one_sample(n, dim, sigma, small_blocks):
    wanted = job(5 + codes(n, dim), sigma=sigma, weights=np.linspace(0.5, 2, n))
    found = device.device_total(wanted, CPU)
    assert_allclose(found.log, compiled(wanted).log, rtol=1e-12, atol=1e-12)
    assert (found.provenance.device, found.provenance.precision) == ("cpu", "double")


@pytest.mark.parametrize(("n", "m"), [(1, 1), (100, 250), (101, 1)])
def test_pairs_of_two_samples(n, m, small_blocks):
    wanted = job(codes(n, 5), codes(m, 5, 1), weights=np.linspace(0.5, 2, n))
    assert_allclose(device.device_total(wanted, CPU).log, compiled(wanted).log, rtol=1e-12, atol=1e-12)


def test_single_precision_keeps_its_promise():
    wanted = job(codes(700, 8))
    found = device.device_total(wanted, library.Run(device="cpu", precision="single"))
    assert found.provenance.precision == "single"
    assert 0 < abs(found.log - compiled(wanted).log) < found.provenance.rounding


def test_single_precision_that_is_too_coarse_is_not_used():
    wanted = job(codes(300, 64), sigma=0.01)
    assert device.device_total(wanted, library.Run(device="cpu", precision="single")) is None


def test_other_sums_stay_where_they_are():
    x, notes = codes(1500, 3), []
    far = np.concatenate([x, 1e6 + x])
    assert device.device_total(job(far), CPU) is None
    spherical = Spherical(np.ones((1500, 1)))
    zeros = np.zeros(1500)
    assert device.device_total(spherical.pair_sum(spherical, x, None, zeros, None), CPU) is None
    result = library.score(x, metric="energy", run=library.Run(device="cpu", note=notes.append))
    assert result.device is None
    assert notes == ["some sums are not made on cpu: those with other kernels than one σ, or far points."]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigma": "median"},
        {"target": "smoothed", "sigma": "prior"},
        {"target": "smoothed", "sigma": "silverman", "estimator": "u"},
        {"metric": "bhep"},
        {"metric": "henze-zirkler"},
        {"target": "smoothed", "prior": library.Prior(mean=np.full(6, 2.0), cov=np.eye(6) + 2)},
        {"logvar": 0.3 * codes(1500, 6, 2) - 1},
    ],
)
def test_a_score_on_a_device(options):
    x = codes(1500, 6)
    expected, found = (
        library.score(x, run=library.Run(method="pairs"), **options),
        library.score(x, run=CPU, **options),
    )
    assert (expected.device, found.device, found.method) == (None, "cpu", "pairs")
    assert_allclose([found.value, found.z], [expected.value, expected.z], rtol=1e-11, atol=1e-14)


def test_progress_counts_blocks(small_blocks):
    counts = []
    run = library.Run(device="cpu", progress=lambda done, total: counts.append((done, total)))
    device.device_total(job(codes(250, 2)), run)
    assert counts == [(done, 6) for done in range(1, 7)]


def test_the_command_line(gaedist, write_codes):
    path = write_codes(12)
    options = ["--format", "json", "--quiet"]
    (_, plain, _), (code, out, err) = (
        gaedist("score", path, *options),
        gaedist("score", path, *options, "--device", "cpu"),
    )
    found, expected = json.loads(out), json.loads(plain)
    assert (code, err, found["device"], expected["device"]) == (0, "", "cpu", None)
    assert_allclose(found["value"], expected["value"], rtol=1e-12)
    code, out, _ = gaedist("compare", path, path, *options, "--device", "cpu")
    assert (code, json.loads(out)["device"]) == (0, "cpu")


@pytest.mark.parametrize("name", ["cuda:7", "gpu", "meta", ""])
def test_a_device_that_is_not_there_is_one_line(gaedist, write_codes, name):
    code, out, err = gaedist("score", write_codes(3), "--device", name)
    assert (code, out) == (2, "")
    assert err.startswith(f"gaedist: device {name} is not available: ")
    assert err.endswith("Use cpu, or leave it out.\n")
    assert len(err) < 200
    assert err.count("\n") == 1


def test_without_pytorch_it_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(
        GaedistError, match=r"sums on a device need PyTorch, .* pip install 'gaedist\[torch\]'"
    ):
        library.Run(device="cpu")


@pytest.mark.parametrize("method", ["fourier", "hermite", "sample"])
def test_other_methods_do_not_go_with_a_device(method):
    with pytest.raises(GaedistError, match=f"does not go with method {method}. Drop one"):
        library.Run(device="cpu", method=method)
