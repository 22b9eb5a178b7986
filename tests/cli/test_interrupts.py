"""Ctrl-C ends a command with exit code 130, without a traceback, and keeps what is finished."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from processes import terminal_output

from gaedist.cli.interrupts import reliable_interrupts


def test_an_interrupt_is_raised():
    with pytest.raises(KeyboardInterrupt), reliable_interrupts():
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_in_a_callback_of_llvm_comes_after_it():
    finished = []

    def _raw_object_cache_notify():
        signal.raise_signal(signal.SIGINT)
        finished.append(True)

    def compile_and_run():
        _raw_object_cache_notify()
        while True:
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt), reliable_interrupts():
        compile_and_run()
    assert finished


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    with reliable_interrupts():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)) == before


def test_control_c_shows_no_traceback_and_keeps_what_is_finished(codes):
    np.save("large.npy", np.random.default_rng(0).normal(size=(400_000, 8)).astype("f4"))
    code, out, shown = terminal_output(
        ["score", "normal.npy", "large.npy", "--format", "json"], interrupt_at=b"%"
    )
    assert code == 130
    assert "gaedist: interrupted." in shown
    assert "Traceback" not in shown
    assert "%" in shown
    assert json.loads(out)["file"] == "normal.npy"
    code, out, _ = terminal_output(
        ["score", "normal.npy", "large.npy", "-o", "out.json"], interrupt_at=b"large.npy"
    )
    assert (code, out) == (130, "")
    assert json.loads(Path("out.json").read_text())["file"] == "normal.npy"


def test_interrupted_optimisation_writes_the_best_so_far(codes):
    np.save("many.npy", np.random.default_rng(1).normal(size=(6000, 2)))
    command = [sys.executable, "-m", "gaedist", "sigma", "many.npy", "--sigma", "optimize", "-o", "s.npy"]
    script = (
        "import os, signal, sys; from gaedist.smoothing import objectives\n"
        "found = objectives.Score.__call__\n"
        "def call(self, covariances, seen=[]):\n"
        "    seen.append(0)\n"
        "    if len(seen) == 3: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return found(self, covariances)\n"
        "objectives.Score.__call__ = call\n"
        "from gaedist.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command[3:]], capture_output=True, text=True, check=False, cwd=codes
    )
    assert done.returncode == 130
    assert "many.npy: interrupted after" in done.stderr
    assert "Traceback" not in done.stderr
    assert np.load(codes / "s.npy").shape == (6000,)
