"""A permutation test of two samples, compared with a NumPy implementation in the same run.

    python tests/bench/bench_permutations.py [--points 1000 5000] [--dims 16] [--permutations 499]

NumPy holds the labels as doubles and multiplies blocks of 1024 rows of the kernel matrix by them, with BLAS
on all cores. Each round times both once, and a product of two 2000 × 2000 matrices. The table gives medians
over rounds; "of dgemm" is the rate at which gaedist multiplies the pairs i > j by the labels, relative to the
rate of that product. Memory is the peak of a separate process, above its imports and a run on few points.
"""

import argparse
import math
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from gaedist.engine import Run
from gaedist.mixtures.distance import squared_distance
from gaedist.mixtures.families import Constant
from gaedist.mixtures.mixture import Mixture
from gaedist.null.permutations import permute_mixtures, permuted_labels

SEED, SQUARE = 0, 2000


def samples(n, dim):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, dim)), rng.normal(size=(n, dim))


def variance(dim):
    """σ² at which the kernel between two points is not negligible."""
    return max(1.0, dim / 16)


def by_gaedist(x, y, replicates):
    s = variance(x.shape[1])
    p, q = Mixture(x, Constant(s)), Mixture(y, Constant(s))
    distance = squared_distance(p, q, unit=s)
    null = permute_mixtures(p, q, distance, replicates=replicates, unbiased=False, unit=s, run=Run(seed=SEED))
    return null.p_value


def by_numpy(x, y, replicates, block=1024):
    n, m, pooled = len(x), len(y), np.concatenate([x, y]) / math.sqrt(variance(x.shape[1]))
    bits = np.unpackbits(permuted_labels(n, m, replicates, SEED), axis=1)[:, : 1 + replicates]
    weights = np.where(bits, 1 / n, -1 / m)
    norms, values = np.einsum("ij,ij->i", pooled, pooled), np.zeros(1 + replicates)
    for start in range(0, n + m, block):
        rows = slice(start, start + block)
        kernel = pooled[rows] @ pooled.T
        kernel *= 0.5
        kernel -= 0.25 * norms
        kernel -= 0.25 * norms[rows, np.newaxis]
        np.exp(kernel, out=kernel)
        values += np.einsum("ir,ir->r", kernel @ weights, weights[rows])
    return (1 + int((values[1:] >= values[0] - 1e-12).sum())) / (1 + replicates)


def seconds(function, *arguments):
    time.sleep(0.3)
    began = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - began


def resident():
    """Peak memory of this process in MB; the peak in getrusage is inherited from the parent process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def peak(function, n, dim, replicates):
    """MB that n points need more than 100 points, in this process."""
    function(*samples(100, dim), replicates)
    before = resident()
    function(*samples(n, dim), replicates)
    return resident() - before


def memory(function, *arguments):
    """`peak` in a new process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(peak, function, *arguments).result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--dims", type=int, nargs="+", default=[16])
    parser.add_argument("--permutations", type=int, default=499)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    replicates, square = options.permutations, np.random.default_rng(0).normal(size=(SQUARE, SQUARE))
    print("| D | n, m | gaedist, s | NumPy | of dgemm | gaedist, MB | NumPy, MB |")
    print("|---" * 7 + "|")
    for dim in options.dims:
        for n in options.points:
            x, y = samples(n, dim)
            assert math.isclose(by_gaedist(x, y, replicates), by_numpy(x, y, replicates))
            ours, theirs, of_dgemm = [], [], []
            for _ in range(options.rounds):
                ours.append(seconds(by_gaedist, x, y, replicates))
                theirs.append(seconds(by_numpy, x, y, replicates))
                products = seconds(np.dot, square, square)
                of_dgemm.append((2 * n) ** 2 * (1 + replicates) / (2 * SQUARE**3) * products / ours[-1])
            ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
            cells = [
                dim,
                n,
                f"{statistics.median(ours):.2g}",
                f"{ratio:.1f}×",
                f"{statistics.median(of_dgemm):.0%}",
                f"{memory(by_gaedist, n, dim, replicates):.0f}",
                f"{memory(by_numpy, n, dim, replicates):.0f}",
            ]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
