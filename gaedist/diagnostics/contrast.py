"""The plane in which two samples differ most, and that of their first principal axes.

Directions are chosen on half of the rows of each sample, and the points that are shown are the other rows:
however a direction was chosen, these know nothing of it.
"""

import math
from dataclasses import dataclass

import numpy as np

from gaedist.diagnostics.base import Place
from gaedist.diagnostics.dependence import direction_place
from gaedist.diagnostics.sample import Sample
from gaedist.engine import Run, limited_blas
from gaedist.numerics import Array, Stream, spaced_rows

_FEWEST = 8  # points of a sample that is divided in halves
_SEARCHED = 1 << 23  # numbers of a half in which directions are searched
_SPREADS = 2  # directions in which the covariances differ most


@dataclass(frozen=True, eq=False)
class Plane:
    """Points of two samples in a plane.

    Attributes
    ----------
    across, up : Place
        Its directions.
    first, second : (K, 2) arrays
        Equally spaced rows of each sample, projected on both.
    """

    across: Place
    up: Place
    first: Array
    second: Array


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two samples in two planes; None in one dimension.

    Attributes
    ----------
    worst : Plane, optional
        That in which they differ most, of rows on which it was not chosen.
    principal : Plane, optional
        The first two principal axes of the pooled points.
    """

    worst: Plane | None
    principal: Plane | None


def contrast(x: Array, y: Array, run: Run) -> Contrast:
    """Return where two samples differ.

    Candidates are Fisher's direction S⁻¹(m_x − m_y), and those in which the covariances differ most relative
    to the pooled S, which is drawn towards a multiple of I by D/(n + m). They are ranked by Student's t of
    the means, and by the logarithm of the ratio of the variances in its standard errors.
    """
    if x.shape[1] < 2 or min(len(x), len(y)) < 2:
        return Contrast(None, None)
    rng = np.random.default_rng((run.seed, Stream.HALVES))
    (x_half, x_rest), (y_half, y_rest) = _halves(x, rng), _halves(y, rng)
    first, second = Sample(x_half, run), Sample(y_half, run)
    gap, within = first.mean - second.mean, _pooled(first, second)
    pooled, _ = _pooled(Sample(x, run), Sample(y, run), between=True)
    with limited_blas():
        candidates = _candidates(gap, *within, first.n + second.n)
        principal = np.linalg.eigh(pooled)[1][:, [-1, -2]].T
    order = np.argsort([-_difference(first.x @ u, second.x @ u) for u in candidates], kind="stable")
    return Contrast(_plane([candidates[k] for k in order], x_rest, y_rest), _plane(list(principal), x, y))


def _halves(x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the rows on which directions are chosen, and those that are shown; all of few."""
    if len(x) < _FEWEST:
        return x, x
    order = rng.permutation(len(x))
    half = min(len(x) // 2, max(2, _SEARCHED // x.shape[1]))
    rest = np.sort(order[half:])
    return x[np.sort(order[:half])], x[rest[spaced_rows(len(rest))]]


def _covariance(sample: Sample) -> Array:
    return np.asarray(sample.correlation * np.outer(sample.sds, sample.sds))


def _pooled(first: Sample, second: Sample, *, between: bool = False) -> tuple[Array, Array]:
    """Return the covariance of both samples about their means, and the difference of theirs.

    With ``between`` it is about the mean of all points.
    """
    n, m = first.n, second.n
    a, b = _covariance(first), _covariance(second)
    pooled = ((n - 1) * a + (m - 1) * b) / max(1, n + m - 2)
    if between:
        gap = first.mean - second.mean
        pooled = pooled + np.outer(gap, gap) * (n * m / (n + m) ** 2)
    return pooled, a - b


def _candidates(gap: Array, pooled: Array, difference: Array, count: int) -> list[Array]:
    """Return unit vectors along which two samples may differ in mean, or in covariance."""
    dim = len(pooled)
    part = min(1.0, dim / count)
    typical = max(float(np.trace(pooled)) / dim, 1e-300)
    values, vectors = np.linalg.eigh((1 - part) * pooled + part * typical * np.eye(dim))
    turn = vectors / np.sqrt(np.maximum(values, 1e-12 * typical))
    spreads, turned = np.linalg.eigh(turn.T @ difference @ turn)
    largest = np.argsort(-np.abs(spreads), kind="stable")[:_SPREADS]
    found = [turn @ (turn.T @ gap), *(turn @ turned[:, k] for k in largest)]
    return [u / norm for u in found if (norm := float(np.linalg.norm(u))) > 0]


def _difference(a: Array, b: Array) -> float:
    """Return how much two projected samples differ, in mean or in spread, in standard errors."""
    n, m = len(a), len(b)
    u, v = float(a.var(ddof=1)), float(b.var(ddof=1))
    if not u + v > 0:
        return 0.0 if a.mean() == b.mean() else math.inf
    shift = abs(float(a.mean() - b.mean())) / math.sqrt(u / n + v / m)
    ratio = abs(math.log(max(u, 1e-300) / max(v, 1e-300))) / math.sqrt(2 / (n - 1) + 2 / (m - 1))
    return max(shift, ratio)


def _plane(directions: list[Array], x: Array, y: Array) -> Plane | None:
    """Return the plane of the first direction and the next that is not parallel to it."""
    for second in directions[1:]:
        first = directions[0]
        across = second - (first @ second) * first
        norm = float(np.linalg.norm(across))
        if norm > 0.1:
            probe = Sample(x[:1], Run(), top=5)
            places = [direction_place(probe, v, 0.0) for v in (first, across / norm)]
            turn = np.array([place.vector for place in places]).T
            shown = [some[spaced_rows(len(some))] @ turn for some in (x, y)]
            return Plane(places[0], places[1], *shown)
    return None
