"""Modules hold a loss with its options, mistakes are one line, and training brings codes to N(0, I)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

import gaedist
from gaedist.errors import GaedistError

torch = pytest.importorskip("torch", reason="losses need the extra torch")
losses = pytest.importorskip("gaedist.losses", reason="losses need the extra torch")


@pytest.mark.parametrize("name", losses.LOSSES)
def test_a_module_is_its_function(name):
    x = torch.randn(20, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    options = {"scale": "value"} | ({"seed": 0} if name.startswith("sliced") else {})
    module = losses.DistanceLoss(name, **options)
    assert module(x) == losses.LOSSES[name](x, **options)
    assert repr(module).startswith(f"DistanceLoss({name!r}, scale='value'")
    assert not list(module.parameters())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.DistanceLoss("wasserstein"), "metric must be one of gaussian, kl, mmd"),
        (lambda: losses.DistanceLoss("kl", beta=1), "the loss kl has no option beta. Choose from scale"),
        (lambda: losses.gaussian([[1.0]]), "codes must be a PyTorch tensor; got list. Use torch.as_tensor"),
        (lambda: losses.gaussian(torch.ones(3)), r"a tensor \(n, D\), not empty; got shape \(3,\)"),
        (lambda: losses.gaussian(torch.ones(0, 3)), r"not empty; got shape \(0, 3\)"),
        (
            lambda: losses.gaussian(torch.ones(3, 2, dtype=torch.long)),
            "floating-point numbers; got torch.int64",
        ),
        (lambda: losses.gaussian(torch.ones(3, 2), torch.ones(3, 4)), "dimensions differ: 2 and 4"),
        (
            lambda: losses.gaussian(torch.ones(3, 2), torch.ones(3, 2, device="meta")),
            "second sample must be a dense tensor that holds numbers; got one on the device meta",
        ),
        (lambda: losses.gaussian(torch.ones(3, 2).to_sparse()), "numbers; got layout sparse_coo"),
        (
            lambda: losses.gaussian(torch.ones(3, 2), sigma="wide"),
            "sigma must be one of silverman, scott, median",
        ),
        (lambda: losses.gaussian(torch.ones(3, 2), sigma=0.0), "sigma must be a positive, finite number"),
        (
            lambda: losses.gaussian(torch.ones(3, 2), estimator="u", scale="log"),
            "log needs values that are never negative",
        ),
        (lambda: losses.mmd(torch.ones(3, 2), scale="log"), "estimator u gives such. Use v"),
        (lambda: losses.mmd(torch.ones(3, 2), estimator="w"), "estimator must be one of v, u"),
        (
            lambda: losses.kl(torch.ones(3, 3)),
            "singular at D = 3, so kl is infinite. Use a batch of at least 4",
        ),
        (lambda: losses.energy(torch.ones(3, 2), scale="square"), "scale must be one of value, log, z"),
        (
            lambda: losses.kl(torch.ones(3, 2), torch.ones(3, 2), scale="z"),
            "two samples have none for this metric",
        ),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(GaedistError, match=message):
        call()


@pytest.mark.parametrize(("options", "rate"), [({}, 0.03), ({"scale": "log"}, 0.1)])  # z overshoots at 0.1
def test_a_few_steps_bring_codes_nearer_to_the_normal_distribution(options, rate):
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(6, 3), torch.randn(256, 6)
    loss = losses.DistanceLoss(**options)
    optimizer = torch.optim.Adam(layer.parameters(), rate)

    def z_of_codes():
        return gaedist.score(layer(x).detach().numpy(), target="smoothed", sigma=1.0).z

    before, values = z_of_codes(), []
    for _ in range(5):
        optimizer.zero_grad()
        value = loss(layer(x))
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values == sorted(values, reverse=True)
    assert z_of_codes() < before / 2


def test_the_example_of_the_readme_runs():
    text = (Path(__file__).parents[2] / "README.md").read_text()
    (example,) = (
        block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "losses." in block
    )
    codes, squared_error = torch.randn(20, 3, requires_grad=True), torch.tensor(1.0)
    names = {"codes": codes, "squared_error": squared_error}
    exec(example, names)
    assert_allclose(names["loss"].detach(), 1 + 0.01 * losses.gaussian(codes).detach())


def test_directions_are_new_ones_of_pytorchs_generator():
    x = torch.randn(20, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    first, second = (losses.sliced_wasserstein(x, directions=4) for _ in range(2))
    torch.manual_seed(1)
    assert first == losses.sliced_wasserstein(x, directions=4)
    assert first != second


def test_one_line_without_pytorch():
    code = "import sys; sys.modules['torch'] = None; import gaedist\n"
    code += (
        "try: import gaedist.losses\nexcept gaedist.GaedistError as e: print(isinstance(e, ImportError), e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ("True losses need PyTorch, which is not installed: pip install 'gaedist[torch]'\n")


def test_the_package_does_not_import_pytorch():
    code = "import sys, gaedist.cli.commands, gaedist.metrics.registry; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_score_leaves_the_threads_of_pytorch_alone():
    code = """
import numpy, torch
torch.set_num_threads(1)
import gaedist
gaedist.score(numpy.random.default_rng(0).normal(size=(2500, 4)), run=gaedist.Run(method="pairs"))
print(torch.get_num_threads())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
