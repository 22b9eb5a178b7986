"""Start-up of the command line, compared in the same rounds with importing the libraries it uses.

    pip install . && python tests/bench/bench_start.py [--rounds 9]

Compile the libraries to bytecode first (`python -m compileall`); the first, unmeasured run fills the cache of
Numba. Two processes at the same time are also compared with twice the time of one alone.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def seconds(*commands):
    """Seconds until all commands have ended, started at the same time."""
    began = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    assert not any(process.wait() for process in running)
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    python, gaedist = [sys.executable, "-c"], [sys.executable, "-m", "gaedist"]
    with tempfile.TemporaryDirectory() as folder:
        small, large = (Path(folder) / name for name in ("small.npy", "large.npy"))
        np.save(small, np.random.default_rng(0).normal(size=(1000, 8)))
        np.save(large, np.random.default_rng(0).normal(size=(100_000, 16)))
        score = [*gaedist, "score", "--format", "value"]
        commands = {
            "import typer": [[*python, "import typer"]],
            "gaedist --help": [[*gaedist, "--help"]],
            "import numba, scipy.linalg, h5py": [[*python, "import numba, scipy.linalg, h5py"]],
            "gaedist score, 1000 × 8": [[*score, str(small)]],
            "gaedist score, 100000 × 16": [[*score, str(large)]],
            "two of them": [[*score, str(large)]] * 2,
        }
        for group in commands.values():
            seconds(*group)
        rounds = [{name: seconds(*group) for name, group in commands.items()} for _ in range(options.rounds)]
    print("| command | s | relative to | ratio |\n|---|---|---|---|")
    for name, other, factor in (
        ("gaedist --help", "import typer", 1),
        ("gaedist score, 1000 × 8", "import numba, scipy.linalg, h5py", 1),
        ("two of them", "gaedist score, 100000 × 16", 2),
    ):
        ratio = statistics.median(times[name] / times[other] / factor for times in rounds)
        alone = statistics.median(times[name] for times in rounds)
        print(f"| {name} | {alone:.2f} | {f'{factor} × ' if factor > 1 else ''}{other} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
