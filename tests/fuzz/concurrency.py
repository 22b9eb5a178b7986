"""Start many processes at once on a cold cache of Numba and of simulated values.

    python tests/fuzz/concurrency.py --processes 64

All must end with exit code 0 and print the same; of the caches, only complete files may remain, and a process
that comes later must compile and simulate nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COMMAND = "score codes.npy --metric sliced-epps-pulley --null monte-carlo --replicates 20 --format json"
_TIMES = ("seconds",)  # what differs from process to process


def start(folder):
    """Start a process that has no cache but the one in the folder."""
    settings = {"NUMBA_CACHE_DIR": str(folder / "numba"), "XDG_CACHE_HOME": str(folder / "simulated")}
    return subprocess.Popen(
        [sys.executable, "-m", "gaedist", *COMMAND.split()],
        cwd=folder,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(process):
    """Wait for a process; return its result, and a word for each fault."""
    out, err = process.communicate()
    faults = [f"exit code {process.returncode}"] if process.returncode else []
    faults += [line for line in err.splitlines() if "compiling for this machine" not in line]
    result = {key: value for key, value in json.loads(out).items() if key not in _TIMES} if out else {}
    return json.dumps(result), faults, "compiling" in err


def files_in(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processes", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "codes.npy", np.random.default_rng(0).normal(size=(60, 3)))
        began = time.monotonic()
        found = [result_of(process) for process in [start(folder) for _ in range(options.processes)]]
        seconds = time.monotonic() - began
        results = {result for result, _, _ in found}
        faults = [fault for _, faults, _ in found for fault in faults]
        if len(results) != 1:
            faults.append(f"{len(results)} different results")
        files = files_in(folder)
        faults += [f"left {path}" for path in files if path.name.startswith(".") or path.suffix == ".tmp"]
        result, late, compiled = result_of(start(folder))
        faults += late
        if result not in results:
            faults.append("a later process has another result")
        if compiled:
            faults.append("a later process compiles")
        if new := files_in(folder) - files:
            faults.append(f"a later process wrote {sorted(map(str, new))}")
    compiling = sum(compiled for _, _, compiled in found)
    print(
        f"{options.processes} processes, of which {compiling} compiled, {seconds:.0f} s, {len(files)} files"
    )
    print(f"{len(faults)} faults", *faults, sep="\n")


if __name__ == "__main__":
    main()
