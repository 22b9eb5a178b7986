"""What `gaedist diagnose` finds: family-wise error over samples of N(0, I), and power against defects.

    python tests/bench/bench_diagnose.py error [--points 50 200 1000 5000] [--dims 1 2 8 64 512]
    python tests/bench/bench_diagnose.py power [--points 500 2000 10000] [--dims 8 64 512] [--samples 100]
    python tests/bench/bench_diagnose.py time

``error`` prints the share of samples in which any check finds something at 5 and 1 %, and the share of
p-values below 5 % of each check where it is off by more than chance. ``power`` prints the share in which
anything is found at 1 %, beside the metrics of `score --metric all` and the smoothed target at σ = median:
the three that find most at 1 %, each as the only test of its sample, and how often the least of all their
p-values finds it at 1 % after Bonferroni's adjustment. ``time`` prints the time of a diagnosis beside that of
the Gram matrix alone. Each cell stops after ``--seconds``.
"""

import argparse
import math
import time

import numpy as np

import gaedist
from gaedist.diagnostics.registry import CHECKS
from gaedist.engine import Run

ALPHAS = 0.05, 0.01
ONE = Run(threads=1)


def normal(n, dim, rng):
    return rng.standard_normal((n, dim))


def unit(dim, rng):
    u = rng.standard_normal(dim)
    return u / np.linalg.norm(u)


def clusters(count, rng):
    """Two clusters with mean 0 and sd 1, each of sd 0.3."""
    signs = rng.choice([-1.0, 1.0], size=count)
    return signs * math.sqrt(1 - 0.09) + 0.3 * rng.standard_normal(count)


def on_axis(change):
    def made(n, dim, rng):
        x = normal(n, dim, rng)
        x[:, dim // 3] = change(x[:, dim // 3], rng)
        return x

    return made


def collapsed(n, dim, rng):
    x = normal(n, dim, rng)
    x[:, :5] *= 0.05
    return x


def correlated(rho):
    def made(n, dim, rng):
        x = normal(n, dim, rng)
        x[:, 1] = rho * x[:, 0] + math.sqrt(1 - rho**2) * x[:, 1]
        return x

    return made


def factor(n, dim, rng):
    """A factor along a random direction whose variance is 10 % of that of all axes."""
    return normal(n, dim, rng) + math.sqrt(0.1 * dim) * np.outer(rng.standard_normal(n), unit(dim, rng))


def shell(n, dim, rng):
    x = normal(n, dim, rng)
    return x * (math.sqrt(dim) / np.linalg.norm(x, axis=1, keepdims=True))


def heavy(n, dim, rng):
    """Radii of Student's t with 5 degrees of freedom, of covariance I."""
    return normal(n, dim, rng) * np.sqrt(3 / rng.chisquare(5, (n, 1)))


def outliers(n, dim, rng):
    x = normal(n, dim, rng)
    x[: n // 100] *= 3
    return x


def hidden(n, dim, rng):
    x, u = normal(n, dim, rng), unit(dim, rng)
    return x + np.outer(clusters(n, rng) - x @ u, u)


def exponential(n, dim, rng):
    return rng.exponential(size=(n, dim)) - 1


def duplicates(n, dim, rng):
    x = normal(n, dim, rng)
    count = n // 50
    x[:count] = x[-count:]
    return x


def chain(n, dim, rng):
    x = normal(n, dim, rng)
    for i in range(1, n):
        x[i] = 0.2 * x[i - 1] + math.sqrt(1 - 0.04) * x[i]
    return x


DEFECTS = {
    "axis of sd 0.05": on_axis(lambda c, rng: 0.05 * c),
    "five axes of sd 0.05": collapsed,
    "axis of sd 1.2": on_axis(lambda c, rng: 1.2 * c),
    "axis shifted by 0.1": on_axis(lambda c, rng: c + 0.1),
    "axis shifted by 0.3": on_axis(lambda c, rng: c + 0.3),
    "all shifted by 0.05": lambda n, dim, rng: normal(n, dim, rng) + 0.05,
    "pair correlated 0.3": correlated(0.3),
    "pair correlated 0.9": correlated(0.9),
    "factor of 10 % variance": factor,
    "shell": shell,
    "t₅ radius": heavy,
    "1 % outliers": outliers,
    "clusters on an axis": on_axis(lambda c, rng: clusters(len(c), rng)),
    "clusters, hidden": hidden,
    "exponential axes": exponential,
    "2 % duplicates": duplicates,
    "AR(1) rows 0.2": chain,
}
"""Name → function of n, D and a generator that makes codes."""


def until(samples, seconds):
    """Yield seeds until there are enough, or time is up."""
    end = time.perf_counter() + seconds
    for seed in range(samples):
        yield seed
        if time.perf_counter() > end:
            return


def error(args):
    print("| D | n | samples | 5 % | 1 % | checks whose own 5 % is off |\n|---|---|---|---|---|---|")
    for dim in args.dims:
        for n in args.points:
            found, own = [], {name: [] for name in CHECKS}
            for seed in until(args.samples, args.seconds):
                x = normal(n, dim, np.random.default_rng((seed, n, dim)))
                result = gaedist.diagnose(x, alpha=1e-9, run=Run(threads=args.threads, seed=seed))
                found.append(result.value)
                for check in result.checks:
                    if check.p_value is not None:
                        own[check.name].append(check.p_value)
            rates = [f"{100 * np.mean(np.array(found) <= alpha):.1f}" for alpha in ALPHAS]
            off = []
            for name, values in own.items():
                rate, spread = np.mean(np.array(values) <= 0.05) if values else 0.05, 0.0
                spread = 2.5 * math.sqrt(0.05 * 0.95 / max(1, len(values)))
                if abs(rate - 0.05) > spread:
                    off.append(f"{name} {100 * rate:.1f}")
            print(f"| {dim} | {n} | {len(found)} | {' | '.join(rates)} | {', '.join(off)} |", flush=True)


def power(args):
    others = [] if args.alone else ["all", "smoothed"]
    for dim in args.dims:
        for n in args.points:
            print(f"\nD = {dim}, n = {n}\n\n| defect | samples | diagnose | found by | metrics | adjusted |")
            print("|---|---|---|---|---|---|")
            for name, make in DEFECTS.items():
                if args.only and name not in args.only:
                    continue
                hits, by, rivals, least = [], {}, {}, []
                for seed in until(args.samples, args.seconds):
                    x = make(n, dim, np.random.default_rng((seed, n, dim, 1)))
                    result = gaedist.diagnose(x, run=Run(threads=args.threads, seed=seed))
                    hits.append(result.value <= result.alpha)
                    for check in result.found:
                        by[check] = by.get(check, 0) + 1
                    together = scores(x, others, args.threads)
                    known = [score.p_value for score in together if score.p_value is not None]
                    least.append(min(known, default=1.0) * len(known) <= 0.01)
                    for score in together:
                        p = score.p_value if score.p_value is not None else 1.0
                        label = score.metric if score.target != "smoothed" else "smoothed"
                        rivals.setdefault(label, []).append(p <= 0.01)
                causes = ", ".join(f"{check} {100 * count / len(hits):.0f}" for check, count in by.items())
                best = sorted(rivals, key=lambda m: -np.mean(rivals[m]))[: None if args.full else 3]
                shown = ", ".join(f"{m} {100 * np.mean(rivals[m]):.0f}" for m in best)
                ours, theirs = (f"{100 * np.mean(found):.0f}" for found in (hits, least))
                print(f"| {name} | {len(hits)} | {ours} | {causes} | {shown} | {theirs} |", flush=True)


def scores(x, others, threads):
    run = Run(threads=threads)
    found = []
    if "all" in others:
        found += gaedist.scores(x, metric="all", null="closed-form", run=run)
    if "smoothed" in others:
        found.append(gaedist.score(x, target="smoothed", sigma="median", null="closed-form", run=run))
    return found


def times(args):
    print("| n | D | diagnose, s | Gram matrix, s | ratio |\n|---|---|---|---|---|")
    for n, dim in ((2000, 64), (100_000, 64), (100_000, 512), (1_000_000, 64)):
        x = normal(n, dim, np.random.default_rng(0))
        taken, gram = [], []
        for _ in range(args.rounds):
            began = time.perf_counter()
            x.T @ x
            gram.append(time.perf_counter() - began)
            began = time.perf_counter()
            gaedist.diagnose(x)
            taken.append(time.perf_counter() - began)
        ours, theirs = np.median(taken), np.median(gram)
        print(f"| {n} | {dim} | {ours:.2f} | {theirs:.3f} | {ours / theirs:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["error", "power", "time"])
    parser.add_argument("--points", type=int, nargs="+")
    parser.add_argument("--dims", type=int, nargs="+")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--seconds", type=float, default=120.0, help="per cell")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="defects")
    parser.add_argument("--alone", action="store_true", help="without the metrics of score")
    parser.add_argument("--full", action="store_true", help="every metric, not the best three")
    args = parser.parse_args()
    defaults = {
        "error": ([50, 200, 1000, 5000], [1, 2, 8, 64, 512], 1000),
        "power": ([500, 2000, 10000], [8, 64, 512], 100),
    }
    points, dims, samples = defaults.get(args.what, ([], [], 0))
    args.points, args.dims, args.samples = args.points or points, args.dims or dims, args.samples or samples
    {"error": error, "power": power, "time": times}[args.what](args)


if __name__ == "__main__":
    main()
