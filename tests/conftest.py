"""The command line in this process, files of codes, and a cache of simulated values for each test."""

import gc
import itertools
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

# two workers share the cores; threads of BLAS and PyTorch that wait for each other would take half the time
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent))

from gaedist.cli.app import main
from gaedist.metrics.significance import NULLS

DATA = Path(__file__).parents[1] / "data"
AUTO = NULLS["auto"]


def pytest_collection_finish():
    """Keep eight thousand tests out of each collection of garbage."""
    gc.freeze()


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    """Yield folders that do not exist: to make and remove thousands of them would take half a minute."""
    folder = tmp_path_factory.mktemp("caches")
    return (folder / str(k) for k in itertools.count())


@pytest.fixture(autouse=True)
def _own_cache(caches, monkeypatch):
    """Keep the simulated values of a test apart from those of the user and of other tests."""
    folder = next(caches)
    monkeypatch.setattr("gaedist.null.cache.folder", lambda: folder)
    monkeypatch.setattr("gaedist.null.monte_carlo._computed", {})
    return folder


@pytest.fixture
def own_cache(_own_cache):
    """Return the folder of the simulated values of this test."""
    _own_cache.mkdir()
    return _own_cache


@pytest.fixture(autouse=True)
def no_simulation_unasked(monkeypatch):
    """Let auto be the closed form: otherwise the speed of this machine decides what is simulated.

    The tests of `gaedist.null.on_demand` undo this by `simulation_unasked`.
    """
    monkeypatch.setitem(NULLS, "auto", NULLS["closed-form"])


@pytest.fixture
def simulation_unasked(monkeypatch, no_simulation_unasked):
    """Let auto simulate as it does for users, however long that takes: simulation_unasked(seconds)."""

    def allow(seconds=float("inf")):
        monkeypatch.setitem(NULLS, "auto", AUTO)
        monkeypatch.setattr("gaedist.null.on_demand.AFFORDABLE", seconds)

    return allow


@pytest.fixture(autouse=True)
def no_note_on_compiling(monkeypatch):
    """Leave out the note that code is compiled: which test is the first to need it depends on the order."""
    monkeypatch.setattr("gaedist.engine.compiled.jit.COMPILE_NOTICE.sent", True)


@pytest.fixture
def gaedist(capfd):
    """Run the command line in this process: gaedist("score", …) → (exit code, stdout, stderr)."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def heeded_signals():
    """Heed signals that a process in the background, or under nohup, ignores, as does what it starts."""
    before = (
        signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    yield
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGHUP, before[1])


@pytest.fixture
def digits():
    return DATA / "digits_pca.npy"


@pytest.fixture
def codes(tmp_path, monkeypatch):
    """Work in a folder with samples in four dimensions, one with bad rows, and one in three dimensions."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("normal.npy", rng.normal(size=(500, 4)))
    np.save("wide.npy", 2 * rng.normal(size=(400, 4)))
    np.save("narrow.npy", 0.5 * rng.normal(size=(400, 4)))
    bad = rng.normal(size=(20, 4))
    bad[[3, 7], 1] = np.nan
    np.save("bad.npy", bad)
    np.save("three.npy", rng.normal(size=(20, 3)))
    return tmp_path


@pytest.fixture
def small_codes(tmp_path, monkeypatch):
    """Work in a folder with small samples in three dimensions, for metrics that take long."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("normal.npy", rng.normal(size=(60, 3)))
    np.save("wide.npy", 1.5 * rng.normal(size=(50, 3)))
    np.save("flat.npy", rng.normal(size=(50, 3)) * [1, 1, 0])


@pytest.fixture
def write_codes(tmp_path):
    """Write a normal sample of a dimension to a file: write_codes(dim) → path."""

    def write(dim, n=1500, name="codes"):
        path = tmp_path / f"{name}{dim}.npy"
        seed = dim if name == "codes" else (dim, len(name))  # files of other names share no rows
        np.save(path, np.random.default_rng(seed).normal(size=(n, dim)))
        return path

    return write
