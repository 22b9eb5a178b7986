"""The squared Wasserstein distance between two projected samples, also for many permutations of the labels.

On a line the optimal transport keeps the order of the points, so W₂² = ∫ (F⁻¹(u) − G⁻¹(u))² du over (0, 1),
with the quantile functions F⁻¹, G⁻¹ of the samples. For n and m points these are constant between the
multiples of 1/n and of 1/m, so the integral is a sum of at most n + m − 1 terms.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.directions import BATCH, map_batches
from gaedist.engine.run.labels import Bits
from gaedist.engine.run.run import Run
from gaedist.numerics import Array, squared_norms

BATCH_LABELS = 1 << 26
"""Labels, over points, labelings and directions, of a batch: less than a tenth of a second."""

_EPS = float(np.finfo(float).eps)
_EXTRA_ROUNDINGS = 4.0  # of a projection, in addition to one for each of its products


@dataclass(frozen=True, eq=False)
class Refinement:
    """The intervals on which the quantile functions of n and of m points are constant.

    Attributes
    ----------
    left, right : (K,) arrays
        Index of the sorted point, of the n and of the m, that is the quantile on each interval.
    lengths : (K,) array
        Lengths of the intervals, with sum 1.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    lengths: Array


@lru_cache(maxsize=4)
def common_refinement(n: int, m: int) -> Refinement:
    """Return the intervals between neighbours among the multiples of 1/n and of 1/m in [0, 1]."""
    # in units of 1/(nm), which are whole numbers
    ends = np.union1d(m * np.arange(1, n + 1), n * np.arange(1, m + 1))
    starts = np.concatenate([[0], ends[:-1]])
    return Refinement(starts // m, starts // n, (ends - starts) / (n * m))


class Transport:
    """W₂² between two samples on a line, a `Statistic` of their projections."""

    def of_sorted(self, rows: Array, others: Array) -> Array:
        """Return W₂², (b,), between the rows of two arrays with ascending rows, (b, n) and (b, m)."""
        n, m = rows.shape[1], others.shape[1]
        if n == m:
            apart = rows - others
            return np.asarray(squared_norms(apart) / n)
        found = common_refinement(n, m)
        apart = rows[:, found.left] - others[:, found.right]
        return np.asarray(np.einsum("ij,ij,j->i", apart, apart, found.lengths))


@dataclass(frozen=True, eq=False)
class LabelCosts:
    """W₂² between the points with label 1 and those with label 0, for R labelings.

    Attributes
    ----------
    values, errors : (R,) arrays
        Mean over the directions, and a bound of its rounding error.
    """

    values: Array
    errors: Array


def label_costs(x: Array, directions: Array, labels: Bits, n: int, count: int, run: Run) -> LabelCosts:
    """Return the mean over directions of W₂² between the points with label 1 and those with label 0.

    Takes O(N b + R) memory in addition to the labels, where b is the number of directions in a batch.

    Parameters
    ----------
    x : (N, D) array
        The points.
    directions : (L, D) array
        Unit vectors.
    labels : (N, R/8) array
        Labelings, each with n labels 1.
    n : int
        Number of points with label 1.
    count : int
        Number of labelings, R; further ones, which fill the last byte, are ignored.
    run : Run
        Threads and progress.
    """
    from gaedist.engine.compiled.wasserstein import BYTES, fill_costs

    total, dim = x.shape
    parts = common_refinement(n, total - n)

    def add_batch(batch: Array) -> Array:
        rows = batch @ x.T
        scratch = np.empty((BYTES, total), dtype=np.uint8), np.empty((3, total + 1))
        costs, added = np.empty(count), np.zeros(count)
        for row in rows:
            order = np.argsort(row)
            fill_costs(row[order], order, labels, n, parts.left, parts.right, parts.lengths, *scratch, costs)
            added += costs
        return added

    values = np.zeros(count)
    size = max(1, min(BATCH // total, BATCH_LABELS // (total * count)))
    for added in map_batches(add_batch, directions, size, run):
        values += added
    values /= len(directions)
    # bounds the error of a difference of two projections, hence of W₂
    far = _EPS * (dim + _EXTRA_ROUNDINGS) * float(np.sqrt(squared_norms(x).max()))
    errors = _EPS * (total + len(directions)) * values + 2 * far * np.sqrt(values) + far**2
    return LabelCosts(values, errors)
