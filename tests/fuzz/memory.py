"""Run commands under limits on address space, as `ulimit -v` and job schedulers set them.

    python tests/fuzz/memory.py

Each must end with a result, or with exit code 2 and one line about memory, within a minute.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

LIMITS = (30_000, 100_000, 250_000, 400_000, 800_000, 1_040_000, 1_100_000, 1_500_000)  # KiB
COMMANDS = (
    "score codes.npy --format value",
    "score codes.npy --sigma mean-field --format value",
    "compare codes.npy more.npy --format value",
    "inspect codes.npy",
    "metrics",
)


def ended(command, limit, folder):
    """Run a command under a limit; return its exit code, and whether it ended well."""
    done = subprocess.run(
        [sys.executable, "-m", "gaedist", *command.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=None if limit is None else 60,
        preexec_fn=lambda: limit and resource.setrlimit(resource.RLIMIT_AS, (limit << 10, limit << 10)),
    )
    refused = done.returncode == 2 and not done.stdout and done.stderr.count("\n") == 1
    refused &= done.stderr.startswith("gaedist: ") and "not enough memory" in done.stderr
    return done.returncode, refused or (done.returncode == 0 and bool(done.stdout) and not done.stderr)


def main():
    with tempfile.TemporaryDirectory() as name:
        for seed, file in enumerate(("codes.npy", "more.npy")):
            np.save(Path(name) / file, np.random.default_rng(seed).normal(size=(300, 4)))
        for command in COMMANDS:
            ended(command, None, name)  # compiles
        found = {(limit, command): ended(command, limit, name) for limit in LIMITS for command in COMMANDS}
    codes = [code for code, _ in found.values()]
    print(f"{len(found)} runs: {codes.count(0)} results, {codes.count(2)} refused")
    print("faults:", [(*case, code) for case, (code, good) in found.items() if not good])


if __name__ == "__main__":
    main()
