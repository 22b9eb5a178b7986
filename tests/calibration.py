"""How often true samples of N(0, I) are rejected.

For the table in bench/README.md: python tests/calibration.py
"""

import itertools

import numpy as np
from joblib import Parallel, delayed

import gaedist
from gaedist.targets import TARGETS

SIZES, DIMS, SIGMAS = (50, 200, 1000), (1, 2, 8, 32), (0.5, 1.0, "median")
BOUNDS = {0.05: (0.035, 0.065), 0.01: (0.005, 0.018)}
"""Nominal rate → the bounds of the measured one."""


def rates(n, dim, sigma, target, *, samples=4000, estimator="v"):
    """The rate of p-values below each nominal one, or None where no p-value is given."""
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


if __name__ == "__main__":
    columns, lines = list(itertools.product(TARGETS, SIGMAS)), list(itertools.product(DIMS, SIZES))
    cells = Parallel(n_jobs=-1)(
        delayed(rates)(n, dim, sigma, target) for dim, n in lines for target, sigma in columns
    )
    texts = (" ".join(f"{100 * rate:.1f}" for rate in cell.values()) if cell else "–" for cell in cells)
    print("| n | D | " + " | ".join(f"{target}, σ = {sigma}" for target, sigma in columns) + " |")
    print("|---" * (2 + len(columns)) + "|")
    for dim, n in lines:
        print(f"| {n} | {dim} | " + " | ".join(next(texts) for _ in columns) + " |")
