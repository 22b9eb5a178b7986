"""Pair sums of one sample at σ = 1, compared in the same run with alternatives and with a lower bound.

    python tests/bench/bench_pairs.py [--dims 2 8 64 512] [--points 5000 20000] [--rounds 7] [--skip KeOps]

Peers: Gram blocks in NumPy with BLAS on all cores, computed in place, in blocks of 64 to 2048 rows, of which
the fastest counts; a plain parallel Numba loop; scikit-learn, PyTorch and KeOps, if they are installed. Each
round times every peer once, after a pause in which the threads of the previous one go to sleep; the table
gives the median rate of gaedist and the median over rounds of how many times longer each peer took.

The lower bound is the time that n(n − 1)/2 inner products of length D take at the rate of a 3000 × 3000 dgemm
on all cores in the same round, plus that of as many exponentials: of `arithmetic.exp2_in_range` over numbers
in the first-level cache, on each core, in the same round, the column "exp, ns". "of limit" is the lower bound
divided by the time of gaedist, "cross" the same for two samples of n and n/2 points, and "single" how many
times faster single precision is. "BLAS" is the rate of dgemm for tiles, on each core, relative to that of the
3000 × 3000 one, and "with it" what "of limit" is with this rate.
"""

import argparse
import importlib.util
import math
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from numpy._core._multiarray_umath import __cpu_features__ as cpu_features
from threadpoolctl import threadpool_limits

from gaedist.engine import Run, available_threads
from gaedist.engine.compiled.arithmetic import cell, exp2_in_range
from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.mixtures.families import Constant
from gaedist.mixtures.mixture import Mixture, overlap

BLOCKS = (64, 256, 1024, 2048)
SQUARE = 3000
EXPONENTS, EXP_REPEATS = 1024, 20000


def gaedist_sum(x, **options):
    p = Mixture(x, Constant(1.0))
    return math.exp(overlap(p, p, unit=1, run=Run(method="pairs", **options)).log_total)


def cross_sum(x):
    p, q = Mixture(x, Constant(1.0)), Mixture(x[: len(x) // 2] + 0.1, Constant(1.0))
    return overlap(p, q, unit=1, run=Run(method="pairs")).log_total


SQUARES = np.random.default_rng(1).normal(size=(SQUARE, SQUARE))


def dgemm(x):
    return SQUARES @ SQUARES


@numba.njit(fastmath={"contract"}, error_model="numpy")
def add_powers(exponents, totals, repeats):
    for _ in range(repeats):
        for j in range(exponents.size):
            totals[cell(0, j)] += exp2_in_range(exponents[cell(0, j)])


def exponentials(x):
    """Powers of numbers in the first-level cache, added to totals there, on one core."""
    add_powers(np.linspace(-40, 0, EXPONENTS), np.zeros(EXPONENTS), EXP_REPEATS)


def tile_products(x):
    """Inner products of the points of a tile, on each core, as often as `repeats_of_tile`."""

    def products():
        left, right, found = x[:HEIGHT].copy(), x[-TILE:].copy(), np.empty((HEIGHT, TILE))
        for _ in range(repeats_of_tile(x.shape[1])):
            np.dot(left, right.T, found)

    with threadpool_limits(1), ThreadPoolExecutor(available_threads()) as threads:
        for done in [threads.submit(products) for _ in range(available_threads())]:
            done.result()


def repeats_of_tile(dim):
    return 1 + int(3e9 / (HEIGHT * TILE * dim))


def product_times(dim, times):
    """Seconds of an inner product on all cores: in a large dgemm, and in those of tiles."""
    repeats = available_threads() * repeats_of_tile(dim)
    return dim * times["dgemm"] / SQUARE**3, times["tile"] / (repeats * HEIGHT * TILE)


def limit(pairs, product, times):
    """Lower bound of the seconds that the inner products and exponentials of so many pairs take."""
    an_exponential = times["exponentials"] / (EXPONENTS * EXP_REPEATS) / available_threads()
    return pairs * (product + an_exponential)


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


def sklearn_sum(x, block=1024):
    from sklearn.metrics.pairwise import rbf_kernel

    return (
        sum(rbf_kernel(x[k : k + block], x, gamma=0.25).sum() for k in range(0, len(x), block)) / len(x) ** 2
    )


def torch_sum(x, block=1024):
    import torch

    codes, total = torch.from_numpy(x), 0.0
    norms = (codes * codes).sum(1)
    for k in range(0, len(x), block):
        exponents = torch.addmm(norms, codes[k : k + block], codes.T, beta=-0.25, alpha=0.5)
        total += exponents.sub_(0.25 * norms[k : k + block, None]).exp_().sum().item()
    return total / len(x) ** 2


def peers():
    found = {f"NumPy {block}": lambda x, block=block: numpy_sum(x, block) for block in BLOCKS}
    found["Numba loop"] = numba_sum
    for package, name, function in (
        ("sklearn", "scikit-learn", sklearn_sum),
        ("torch", "PyTorch", torch_sum),
        ("pykeops", "KeOps", keops_sum),
    ):
        if importlib.util.find_spec(package):
            found[name] = function
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
    columns = ["gaedist, M pairs/s", "exp, ns", "of limit", "cross", "BLAS", "with it", "single"]
    columns += ["NumPy, best block", "NumPy, by block", *others]
    own = {"single": lambda x: gaedist_sum(x, precision="single"), "cross": cross_sum, "dgemm": dgemm}
    own |= {"exponentials": exponentials, "tile": tile_products}
    print("| D | n | " + " | ".join(columns) + " |")
    print("|---" * (11 + len(others)) + "|")
    for dim in options.dims:
        for n in options.points:
            x = np.random.default_rng(0).normal(size=(n, dim))
            expected = functions["gaedist"](x)
            for function in functions.values():
                assert math.isclose(function(x), expected, rel_tol=1e-12)
            for function in own.values():
                function(x)
            timed = functions | own
            half = n * (n - 1) / 2
            rounds = [{name: seconds(f, x) for name, f in timed.items()} for _ in range(options.rounds)]
            parts = [
                statistics.median(
                    limit(pairs, product_times(dim, times)[k], times) / times[name] for times in rounds
                )
                for name, pairs, k in (("gaedist", half, 0), ("cross", n * (n // 2), 0), ("gaedist", half, 1))
            ]
            blas = statistics.median(a / b for a, b in (product_times(dim, times) for times in rounds))
            single = statistics.median(times["gaedist"] / times["single"] for times in rounds)
            rate = statistics.median(half / 1e6 / times["gaedist"] for times in rounds)
            ratio = {
                name: statistics.median(times[name] / times["gaedist"] for times in rounds)
                for name in functions
            }
            blocks = [ratio[f"NumPy {block}"] for block in BLOCKS]
            power = statistics.median(times["exponentials"] for times in rounds) / EXPONENTS / EXP_REPEATS
            parts.insert(2, blas)
            cells = [f"{1e9 * power:.2f}", *(f"{100 * part:.0f} %" for part in parts), f"{single:.1f}×"]
            cells += [f"{min(blocks):.1f}×", " ".join(f"{value:.1f}" for value in blocks)]
            cells += [f"{ratio[name]:.1f}×" for name in others]
            print(f"| {dim} | {n} | {rate:.0f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
