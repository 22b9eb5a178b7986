"""Sums over pairs as series of Hermite functions, in linear time, in a few dimensions.

With c = rate · log 2, z = β x, β² = 2c (1 − t²)/t and any t in (0, 1), Mehler's formula is, on a line,

    exp(−c (x − y)²) = Σ_k φ_k(x) φ_k(y),    φ_k(x) = (1 − t²)^¼ t^(k/2) h_k(z) exp(−z² t/(2 (1 + t))),

where h_k = He_k/√(k!) (DLMF 18.18.28). The φ_k are the Mercer eigenfunctions for points from N(0, v), with
(1 − t)²/t = 1/(2cv). In D dimensions the terms are the products a(x)_α = Π_d φ_α_d(x_d); the C(p + D, D) of
degree |α| ≤ p are used, and a sum over pairs is the product of the vectors Σ_i a(x_i) and Σ_j a(y_j).
`hermite_bounds` bounds the terms that are left out, and `hermite_fit` chooses t and p.

One thread computes the vector of a piece of the points, and the vectors are added in the order of the pieces.
"""

import math
from functools import lru_cache, partial
from itertools import combinations_with_replacement
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import BLOCK
from gaedist.engine.run.threads import in_order
from gaedist.engine.series.basis import ERROR, Basis, Charges, Progress
from gaedist.engine.series.hermite_bounds import FAR, scale
from gaedist.engine.series.hermite_fit import MAX_TERMS, Expansion, fit
from gaedist.engine.series.shells import Shells
from gaedist.numerics import Array

Places = NDArray[np.intp]

PIECE = 16 * BLOCK
"""Points whose terms one thread adds at once."""

_MIN_ROWS = 48  # rows of a matrix product, for speed
_FIT_SECONDS = 0.3, 3e-7  # for imports, and per point
_POINT_SECONDS = 3e-7  # per point on one core
_FACTOR_SECONDS = 1.2e-9  # per point and product over half of the axes
_TERM_SECONDS = 6.5e-11  # per point and term


class Hermite(Basis):
    """The Hermite functions of a kernel 2^(−rate |x − y|²) between points of some samples.

    Attributes
    ----------
    expansion : Expansion
        Origin, scale and degrees of the functions.
    """

    name: ClassVar[str] = "hermite"
    dims: ClassVar[range] = range(1, 11)
    compiled: ClassVar[bool] = True
    rounding: ClassVar[float] = 2e-14
    """Measured: 4e-15 for points that are all the same, otherwise 1e-15."""

    def __init__(
        self, shells: Shells, rate: float, error: float = ERROR / 2, pair_seconds: float = math.inf
    ) -> None:
        """Choose the terms, as `Basis` does; raise `ValueError` for more than `MAX_TERMS` terms."""
        points, dim = sum(map(len, shells.samples)), len(shells.center)
        self.expansion, self.remainders, self.split, self.pairs = fit(
            shells, rate * math.log(2), error, lambda degree: _seconds(degree, dim, points), pair_seconds
        )
        self.weights = np.ones(self.expansion.count)

    @staticmethod
    def fit_seconds(points: int) -> float:
        """Return about how long choosing the terms for so many points takes on one core."""
        return _FIT_SECONDS[0] + _FIT_SECONDS[1] * points

    def seconds(self, points: int, sets: int = 1) -> float:
        """Return about how long one core takes to transform so many points with so many sets of charges."""
        return _seconds(self.expansion.degree, self.expansion.dim, points, sets)

    def transform(
        self, x: Array, charges: Charges, sets: int, threads: int, progress: Progress | None = None
    ) -> Array:
        """Return Σ_i c_i a(x_i) for each set of charges, (S, M)."""
        return project(self.expansion, x, charges, sets, threads, progress)


def _seconds(degree: int, dim: int, points: int, sets: int = 1) -> float:
    """Return the time of a transform."""
    rows, columns = (_terms(degree + 1, d) for d in _halves(dim))
    a_set = _FACTOR_SECONDS * rows + _TERM_SECONDS * _terms(degree + 1, dim)
    return points * (_POINT_SECONDS + _FACTOR_SECONDS * columns + sets * a_set)


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
    pieces = [slice(start, start + PIECE) for start in range(0, len(x), PIECE)]
    step = max(1, MAX_TERMS // expansion.count)
    total = len(pieces) * len(range(0, sets, step))
    for start in range(0, sets, step):
        some = slice(start, start + step)
        project_piece = partial(_project_piece, expansion, x, charges, some)
        pieces_sums = in_order(project_piece, pieces, max(1, min(threads, len(pieces))))
        for done, sums in enumerate(pieces_sums, start=start // step * len(pieces) + 1):
            found[some] += sums
            if progress:
                progress(done, total)
    return found


def _project_piece(expansion: Expansion, x: Array, charges: Charges, some: slice, piece: slice) -> Array:
    """Return Σ_i c_i a(x_i) over a piece of the points, for some of the sets of charges."""
    from gaedist.engine.compiled.hermite import add_terms

    c, t = expansion.log_rate, expansion.ratio
    far = math.sqrt(1600 * (1 + t) / t)  # where φ_0 underflows
    moved, factors = np.clip(x[piece] - expansion.center, -FAR, FAR), charges(piece)[some]
    n = -(-len(moved) // BLOCK) * BLOCK
    z, padded = np.zeros((n, expansion.dim)), np.zeros((len(factors), n))
    z[: len(moved)] = np.clip(scale(c, t) * moved, -far, far)
    padded[:, : len(moved)] = factors
    sums = np.zeros((len(factors), expansion.count))
    add_terms(z, padded, t, expansion.single, *_tables(expansion.degree, expansion.dim), sums)
    return sums


def _halves(dim: int) -> tuple[int, int]:
    """Return the numbers of axes whose products are the rows and the columns of the matrix of terms."""
    return dim - dim // 2, dim // 2


def _terms(degree: int, dim: int) -> int:
    """Return the number of terms with degrees below ``degree``."""
    return math.comb(degree - 1 + dim, dim) if degree else 0


@lru_cache(maxsize=4)
def _tables(degree: int, dim: int) -> tuple[Places, Places, Places, Places]:
    """Return the tables, sizes and starts that `gaedist.engine.compiled.hermite.add_terms` takes."""
    sizes = np.array([[_terms(i, d) for i in range(degree + 2)] for d in _halves(dim)])
    starts = [0]
    for i in range(1, degree + 1):
        if sizes[0, i] - sizes[0, starts[-1]] >= _MIN_ROWS:
            starts.append(i)
    row_table, column_table = (_table(degree, d) for d in _halves(dim))
    return row_table, column_table, sizes, np.array([*starts, degree + 1])


def _table(degree: int, dim: int) -> Places:
    """Return for each product, in the order of degrees, the factors it consists of, (3, terms).

    These are the index of a previous product, and k and axis of the φ_k that multiplies it.
    """
    monomials = [m for k in range(degree + 1) for m in combinations_with_replacement(range(dim), k)]
    places = {m: place for place, m in enumerate(monomials)}
    last = [m.index(m[-1]) if m else 0 for m in monomials]
    rows = [(places[m[:k]], len(m) - k, m[-1] if m else 0) for m, k in zip(monomials, last, strict=True)]
    return np.array(rows, np.intp).T.copy()
