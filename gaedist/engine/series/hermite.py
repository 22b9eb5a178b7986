"""Sums over pairs as series of Hermite functions, in linear time, in a few dimensions.

With c = rate · log 2, z = β x, β² = 2c (1 − t²)/t and any t in (0, 1), Mehler's formula is, on a line,

    exp(−c (x − y)²) = Σ_k φ_k(x) φ_k(y),    φ_k(x) = (1 − t²)^¼ t^(k/2) h_k(z) exp(−z² t/(2 (1 + t))),

where h_k = He_k/√(k!). (φ_k are Mercer's functions for N(0, v) with (1 − t)²/t = 1/(2cv).) In D dimensions
a(x)_α = Π_d φ_α_d(x_d), of which the C(p + D, D) with |α| ≤ p are kept: a sum over pairs becomes the product
of two vectors, Σ_i a(x_i) and Σ_j a(y_j). What is left out is in `hermite_bounds`, how t and p are found in
`hermite_fit`.

A vector is made of pieces of the points by one thread each, which are added in their order.
"""

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import combinations_with_replacement
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import BLOCK
from gaedist.engine.run.threads import in_order
from gaedist.engine.series.basis import ERROR, Basis, Charges, Progress
from gaedist.engine.series.hermite_bounds import FAR, scale
from gaedist.engine.series.hermite_fit import LARGEST, Expansion, fit
from gaedist.numerics import Array

Places = NDArray[np.intp]

_PIECE = 16 * BLOCK  # points that one thread sums on its own
_ROWS = 48  # features of one factor of a product of matrices, at least
_FIT_SECONDS = 0.4, 7e-7  # with what is loaded for it, and for each point
_POINT_SECONDS = 3e-7  # of one core
_FACTOR_SECONDS = 1.2e-9  # a point and a feature of half of the axes
_TERM_SECONDS = 6.5e-11  # a point and a term


class Hermite(Basis):
    """The Hermite functions that make a kernel 2^(−rate |x − y|²) between points of some samples.

    Attributes
    ----------
    expansion : Expansion
        Their origin, scale and degrees.
    """

    name: ClassVar[str] = "hermite"
    dims: ClassVar[range] = range(1, 11)
    compiled: ClassVar[bool] = True
    rounding: ClassVar[float] = 2e-14
    """Measured: 4e-15, of points that are all the same; else 1e-15."""

    def __init__(self, samples: Sequence[Array], rate: float, error: float = ERROR / 2) -> None:
        """Take what these samples need; raise `ValueError` for more than `LARGEST` terms."""
        self.expansion, self.remainders = fit(samples, rate * math.log(2), error)
        self.weights = np.ones(self.expansion.count)

    @classmethod
    def within(cls, samples: Sequence[Array], rate: float, error: float) -> Self:
        """Return one that leaves out so little, as in `Basis`."""
        return cls(samples, rate, error)

    @staticmethod
    def fit_seconds(points: int) -> float:
        """Return about how long it takes to fit a basis to so many points, on one thread."""
        return _FIT_SECONDS[0] + _FIT_SECONDS[1] * points

    def seconds(self, points: int, sets: int = 1) -> float:
        """Return about how long one core takes to transform so many points, with so many sets of charges."""
        rows, columns = (_terms(self.expansion.degree + 1, d) for d in _halves(self.expansion.dim))
        a_set = _FACTOR_SECONDS * rows + _TERM_SECONDS * self.expansion.count
        return points * (_POINT_SECONDS + _FACTOR_SECONDS * columns + sets * a_set)

    def transform(
        self, x: Array, charges: Charges, sets: int, threads: int, progress: Progress | None = None
    ) -> Array:
        """Return Σ_i c_i a(x_i) for each set of charges, (S, M)."""
        return project(self.expansion, x, charges, sets, threads, progress)


def project(
    expansion: Expansion,
    x: Array,
    charges: Charges,
    sets: int,
    threads: int,
    progress: Progress | None = None,
) -> Array:
    """Return Σ_i c_i a(x_i) for each set of charges, (S, M); each thread takes O(M) memory."""
    found = np.zeros((sets, expansion.count))
    pieces = [slice(start, start + _PIECE) for start in range(0, len(x), _PIECE)]
    step = max(1, LARGEST // expansion.count)
    total = len(pieces) * len(range(0, sets, step))
    for start in range(0, sets, step):
        some = slice(start, start + step)
        of_piece = partial(_of_piece, expansion, x, charges, some)
        of_pieces = in_order(of_piece, pieces, max(1, min(threads, len(pieces))))
        for done, sums in enumerate(of_pieces, start=start // step * len(pieces) + 1):
            found[some] += sums
            if progress:
                progress(done, total)
    return found


def _of_piece(expansion: Expansion, x: Array, charges: Charges, some: slice, piece: slice) -> Array:
    """Return what some sets of charges of some of the points make."""
    from gaedist.engine.compiled.hermite import add_terms

    c, t = expansion.log_rate, expansion.ratio
    far = math.sqrt(1600 * (1 + t) / t)  # where φ_0 is 0
    moved, theirs = np.clip(x[piece] - expansion.centre, -FAR, FAR), charges(piece)[some]
    n = -(-len(moved) // BLOCK) * BLOCK
    z, padded = np.zeros((n, expansion.dim)), np.zeros((len(theirs), n))
    z[: len(moved)] = np.clip(scale(c, t) * moved, -far, far)
    padded[:, : len(moved)] = theirs
    sums = np.zeros((len(theirs), expansion.count))
    add_terms(z, padded, t, expansion.single, *_tables(expansion.degree, expansion.dim), sums)
    return sums


def _halves(dim: int) -> tuple[int, int]:
    """Return how many axes make rows, and how many columns."""
    return dim - dim // 2, dim // 2


def _terms(degree: int, dim: int) -> int:
    """Return how many terms of fewer than so many degrees there are."""
    return math.comb(degree - 1 + dim, dim) if degree else 0


@lru_cache(maxsize=4)
def _tables(degree: int, dim: int) -> tuple[Places, Places, Places, Places]:
    """Return what `add_terms` takes: two tables, sizes and starts."""
    sizes = np.array([[_terms(i, d) for i in range(degree + 2)] for d in _halves(dim)])
    starts = [0]
    for i in range(1, degree + 1):
        if sizes[0, i] - sizes[0, starts[-1]] >= _ROWS:
            starts.append(i)
    of_rows, of_columns = (_table(degree, d) for d in _halves(dim))
    return of_rows, of_columns, sizes, np.array([*starts, degree + 1])


def _table(degree: int, dim: int) -> Places:
    """Return of which product and which φ_k of which axis each product is made, (3, terms), lowest first."""
    monomials = [m for k in range(degree + 1) for m in combinations_with_replacement(range(dim), k)]
    places = {m: place for place, m in enumerate(monomials)}
    last = [m.index(m[-1]) if m else 0 for m in monomials]
    rows = [(places[m[:k]], len(m) - k, m[-1] if m else 0) for m, k in zip(monomials, last, strict=True)]
    return np.array(rows, np.intp).T.copy()
