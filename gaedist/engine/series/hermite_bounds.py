"""Bounds of the truncation error of an expansion in Hermite functions, and of the sum that it is a part of.

Notation as in `hermite`. The remainder R(x, y), the kernel less its terms of degree ≤ p, is itself a positive
definite kernel, so |R(x, y)|² ≤ R(x, x) R(y, y), and R(x, x) follows without a subtraction: since
Σ_k φ_k(x)² = 1, the φ_k(x)² are the probabilities of a random integer K, and R(x, x) = P(K_1 + … + K_D > p)
with independent K_d. The sum of the terms of one degree depends on |x| only, so x may lie on the first axis.
Then K_1 has the probabilities φ_k(|x|)², the others φ_k(0)², and K_2 + … + K_D is twice a negative binomial
variable:

    R(x, x) = Σ_j φ_j(|x|)² P(K_2 + … + K_D > p − j).                                                     (1)

The sum is cut after j = L. By Cramér's inequality |h_k(z)| ≤ 1.0865 exp(z²/4), the rest is at most
1.1805 √((1 + t)/(1 − t)) t^(L + 1) exp(z² (1 − t)/(2 (1 + t))).
"""

import math
from collections.abc import Sequence

import numpy as np

from gaedist.numerics import Array

FAR = 1e100
"""Larger distances are replaced by this one, so that their squares do not overflow."""

_CRAMER = 1.1805  # the square of 1.0865, rounded up
_DECADES = 16  # L is chosen so that t^L < 1e-16 t^p
_CHUNK = 4096  # points whose remainders are in memory at once


def ratio_of(c: float, v: float) -> float:
    """Return the t with (1 − t)²/t = 1/(2cv), at most 0.9."""
    half = 1 / (4 * c * v)
    return min(1 / (1 + half + math.sqrt(half * (half + 2))), 0.9)


def scale(c: float, t: float) -> float:
    """Return β = √(2c (1 − t²)/t), by which coordinates are multiplied."""
    return math.sqrt(2 * c * (1 - t * t) / t)


def remainders(radii: Array, c: float, t: float, dim: int, degrees: Sequence[int]) -> Array:
    """Return R(x, x) by Eq. (1), rounded up, for points at these radii |x| and each degree p, (P, n).

    The degrees ascend.
    """
    from scipy.special import betainc

    last = degrees[-1] + math.ceil(_DECADES / math.log10(1 / t))
    z = np.minimum(scale(c, t) * radii, FAR)
    squares = _functions(z, t, last + 1)
    np.square(squares, out=squares)
    left = np.array(degrees)[:, np.newaxis] - np.arange(last + 1)
    more = np.zeros(degrees[-1] // 2 + 1)  # P(K_2 + … > 2m) = P(K_2 + … > 2m + 1), by m
    if dim > 1:
        more = betainc(np.arange(len(more)) + 1.0, (dim - 1) / 2, t * t)
    found = np.where(left < 0, 1, more[np.maximum(left, 0) // 2]) @ squares
    rest = math.log(_CRAMER) + 0.5 * math.log((1 + t) / (1 - t)) + (last + 1) * math.log(t)
    found += np.exp(np.minimum(0, rest + z * z * ((1 - t) / (2 * (1 + t)))))
    return np.clip((1 + 1e-9) * found, 1e-300, 1)


def sums_of_roots(radii: Array, c: float, t: float, dim: int, degrees: Sequence[int]) -> Array:
    """Return Σ √R(x, x) over the points for each degree, (P,)."""
    sums = np.zeros(len(degrees))
    for start in range(0, len(radii), _CHUNK):
        sums += np.sqrt(remainders(radii[start : start + _CHUNK], c, t, dim, degrees)).sum(axis=1)
    return sums


def least_mean(x: Array, squares: Array, c: float) -> float:
    """Return a lower bound of Σ_(i ≠ j) exp(−c |x_i − x_j|²)/n², given |x_i|² or more.

    Let w_i = exp(−c |x_i|²), W = Σ_(i ≠ j) w_i w_j, and E the mean over pairs i ≠ j with weights w_i w_j/W.
    Then the sum is W E exp(2c x_i · x_j) ≥ W exp(2c E x_i · x_j), by Jensen's inequality.
    """
    with np.errstate(over="ignore"):
        w = np.exp(-c * squares)
    pairs = float(w.sum() ** 2 - w @ w)
    if pairs < 1e-280:
        return 0.0
    shift = w @ x
    products = float(shift @ shift - np.square(w) @ squares)
    return pairs / len(x) ** 2 * math.exp(2 * c * products / pairs)


def _functions(z: Array, t: float, count: int) -> Array:
    """Return φ_0 … φ_(count − 1) at scaled coordinates z, (count, *z.shape), by the recurrence of h_k."""
    found = np.empty((count, *z.shape))
    np.exp(z * z * (-t / (2 * (1 + t))), out=found[0])
    found[0] *= (1 - t * t) ** 0.25
    for k in range(1, count):
        np.multiply(z, found[k - 1], out=found[k])
        found[k] *= math.sqrt(t / k)
        if k > 1:
            found[k] -= t * math.sqrt((k - 1) / k) * found[k - 2]
    return found
