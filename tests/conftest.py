import os
import sys
from pathlib import Path

import pytest

# two workers share the cores; BLAS threads that wait for each other would take half of the time
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent))

from gaedist.cli.app import main

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep simulated scores of a test away from the user's, and from other tests."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("gaedist.null.cache.folder", lambda: folder)
    monkeypatch.setattr("gaedist.null.monte_carlo._computed", {})
    return folder


@pytest.fixture(autouse=True)
def untold(monkeypatch):
    """Tell nobody that something is compiled, as it is in the first test that needs it."""
    monkeypatch.setattr("gaedist.engine.compiled.arithmetic.LISTENER.told", True)


@pytest.fixture
def gaedist(capfd):
    """Run the command line in this process: gaedist("score", …) → (exit code, stdout, stderr)."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def digits():
    return DATA / "digits_pca.npy"
