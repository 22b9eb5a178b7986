"""Pair sums of one sample at σ = 1, compared in the same run with alternatives and with a lower bound.

    python tests/bench/bench_pairs.py [--dims 2 8 64 512] [--points 5000 20000] [--rounds 7] [--skip KeOps]

Peers: Gram blocks in NumPy with BLAS on all cores, computed in place, in blocks of 64 to 2048 rows, of which
the fastest counts; a plain parallel Numba loop; KeOps, if `pykeops` is installed. Each round times every
peer once, after a pause in which the threads of the previous one go to sleep; the table gives the median
rate of gaedist and the median over rounds of how many times longer each peer took.

The lower bound is the time that n(n − 1)/2 inner products of length D take at the rate of a 3000 × 3000 dgemm
on all cores in the same round, plus 1 ns per exponential on each core. "of limit" is the lower bound divided
by the time of gaedist, "cross" the same for two samples of n and n/2 points, and "single" how many times
faster single precision is.
"""

import argparse
import importlib.util
import math
import statistics
import time

import numba
import numpy as np
from numpy._core._multiarray_umath import __cpu_features__ as cpu_features

from gaedist.engine import Run, available_threads
from gaedist.mixtures.families import Constant
from gaedist.mixtures.mixture import Mixture, overlap

BLOCKS = (64, 256, 1024, 2048)
SQUARE = 3000
EXP_SECONDS = 1e-9


def gaedist_sum(x, **options):
    p = Mixture(x, Constant(1.0))
    return math.exp(overlap(p, p, unit=1, run=Run(method="pairs", **options)).log_total)


def cross_sum(x):
    p, q = Mixture(x, Constant(1.0)), Mixture(x[: len(x) // 2] + 0.1, Constant(1.0))
    return overlap(p, q, unit=1, run=Run(method="pairs")).log_total


SQUARES = np.random.default_rng(1).normal(size=(SQUARE, SQUARE))


def dgemm(x):
    return SQUARES @ SQUARES


def limit(pairs, dim, dgemm_seconds):
    """Lower bound of the seconds that the inner products and exponentials of so many pairs take."""
    return pairs * (2 * dim * dgemm_seconds / (2 * SQUARE**3) + EXP_SECONDS / available_threads())


def numpy_sum(x, block):
    n, norms, total = len(x), np.einsum("ij,ij->i", x, x), 0.0
    for start in range(0, n, block):
        rows = slice(start, start + block)
        exponents = x[rows] @ x.T
        exponents *= 0.5
        exponents -= 0.25 * norms
        exponents -= 0.25 * norms[rows, np.newaxis]
        total += np.exp(exponents, out=exponents).sum()
    return total / n**2


@numba.njit(parallel=True, fastmath=True)
def numba_sum(x):
    n, dim = x.shape
    total = 0.0
    for i in numba.prange(n):
        part = 0.0
        for j in range(i):
            square = 0.0
            for d in range(dim):
                square += (x[i, d] - x[j, d]) ** 2
            part += math.exp(-0.25 * square)
        total += part
    return (2 * total + n) / n**2


def keops_sum(x):
    from pykeops.numpy import LazyTensor

    squares = ((LazyTensor(x[:, np.newaxis]) - LazyTensor(x[np.newaxis])) ** 2).sum(-1)
    return float((-squares / 4).exp().sum(1).sum()) / len(x) ** 2


def peers():
    found = {f"NumPy {block}": lambda x, block=block: numpy_sum(x, block) for block in BLOCKS}
    found["Numba loop"] = numba_sum
    if importlib.util.find_spec("pykeops"):
        found["KeOps"] = keops_sum
    return {"gaedist": gaedist_sum} | found


def seconds(function, x):
    time.sleep(0.3)
    began = time.perf_counter()
    function(x)
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 8, 64, 512])
    parser.add_argument("--points", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--skip", nargs="+", default=[], help="peers to leave out, such as KeOps")
    options = parser.parse_args()
    functions = {name: function for name, function in peers().items() if name not in options.skip}
    others = [name for name in functions if not name.startswith(("gaedist", "NumPy"))]
    wide = cpu_features.get("X86_V4", cpu_features.get("AVX512_SKX"))
    features = "AVX-512" if wide else "at most AVX2"
    print(f"NumPy {np.__version__} with {features}, Numba {numba.__version__}\n")
    columns = ["gaedist, M pairs/s", "of limit", "cross", "single"]
    columns += ["NumPy, best block", "NumPy, by block", *others]
    own = {"single": lambda x: gaedist_sum(x, precision="single"), "cross": cross_sum, "dgemm": dgemm}
    print("| D | n | " + " | ".join(columns) + " |")
    print("|---" * (8 + len(others)) + "|")
    for dim in options.dims:
        for n in options.points:
            x = np.random.default_rng(0).normal(size=(n, dim))
            expected = functions["gaedist"](x)
            for function in functions.values():
                assert math.isclose(function(x), expected, rel_tol=1e-12)
            for function in own.values():
                function(x)
            timed = functions | own
            rounds = [{name: seconds(f, x) for name, f in timed.items()} for _ in range(options.rounds)]
            parts = [
                statistics.median(limit(pairs, dim, times["dgemm"]) / times[name] for times in rounds)
                for name, pairs in (("gaedist", n * (n - 1) / 2), ("cross", n * (n // 2)))
            ]
            single = statistics.median(times["gaedist"] / times["single"] for times in rounds)
            rate = statistics.median(n * (n - 1) / 2e6 / times["gaedist"] for times in rounds)
            ratio = {
                name: statistics.median(times[name] / times["gaedist"] for times in rounds)
                for name in functions
            }
            blocks = [ratio[f"NumPy {block}"] for block in BLOCKS]
            cells = [*(f"{100 * part:.0f} %" for part in parts), f"{single:.1f}×"]
            cells += [f"{min(blocks):.1f}×", " ".join(f"{value:.1f}" for value in blocks)]
            cells += [f"{ratio[name]:.1f}×" for name in others]
            print(f"| {dim} | {n} | {rate:.0f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
