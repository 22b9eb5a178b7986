"""Exact moments of a score under N(0, I), for one σ for all points and every n and D.

A score is a sum over pairs of points of K = κ e^(−|x−y|²/(4s)), and over points of c = c₀ e^(−|x|²/(2(s+w))),
with s = σ² and a prior N(0, wI). It falls apart (Hoeffding) into a constant, h₁ of each point and h₂ of each
pair, of which neither has a mean, nor h₂ one given either of its points; so

    Var = n E h₁² + n(n−1)/2 E h₂²
    E (score − mean)³ = n E h₁³ + 3n(n−1) (E h₁(x) h₁(y) h₂(x,y) + E h₁(x) h₂(x,y)²)
                        + n(n−1)/2 E h₂³ + n(n−1)(n−2) E h₂(x,y) h₂(y,z) h₂(z,x)

Each of these is a sum of Gaussian integrals E exp(−½ Σ A_ij x_i·x_j) = |I + A|^(−D/2). They nearly cancel
for a large σ and leave the range of a double in many dimensions: they are summed as decimals.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import lru_cache

_DIGITS = 50
_POINTS = 3

Function = Sequence[tuple[Decimal, Decimal]]
"""Σ a e^(−t|x|²) as pairs (a, 2t)."""


@dataclass(frozen=True)
class Moments:
    """Moments of a score under N(0, I), as logarithms.

    Attributes
    ----------
    log_mean, log_sd : float
        Mean and standard deviation; the mean of an unbiased score is 0.
    log_pairs, log_cross : float
        Means of the pair term without its diagonal, and of the cross term.
    skewness : float
        Third central moment over sd³.
    """

    log_mean: float
    log_sd: float
    log_pairs: float
    log_cross: float
    skewness: float


@lru_cache(maxsize=256)
def moments(n: int, dim: int, variance: float, *, smoothed: bool = False, unbiased: bool = False) -> Moments:
    """Return the moments of a score under N(0, I).

    Implements FORMULAS §6 and §7, and the third moment as the module says.

    Parameters
    ----------
    n, dim : int
        Size and dimension of the sample.
    variance : float
        σ², the same for every point.
    smoothed : bool
        The prior is N(0, (1 + s)I), and ∫ N(·; 0, sI)² counts as 1; else N(0, I), which counts as 1 itself.
    unbiased : bool
        The pair term is a mean over pairs of different points.
    """
    with _decimals(variance):
        return _moments(n, _Integrals(dim, Decimal(variance)), smoothed, unbiased)


@lru_cache(maxsize=256)
def limit_moments(dim: int, variance: float) -> tuple[float, float, float]:
    """Return mean, standard deviation and skewness of the limit law of n d² to the smoothed prior.

    Implements Σ λ, 2 Σ λ² and 8 Σ λ³ over the centred kernel's eigenvalues as its traces (FORMULAS §7).
    """
    with _decimals(variance):
        e = _Integrals(dim, Decimal(variance))
        square = 2 * _pair_square(e)
        skewness = 8 * _triangle(e) / square ** Decimal("1.5")
        return float(1 - e.of([(0, 1)])), float(square.sqrt()), float(skewness)


def _decimals(variance: float) -> AbstractContextManager[Context]:
    """Enter a context with digits enough for kernels that are nearly constant."""
    digits = _DIGITS + 2 * abs(math.frexp(variance)[1])
    return localcontext(Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN))


class _Integrals:
    """Means over N(0, I) of products of k(x, y) = e^(−|x−y|²/(4s)) and of functions of one |x|²."""

    def __init__(self, dim: int, s: Decimal) -> None:
        self.s, self.h = s, -Decimal(dim) / 2
        # E[k | x]
        self.g = ((1 + 1 / (2 * s)) ** self.h, 1 / (2 * s + 1))

    def of(self, edges: Sequence[tuple[int, int]], *functions: Function) -> Decimal:
        """Return E Π k(x_i, x_j) f₀(x₀) f₁(x₁) …; an edge may be there twice."""
        matrix = [[Decimal(int(i == j)) for j in range(_POINTS)] for i in range(_POINTS)]
        for i, j in edges:
            rate = 1 / (2 * self.s)
            matrix[i][i] += rate
            matrix[j][j] += rate
            matrix[i][j] -= rate
            matrix[j][i] -= rate
        return self._sum(matrix, functions)

    def _sum(self, matrix: list[list[Decimal]], functions: Sequence[Function]) -> Decimal:
        if not functions:
            return _determinant(matrix) ** self.h
        point, total = len(functions) - 1, Decimal(0)
        for factor, rate in functions[-1]:
            here = [row[:] for row in matrix]
            here[point][point] += rate
            total += factor * self._sum(here, functions[:-1])
        return total


def _determinant(a: list[list[Decimal]]) -> Decimal:
    return (
        a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1])
        - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
        + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0])
    )


def _product(*functions: Function) -> Function:
    """Multiply functions of one point."""
    terms: list[tuple[Decimal, Decimal]] = [(Decimal(1), Decimal(0))]
    for function in functions:
        terms = [(a * b, s + t) for a, s in terms for b, t in function]
    return terms


def _moments(n: int, e: _Integrals, smoothed: bool, unbiased: bool) -> Moments:
    s, h = e.s, e.h
    prior, unit = (1 + s, s) if smoothed else (Decimal(1), Decimal(1))
    scale, pairs = (s / unit) ** h, Decimal(n) * (n - 1)
    weight = 1 / pairs if unbiased else 1 / Decimal(n) ** 2
    g, c = [e.g], [(((s + prior) / (2 * unit)) ** h, 1 / (s + prior))]
    k_mean, c_mean = e.of([(0, 1)]), e.of([], c)
    of_pairs, of_self = pairs * weight * scale * k_mean, Decimal(0) if unbiased else scale / n
    mean = of_pairs + of_self + (prior / unit) ** h - 2 * c_mean

    rest = -2 * weight * (n - 1) * scale * k_mean + 2 * c_mean / n
    h1 = (
        [(2 * weight * (n - 1) * scale * a, t) for a, t in g]
        + [(-2 * a / n, t) for a, t in c]
        + [(rest, Decimal(0))]
    )
    variance = n * e.of([], _product(h1, h1)) + pairs / 2 * (2 * weight * scale) ** 2 * _pair_square(e)
    third = (
        n * e.of([], _product(h1, h1, h1))
        + 3 * pairs * 2 * weight * scale * e.of([(0, 1)], h1, h1)
        + 3 * pairs * (2 * weight * scale) ** 2 * _pair_square_by_point(e, h1)
        + pairs / 2 * (2 * weight * scale) ** 3 * _pair_cube(e)
        + pairs * (n - 2) * (2 * weight * scale) ** 3 * _triangle(e)
    )
    return Moments(
        log_mean=-math.inf if smoothed and unbiased else _log(mean),
        log_sd=_log(variance) / 2,
        log_pairs=_log(of_pairs),
        log_cross=_log(c_mean),
        skewness=float(third / variance ** Decimal("1.5")),
    )


def _log(value: Decimal) -> float:
    return float(value.ln()) if value > 0 else -math.inf


def _pair_square(e: _Integrals) -> Decimal:
    """Return E h̃², with h̃ = k − g(x) − g(y) + Ek."""
    g = [e.g]
    return e.of([(0, 1), (0, 1)]) - 2 * e.of([], _product(g, g)) + e.of([], g) ** 2


def _pair_square_by_point(e: _Integrals, f: Function) -> Decimal:
    """Return E f(x) h̃², for a function with E f = 0."""
    g, mean = [e.g], e.of([(0, 1)])
    return (
        e.of([(0, 1), (0, 1)], f)
        - e.of([], _product(f, g, g))
        + 2 * mean * e.of([], _product(f, g))
        - 2 * e.of([(0, 1)], f, g)
    )


def _pair_cube(e: _Integrals) -> Decimal:
    """Return E h̃³ = E (k − u)³, with u = g(x) + g(y) − Ek."""
    g, mean = [e.g], e.of([(0, 1)])
    square, cube = e.of([], _product(g, g)), e.of([], _product(g, g, g))
    u3 = 2 * (cube - 3 * mean * square + 2 * mean**3) + 6 * mean * (square - mean**2) + mean**3
    ku2 = 2 * cube + 2 * e.of([(0, 1)], g, g) + mean**3 - 4 * mean * square
    k2u = 2 * e.of([(0, 1), (0, 1)], g) - mean * e.of([(0, 1), (0, 1)])
    return e.of([(0, 1)] * 3) - 3 * k2u + 3 * ku2 - u3


def _triangle(e: _Integrals) -> Decimal:
    """Return E h̃(x,y) h̃(y,z) h̃(z,x), the trace of the cube of the centred kernel."""
    g, mean = [e.g], e.of([(0, 1)])
    square = e.of([], _product(g, g))
    return e.of([(0, 1), (1, 2), (2, 0)]) - 3 * e.of([(0, 1)], g, g) + 3 * mean * square - mean**3
