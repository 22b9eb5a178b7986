"""Time of every metric of `score` relative to gaussian, compared in the same run with other packages.

    python tests/bench/bench_metrics.py [--points 5000] [--dims 8 64] [--rounds 5] [--all 20000 64]

Peers, if installed: pingouin (Henze–Zirkler), POT (sliced Wasserstein distance to a normal sample of the same
size with as many directions), cw-torch (Cramér–Wold with the approximate φ_D in single precision), NumPy and
SciPy (WAE-MMD and the energy distance from n×n matrices with a normal reference sample), and SIGReg of LeJEPA
in PyTorch (17 frequencies up to 5, 1000 directions). The table gives gaedist's time relative to gaussian
alone, the median over rounds of how many times longer the peer took, and both values; peers that draw a
reference sample differ by its noise.
"""

import argparse
import importlib.util
import statistics
import time

import numpy as np
from scipy.spatial.distance import cdist

import gaedist
from gaedist.engine import PairSum, Profile, Run, Shape, log_pair_sums
from gaedist.engine.compiled.integrands import Gaussian
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.smoothing.bandwidths import silverman_gamma

DIRECTIONS = 1000
SCALES = 0.1, 0.2, 0.5, 1, 2, 5, 10  # of WAE-MMD


def reference(x):
    return np.random.default_rng(1).normal(size=x.shape)


def wae_mmd(x):
    y, n = reference(x), len(x)
    total = 0.0
    squares = [cdist(a, b, "sqeuclidean") for a, b in ((x, x), (y, y), (x, y))]
    for scale in SCALES:
        c = 2 * x.shape[1] * scale
        xx, yy, xy = (c / (c + s) for s in squares)
        total += (xx.sum() + yy.sum() - 2 * n) / (n * (n - 1)) - 2 * xy.mean()
    return total


def energy(x):
    y = reference(x)
    return 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()


def henze_zirkler(x):
    import pingouin

    return pingouin.multivariate_normality(x).hz


def sliced_wasserstein(x):
    import ot

    return ot.sliced_wasserstein_distance(x, reference(x), n_projections=DIRECTIONS, seed=0) ** 2


def cramer_wold(x):
    import torch
    from cw_torch.metric import cw_normality

    with torch.no_grad():
        sample = torch.from_numpy(x.astype(np.float32))
        return float(cw_normality(sample, torch.tensor(silverman_gamma(len(x)))))


def sigreg(x):
    import torch

    with torch.no_grad():
        sample = torch.from_numpy(x)
        directions = torch.from_numpy(np.random.default_rng(0).normal(size=(x.shape[1], DIRECTIONS)))
        directions /= directions.norm(dim=0)
        t = torch.linspace(-5, 5, 17, dtype=torch.float64)
        angles = (sample @ directions).unsqueeze(-1) * t
        gap = (1j * angles).exp().mean(0) - torch.exp(-(t**2) / 2)
        weight = torch.exp(-(t**2) / 2) / (2 * torch.pi) ** 0.5
        return float(len(x) * torch.trapezoid(gap.abs() ** 2 * weight, t, dim=1).mean())


PEERS = {
    "mmd": ("NumPy n×n", wae_mmd, "scipy"),
    "energy": ("SciPy n×n", energy, "scipy"),
    "henze-zirkler": ("pingouin", henze_zirkler, "pingouin"),
    "sliced-wasserstein": ("POT", sliced_wasserstein, "ot"),
    "cramer-wold-approx": ("cw-torch", cramer_wold, "cw_torch"),
    "sliced-epps-pulley": ("SIGReg, PyTorch", sigreg, "torch"),
}


def seconds(function, *arguments):
    time.sleep(0.2)
    began = time.perf_counter()
    value = function(*arguments)
    return time.perf_counter() - began, value


def measured(x, metric):
    return gaedist.scores(x, metric=metric)[0].value


def table(n, dim, rounds):
    x = np.random.default_rng(0).normal(size=(n, dim))
    gaedist.scores(x[:300], metric="all")
    for metric in ONE_SAMPLE:
        name, peer, package = PEERS.get(metric, ("–", None, "gaedist"))
        peer = peer if importlib.util.find_spec(package) else None
        ratios, slower, value, other = [], [], None, None
        for _ in range(rounds):
            base, _ = seconds(measured, x, "gaussian")
            took, value = seconds(measured, x, metric)
            ratios.append(took / base)
            if peer:
                theirs, other = seconds(peer, x)
                slower.append(theirs / took)
        cells = [str(dim), metric, f"{statistics.median(ratios):.2f}×", f"{value:.6g}"]
        cells += [name, f"{statistics.median(slower):.1f}×", f"{other:.6g}"] if peer else ["–", "–", "–"]
        print("| " + " | ".join(cells) + " |", flush=True)


def together(n, dim, rounds):
    """Print the time of several metrics in one call relative to gaussian alone."""
    x = np.random.default_rng(0).normal(size=(n, dim))
    sliced = [metric for metric in ONE_SAMPLE if metric.startswith("sliced")]
    rest = [metric for metric in ONE_SAMPLE if metric not in sliced]
    found = []
    for _ in range(rounds):
        base, one, two, all_ = (
            seconds(lambda names: gaedist.scores(x, metric=names), names)[0]
            for names in ("gaussian", rest, sliced, "all")
        )
        found.append((base, one / base, two / base, all_ / base))
    base, *ratios = (statistics.median(column) for column in zip(*found, strict=True))
    shown = ", ".join(f"{ratio:.2f}×" for ratio in ratios)
    print(f"\nn = {n}, D = {dim}: gaussian {base:.2f} s; metrics without slices, sliced ones, all: {shown}")


def shapes(dim, n, rounds):
    """Print the time per pair of each profile on one core, with the Gram matrix."""
    x = np.random.default_rng(0).normal(size=(n, dim))
    u, zeros = (0.1,), np.zeros((1, n))
    kinds = {
        "gaussian in its own pass": Gaussian(0.36),
        "power": Profile(Shape.POWER, (0.36,)),
        "root": Profile(Shape.ROOT),
        "(1 + u)^(−1/2)": Profile(Shape.INVERSE_ROOT, u),
        "seven 1/(1 + u)": Profile(Shape.INVERSE, (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)),
        "e^(−r)": Profile(Shape.ROOT_POWER, u),
        "φ_D, 12 coefficients": Profile(Shape.SERIES, u, (1.0, *np.ones(12))),
        "φ_D, 24": Profile(Shape.SERIES, u, (2.0, *np.ones(24))),
        "(1 + u)^(−α)": Profile(Shape.INVERSE_POWER, u, (1.7,)),
    }
    print(f"\n| shape, D = {dim} | ns per pair |\n|---|---|")
    for name, kind in kinds.items():
        job = PairSum(kind, x, None, zeros, None, 0.0, 0.36 if isinstance(kind, Gaussian) else 0.0)
        log_pair_sums([job], Run(threads=1))
        took = [seconds(log_pair_sums, [job], Run(threads=1))[0] for _ in range(rounds)]
        print(f"| {name} | {statistics.median(took) / (n * (n - 1) / 2) * 1e9:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--dims", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--all", type=int, nargs=2, default=(20000, 64), metavar=("N", "D"))
    options = parser.parse_args()
    print(f"n = {options.points}\n\n| D | metric | of gaussian | value | peer | takes | its value |")
    print("|---" * 7 + "|")
    for dim in options.dims:
        table(options.points, dim, options.rounds)
    together(*options.all, options.rounds)
    shapes(2, 10000, options.rounds)


if __name__ == "__main__":
    main()
