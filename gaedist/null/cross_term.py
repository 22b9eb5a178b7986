"""The null distribution of a pair term minus a cross term that is not exactly its mean under N(0, I).

    V = (1/n²) Σ_ij k(x_i, x_j) − (2/n) Σ_i c(x_i) + a constant

is a squared distance to N(0, I) if c(x) = E[k|x], which the approximate φ_D does not satisfy. Then each point
contributes f = (2(n − 1)/n²) (E[k|x] − E k) − (2/n) (c − E c), a function of |x|², in addition to what each
pair contributes, h of `gaedist.null.kernel_spectrum`.
"""

import math
from dataclasses import dataclass

import numpy as np

from gaedist.null.distributions import Gamma
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import Array

_STEP = 0.05  # times D^(−½): between logarithms of |x|²; the trapezoidal rule is then exact to rounding
_LOWEST = 40.0  # e-folds below its peak at which the density of |x|² is negligible


@dataclass(frozen=True, eq=False)
class Radial:
    """F(x) = Σ a_i e^(−s_i |x|²), with weights a_i of any sign."""

    weights: Array
    rates: Array

    def mean(self, dim: int) -> float:
        """Return E F under N(0, I)."""
        return float(self.weights @ np.exp(-dim / 2 * np.log1p(2 * self.rates)))


def distribution_with_cross_term(
    n: int, pairs: PairMoments, cross: Radial, constant: float, factor: float
) -> Gamma:
    """Return the distribution of factor × (V + constant): exact mean and variance, approximate skewness.

    The third moment leaves out terms that are smaller than the others by a factor of order 1/n.

    Parameters
    ----------
    n : int
        Number of points.
    pairs : PairMoments
        Moments of k.
    cross : Radial
        c.
    constant : float
        Added to V.
    factor : float
        Multiplies the sum.
    """
    dim, mixing = pairs.dim, pairs.scale_mixture
    about = Radial(  # E[k|x]
        mixing.weights * np.exp(-dim / 2 * np.log1p(2 * mixing.rates)), mixing.rates / (1 + 2 * mixing.rates)
    )
    mean = mixing.peak / n + (1 - 1 / n) * pairs.mean - 2 * cross.mean(dim) + constant
    points, density = _norm_quadrature(dim)
    parts = [(np.exp(-np.outer(points, f.rates)) @ f.weights) - f.mean(dim) for f in (about, cross)]
    f = 2 * (n - 1) / n**2 * parts[0] - 2 / n * parts[1]
    f -= float(density @ f)
    variance = n * float(density @ f**2) + 2 * (n - 1) / n**3 * pairs.square
    third = n * float(density @ f**3) + 8 * (n - 1) * (n - 2) / n**5 * pairs.trace(3)
    third += 6 * (n - 1) / n * _quadratic_form(dim, pairs, points, density * f)
    return Gamma(factor * mean, factor * math.sqrt(variance), third / variance**1.5, n, two_sided=True)


def _norm_quadrature(dim: int) -> tuple[Array, Array]:
    """Return nodes and weights of a quadrature rule for means of functions of |x|² under N(0, I)."""
    logs = math.log(dim) + np.arange(
        -_LOWEST * (1 / math.sqrt(dim) + 1 / dim), 2 + 20 / math.sqrt(dim), _STEP / math.sqrt(dim)
    )
    raw = dim / 2 * logs - np.exp(logs) / 2
    weights = np.exp(raw - raw.max())
    return np.exp(logs), weights / weights.sum()


def _quadratic_form(dim: int, pairs: PairMoments, squares: Array, weighted: Array) -> float:
    """Return E f(x) f(y) h(x, y), given |x|² and f times the weights of a quadrature rule.

    As f depends on |x|² alone, h acts on it as the first of `PairMoments.blocks`, whose basis is the
    orthonormal Laguerre polynomials of |x|²/2.
    """
    block = next(iter(pairs.blocks(1)))
    count, half = block.shape[0], dim / 2 - 1
    u, previous, current = squares / 2, np.zeros(len(squares)), np.ones(len(squares))
    found = np.empty(count)
    # orthonormal under the gamma distribution of shape D/2, with the signs that `blocks` leaves out
    for j in range(count):
        following = (2 * j + 1 + half - u) * current - math.sqrt(j * (j + half)) * previous
        previous, current = current, following / math.sqrt((j + 1) * (j + 1 + half))
        found[j] = float(weighted @ current)
    return float(found @ block @ found)
