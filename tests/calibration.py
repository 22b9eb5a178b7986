"""How often samples of N(0, I) get a p-value below 5 % and 1 %.

To print the tables of bench/README.md, in tests/: python calibration.py, and again with --metrics, and with
--high for the normal target in many dimensions
"""

import itertools
import math
import sys

import numpy as np
from joblib import Parallel, delayed
from scipy.spatial.distance import pdist
from scipy.special import logsumexp

import gaedist
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.mixtures.targets import TARGETS
from gaedist.null.distributions import SKEWNESS
from gaedist.null.gaussian_moments import moments
from gaedist.null.radial_sums import radial_sum

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


HIGH = [
    (n, dim, sigma)
    for dim, n, sigma in itertools.product(
        (12, 16, 24, 32, 64, 128, 512, 4096), (10, 50, 300, 2000), (0.5, 1.0, 2.0)
    )
    if not SKEWNESS[0] < moments(n, dim, sigma**2).skewness < SKEWNESS[1]
]
"""Sizes, dimensions and σ, (n, D, σ), for which the normal target's gamma distribution is too skewed."""


def high_rates(n, dim, sigma):
    """Return the rates for the normal target in many dimensions, as `rates`.

    Of many points in many dimensions only the norms are drawn: pairs add next to nothing.
    """
    s, null = sigma**2, radial_sum(n, dim, sigma**2)
    only_norms = n * dim > 100_000
    samples = 4000 if n < 300 or only_norms else 1000 if n < 2000 else 300
    rng, p = np.random.default_rng((n, dim, 7)), []
    for _ in range(samples):
        log_pairs = -math.inf
        if only_norms:
            squares = rng.chisquare(dim, size=n)
        else:
            x = rng.normal(size=(n, dim))
            squares = (x**2).sum(axis=1)
            log_pairs = logsumexp(-dim / 2 * math.log(s) - pdist(x, "sqeuclidean") / (4 * s))
        log_cross = logsumexp(-dim / 2 * math.log((1 + s) / 2) - squares / (2 * (1 + s))) - math.log(n)
        p.append(2 * min(null.tails(log_pairs + math.log(2 / n**2), log_cross)))
    return {nominal: float((np.array(p) < nominal).mean()) for nominal in BOUNDS}


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


def print_high():
    cells = Parallel(n_jobs=-1)(delayed(high_rates)(*setting) for setting in HIGH)
    print("| n | D | σ | below 5 % and 1 % |")
    print("|---|---|---|---|")
    for (n, dim, sigma), cell in zip(HIGH, cells, strict=True):
        print(f"| {n} | {dim} | {sigma} | {text(cell)} |")


if __name__ == "__main__":
    tables = {"--metrics": print_metrics, "--high": print_high}
    tables.get(sys.argv[-1], print_settings)()
