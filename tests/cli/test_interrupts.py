"""Ctrl-C ends a command with exit code 130, without a traceback, and keeps what is finished; SIGTERM and
SIGHUP do the same with 143 and 129. `tests/fuzz/signals.py` does it at random moments.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fuzz import signals
from processes import terminal_output

from gaedist.cli.interrupts import INTERRUPTION, reliable_interrupts

pytestmark = pytest.mark.usefixtures("heeded_signals")


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
    np.save("large.npy", np.random.default_rng(0).normal(size=(200_000, 8)).astype("f4"))
    command = ["score", "normal.npy", "large.npy", "--method", "pairs"]  # which take seconds
    code, out, shown = terminal_output([*command, "--format", "json"], interrupt_at=b"%")
    assert code == 130
    assert "gaedist: interrupted." in shown
    assert "Traceback" not in shown
    assert "%" in shown
    assert json.loads(out)["file"] == "normal.npy"
    code, out, _ = terminal_output([*command, "-o", "out.json"], interrupt_at=b"large.npy")
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


def test_nothing_is_loaded_before_signals_are_handled():
    script = "import sys; before = set(sys.modules); from gaedist.__main__ import main; "
    script += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["__future__", "gaedist", "gaedist.__main__"]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *(("typer", name) for name in ("SIGINT", "SIGTERM", "SIGHUP")),
        ("numpy", "SIGINT"),
        *(pytest.param("numpy", name, marks=pytest.mark.slow) for name in ("SIGTERM", "SIGHUP")),
    ],
)
def test_a_signal_while_libraries_load_ends_the_process_with_one_line(codes, name, module):
    script = (
        "import builtins, os, signal; found = builtins.__import__\n"
        "def load(name, *rest):\n"
        f"    if name == {module!r}: os.kill(os.getpid(), signal.{name})\n"
        "    return found(name, *rest)\n"
        "builtins.__import__ = load\n"
        "from gaedist.__main__ import main; raise SystemExit(main())"
    )
    command = [sys.executable, "-c", script, "score", "normal.npy", "-o", "out.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    code = 128 + getattr(signal, name)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "gaedist: interrupted.\n")
    assert not Path("out.json").exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_keeps_finished_results_and_leaves_nothing_else(codes, name):
    before = set(Path().iterdir())
    script = (
        "import os, signal; from gaedist.api import score\n"
        "found = score.scores\n"
        "def scores(latents, *rest, **options):\n"
        f"    if latents.file == 'wide.npy': [os.kill(os.getpid(), signal.{name}) for _ in range(3)]\n"
        "    return found(latents, *rest, **options)\n"
        "score.scores = scores\n"
        "from gaedist.__main__ import main; raise SystemExit(main())"
    )
    command = [sys.executable, "-c", script, "score", "normal.npy", "wide.npy", "-o", "out.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    by = "" if name == "SIGINT" else f" by {name}"
    assert (done.returncode, done.stdout) == (128 + getattr(signal, name), "")
    assert done.stderr == f"gaedist: interrupted{by}.\n"
    assert json.loads(Path("out.json").read_text())["file"] == "normal.npy"
    assert set(Path().iterdir()) - before == {Path("out.json")}


def test_an_ignored_signal_is_ignored(codes):
    script = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from gaedist.api import score\n"
        "found = score.scores\n"
        "def scores(*rest, **options):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    return found(*rest, **options)\n"
        "score.scores = scores\n"
        "from gaedist.__main__ import main; raise SystemExit(main())"
    )
    command = [sys.executable, "-c", script, "score", "normal.npy", "--format", "value"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_an_interrupt_in_a_destructor_comes_after_it():
    class Fragile:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def compute():
        Fragile()
        while True:
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt), reliable_interrupts():
        compute()
    assert INTERRUPTION.exit_code == 143


@pytest.mark.parametrize("command", ["score", "inspect", "metrics"])
def test_signals_at_random_moments(command):
    rng = np.random.default_rng(len(command))
    for number in signals.SIGNALS:
        line = signals.COMMANDS[command]
        _, faults, err = signals.run_once(line, number, rng.uniform(0.05, 0.6), to_group=bool(number % 2))
        assert faults == [], err
