"""Progress and notes appear on standard error only where somebody can use them."""

import subprocess
import sys

import pytest
from processes import terminal_output


@pytest.mark.parametrize("options", [[], pytest.param(["--quiet"], marks=pytest.mark.slow)])
def test_no_bar_when_quiet_or_quick(codes, options):
    assert terminal_output(["score", "normal.npy", *options])[2] == ""


@pytest.mark.parametrize(
    ("method", "kernels"), [("pairs", 1), pytest.param("hermite", 2, marks=pytest.mark.slow)]
)
def test_compiling_is_noted_once(write_codes, tmp_path, method, kernels):
    """A process that compiles says so, one that finds the code does not; the results are the same bits."""
    cache, points = tmp_path / "cache", str(write_codes(2, 2500))
    environment = {"NUMBA_CACHE_DIR": str(cache), "PATH": ""}
    command = [sys.executable, "-m", "gaedist", "score", points, "--method", method, "--format", "value"]
    first, second = (subprocess.run(command, env=environment, capture_output=True, text=True) for _ in "12")
    assert first.stderr.count("\n") == 1
    assert "compiling for this machine" in first.stderr
    assert second.stderr == ""
    assert first.stdout == second.stdout != ""
    assert len(list(cache.rglob("*.nb[ic]"))) == 2 * kernels  # an index and the code of each
