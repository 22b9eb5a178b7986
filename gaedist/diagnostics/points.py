"""Are points copies of each other, or too close?"""

import math

import numpy as np
from numpy.typing import NDArray

from gaedist.diagnostics.base import Check, Outcome, Part, Place, PremiseError
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.words import joined, number
from gaedist.null.tails import log_chi_square_tails
from gaedist.numerics import Array, Stream

_EXACT_WORK = (
    2e10  # numbers multiplied for all pairs, beyond which neighbours are searched for in few dimensions
)
_FEW_DIMENSIONS = 5  # in which a k-d tree finds neighbours quickly
_NEIGHBOURS = 3
_ROWS = 1024
_SHOWN = 1e-3
_LARGEST = 8  # rows of a group of equal ones that are listed

Pairs = tuple[NDArray[np.intp], NDArray[np.intp], Array]
"""Rows i and j of pairs, and their squared distances."""


def check(sample: Sample) -> Outcome:
    """Test the number of equal rows, and the least distance of two that differ.

    The number of pairs closer than t is nearly Poisson with mean n (n − 1)/2 · P(χ²_D ≤ t²/2).
    """
    n, dim = sample.n, sample.dim
    if n < 2:
        raise PremiseError("one point has no neighbour")
    groups, distinct = equal_rows(sample)
    repeated = n - len(distinct)
    log_expected = math.log(n * (n - 1) / 2) + dim * _log_coincidence(sample.x)
    parts = [
        Part(
            float(repeated),
            _log_poisson(repeated, log_expected),
            _equal_sentence(groups, n, repeated),
            groups,
        )
    ]
    if len(distinct) > 1:
        parts.append(_closest(sample, distinct))
    closest = parts[-1].statistic if len(distinct) > 1 else 0.0
    return Outcome(
        tuple(parts),
        repeated / n,
        "share of rows that repeat another",
        {"repeated": float(repeated), "closest": closest},
        sure=1,
    )


def equal_rows(sample: Sample) -> tuple[tuple[Place, ...], NDArray[np.intp]]:
    """Return groups of equal rows, the largest first, and one row of each distinct kind."""
    order, starts = sample.rows_by_hash
    counts = np.diff(np.append(starts, sample.n))
    repeated = np.flatnonzero(counts > 1)
    ranked = repeated[np.lexsort((order[starts[repeated]], -counts[repeated]))]
    groups = tuple(
        Place(
            "rows",
            tuple(int(i) for i in order[starts[g] : starts[g] + min(counts[g], _LARGEST)]),
            float(counts[g]),
        )
        for g in ranked[: 10 * sample.top]
    )
    return groups, np.sort(order[starts])


def _log_coincidence(x: Array) -> float:
    """Return log of the probability that two N(0, 1) numbers are equal in the precision of these codes.

    It is E ulp φ, about a quarter of the unit of the last place of 1.
    """
    bits = 53
    for dtype, found in ((np.float32, 24), (np.float16, 11)):
        with np.errstate(over="ignore"):
            same = all(
                np.array_equal(x[a : a + _ROWS].astype(dtype).astype(float), x[a : a + _ROWS])
                for a in range(0, len(x), _ROWS)
            )
        if not same:
            break
        bits = found
    return -(bits + 2) * math.log(2)


def _log_poisson(count: int, log_mean: float) -> float:
    """Return a bound on log P(N ≥ count) for a Poisson N, by Chernoff."""
    if count == 0 or math.log(count) <= log_mean:
        return 0.0
    return min(0.0, count * (log_mean + 1 - math.log(count)) - math.exp(log_mean))


def _equal_sentence(groups: tuple[Place, ...], n: int, repeated: int) -> str:
    if repeated == 0:
        return "No rows are equal."
    first = joined([str(i) for i in groups[0].indices])
    if repeated == len(groups[0].indices) - 1:
        return f"Rows {first} are equal."
    return f"{repeated} of {n} rows repeat another (rows {first}, for example): no p-value holds for copies."


def _closest(sample: Sample, rows: NDArray[np.intp]) -> Part:
    """Test the least distance between different rows."""
    n, dim = len(rows), sample.dim
    i, j, squares = _neighbours(sample, rows)
    order = np.lexsort((j, i, squares))[: 10 * sample.top]
    i, j, squares = i[order], j[order], squares[order]
    log_means = math.log(n * (n - 1) / 2) + np.asarray(log_chi_square_tails(squares / 2, dim)[0])
    log_means = np.where(squares > 0, log_means, -np.inf)
    shown = [k for k in range(len(order)) if log_means[k] < math.log(_SHOWN)][: sample.top] or [0]
    unit = math.sqrt(2 * dim)
    places = tuple(
        Place(
            "rows",
            (int(min(i[k], j[k])), int(max(i[k], j[k]))),
            math.sqrt(float(squares[k])) / unit,
            -math.expm1(-math.exp(min(float(log_means[k]), 700.0))),
        )
        for k in shown
    )
    first = places[0]
    log_p = (
        float(log_means[0])
        if log_means[0] < -30
        else math.log(-math.expm1(-math.exp(min(log_means[0], 700))))
    )
    return Part(
        first.effect,
        log_p,
        f"Rows {first.indices[0]} and {first.indices[1]} are too close "
        f"(distance {number(first.effect)} √(2D)).",
        places,
        "close",
    )


def _neighbours(sample: Sample, rows: NDArray[np.intp]) -> Pairs:
    """Return pairs of rows among which the closest are: all nearest ones, or most that are very close."""
    n, dim = len(rows), sample.dim
    if dim > _FEW_DIMENSIONS and float(n) * n * dim <= 2 * _EXACT_WORK:
        return _among_all(sample, rows)
    from scipy.spatial import KDTree

    x = sample.x if len(rows) == sample.n else sample.x[rows]
    if dim > _FEW_DIMENSIONS:
        rng = np.random.default_rng((sample.run.seed, Stream.NEIGHBOURS))
        turn = np.linalg.qr(rng.standard_normal((dim, _FEW_DIMENSIONS)))[0]
        shadow = np.concatenate(list(sample.map(lambda some: x[slice(*some)] @ turn, _ranges(n))))
    else:
        shadow = x
    count = min(n, _NEIGHBOURS + 1 if dim > _FEW_DIMENSIONS else 2)
    tree = KDTree(shadow, leafsize=32, balanced_tree=False)
    _, near = tree.query(shadow, k=count, workers=sample.run.used_threads)
    i = np.repeat(np.arange(n), count - 1)
    j = near[:, 1:].ravel()
    kept = (i < j) | (i[:] > j) & ~np.isin(j * n + i, (i * n + j)[i < j])
    kept &= i != j
    i, j = i[kept], j[kept]
    squares = np.concatenate(
        [np.square(x[i[a : a + _ROWS]] - x[j[a : a + _ROWS]]).sum(axis=1) for a in range(0, len(i), _ROWS)]
        or [np.empty(0)]
    )
    return rows[i], rows[j], squares


def _ranges(n: int) -> list[tuple[int, int]]:
    return [(a, min(n, a + _ROWS)) for a in range(0, n, _ROWS)]


def _among_all(sample: Sample, rows: NDArray[np.intp]) -> Pairs:
    """Return for each row the nearest one before it, found by products and measured by differences."""
    x = sample.x if len(rows) == sample.n else sample.x[rows]
    center = sample.mean
    norms = np.square(x - center).sum(axis=1)

    def nearest(some: tuple[int, int]) -> tuple[NDArray[np.intp], Array]:
        a, b = some
        found = norms[:b] - 2 * ((x[a:b] - center) @ (x[:b] - center).T)
        found += norms[a:b, np.newaxis]
        found[np.arange(b - a)[:, np.newaxis] <= np.arange(b) - a] = np.inf
        return found.argmin(axis=1), found.min(axis=1)

    parts = list(
        sample.map(nearest, [(a, min(len(x), a + _ROWS // 4)) for a in range(0, len(x), _ROWS // 4)])
    )
    near = np.concatenate([j for j, _ in parts])[1:]
    rough = np.concatenate([square for _, square in parts])[1:]
    i = np.arange(1, len(x))
    few = np.argsort(rough, kind="stable")[: 20 * sample.top]  # more than are ever shown
    i, near = i[few], near[few]
    return rows[i], rows[near], np.square(x[i] - x[near]).sum(axis=1)


CHECK = Check(
    name="points",
    asks="are points copies of each other, or too close?",
    meaning="",
    statistic="the number of rows that repeat another; the least distance of two rows that differ",
    null="equal rows have probability 0 but for rounding; pairs closer than t are nearly Poisson",
    reference="B. Silverman and T. Brown, Short distances, flat triangles and Poisson limits, J. Appl. "
    "Probab. 15 (1978) 815, doi:10.2307/3213436",
    run=check,
    explained_by=("scale", "dependence", "radius", "marginals"),
)
