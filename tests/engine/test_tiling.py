import os
import subprocess
import sys

import numpy as np
import pytest

from gaedist.engine import tiles
from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.compiled.sizes import TILE

SCRIPT = "import gaedist, numpy; print(gaedist.score(numpy.ones((2000, 9))).value.hex())"


def test_positions_of_tiles():
    lower = [(row, column) for row in range(30) for column in range(row + 1)]
    assert [tiles.position(k, True, 30) for k in range(len(lower))] == lower
    assert [tiles.position(k, False, 7) for k in range(21)] == [divmod(k, 7) for k in range(21)]
    rows = 40_000_000
    assert tiles.position(rows * (rows + 1) // 2 - 1, True, rows) == (rows - 1, rows - 1)
    assert tiles.position(rows * (rows + 1) // 2, True, rows) == (rows, 0)


def run(environment, script=SCRIPT):
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_damaged_cache_is_compiled_again_to_the_same_bits(tmp_path):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    compiled = run(environment)
    cached = list(tmp_path.rglob("*.nb[ic]"))
    assert len(cached) == 2
    assert run(environment) == compiled
    (code,) = (path for path in cached if path.suffix == ".nbc")
    code.write_bytes(code.read_bytes()[:1000])
    assert run(environment) == compiled
    assert code.stat().st_size > 1000


@pytest.mark.slow
def test_damaged_index_of_the_cache_is_no_error(tmp_path):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    compiled = run(environment)
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(b"nonsense")
    assert run(environment) == compiled


def test_missing_cache_folder_is_no_error():
    nowhere = {"NUMBA_CACHE_DIR": "/proc/none", "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    run(nowhere, "from gaedist.engine import gaussian_tiles")


@pytest.mark.parametrize("peak", [False, True])
def test_tile_functions_take_differences_when_told(peak):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(300, 3))
    norms = (x**2).sum(axis=1), (y**2).sum(axis=1)
    results = []
    factors, shifts = np.array([1.0, 0.4]), np.array([0.0, 3.0])
    for limit in (0.0, 1e9):
        partial = np.empty((2, 2))
        tiles.sum_tiles(
            Gaussian(0.7), True, False, False, x, y, x, y, *norms, np.zeros((1, 5)), np.zeros((1, 300)),
            limit, False, factors, shifts, peak, 0, partial, np.empty((8, 1, TILE**2)),
            np.zeros((8, tiles.work_rows(1, 2) * TILE)),
        )  # fmt: skip
        results.append(partial)
    exponents = -0.7 * ((x[:, None] - y) ** 2).sum(axis=2)
    expected = [
        [
            (factor * half + shift).max() if peak else np.exp2(factor * half + shift).sum()
            for factor, shift in zip(factors, shifts, strict=True)
        ]
        for half in (exponents[:, :TILE], exponents[:, TILE:])
    ]
    np.testing.assert_allclose(results, [expected, expected], rtol=1e-13)
