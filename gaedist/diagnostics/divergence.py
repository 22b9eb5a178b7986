"""Where the KL divergence of the codes' Gaussian fit from N(0, I) comes from."""

import math
from dataclasses import dataclass

import numpy as np

from gaedist.diagnostics.base import Place
from gaedist.diagnostics.dependence import direction_place
from gaedist.diagnostics.sample import Sample
from gaedist.engine import limited_blas
from gaedist.metrics.kl import divergence_moments


@dataclass(frozen=True)
class KlParts:
    """KL(N(m, C) ‖ N(0, I)) in nats and its parts; C has divisor n, and each part is +∞ where it diverges.

    Attributes
    ----------
    total : float
        ½ (|m|² + tr C − D − log |C|), the sum of the others.
    mean : float
        ½ |m|².
    scales : float
        ½ Σ_j (C_jj − 1 − log C_jj).
    correlations : float
        −½ log |R|, with the correlations R.
    infinite : bool
        The total is +∞: the codes do not vary along some direction.
    flat_directions : int
        Number of directions along which they do not vary.
    flat : tuple of Place
        Some of them: axes that are constant, and directions; none for n ≤ D, where any sample has them.
    null_mean : float, optional
        The mean of the total over samples of N(0, I) of this size; None for n ≤ D, where it is infinite.
    axes : tuple of Place
        The axes with the largest parts of the mean and the scales, and their parts.
    """

    total: float
    mean: float
    scales: float
    correlations: float
    infinite: bool
    flat_directions: int
    flat: tuple[Place, ...]
    null_mean: float | None
    axes: tuple[Place, ...]


def kl_parts(sample: Sample) -> KlParts:
    """Return the divergence and its parts, with +∞ for codes that do not vary along some direction."""
    n, dim = sample.n, sample.dim
    with np.errstate(divide="ignore", over="ignore"):
        logs = 2 * np.log(sample.sds) + math.log((n - 1) / n) if n > 1 else np.full(dim, -np.inf)
        excess = np.expm1(logs) - logs
        means = 0.5 * sample.mean**2
    constant = int(np.isinf(logs).sum())
    if n - 1 < dim - constant:  # n points about their mean span n − 1 directions
        flat, correlations = dim - n + 1, math.inf
    else:
        eigenvalues = sample.log_correlation_eigenvalues if n > 1 else np.empty(0)
        flat = max(constant, dim - n + 1) + int(np.isinf(eigenvalues).sum())
        correlations = math.inf if np.isinf(eigenvalues).any() else -0.5 * math.fsum(eigenvalues)
    mean, scales = math.fsum(means), 0.5 * float(excess.sum())
    parts = means + 0.5 * excess
    order = np.lexsort((np.arange(dim), -parts))[: sample.top]
    axes = tuple(Place("axis", (int(j),), float(parts[j])) for j in order)
    total = mean + scales + max(0.0, correlations)
    where = _flat_directions(sample, flat) if flat and n > dim else ()
    null_mean = divergence_moments(n, dim).mean if n > dim else None
    return KlParts(
        total, mean, scales, max(0.0, correlations), math.isinf(total), flat, where, null_mean, axes
    )


def _flat_directions(sample: Sample, count: int) -> tuple[Place, ...]:
    """Return the constant axes, and directions in which axes that vary do not vary together."""
    places = [Place("axis", (int(j),), 0.0) for j in np.flatnonzero(sample.sds == 0)]
    varies = np.flatnonzero(sample.sds > 0)
    if count > len(places):
        correlation = sample.correlation[np.ix_(varies, varies)]
        with limited_blas():
            vectors = np.linalg.eigh(correlation)[1][:, : count - len(places)]
        for vector in vectors.T:
            direction = np.zeros(sample.dim)
            direction[varies] = vector / sample.sds[varies] * sample.sds[varies].min()
            places.append(direction_place(sample, direction / np.linalg.norm(direction), 0.0))
    return tuple(places[: sample.top])
