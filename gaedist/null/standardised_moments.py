"""Exact mean and variance over normal samples of the Henze–Zirkler statistic, for every n > D.

With the codes standardised to y, mean 0 and covariance I (divisor n), and a = (1 + β²)^(−D/2),

    T = 1 + (2/n) Σ_{i<j} k_ij − 2a Σ_i c_i + n (1 + 2β²)^(−D/2)
    k_ij = e^(−β²|y_i − y_j|²/2),     c_i = e^(−β²|y_i|²/(2(1 + β²)))

The matrix of the y is √n P, where P projects the n − 1 dimensions orthogonal to (1, …, 1) on D of them at
random. So y_i − y_j = √n P(e_i − e_j), y_i = √n P(e_i − 1/n), and the means of k, of c and of products of two
are means of e^(−tr AW), where W is a random projection cut to the one or two dimensions that the vectors
span: a beta variable, Beta(D/2, (n−1−D)/2), or its matrix-variate form (R. J. Muirhead, Aspects of
Multivariate Statistical Theory, 1982, theorem 3.3.1 with W = T'T): with A = diag(z₁, z₂)

    tr AW = z₁u + z₂ [v + (1−u)(1−v)r],     u ~ Beta(p, q), v ~ Beta(p−½, q), r ~ Beta(½, q−½) independent

for p = D/2 and q = (n−1−D)/2. The integrals are Gauss–Jacobi sums.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gaedist.numerics import Array

_NODES = 64
_LARGE = 8.0  # parameters from which the exponential is made part of the weights
_FALL = 37.0  # e-folds by which a density has to be lower at x = 1 than at its peak to be negligible there
_LEAST = 1e-28  # of a weight that is right to some digits
_ROUNDING = 1e-13  # of one mean
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)

Rule = tuple[Array, Array]
"""Nodes and logarithms of weights."""


@dataclass(frozen=True)
class StandardisedMoments:
    """Moments of T.

    Attributes
    ----------
    below : float
        1 − mean.
    sd : float
        Standard deviation; 0 for n = D + 1, where all samples have the same T.
    rounding : float
        Largest relative error of the variance by rounding, where its terms nearly cancel.
    """

    below: float
    sd: float
    rounding: float


@lru_cache(maxsize=64)
def standardised_moments(n: int, dim: int, beta: float) -> StandardisedMoments:
    """Return the moments of T for n > D points."""
    laws, b2, own = _Means(dim / 2, (n - 1 - dim) / 2), beta**2, 1 - 1 / n
    a, pairs = (1 + b2) ** (-dim / 2), n * (n - 1) / 2
    k, c = n * b2 / 2, n * b2 / (2 * (1 + b2))
    mean_k, mean_c = laws.of_one(2 * k), laws.of_one(own * c)
    below = -math.fsum([(n - 1) * mean_k, -2 * n * a * mean_c, n * (1 + 2 * b2) ** (-dim / 2)])
    if n == dim + 1:
        return StandardisedMoments(below, 0.0, 0.0)
    squares_k, squares_c, products = mean_k**2, mean_c**2, mean_k * mean_c
    variance = math.fsum(
        [
            4 / n**2 * pairs * (laws.of_one(4 * k) - squares_k),
            4 / n**2 * pairs * 2 * (n - 2) * (laws.of_two((k, 2), (k, 2), 1) - squares_k),
            4 / n**2 * pairs * (n - 2) * (n - 3) / 2 * (laws.of_two((k, 2), (k, 2), 0) - squares_k),
            4 * a**2 * n * (laws.of_one(2 * own * c) - squares_c),
            4 * a**2 * n * (n - 1) * (laws.of_two((c, own), (c, own), -1 / n) - squares_c),
            -8 * a / n * pairs * 2 * (laws.of_two((k, 2), (c, own), 1) - products),
            -8 * a / n * pairs * (n - 2) * (laws.of_two((k, 2), (c, own), 0) - products),
        ]
    )
    rounding = _ROUNDING * max(n * mean_k, 2 * n * a * mean_c) ** 2
    if not variance > rounding:
        return StandardisedMoments(below, 0.0, math.inf)
    return StandardisedMoments(below, math.sqrt(variance), rounding / variance)


@dataclass(frozen=True)
class _Means:
    """Means of e^(−tr AW), given p and q."""

    p: float
    q: float

    def of_one(self, z: float) -> float:
        """Return E e^(−zu)."""
        _, logs = self._rule(self.p, self.q, z)
        return float(np.exp(logs).sum())

    def of_two(self, first: tuple[float, float], second: tuple[float, float], product: float) -> float:
        """Return E exp(−a|Ps|² − b|Pt|²), given a and |s|², b and |t|², and s·t."""
        (a, s), (b, t), mixed = first, second, math.sqrt(first[0] * second[0]) * product
        lower, upper = np.linalg.eigvalsh([[a * s, mixed], [mixed, b * t]])
        u, logs_u = self._rule(self.p, self.q, upper)
        v, logs_v = self._rule(self.p - 0.5, self.q, lower)
        rest = np.outer(1 - u, 1 - v)
        typical = float(np.average(rest.ravel(), weights=_weights(np.add.outer(logs_u, logs_v).ravel())))
        r, logs_r = self._rule(0.5, self.q - 0.5, lower * typical)
        logs = np.add.outer(np.add.outer(logs_u, logs_v), logs_r)
        logs -= lower * np.multiply.outer(rest - typical, r)
        return float(np.exp(logs).sum())

    def _rule(self, p: float, q: float, z: float) -> Rule:
        """Return nodes, and logarithms of weights that contain e^(−zx), for means over Beta(p, q).

        The weights are those of a beta distribution whose density has the same peak as that of Beta(p, q)
        times e^(−zx): another q where q is large, and another p too where only p is, and all of the product
        is far from x = 1.
        """
        if q <= 0:
            return np.ones(1), np.array([-z])
        if p <= 0:
            return np.zeros(1), np.zeros(1)
        from scipy.special import betaln

        total = p + q + z
        peak = 2 * p / (total + math.sqrt(total**2 - 4 * p * z))
        if q >= _LARGE:
            x, logs = _gauss_jacobi(p, q + z * (1 - peak))
            ratio = _log_rise(q, p) - _log_rise(q + z * (1 - peak), p)
            return x, logs - z * x - z * (1 - peak) * np.log1p(-x) + ratio
        fall = p * math.log(peak) + q * math.log1p(-peak) + z * (1 - peak)  # from the peak to x = 1
        if p < _LARGE or fall < _FALL:
            x, logs = _gauss_jacobi(p, q)
            return x, logs - z * x
        size = p + q + z * (1 - 2 * peak)
        one, other = size * peak, size * (1 - peak)
        x, logs = _gauss_jacobi(one, other)
        rise = (p - one) * np.log(x) + (q - other) * np.log1p(-x)
        return x, logs - z * x + rise + float(betaln(one, other) - betaln(p, q))


def _gauss_jacobi(p: float, q: float) -> Rule:
    """Return nodes and logarithms of weights of the Gauss rule for means over Beta(p, q)."""
    from scipy.linalg import eigh_tridiagonal

    k, s = np.arange(_NODES, dtype=float), p + q - 2
    off = (k + q - 1) * (k + p - 1) * k
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 for k = 0, and for k = 1 if s = −1
        diagonal = (2 * k * (k + s + 1) + s * p) / ((2 * k + s) * (2 * k + s + 2))
        squares = off * (k + s) / ((2 * k + s) ** 2 * (2 * k + s + 1) * (2 * k + s - 1))
    diagonal[0] = p / (p + q)
    squares[1] = p * q / ((p + q) ** 2 * (p + q + 1))
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(squares[1:]))
    weights = vectors[0] ** 2
    kept = (weights > _LEAST) & (nodes > 0) & (nodes < 1)
    return nodes[kept], np.log(weights[kept])


def _log_rise(q: float, p: float) -> float:
    """Return log Γ(p + q)/Γ(q) for q from `_LARGE`, with an error that does not grow with q."""
    tail = sum(a * ((p + q) ** -(2 * i + 1) - q ** -(2 * i + 1)) for i, a in enumerate(_STIRLING))
    return (q - 0.5) * math.log1p(p / q) + p * math.log(p + q) - p + tail


def _weights(logs: Array) -> Array:
    return np.asarray(np.exp(logs - logs.max()))
