"""Are points copies of each other, or too close?"""

import math

import numpy as np
from numpy.typing import NDArray

from gaedist.diagnostics.base import Check, Outcome, Part, Place, PremiseError
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.words import joined, number
from gaedist.files.row_hashes import row_hashes
from gaedist.null.tails import log_chi_square_tails
from gaedist.numerics import Array, Stream

_EXACT_WORK = 1e11  # n² D, beyond which not all pairs are searched
_FEW_DIMENSIONS = 4  # in which a k-d tree is quick
_GRIDS = 3
_ROWS = 512
_SHOWN = 1e-3
_LARGEST = 3  # rows of a group of equal ones that are listed

Pairs = tuple[NDArray[np.intp], NDArray[np.intp], Array]
"""Rows of pairs, and their squared distances, the closest first."""


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
    return f"{repeated} of {n} rows repeat another (such as rows {first}): no p-value holds for copies."


def _closest(sample: Sample, rows: NDArray[np.intp]) -> Part:
    """Test the least distance between different rows."""
    n, dim = len(rows), sample.dim
    first, second, squares = _nearest_of(sample, rows)
    log_means = math.log(n * (n - 1) / 2) + np.asarray(log_chi_square_tails(squares / 2, dim)[0])
    log_means = np.where(squares > 0, log_means, -np.inf)
    shown = [k for k in range(len(squares)) if log_means[k] < math.log(_SHOWN)][: sample.top] or [0]
    distances = np.sqrt(squares / (2 * dim))
    places = tuple(
        Place(
            "rows",
            (int(first[k]), int(second[k])),
            float(distances[k]),
            -math.expm1(-math.exp(min(float(log_means[k]), 700.0))),
        )
        for k in shown
    )
    log_mean = min(float(log_means[0]), 700.0)
    log_p = log_mean if log_mean < -30 else math.log(-math.expm1(-math.exp(log_mean)))
    return Part(
        places[0].effect,
        log_p,
        f"Rows {places[0].indices[0]} and {places[0].indices[1]} are too close "
        f"(distance {number(places[0].effect)} √(2D)).",
        places,
        "close",
    )


def _nearest_of(sample: Sample, rows: NDArray[np.intp]) -> Pairs:
    """Return the closest pairs among some rows, the lower row first, or those found in few dimensions."""
    n, dim = len(rows), sample.dim
    x = sample.x if n == sample.n else sample.x[rows]
    if dim <= _FEW_DIMENSIONS:
        i, j = _in_tree(x, sample.run.used_threads)
    elif float(n) * n * dim <= _EXACT_WORK:
        i, j = _among_all(x, sample)
    else:
        i, j = _in_cells(x, sample)
    squares = np.concatenate(
        [np.square(x[i[s]] - x[j[s]]).sum(axis=1) for s in _slices(len(i))] or [[np.inf]]
    )
    if not len(i):  # no two points share a cell
        i, j, squares = np.array([0]), np.array([1]), np.square(x[:1] - x[1:2]).sum(axis=1)
    order = np.argsort(squares, kind="stable")[: 20 * sample.top]
    pairs = np.unique(np.sort(np.stack([i[order], j[order]], axis=1), axis=1), axis=0)
    squares = np.square(x[pairs[:, 0]] - x[pairs[:, 1]]).sum(axis=1)
    order = np.argsort(squares, kind="stable")
    return rows[pairs[order, 0]], rows[pairs[order, 1]], squares[order]


def _slices(n: int) -> list[slice]:
    return [slice(a, min(n, a + _ROWS)) for a in range(0, n, _ROWS)]


def _in_tree(x: Array, threads: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return every point and its nearest neighbour, by a k-d tree."""
    from scipy.spatial import KDTree

    tree = KDTree(x, leafsize=32, balanced_tree=False, compact_nodes=False)
    _, near = tree.query(x, k=2, workers=threads)
    i = np.arange(len(x))
    return i, np.where(near[:, 0] == i, near[:, 1], near[:, 0])


def _in_cells(x: Array, sample: Sample) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs of points in the same cell of a grid in few random dimensions.

    The cells are so small that one near 0 has a point by chance about half of the time. Points that are much
    closer than a cell is wide share one of `_GRIDS` grids most of the time.
    """
    n, dim = x.shape
    rng = np.random.default_rng((sample.run.seed, Stream.NEIGHBOURS))
    turn = np.linalg.qr(rng.standard_normal((dim, _FEW_DIMENSIONS)))[0]
    shadow = np.concatenate(list(sample.map(lambda s: x[s] @ turn, _slices(n))))
    width = math.sqrt(2 * math.pi) * (2 * n) ** (-1 / _FEW_DIMENSIONS)
    found = []
    for k in range(_GRIDS):
        hashes = row_hashes(np.floor(shadow / width + k / _GRIDS))
        order = np.argsort(hashes, kind="stable")
        same = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
        found.append((order[same], order[same + 1]))
    return np.concatenate([i for i, _ in found]), np.concatenate([j for _, j in found])


def _among_all(x: Array, sample: Sample) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the closest of the pairs of each point with the nearest one before it, by inner products."""
    centered = x - sample.mean
    norms = np.square(centered).sum(axis=1)

    def nearest(some: slice) -> tuple[NDArray[np.intp], Array]:
        a, b = some.start, some.stop
        found = norms[:b] - 2 * (centered[a:b] @ centered[:b].T)
        found += norms[a:b, np.newaxis]
        found[np.arange(b - a)[:, np.newaxis] <= np.arange(b) - a] = np.inf
        return found.argmin(axis=1), found.min(axis=1)

    parts = list(sample.map(nearest, _slices(len(x))))
    near = np.concatenate([j for j, _ in parts])[1:]
    rough = np.concatenate([square for _, square in parts])[1:]
    few = np.argsort(rough, kind="stable")[: 20 * sample.top]
    return few + 1, near[few]


CHECK = Check(
    name="points",
    asks="are points copies of each other, or too close?",
    meaning="",
    statistic="the number of rows that repeat another; the least distance of two rows that differ",
    null="equal rows have probability 0 but for rounding; pairs closer than t are nearly Poisson",
    reference="B. Silverman and T. Brown, Short distances, flat triangles and Poisson limits, J. Appl. "
    "Probab. 15 (1978) 815, doi:10.2307/3213436",
    run=check,
    explained_by=("scale", "dependence", "radius", "marginals", "order"),
)
