"""Whole processes of `gaedist score` on a million codes and more, compared with the sum over all pairs.

    python tests/bench/bench_linear.py [--points 1e6] [--dims 1 2 3 4 5 6] [--rounds 3]

Each round runs `gaedist score` once for each dimension on a sample of N(0, I) in an .npy, and measures its
time and peak memory. The sum over all pairs is timed on 40000 points in this process and scaled by n². The
error is the relative difference of the two sums at 20000 points.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gaedist import Run, score

PAIRS = 40_000
CHECKED = 20_000


def process(path):
    """Seconds that `gaedist score` takes, and the result it prints."""
    command = [sys.executable, "-m", "gaedist", "score", str(path), "--format", "json", "--quiet"]
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    return seconds, json.loads(done.stdout)


def by_pairs(dim, n):
    """Seconds that the sum over all pairs of n points takes."""
    x, run = np.random.default_rng(1).normal(size=(PAIRS, dim)), Run(method="pairs")
    score(x[:3000], run=run)
    began = time.perf_counter()
    score(x, run=run)
    return (time.perf_counter() - began) * (n / PAIRS) ** 2


def error(dim, method):
    """Relative error of a method's sum over pairs."""
    x = np.random.default_rng(2).normal(size=(CHECKED, dim))
    found, exact = (score(x, run=Run(method=name)).terms.pair for name in (method, "pairs"))
    return abs(found / exact - 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=float, default=1e6)
    parser.add_argument("--dims", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    n = int(options.points)
    print(
        "| D | method | process, s | MiB, of which codes | all pairs, s | error |\n|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for dim in options.dims:
            path = Path(folder) / "codes.npy"
            np.save(path, np.random.default_rng(0).normal(size=(n, dim)))
            process(path)
            found = [process(path) for _ in range(options.rounds)]
            method = found[0][1]["method"]
            seconds = statistics.median(taken for taken, _ in found)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            pairs = statistics.median(by_pairs(dim, n) for _ in range(options.rounds))
            print(
                f"| {dim} | {method} | {seconds:.1f} | {peak:.0f}, {n * dim * 8 / 2**20:.0f} "
                f"| {pairs:.0f}, {pairs / seconds:.0f}× | {error(dim, method):.0e} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
