"""The recipes of the README log the scores of a run, and its picture is what its command draws.

The recipes are run where their packages are: pip install '.[test-recipes]'.
"""

import re
import struct
from io import BytesIO
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
RECIPES = {
    package: block
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for package in ("tensorboard", "wandb", "mlflow", "lightning")
    if f"import {package}" in block or f", {package}" in block or f"from {package}" in block
}


@pytest.fixture
def log(gaedist, codes):
    assert (
        gaedist("score", "normal.npy", "wide.npy", "narrow.npy", "--metric", "kl", "-o", "log.jsonl")[0] == 0
    )
    return codes


def recipe(package, **names):
    """Run a recipe of the README where its package is installed."""
    pytest.importorskip(package, reason=f"the recipe for {package} needs it: pip install '.[test-recipes]'")
    exec(compile(RECIPES[package], package, "exec"), names)
    return names


def test_every_recipe_is_short():
    assert list(RECIPES) == ["tensorboard", "wandb", "mlflow", "lightning"]
    for package, block in RECIPES.items():
        assert len([line for line in block.splitlines() if line]) <= (8 if package == "lightning" else 6)


@pytest.mark.filterwarnings("ignore")
def test_tensorboard(log):
    recipe("tensorboard")
    (events,) = (log / "runs").iterdir()
    assert events.read_bytes().count(b"\x01z") >= 3


@pytest.mark.filterwarnings("ignore")
def test_wandb(log):
    recipe("wandb")
    assert list((log / "wandb").glob("offline-run-*/*.wandb"))


@pytest.mark.filterwarnings("ignore")
def test_mlflow(log):
    mlflow = recipe("mlflow")["mlflow"]
    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "z")
    assert [metric.step for metric in history] == [0, 1, 2]


@pytest.mark.filterwarnings("ignore")
def test_lightning(tmp_path):
    names = recipe("lightning")
    lightning, torch = names["lightning"], names["torch"]

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))

        def training_step(self, batch, batch_idx):
            return (self.scale * batch[0]).square().mean()

        def validation_step(self, batch, batch_idx):
            return self.scale * batch[0]

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    data = torch.utils.data.TensorDataset(torch.randn(64, 3, generator=torch.Generator().manual_seed(0)))
    loader = torch.utils.data.DataLoader(data, batch_size=16)
    quiet = dict.fromkeys(("enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    settings = {"max_epochs": 2, "accelerator": "cpu", "logger": False, "default_root_dir": tmp_path}
    trainer = lightning.Trainer(callbacks=[names["Score"]()], **settings, **quiet)
    trainer.fit(Module(), loader, loader)
    assert np.isfinite(float(trainer.callback_metrics["z"]))


def test_the_picture_of_the_readme_is_what_its_command_draws(gaedist, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (line,) = re.findall(r"^gaedist (diagnose .* --plot .*)$", README, re.MULTILINE)
    *words, target = line.split()
    assert f"]({target})" in README
    assert gaedist(*words, tmp_path / "x.png")[0] == 0
    kept, drawn = (ROOT / target).read_bytes(), (tmp_path / "x.png").read_bytes()
    assert struct.unpack(">2I", kept[16:24]) == struct.unpack(">2I", drawn[16:24])
    if f"matplotlib {matplotlib.__version__}".encode() in kept:  # others place some pixels differently
        difference = np.abs(matplotlib.image.imread(BytesIO(kept)) - matplotlib.image.imread(BytesIO(drawn)))
        assert difference.mean() < 1e-3
