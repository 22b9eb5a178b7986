"""What a picture of a diagnosis shows of a sample, in few numbers: none of them grows with n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaedist.diagnostics.base import Place
from gaedist.diagnostics.dependence import direction_place
from gaedist.diagnostics.directions import FEWEST, halves
from gaedist.diagnostics.divergence import KlParts
from gaedist.diagnostics.panel import CheckResult
from gaedist.diagnostics.sample import Sample
from gaedist.numerics import Array, spaced_rows

_MOST_BINS = 64
_FEWEST_BINS = 8
_RANKS = 400  # of sorted numbers that are kept, and
_ENDS = 40  # from each end, all of them
_AXES = 16  # of a correlation matrix
_PARALLEL = 0.99  # |cosine| of directions that span no plane


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many numbers fall into each bin.

    Attributes
    ----------
    edges : (K + 1,) array
        The edges of the bins.
    counts : (K,) array
        The numbers in each.
    """

    edges: Array
    counts: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Sorted:
    """Some of n sorted numbers: those at the ends, and equally spaced ones between.

    Attributes
    ----------
    place : Place
        The axis or the direction along which they were measured.
    n : int
        How many there are.
    ranks, values : (K,) arrays
        Which of them, from 1 to n, and what they are.
    """

    place: Place
    n: int
    ranks: Array
    values: Array


@dataclass(frozen=True, eq=False)
class Plane:
    """Points in the plane of two orthogonal directions.

    Attributes
    ----------
    across, up : Place
        The directions.
    points : (K, 2) array
        Equally spaced rows, projected on both.
    """

    across: Place
    up: Place
    points: Array


@dataclass(frozen=True, eq=False)
class Profile:
    """What a picture of a diagnosis shows.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    radii : Histogram
        |x| of all points.
    means, sds : (D,) arrays
        Of every axis.
    eigenvalues : (D,) array
        Of the covariance with divisor n − 1, ascending; NaN where they are not finite.
    axis : Sorted
        The axis that is least normal.
    direction : Sorted, optional
        The direction that is least normal, with mean 0 and sd 1, of rows on which it was not chosen.
    plane : Plane, optional
        The plane of the two worst directions; None in one dimension.
    correlated : (K,) array of int
        The axes with the largest correlations, ascending.
    correlations : (K, K) array
        Of these axes.
    checks : tuple of CheckResult
        What was found.
    kl : KlParts
        Where the divergence comes from.
    """

    n: int
    dim: int
    radii: Histogram
    means: Array
    sds: Array
    eigenvalues: Array
    axis: Sorted
    direction: Sorted | None
    plane: Plane | None
    correlated: NDArray[np.intp]
    correlations: Array
    checks: tuple[CheckResult, ...]
    kl: KlParts


def profile(sample: Sample, checks: Sequence[CheckResult], kl: KlParts) -> Profile:
    """Return what a picture shows of a sample and of what was found in it."""
    by_name = {check.name: check for check in checks}
    directions = _directions(sample, by_name)
    worst = _worst_axis(by_name)
    correlated = _most_correlated(sample)
    return Profile(
        n=sample.n,
        dim=sample.dim,
        radii=histogram(np.sqrt(sample.radii), *_usual_radii(sample.n, sample.dim)),
        means=sample.mean,
        sds=sample.sds,
        eigenvalues=sample.principal[0] if sample.n > 1 else np.full(sample.dim, np.nan),
        axis=_sorted(Place("axis", (worst,), 0.0), sample.x[:, worst]),
        direction=_along(sample, directions[0], by_name) if directions else None,
        plane=_plane(sample, directions),
        correlated=correlated,
        correlations=sample.correlation[np.ix_(correlated, correlated)],
        checks=tuple(checks),
        kl=kl,
    )


def histogram(values: Array, *within: float) -> Histogram:
    """Return a histogram of some numbers, those that are finite, with equal bins that hold others too."""
    finite = values[np.isfinite(values)]
    bins = int(np.clip(2 * len(values) ** (1 / 3), _FEWEST_BINS, _MOST_BINS))
    ends = [*within, *([float(finite.min()), float(finite.max())] if len(finite) else [0.0, 1.0])]
    low, high = min(ends), max(ends)
    margin = max(1e-9 * abs(high), 1e-300)
    counts, edges = np.histogram(finite, bins, (low - margin, high + margin))
    return Histogram(edges, counts)


def _usual_radii(n: int, dim: int) -> tuple[float, float]:
    """Return between which radii all of n points of N(0, I) mostly lie."""
    from scipy.special import gammaincinv

    low, high = np.sqrt(2 * gammaincinv(dim / 2, [0.5 / n, 1 - 0.5 / n]))
    return float(low), float(high)


def thinned_ranks(n: int) -> NDArray[np.intp]:
    """Return ranks from 1 to n: all of a few, else those at the ends and equally spaced ones between."""
    if n <= _RANKS:
        return np.arange(1, n + 1)
    between = np.linspace(_ENDS + 1, n - _ENDS, _RANKS - 2 * _ENDS).round().astype(int)
    ends = np.arange(1, _ENDS + 1)
    return np.unique(np.concatenate([ends, between, n + 1 - ends]))


def _sorted(place: Place, values: Array) -> Sorted:
    ranks = thinned_ranks(len(values))
    return Sorted(place, len(values), ranks.astype(float), np.sort(values)[ranks - 1])


def _worst_axis(checks: dict[str, CheckResult]) -> int:
    """Return the axis that is least normal, or else the one that is off most."""
    for name in ("marginals", "scale", "location"):
        for place in checks[name].where if name in checks else ():
            if place.kind == "axis":
                return place.indices[0]
    return 0


def _directions(sample: Sample, checks: dict[str, CheckResult]) -> list[Array]:
    """Return the directions along which something is wrong, the worst first, for codes times their units."""
    if sample.dim < 2 or sample.n < 2:
        return []
    found = [
        np.array(place.vector)
        for name in ("directions", "dependence", "location")
        for place in (checks[name].where if name in checks else ())
        if place.kind == "direction" and place.vector is not None
    ]
    values, vectors = sample.principal
    spanned = np.arange(max(0, sample.dim - sample.n + 1), sample.dim)  # n points span n − 1 directions
    with np.errstate(divide="ignore"):
        order = spanned[np.argsort(-np.abs(np.log(values[spanned])), kind="stable")]
    return found + [vectors[:, k] for k in order[:2]]


def _along(sample: Sample, direction: Array, checks: dict[str, CheckResult]) -> Sorted:
    """Return the standardised projections of the rows on which the direction was not chosen."""
    chosen = "directions" in checks and checks["directions"].statistic is not None and sample.n >= FEWEST
    rows = halves(sample)[1] if chosen else np.arange(sample.n)
    projected = _projected(sample, rows, direction[:, np.newaxis])[:, 0]
    sd = float(projected.std(ddof=1)) if len(projected) > 1 else 0.0
    standardised = (projected - projected.mean()) / (sd or 1.0)
    return _sorted(direction_place(sample, direction, 0.0), standardised)


def _plane(sample: Sample, directions: Sequence[Array]) -> Plane | None:
    """Return the plane of the first direction and the next that is not parallel to it."""
    for k, second in enumerate(directions):
        first = directions[0]
        if k and abs(float(first @ second)) < _PARALLEL:
            second = second - (first @ second) * first
            places = [direction_place(sample, v, 0.0) for v in (first, second / np.linalg.norm(second))]
            turn = np.array([place.vector for place in places]).T
            rows = spaced_rows(sample.n)
            return Plane(places[0], places[1], _projected(sample, rows, turn))
    return None


def _projected(sample: Sample, rows: NDArray[np.intp], turn: Array) -> Array:
    """Return the projections of some rows on unit vectors, (rows, K)."""
    units = 1.0 if (sample.units == 1).all() else sample.units
    blocks = np.array_split(rows, max(1, len(rows) * sample.dim // (1 << 20)))
    return np.concatenate(list(sample.map(lambda some: (sample.x[some] * units) @ turn, blocks)))


def _most_correlated(sample: Sample) -> NDArray[np.intp]:
    """Return the axes with the largest correlations, ascending."""
    if sample.dim <= _AXES or sample.n < 2:
        return np.arange(min(sample.dim, _AXES))
    size = np.abs(sample.correlation)
    np.fill_diagonal(size, 0.0)
    return np.sort(np.argsort(-size.max(axis=1), kind="stable")[:_AXES])
