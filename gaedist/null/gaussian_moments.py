"""Exact moments of d² under N(0, I), with one σ for all points, for every n and D.

d² is a constant plus a sum over pairs of points of K = κ e^(−|x−y|²/(4s)) and one over points of
c = c₀ e^(−|x|²/(2(s+w))), with s = σ² and a prior N(0, wI). Hoeffding's decomposition splits it into a
constant, h₁ of each point and h₂ of each pair, with mean 0, and h₂ with mean 0 given either point; so

    Var = n E h₁² + n(n−1)/2 E h₂²
    E (d² − mean)³ = n E h₁³ + 3n(n−1) (E h₁(x) h₁(y) h₂(x,y) + E h₁(x) h₂(x,y)²)
                     + n(n−1)/2 E h₂³ + n(n−1)(n−2) E h₂(x,y) h₂(y,z) h₂(z,x)

Each of these is a sum of Gaussian integrals E exp(−½ Σ A_ij x_i·x_j) = |I + A|^(−D/2). They nearly cancel
for a large σ and exceed the range of a double in many dimensions, so they are summed as decimals.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import lru_cache

_DIGITS = 50
_POINTS = 3  # the most that share an integral

Function = Sequence[tuple[Decimal, Decimal]]
"""Σ a e^(−t|x|²), a function of one point, as pairs (a, 2t)."""


@dataclass(frozen=True)
class LogMoments:
    """Moments of d² under N(0, I), as logarithms.

    Attributes
    ----------
    log_mean, log_sd : float
        Mean and standard deviation; log_mean is −∞ for the unbiased estimator to the smoothed prior.
    log_pairs, log_cross : float
        Mean of the pair term without its diagonal, and of the cross term.
    skewness : float
        Third central moment over sd³.
    """

    log_mean: float
    log_sd: float
    log_pairs: float
    log_cross: float
    skewness: float


@lru_cache(maxsize=256)
def moments(
    n: int, dim: int, variance: float, *, smoothed: bool = False, unbiased: bool = False
) -> LogMoments:
    """Return the moments of d² under N(0, I).

    With h = −D/2 the means are s^h [1/n + (1 − 1/n) (1 + 1/s)^h] + 1 − 2 (1 + s/2)^h for the prior N(0, I),
    and (1 − E k)/n for the smoothed one, where k = e^(−|x−y|²/(4s)) and E k = (1 + 1/s)^h. With
    ζ₁ = Var E[k|x] = (1 + 1/(2s))^(2h) (1 + 2/(2s+1))^h − (E k)² and ζ₂ = Var k = (1 + 2/s)^h − (E k)², the
    variance for the smoothed prior is 2(n−1)/n³ (ζ₂ − 2ζ₁) + 4ζ₁/n³, and for N(0, I)

        2 s^(2h) (n−1)/n³ [2(n−2)ζ₁ + ζ₂] − 8 s^h (n−1)/n² Cov(E[k|x], c) + (4/n) Var c

    with c = ((1+s)/2)^h e^(−|x|²/(2(1+s))). The code finds these, and the third moment, by the sum in the
    module's docstring.

    Parameters
    ----------
    n, dim : int
        Size and dimension of the sample.
    variance : float
        s = σ², the same for every point.
    smoothed : bool
        The prior is N(0, (1 + s)I), and d² is normalised so that ∫ N(·; 0, sI)² counts as 1; otherwise it
        is N(0, I), and ∫ N(·; 0, I)² counts as 1.
    unbiased : bool
        The pair term is a mean over pairs of different points.
    """
    with _decimals(variance):
        return _moments(n, _Integrals(dim, Decimal(variance)), smoothed, unbiased)


@lru_cache(maxsize=256)
def limit_moments(dim: int, variance: float) -> tuple[float, float, float]:
    """Return mean, standard deviation and skewness of the limit of n d² to the smoothed prior as n → ∞.

    They are Σ λ, √(2 Σ λ²) and 8 Σ λ³/(2 Σ λ²)^(3/2) over the eigenvalues of the centred kernel; the sums are
    traces of its powers.
    """
    with _decimals(variance):
        e = _Integrals(dim, Decimal(variance))
        square = 2 * _pair_square(e)
        skewness = 8 * _triangle(e) / square ** Decimal("1.5")
        return float(1 - e.of([(0, 1)])), float(square.sqrt()), float(skewness)


def _decimals(variance: float) -> AbstractContextManager[Context]:
    """Return a context with enough digits for kernels that are nearly constant."""
    digits = _DIGITS + 2 * abs(math.frexp(variance)[1])
    return localcontext(Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN))


class _Integrals:
    """Means over N(0, I) of products of k(x, y) = e^(−|x−y|²/(4s)) and of functions of one |x|²."""

    def __init__(self, dim: int, s: Decimal) -> None:
        self.s, self.h = s, -Decimal(dim) / 2
        # E[k | x]
        self.g = ((1 + 1 / (2 * s)) ** self.h, 1 / (2 * s + 1))

    def of(self, edges: Sequence[tuple[int, int]], *functions: Function) -> Decimal:
        """Return E Π k(x_i, x_j) f₀(x₀) f₁(x₁) …, over edges (i, j) that may repeat."""
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
            shifted = [row[:] for row in matrix]
            shifted[point][point] += rate
            total += factor * self._sum(shifted, functions[:-1])
        return total


def _determinant(a: list[list[Decimal]]) -> Decimal:
    return (
        a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1])
        - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
        + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0])
    )


def _product(*functions: Function) -> Function:
    """Return the product of functions of one point."""
    terms: list[tuple[Decimal, Decimal]] = [(Decimal(1), Decimal(0))]
    for function in functions:
        terms = [(a * b, s + t) for a, s in terms for b, t in function]
    return terms


def _moments(n: int, e: _Integrals, smoothed: bool, unbiased: bool) -> LogMoments:
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
    return LogMoments(
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
