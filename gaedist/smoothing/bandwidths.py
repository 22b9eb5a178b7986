"""Rules for one σ for all points: plug-in bandwidths, and the best for Eq. (7)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gaedist.engine import Run
from gaedist.errors import GaedistError
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.mixture import Mixture, normal, overlaps
from gaedist.numerics import Array

_GRID = 10
MARGIN = 1e-2
"""2 − P/C, below which the loss of a score is no longer −log(1 − d²)."""

_STEEP = 50.0
_PRECISION = 1e-3  # of log σ²

_MOST_POINTS = 3000  # whose pairs the median is taken of
_MOST_WORK = 1e9  # pairs of numbers for it
_STREAM = 2  # of random numbers, beside those of other draws


@dataclass(frozen=True)
class Bandwidth:
    """A way to choose one σ for one sample, or for two together.

    Attributes
    ----------
    about : str
        Its formula and source.
    find : callable
        From the samples and the run to σ.
    of_codes : bool
        σ depends on the codes, and not on their number alone.
    """

    about: str
    find: Callable[[tuple[Array, ...], Run], float]
    of_codes: bool


def _size(samples: tuple[Array, ...]) -> float:
    """Return the size of a sample; of two, the harmonic mean, which is that of each if they are equal."""
    return len(samples) / sum(1 / len(x) for x in samples)


def _silverman(samples: tuple[Array, ...], run: Run) -> float:
    return float((4 / (3 * _size(samples))) ** 0.2)


def _scott(samples: tuple[Array, ...], run: Run) -> float:
    return float(_size(samples) ** (-1 / (samples[0].shape[1] + 4)))


def _median(samples: tuple[Array, ...], run: Run) -> float:
    from scipy.spatial.distance import pdist

    n, dim = sum(map(len, samples)), samples[0].shape[1]
    most = max(2, min(_MOST_POINTS, int(math.sqrt(2 * _MOST_WORK / dim))))
    if n < 2:
        raise GaedistError("the median distance between points needs two of them. Give sigma as a number.")
    if n > most:
        if run.note:
            run.note(f"the median distance is that of the pairs of {most} of {n} points, drawn with --seed.")
        samples = tuple(_drawn(x, max(1, round(most * len(x) / n)), run.seed) for x in samples)
    x = np.concatenate(samples) if len(samples) > 1 else samples[0]
    found = float(np.median(pdist(x))) / math.sqrt(2)
    if not found > 0:
        raise GaedistError("the median distance between points is 0. Give sigma as a number.")
    return found


def _drawn(x: Array, count: int, seed: int) -> Array:
    """Draw rows; for two samples in either order the same ones."""
    if count >= len(x):
        return x
    return x[np.sort(np.random.default_rng((seed, len(x), _STREAM)).choice(len(x), count, replace=False))]


BANDWIDTHS = {
    "silverman": Bandwidth(
        "σ² = (4/(3n))^(2/5), γ of the Cramér–Wold auto-encoder", _silverman, of_codes=False
    ),
    "scott": Bandwidth("σ = n^(−1/(D+4)), Scott 1992 for unit variance", _scott, of_codes=False),
    "median": Bandwidth(
        "median pair distance over √2, so that pairs meet in e^(−r²/(2 median²)), Gretton et al. 2012",
        _median,
        of_codes=True,
    ),
}
"""Name → bandwidth."""


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

    def losses(log_variances: list[float]) -> list[float]:
        covariances = [Constant(math.exp(log_variance)) for log_variance in log_variances]
        mixtures = [Mixture(codes, covariance) for covariance in covariances]
        pairs = overlaps([(p, p, 1.0) for p in mixtures], run)
        cross = overlaps([(prior, p, 1.0) for p in mixtures], run)
        found = [score_loss(pp.log_total, pq.log_total) for pp, pq in zip(pairs, cross, strict=True)]
        for value, covariance in zip(found, covariances, strict=True):
            seen(value, covariance)
        return found

    widest = math.log(2 + 2 * float(np.einsum("ij,ij->", codes, codes)) / codes.size)
    grid = np.linspace(-10, widest, _GRID)
    found = losses(list(grid))
    best = int(np.argmin(found))
    bounds = grid[max(0, best - 1)], grid[min(_GRID - 1, best + 1)]
    end = minimize_scalar(
        lambda x: losses([x])[0], bounds=bounds, method="bounded", options={"xatol": _PRECISION}
    )
    return Constant(math.exp(end.x if end.fun < found[best] else grid[best]))


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
