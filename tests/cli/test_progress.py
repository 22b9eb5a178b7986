"""Progress and notes appear on standard error only where somebody can use them."""

import subprocess
import sys

import pytest
from processes import terminal_output


def test_no_bar_when_quiet_or_quick(codes):
    for arguments in (["score", "normal.npy"], ["score", "normal.npy", "--quiet"]):
        assert terminal_output(arguments)[2] == ""


@pytest.mark.parametrize("method", ["pairs", "hermite"])
def test_compiling_is_noted_once(write_codes, tmp_path, method):
    command = [sys.executable, "-m", "gaedist", "score", str(write_codes(2, 2500)), "--method", method]
    command += ["--format", "value"]
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PATH": ""}
    first, second = (subprocess.run(command, env=environment, capture_output=True, text=True) for _ in "12")
    assert first.stderr.count("\n") == 1
    assert "compiling for this machine" in first.stderr
    assert second.stderr == ""
    assert first.stdout == second.stdout
