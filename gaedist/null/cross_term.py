"""The law of a mean over pairs less one over points that is not quite its mean over N(0, I).

    V = (1/n²) Σ_ij k(x_i, x_j) − (2/n) Σ_i c(x_i) + a constant

is a squared distance to N(0, I) where c(x) = E[k|x], and for the approximate φ_D it is not. What is left,
f = (2(n − 1)/n²) (E[k|x] − E k) − (2/n) (c − E c), is a function of |x|² that every point adds, beside the
h of `spectra` that every pair does.
"""

import math
from dataclasses import dataclass

import numpy as np

from gaedist.null.distributions import GammaLaw
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import Array

_STEP = 0.05  # times D^(−½), between logarithms of |x|², of whose law the trapezoidal rule is exact
_LOWEST = 40.0  # e-folds below its peak at which that law is nothing


@dataclass(frozen=True, eq=False)
class Radial:
    """F(x) = Σ a_i e^(−s_i |x|²), with weights a_i of any sign."""

    weights: Array
    rates: Array

    def mean(self, dim: int) -> float:
        """Return E F under N(0, I)."""
        return float(self.weights @ np.exp(-dim / 2 * np.log1p(2 * self.rates)))


def crossed_law(n: int, pairs: PairMoments, cross: Radial, constant: float, factor: float) -> GammaLaw:
    """Return the law of factor × (V + constant), by its mean and variance, exactly, and its skewness.

    Of the third moment, those terms are left out that are of order 1/n beside the others.
    """
    dim, mixing = pairs.dim, pairs.scale_mixture
    about = Radial(  # E[k|x]
        mixing.weights * np.exp(-dim / 2 * np.log1p(2 * mixing.rates)), mixing.rates / (1 + 2 * mixing.rates)
    )
    mean = mixing.peak / n + (1 - 1 / n) * pairs.mean - 2 * cross.mean(dim) + constant
    points, density = _squared_norms(dim)
    parts = [(np.exp(-np.outer(points, f.rates)) @ f.weights) - f.mean(dim) for f in (about, cross)]
    f = 2 * (n - 1) / n**2 * parts[0] - 2 / n * parts[1]
    f -= float(density @ f)
    variance = n * float(density @ f**2) + 2 * (n - 1) / n**3 * pairs.square
    third = n * float(density @ f**3) + 8 * (n - 1) * (n - 2) / n**5 * pairs.trace(3)
    third += 6 * (n - 1) / n * _radial_form(dim, pairs, points, density * f)
    return GammaLaw(factor * mean, factor * math.sqrt(variance), third / variance**1.5, n, two_sided=True)


def _squared_norms(dim: int) -> tuple[Array, Array]:
    """Return nodes and weights of a rule for means over |x|² of N(0, I)."""
    logs = math.log(dim) + np.arange(
        -_LOWEST * (1 / math.sqrt(dim) + 1 / dim), 2 + 20 / math.sqrt(dim), _STEP / math.sqrt(dim)
    )
    raw = dim / 2 * logs - np.exp(logs) / 2
    weights = np.exp(raw - raw.max())
    return np.exp(logs), weights / weights.sum()


def _radial_form(dim: int, pairs: PairMoments, squares: Array, weighted: Array) -> float:
    """Return E f(x) f(y) h(x, y), given |x|² and f times the weights of a rule.

    Only functions of |x|² meet f: in orthonormal Laguerre polynomials h is the first of `PairMoments.blocks`.
    """
    block = next(iter(pairs.blocks(1)))
    count, half = block.shape[0], dim / 2 - 1
    u, before, here = squares / 2, np.zeros(len(squares)), np.ones(len(squares))
    found = np.empty(count)
    for j in range(count):  # orthonormal under the gamma law of D/2, of the signs that `blocks` leaves out
        after = (2 * j + 1 + half - u) * here - math.sqrt(j * (j + half)) * before
        before, here = here, after / math.sqrt((j + 1) * (j + 1 + half))
        found[j] = float(weighted @ here)
    return float(found @ block @ found)
