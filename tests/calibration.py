"""How often samples of N(0, I) get a p-value below 5 % and 1 %.

To print the tables of bench/README.md, in tests/: python calibration.py, and again with --metrics
"""

import itertools
import sys

import numpy as np
from joblib import Parallel, delayed

import gaedist
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.mixtures.targets import TARGETS

SIZES, DIMS, SIGMAS = (50, 200, 1000), (1, 2, 8, 32), (0.5, 1.0, "median")
BOUNDS = {0.05: (0.035, 0.065), 0.01: (0.005, 0.018)}
"""Nominal rate → bounds of the measured rate."""


def rates(n, dim, sigma, target, *, samples=4000, estimator="v"):
    """Return the rate of p-values below each nominal rate, or None where there is no p-value."""
    rng = np.random.default_rng((n, dim))
    found = (
        gaedist.score(rng.normal(size=(n, dim)), sigma=sigma, target=target, estimator=estimator).p_value
        for _ in range(samples)
    )
    first = next(found)
    if first is None:
        return None
    p = np.array([first, *found])
    return {nominal: float((p < nominal).mean()) for nominal in BOUNDS}


SHAPES = ((50, 1), (50, 2), (50, 8), (200, 2), (200, 8), (200, 32), (1000, 8), (1000, 64))
"""Sizes and dimensions, (n, D), for all metrics."""


def metric_rates(n, dim, *, samples=2000, directions=200):
    """Return the rates of each metric, as `rates`; None where no sample has a p-value."""
    rng, found = np.random.default_rng((n, dim)), {}
    for _ in range(samples):
        results = gaedist.scores(
            rng.normal(size=(n, dim)),
            metric="all",
            parameters=gaedist.Parameters(directions=directions),
            on_error=lambda *reason: None,
        )
        for result in results:
            found.setdefault(result.metric, []).append(result.p_value)
    return {
        metric: None
        if p[0] is None
        else {nominal: float((np.array(p) < nominal).mean()) for nominal in BOUNDS}
        for metric, p in found.items()
    }


def text(cell):
    return " ".join(f"{100 * rate:.1f}" for rate in cell.values()) if cell else "–"


def print_metrics():
    columns = Parallel(n_jobs=-1)(delayed(metric_rates)(n, dim) for n, dim in SHAPES)
    print("| metric | " + " | ".join(f"{n}, {dim}" for n, dim in SHAPES) + " |")
    print("|---" * (1 + len(SHAPES)) + "|")
    for metric in ONE_SAMPLE:
        print(f"| {metric} | " + " | ".join(text(column.get(metric)) for column in columns) + " |")


def print_settings():
    columns, lines = list(itertools.product(TARGETS, SIGMAS)), list(itertools.product(DIMS, SIZES))
    cells = Parallel(n_jobs=-1)(
        delayed(rates)(n, dim, sigma, target) for dim, n in lines for target, sigma in columns
    )
    texts = map(text, cells)
    print("| n | D | " + " | ".join(f"{target}, σ = {sigma}" for target, sigma in columns) + " |")
    print("|---" * (2 + len(columns)) + "|")
    for dim, n in lines:
        print(f"| {n} | {dim} | " + " | ".join(next(texts) for _ in columns) + " |")


if __name__ == "__main__":
    print_metrics() if "--metrics" in sys.argv else print_settings()
