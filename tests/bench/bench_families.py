"""Pair rates of the covariance families relative to a constant σ in the same run, and the cost of a gradient.

    python tests/bench/bench_families.py [--dims 2 8 64 512] [--pairs 1e8] [--rounds 7]

Each round times, once for each family, the sum over all pairs of one sample and the same sum with its
derivatives by the parameters of each point. The table gives medians over rounds of the rate relative to a
constant σ, and of the time with derivatives relative to the time without.
"""

import argparse
import math
import statistics
import time

import numpy as np

from gaedist.engine import Run, log_pair_sums, pair_derivatives
from gaedist.mixtures.families import Constant, Diagonal, Full, Radial, Spherical

SHARE = {"constant": 1, "spherical": 1, "radial": 1, "diagonal": 16, "full": 400}
"""Family → factor by which fewer pairs are timed, because it is slower."""


def job(name, n, dim):
    """The pair sum of n points with random covariances near I."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, dim))
    sizes = {"spherical": (Spherical, 1), "radial": (Radial, 2), "diagonal": (Diagonal, dim)}
    if name == "constant":
        covariance = Constant(1.0)
    elif name == "full":
        factors = np.eye(dim) + rng.normal(size=(n, dim, dim)) / (4 * math.sqrt(dim))
        covariance = Full(factors @ factors.transpose(0, 2, 1))
    else:
        family, size = sizes[name]
        covariance = family(rng.uniform(0.7, 1.5, size=(n, size)))
    return covariance.pair_sum(covariance, x, None, np.zeros(n), None)


def seconds(function, pair_sum):
    began = time.perf_counter()
    function([pair_sum], Run())
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 8, 64, 512])
    parser.add_argument("--pairs", type=float, default=1e8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--families", nargs="+", default=list(SHARE))
    options = parser.parse_args()
    print("| D | family | n | M pairs/s | of constant σ | with derivatives |")
    print("|---" * 6 + "|")
    for dim in options.dims:
        jobs = {}
        for name in options.families:
            if name == "full" and dim > 64:
                continue
            pairs = options.pairs / SHARE[name] / max(1, dim / 16)
            jobs[name] = job(name, max(300, int(math.sqrt(2 * pairs))), dim)
        rates, ratios = {name: [] for name in jobs}, {name: [] for name in jobs}
        for k in range(options.rounds + 1):  # the first warms up
            for name, pair_sum in jobs.items():
                n = len(pair_sum.x)
                plain = seconds(log_pair_sums, pair_sum)
                derived = seconds(pair_derivatives, pair_sum) if pair_sum.varied else math.nan
                if k:
                    rates[name].append(n * (n - 1) / 2e6 / plain)
                    ratios[name].append(derived / plain)
        for name, pair_sum in jobs.items():
            part = statistics.median(a / b for a, b in zip(rates[name], rates["constant"], strict=True))
            cost = f"{statistics.median(ratios[name]):.2f}×" if pair_sum.varied else "–"
            cells = [
                dim,
                name,
                len(pair_sum.x),
                f"{statistics.median(rates[name]):.3g}",
                f"{part:.2g}×",
                cost,
            ]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
