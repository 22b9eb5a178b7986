"""Rules for one σ for all points."""

import math
from collections.abc import Callable

import numpy as np

from gaedist.engine import Array, Run
from gaedist.mixtures import Mixture, normal, overlap
from gaedist.variances import Constant

_GRID = 10
MARGIN = 1e-2
"""2 − P/C, below which the loss of a score is no longer −log(1 − d²)."""

_STEEP = 50.0
_PRECISION = 1e-2  # of log σ²


def best_constant(codes: Array, run: Run, seen: Callable[[float, Constant], None]) -> Constant:
    """Return the constant covariance of least Eq. (7).

    A grid of σ² from where no two points overlap to where all do, then Brent's method about its best.

    Parameters
    ----------
    codes : (n, D) array
        The sample.
    run : Run
        Threads and progress.
    seen : callable
        Called with the loss, −log(1 − d²), and the covariance at each evaluation.
    """
    from scipy.optimize import minimize_scalar

    prior = normal(codes.shape[1])

    def loss(log_variance: float) -> float:
        covariance = Constant(math.exp(log_variance))
        p = Mixture(codes, covariance)
        log_pair = overlap(p, p, unit=1.0, run=run).log_total
        log_cross = overlap(p, prior, unit=1.0, run=run).log_total
        value = score_loss(log_pair, log_cross)
        seen(value, covariance)
        return value

    widest = math.log(2 + 2 * float(np.einsum("ij,ij->", codes, codes)) / codes.size)
    grid = np.linspace(-10, widest, _GRID)
    losses = [loss(log_variance) for log_variance in grid]
    best = int(np.argmin(losses))
    bounds = grid[max(0, best - 1)], grid[min(_GRID - 1, best + 1)]
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": _PRECISION})
    return Constant(math.exp(found.x if found.fun < losses[best] else grid[best]))


def score_loss(log_pair: float, log_cross: float) -> float:
    """Return −log(1 − d²) of a score with these terms; past d² = 1 it goes on, ever flatter.

    With d² − 1 = P − 2C it is −log C − log(2 − P/C), of which the last logarithm is turned around where it
    has fallen to `MARGIN`.
    """
    log_ratio = log_pair - log_cross
    if log_ratio > _STEEP:  # where 2 is nothing beside the ratio
        return log_ratio - log_cross - 2 * math.log(MARGIN)
    rest = 2 - math.exp(log_ratio)
    log_rest = math.log(rest) if rest > MARGIN else 2 * math.log(MARGIN) - math.log(2 * MARGIN - rest)
    return -log_cross - log_rest
