import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from gaedist.engine import tiles

SCRIPT = "import gaedist, numpy; print(gaedist.score(numpy.ones((3, 2))).value.hex())"


def test_exp2_is_right_to_the_last_bits():
    y = np.concatenate([np.random.default_rng(0).uniform(-1022, 1023, 4000), np.arange(-1022.0, 1024)])
    got = np.array([tiles._exp2(value) for value in y])
    errors = [abs(mpmath.mpf(g) / mpmath.mpf(2) ** mpmath.mpf(v) - 1) for g, v in zip(got, y, strict=True)]
    assert max(errors) < 2.3e-16
    assert tiles._exp2(-1e300) == 2.0**-1022
    assert tiles._exp2(-np.inf) == 2.0**-1022


@pytest.mark.filterwarnings("ignore:Descending:DeprecationWarning")  # mpmath < 1.4 knows no other order
def test_polynomial_is_the_fit_it_says():
    mp = mpmath.mp.clone()
    mp.dps = 40
    fit = mp.chebyfit(lambda f: mp.mpf(2) ** f, [-0.5, 0.5], 12)[::-1]
    assert [float(c) for c in fit] == [getattr(tiles, f"_C{k}") for k in range(12)]


def test_positions_of_tiles():
    lower = [(row, column) for row in range(30) for column in range(row + 1)]
    assert [tiles._position(k, True, 30) for k in range(len(lower))] == lower
    assert [tiles._position(k, False, 7) for k in range(21)] == [divmod(k, 7) for k in range(21)]
    rows = 40_000_000
    assert tiles._position(rows * (rows + 1) // 2 - 1, True, rows) == (rows - 1, rows - 1)
    assert tiles._position(rows * (rows + 1) // 2, True, rows) == (rows, 0)


def run(environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
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
    for path in cached:
        path.write_bytes(path.read_bytes()[:1000])
    assert run(environment) == compiled
    for path in cached:
        path.write_bytes(b"nonsense")
    assert run(environment) == compiled
    assert all(path.stat().st_size > 1000 or path.suffix == ".nbi" for path in cached)


def test_missing_cache_folder_is_no_error():
    run({"NUMBA_CACHE_DIR": "/proc/none", "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"})


@pytest.mark.parametrize("peak", [False, True])
def test_tile_functions_take_differences_when_told(peak):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(300, 3))
    norms = (x**2).sum(axis=1), (y**2).sum(axis=1)
    results = []
    for limit in (0.0, 1e9):
        partial = np.empty(2)
        tiles.sum_tiles(
            tiles.GAUSSIAN, x, y, x, y, *norms, np.zeros((1, 5)), np.zeros((1, 300)),
            np.array([0.7]), 0.0, limit, False, peak, 0, partial, np.empty((8, tiles.TILE**2)),
            np.zeros((8, tiles.WORK_ROWS, tiles.TILE)),
        )  # fmt: skip
        results.append(partial)
    exponents = -0.7 * ((x[:, None] - y) ** 2).sum(axis=2)
    halves = exponents[:, : tiles.TILE], exponents[:, tiles.TILE :]
    expected = [half.max() if peak else np.exp2(half).sum() for half in halves]
    np.testing.assert_allclose(results, [expected, expected], rtol=1e-13)
