"""Is there a direction along which the codes are not normal?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gaedist.diagnostics.base import Check, Outcome, Part, PremiseError
from gaedist.diagnostics.dependence import direction_place, loadings
from gaedist.diagnostics.marginals import shape, shape_words
from gaedist.diagnostics.pursuit import pursue
from gaedist.diagnostics.sample import Sample
from gaedist.engine import limited_blas
from gaedist.null import anderson_darling
from gaedist.null.tails import log_bonferroni
from gaedist.numerics import Array, Stream

FEWEST = 40
"""Fewest points: 20 in each half."""

_NUMBERS = 1 << 23  # in the half that is searched
_POINTS_PER_AXIS = 4  # fewer than these, and only the leading principal axes are searched
_SHOWN = 1e-3  # p-value of one direction, adjusted for all, below which it is listed
_MOST_TESTED = 1 << 18  # points of the other half
_RANK = 1e-10  # of the largest eigenvalue, below which a principal axis is left out


def check(sample: Sample) -> Outcome:
    """Search half of the rows for directions that are not normal, and test them on the other half.

    However a direction was chosen, its projections of the other half are independent of the choice, so that
    the p-value holds. They are tested for their shape alone, by the Anderson–Darling statistic of a fitted
    normal distribution.
    """
    n, dim = sample.n, sample.dim
    if dim < 2:
        raise PremiseError("one axis has one direction")
    if n < FEWEST:
        raise PremiseError(f"directions need at least {FEWEST} points")
    chosen, other, rng = halves(sample)
    with limited_blas():
        directions = _directions(sample, chosen, rng)
    if len(directions) == 0:
        raise PremiseError("the codes vary along one direction at most")
    projected = _projected(sample, other, directions)
    center, sds = projected.mean(axis=1, keepdims=True), projected.std(axis=1, ddof=1, keepdims=True)
    varies = (sds > 1e-12 * np.abs(center))[:, 0]
    projected, directions = projected[varies], directions[varies]
    if len(directions) == 0:
        raise PremiseError("the codes vary along no direction")
    z = np.sort((projected - center[varies]) / sds[varies], axis=1)
    squared = anderson_darling.of_normal(z)
    log_p = np.asarray(anderson_darling.log_tail_fitted(squared, len(other)))
    ranked = np.argsort(-squared, kind="stable")
    details = shape(z[ranked[0]])
    found = [k for k in ranked[: sample.top] if log_bonferroni(log_p[k], len(z)) < math.log(1e-3)] or [
        ranked[0]
    ]
    places = tuple(
        direction_place(sample, directions[k], shape(z[k])["kurtosis"], float(np.exp(log_p[k])))
        for k in found
    )
    part = Part(
        float(squared[ranked[0]]),
        float(log_bonferroni(log_p[ranked[0]], len(z))),
        f"Along a direction ({loadings(places[0])}) the codes are not normal: {shape_words(details)}.",
        places,
    )
    return Outcome((part,), details["kurtosis"], "excess kurtosis along the worst direction", details)


def halves(sample: Sample) -> tuple[NDArray[np.intp], NDArray[np.intp], np.random.Generator]:
    """Return the rows that are searched, those that are tested, and the generator that drew them."""
    n, dim = sample.n, sample.dim
    rng = np.random.default_rng((sample.run.seed, Stream.HALVES))
    order = rng.permutation(n)
    half = min(n // 2, _NUMBERS // dim) if dim < _NUMBERS // FEWEST else FEWEST // 2
    return np.sort(order[:half]), np.sort(order[half : half + _MOST_TESTED]), rng


def _projected(sample: Sample, rows: NDArray[np.intp], directions: Array) -> Array:
    """Return the projections of some rows on each direction, (K, rows)."""
    blocks = np.array_split(rows, max(1, len(rows) // 4096))
    parts = sample.map(lambda some: (sample.x[some] * sample.units) @ directions.T, blocks)
    return np.concatenate(list(parts)).T


def _directions(sample: Sample, rows: NDArray[np.intp], rng: np.random.Generator) -> Array:
    """Return unit vectors, (K, D), for codes times their units: principal axes, and results of pursuits."""
    points = sample.x[rows]
    points *= sample.units
    points -= points.mean(axis=0)
    half, dim = points.shape
    values, vectors = np.linalg.eigh((points.T @ points if half > dim else points @ points.T) / (half - 1))
    kept = values > _RANK * max(values[-1], 0.0)
    if not kept.any():
        return np.empty((0, dim))
    values, vectors = values[kept][::-1], vectors[:, kept][:, ::-1]
    if half <= dim:  # those of the points by points, which are fewer
        vectors = points.T @ vectors / np.sqrt(values * (half - 1))
    count = min(len(values), max(2, half // _POINTS_PER_AXIS))
    turn = vectors[:, :count] / np.sqrt(values[:count])
    found = pursue(points @ turn, rng) @ turn.T
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    ends = vectors[:, [0, -1]].T if len(values) > 1 else vectors[:, :1].T
    return np.concatenate([ends, found])


CHECK = Check(
    name="directions",
    asks="is there a direction along which the codes are not normal?",
    meaning="Often these are classes or clusters that the regulariser leaves apart.",
    statistic="Anderson–Darling A² of half of the rows along directions found on the other half",
    null="that of a fitted normal distribution (Stephens), by Bonferroni's inequality over directions",
    reference="J. H. Friedman, Exploratory projection pursuit, J. Am. Stat. Assoc. 82 (1987) 249, "
    "doi:10.1080/01621459.1987.10478427; A. Hyvärinen, IEEE Trans. Neural Netw. 10 (1999) 626, "
    "doi:10.1109/72.761722",
    run=check,
    explained_by=("radius", "marginals", "order", "points"),
)
