"""Bandwidths: one σ for all points, from their number, from their distances, or by minimising Eq. (7)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gaedist.engine import Run
from gaedist.errors import GaedistError
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.mixture import Mixture, normal, overlaps
from gaedist.numerics import Array, Stream

_GRID_POINTS = 10
_PRECISION = 1e-3  # of log σ²

MARGIN = 1e-2
"""The value of 2 − P/C below which `score_loss` no longer is −log(1 − d²)."""

_STEEP = 50.0  # log(P/C) above which 2 is lost next to P/C

_MAX_POINTS = 3000  # for the median over all pairs
_MAX_WORK = 1e9  # pairs times dimensions, likewise


@dataclass(frozen=True)
class Bandwidth:
    """A rule for one σ, for one sample or for two together.

    Attributes
    ----------
    about : str
        A phrase for help texts.
    definition : str
        The formula.
    reference : str
        The source.
    find : callable
        Function of the samples and the run that returns σ.
    depends_on_codes : bool
        Whether σ depends on the codes, and not only on n and D.
    """

    about: str
    definition: str
    reference: str
    find: Callable[[tuple[Array, ...], Run], float]
    depends_on_codes: bool


def _harmonic_size(samples: tuple[Array, ...]) -> float:
    """Return n of one sample; of two, the harmonic mean of their sizes."""
    return len(samples) / sum(1 / len(x) for x in samples)


def _silverman(samples: tuple[Array, ...], run: Run) -> float:
    return float((4 / (3 * _harmonic_size(samples))) ** 0.2)


def silverman_gamma(*sizes: int) -> float:
    """Return γ = (4/(3n))^(2/5), Silverman's rule in one dimension; of two samples by their harmonic mean.

    This is σ² of the bandwidth ``silverman``. Both expressions are kept because the square of that σ differs
    from this in the last bit for about half of all n, and results are reproducible to the last bit.
    """
    return float((4 / 3 * sum(1 / n for n in sizes) / len(sizes)) ** 0.4)


def _scott(samples: tuple[Array, ...], run: Run) -> float:
    return float(_harmonic_size(samples) ** (-1 / (samples[0].shape[1] + 4)))


def _median(samples: tuple[Array, ...], run: Run) -> float:
    from scipy.spatial.distance import pdist

    n, dim = sum(map(len, samples)), samples[0].shape[1]
    most = max(2, min(_MAX_POINTS, int(math.sqrt(2 * _MAX_WORK / dim))))
    if n < 2:
        raise GaedistError(
            "the median distance between points needs at least 2 points. Give sigma as a number."
        )
    if n > most:
        if run.note:
            run.note(f"the median distance is computed from {most} of {n} points, drawn at random (--seed).")
        samples = tuple(_random_rows(x, max(1, round(most * len(x) / n)), run.seed) for x in samples)
    x = np.concatenate(samples) if len(samples) > 1 else samples[0]
    distances = pdist(x)
    if not np.median(distances) > 0:  # collapsed codes, which must not escape a gate for want of a bandwidth
        distances = distances[distances > 0]
        kind = f"{len(distances)} pairs of different points" if len(distances) else "N(0, I), about √(2D)"
        if run.note:
            run.note(f"the median distance between points is 0, so σ is taken from that of {kind}.")
    return float(np.median(distances)) / math.sqrt(2) if len(distances) else math.sqrt(dim)


def _random_rows(x: Array, count: int, seed: int) -> Array:
    """Return random rows in their order; they depend on n and the seed, not on which sample comes first."""
    if count >= len(x):
        return x
    rng = np.random.default_rng((seed, len(x), Stream.BANDWIDTH_POINTS))
    return x[np.sort(rng.choice(len(x), count, replace=False))]


def _prior(samples: tuple[Array, ...], run: Run) -> float:
    return math.sqrt(samples[0].shape[1])


PRIOR = "prior"
"""The bandwidth of N(0, I) itself, the same for all codes of a dimension."""

BANDWIDTHS = {
    "silverman": Bandwidth(
        about="from n alone, as in the Cramér–Wold auto-encoder",
        definition="σ² = (4/(3n))^(2/5); of two samples, n is the harmonic mean of the sizes",
        reference="Silverman, Density Estimation for Statistics and Data Analysis, 1986; γ of Tabor et al., "
        "Cramer-Wold AutoEncoder, arXiv:1805.09235",
        find=_silverman,
        depends_on_codes=False,
    ),
    "scott": Bandwidth(
        about="from n and D alone",
        definition="σ = n^(−1/(D+4)), for unit variance; of two samples, n is the harmonic mean of the sizes",
        reference="Scott, Multivariate Density Estimation, 1992",
        find=_scott,
        depends_on_codes=False,
    ),
    "median": Bandwidth(
        about="from the median distance between points",
        definition="median distance between points over √2, so that the kernel is exp(−r²/(2 median²)); if "
        "it is 0, that of pairs of different points, and √D if all points are equal",
        reference="Gretton et al., A Kernel Two-Sample Test, Journal of Machine Learning Research 13, 2012",
        find=_median,
        depends_on_codes=True,
    ),
    PRIOR: Bandwidth(
        about="√D, what median gives for N(0, I)",
        definition="σ = √D, the root mean square distance between points of N(0, I) over √2, so that the "
        "kernel is exp(−r²/(4D)); it does not depend on the codes; for a mixture prior, the root of its "
        "covariance's trace",
        reference="the median heuristic of Gretton et al., A Kernel Two-Sample Test, Journal of Machine "
        "Learning Research 13, 2012, for the prior instead of the codes",
        find=_prior,
        depends_on_codes=False,
    ),
}
"""Name → bandwidth."""


def best_constant(codes: Array, run: Run, record: Callable[[float, Constant], None]) -> Constant:
    """Return the constant covariance that minimises Eq. (7).

    The search evaluates a grid of σ², from where no two points overlap to where all do, and then uses Brent's
    method around the best grid point.

    Parameters
    ----------
    codes : (n, D) array
        The sample.
    run : Run
        Threads and progress.
    record : callable
        Called at each evaluation with the loss, −log(1 − d²), and the covariance.
    """
    from scipy.optimize import minimize_scalar

    prior = normal(codes.shape[1])

    def losses(log_variances: list[float]) -> list[float]:
        covariances = [Constant(math.exp(log_variance)) for log_variance in log_variances]
        mixtures = [Mixture(codes, covariance) for covariance in covariances]
        pairs = overlaps([(p, p, 1.0) for p in mixtures], run)
        cross = overlaps([(prior, p, 1.0) for p in mixtures], run)
        values = [score_loss(pp.log_total, pq.log_total) for pp, pq in zip(pairs, cross, strict=True)]
        for value, covariance in zip(values, covariances, strict=True):
            record(value, covariance)
        return values

    widest = math.log(2 + 2 * float(np.einsum("ij,ij->", codes, codes)) / codes.size)
    grid = np.linspace(-10, widest, _GRID_POINTS)
    on_grid = losses(list(grid))
    best = int(np.argmin(on_grid))
    bounds = grid[max(0, best - 1)], grid[min(_GRID_POINTS - 1, best + 1)]
    end = minimize_scalar(
        lambda x: losses([x])[0], bounds=bounds, method="bounded", options={"xatol": _PRECISION}
    )
    return Constant(math.exp(end.x if end.fun < on_grid[best] else grid[best]))


def score_loss(log_pair: float, log_cross: float) -> float:
    """Return −log(1 − d²) of a score with pair term P and cross term C, continued smoothly beyond d² = 1.

    As d² = P + 1 − 2C, the loss is −log C − log(2 − P/C). Where 2 − P/C falls below `MARGIN`, its logarithm
    is replaced by one that continues it with the same value and gradient, and is finite for every P/C.
    """
    log_ratio = log_pair - log_cross
    if log_ratio > _STEEP:
        return log_ratio - log_cross - 2 * math.log(MARGIN)
    rest = 2 - math.exp(log_ratio)
    log_rest = math.log(rest) if rest > MARGIN else 2 * math.log(MARGIN) - math.log(2 * MARGIN - rest)
    return -log_cross - log_rest
