"""What an expansion by Mehler's formula leaves out, and a bound of the sum that it is compared with.

The notation is that of `hermite`. What the terms of degree ≤ p leave out of the kernel, R(x, y), is a
positive definite kernel too, so that |R(x, y)|² ≤ R(x, x) R(y, y), and R(x, x) is known without a
subtraction. As Σ_k φ_k(x)² = 1, the φ_k² are probabilities of a whole number K, and R(x, x) =
P(K_1 + … + K_D > p). The terms of one degree add up to a function of |x| alone, whence x may be put on the
first axis: K_1 is that of |x|, and K_2 + … + K_D, that of D − 1 zeros, is twice a negative binomial number:

    R(x, x) = Σ_j φ_j(|x|)² P(K_2 + … + K_D > p − j).                                                     (1)

The sum is cut at j = L, and by Cramér's |h_k(z)| ≤ 1.0865 exp(z²/4) what follows is at most
1.1805 √((1 + t)/(1 − t)) t^(L + 1) exp(z² (1 − t)/(2 (1 + t))).
"""

import math

import numpy as np

from gaedist.numerics import Array

FAR = 1e100
"""Distances that count as this, lest their squares overflow."""

_CRAMER = 1.1805  # the square of 1.0865
_DECADES = 16  # by which t^L is less than t^p
_CHUNK = 4096  # points whose remainders are made at once


def ratio_of(c: float, v: float) -> float:
    """Return t, for which (1 − t)²/t = 1/(2cv)."""
    half = 1 / (4 * c * v)
    return min(1 / (1 + half + math.sqrt(half * (half + 2))), 0.9)


def scale(c: float, t: float) -> float:
    """Return β."""
    return math.sqrt(2 * c * (1 - t * t) / t)


def remainders(radii: Array, c: float, t: float, dim: int, degrees: range) -> Array:
    """Return R(x, x) by Eq. (1) for each degree p that is kept, (P, n), rounded up."""
    from scipy.special import betainc

    last = degrees[-1] + math.ceil(_DECADES / math.log10(1 / t))
    z = np.minimum(scale(c, t) * radii, FAR)
    squares = _functions(z, t, last + 1)
    np.square(squares, out=squares)
    left = np.arange(degrees[0], degrees[-1] + 1)[:, np.newaxis] - np.arange(last + 1)
    more = np.zeros(degrees[-1] // 2 + 1)  # P(K_2 + … > 2m), P(K_2 + … > 2m + 1)
    if dim > 1:
        more = betainc(np.arange(len(more)) + 1.0, (dim - 1) / 2, t * t)
    found = np.where(left < 0, 1, more[np.maximum(left, 0) // 2]) @ squares
    rest = math.log(_CRAMER) + 0.5 * math.log((1 + t) / (1 - t)) + (last + 1) * math.log(t)
    found += np.exp(np.minimum(0, rest + z * z * ((1 - t) / (2 * (1 + t)))))
    return np.clip((1 + 1e-9) * found, 1e-300, 1)


def mean_roots(radii: Array, c: float, t: float, dim: int, degrees: range) -> Array:
    """Return the mean of √R(x, x) for each degree, (P,)."""
    sums = np.zeros(len(degrees))
    for start in range(0, len(radii), _CHUNK):
        sums += np.sqrt(remainders(radii[start : start + _CHUNK], c, t, dim, degrees)).sum(axis=1)
    return sums / len(radii)


def least_mean(x: Array, c: float) -> float:
    """Return a lower bound of the mean over all i, j of the kernel at the pairs i ≠ j, and 0 for i = j.

    With w_i = exp(−c |x_i|²) and the mean E over pairs i ≠ j that have the weights w_i w_j, whose sum is W,
    Σ_(i ≠ j) exp(−c |x_i − x_j|²) = W E exp(2c x_i · x_j) ≥ W exp(2c E x_i · x_j), by Jensen's inequality.
    """
    squares = np.square(x).sum(axis=1)
    with np.errstate(over="ignore"):
        w = np.exp(-c * squares)
    pairs = float(w.sum() ** 2 - w @ w)
    if pairs < 1e-280:
        return 0.0
    shift = w @ x
    products = float(shift @ shift - np.square(w) @ squares)
    return pairs / len(x) ** 2 * math.exp(2 * c * products / pairs)


def _functions(z: Array, t: float, count: int) -> Array:
    """Return φ_k, k < count, as (count, *z.shape)."""
    found = np.empty((count, *z.shape))
    np.exp(z * z * (-t / (2 * (1 + t))), out=found[0])
    found[0] *= (1 - t * t) ** 0.25
    for k in range(1, count):
        np.multiply(z, found[k - 1], out=found[k])
        found[k] *= math.sqrt(t / k)
        if k > 1:
            found[k] -= t * math.sqrt((k - 1) / k) * found[k - 2]
    return found
