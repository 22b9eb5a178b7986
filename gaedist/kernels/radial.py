"""Kernels of other tails than a Gaussian's: functions of |x − y|² that are scale mixtures of Gaussians.

    k(|x − y|²) = ∫ e^(−t |x − y|²) dμ(t)

so that whatever N(0, I) does to k is an integral over t of what it does to a Gaussian, and no reference
sample is needed. The densities of μ are analytic in log t, where the trapezoidal rule converges
exponentially: a `ScaleMixture` is its nodes and weights. A new kernel is a row of
`KERNELS`, and a `Shape` if the engine has none for it yet.

A scale s sets the length √C of a kernel by C = 2Ds, as for the Wasserstein auto-encoder: 2D is the mean
of |x − y|² under N(0, I).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gaedist.engine import Profile, Shape
from gaedist.errors import GaedistError
from gaedist.kernels.phi_d import phi_d_series
from gaedist.numerics import Array

_STEP = 0.2  # between the logarithms of two rates: the rule's error is about e^(−π²/step)
_NOTHING = 39.0  # e-folds below its peak at which a density is nothing
_LOWEST = 54.0  # e-folds of t times its density at which e^(−t |x − y|²) counts as 1
_NODES = 1 << 20  # numbers that are looked at together
_POINTS = 48  # of an interpolant
_ENDING = 6  # coefficients whose sum tells how well it has converged
_CONVERGED = 1e-13
_LOG2_E = math.log2(math.e)


@dataclass(frozen=True, eq=False)
class ScaleMixture:
    """k = Σ_i w_i e^(−t_i r²) + what is at t = 0; or Σ_i w_i (e^(−t_i r²) − 1), if it is conditional.

    Attributes
    ----------
    rates, weights : (M,) arrays
        t_i and w_i, positive.
    at_zero : float
        The weight of t = 0.
    peak : float
        k(0). Σ w_i may be less, by what falls off within so short a distance that no mean over points knows
        it.
    conditional : bool
        k is positive definite beside a constant only, as −|x − y| is, and 0 at r = 0.
    """

    rates: Array
    weights: Array
    peak: float
    at_zero: float = 0.0
    conditional: bool = False

    def mean(self, dim: int) -> float:
        """Return E k(|x − y|²) for x and y of N(0, I): Σ w (1 + 4t)^(−D/2)."""
        return float(self._sum(-dim / 2 * np.log1p(4 * self.rates)))

    def mean_about(self, squares: Array, dim: int) -> Array:
        """Return E k(|x − Y|²) over Y of N(0, I) for each |x|²: Σ w (1 + 2t)^(−D/2) e^(−t|x|²/(1 + 2t)).

        That is analytic in |x|². Where its interpolant at Chebyshev points has converged to 1e-13 of it
        over the range of many points, as for codes of one scale, they are given that.
        """
        low, high = float(squares.min()), float(squares.max())
        if len(squares) > 4 * _POINTS and low < high:
            nodes = np.cos(np.pi * (np.arange(_POINTS) + 0.5) / _POINTS)
            values = self._about(low + (high - low) * (nodes + 1) / 2, dim)
            series = np.polynomial.chebyshev.chebfit(nodes, values, _POINTS - 1)
            if np.abs(series[-_ENDING:]).sum() < _CONVERGED * np.abs(values).min():
                places = 2 * (squares - low) / (high - low) - 1
                return np.asarray(np.polynomial.chebyshev.chebval(places, series))
        return self._about(squares, dim)

    def _about(self, squares: Array, dim: int) -> Array:
        logs, slopes = -dim / 2 * np.log1p(2 * self.rates), self.rates / (1 + 2 * self.rates)
        found, size = np.empty(squares.shape), max(1, _NODES // len(self.rates))
        for start in range(0, len(squares), size):
            some = squares[start : start + size, np.newaxis]
            found[start : start + size] = self._sum(logs - slopes * some)
        return found

    def binned(self, width: float) -> "ScaleMixture":
        """Return a mixture of few rates, means of those whose logarithms are in one bin."""
        bins = np.floor(np.log(self.rates) / width).astype(int)
        bins -= bins.min()
        weights = np.bincount(bins, self.weights).astype(float)
        some = weights > 0
        rates = np.bincount(bins, self.weights * self.rates)[some] / weights[some]
        return replace(self, rates=rates, weights=weights[some])

    def _sum(self, logs: Array) -> Any:
        powers = np.expm1(logs) if self.conditional else np.exp(logs)
        return powers @ self.weights + self.at_zero


@dataclass(frozen=True)
class RadialKernel:
    """A kernel.

    Attributes
    ----------
    about : str
        Its formula, with C = 2Ds for a scale s.
    mixture : str
        The density of μ by t.
    reference : str
        Who uses it.
    profile : callable
        From D, the C of all scales and α to what the engine sums.
    scale_mixture : callable
        From D, the C of all scales and α to its nodes and weights.
    """

    about: str
    mixture: str
    reference: str
    profile: Callable[[int, Array, float], Profile]
    scale_mixture: Callable[[int, Array, float], ScaleMixture]


def _grid(low: float, high: float) -> Array:
    """Return rates whose logarithms are multiples of the step."""
    return np.asarray(np.exp(_STEP * np.arange(math.floor(low / _STEP), math.ceil(high / _STEP) + 1)))


def _gamma_mixing(shape: float, rates: Array) -> ScaleMixture:
    """Return Σ (1 + r²/b)^(−shape) over b, by t of the gamma law of this shape and rate b."""
    low = -_LOWEST / (1 + shape)
    t = _grid(low - math.log(rates.max()), math.log(_NOTHING + 2 * shape) + 2 - math.log(rates.min()))
    u = rates[:, np.newaxis] * t
    logs = shape * np.log(u) - u - math.lgamma(shape)
    weights = _STEP * np.exp(logs).sum(axis=0)
    return ScaleMixture(t, weights, len(rates), max(0.0, len(rates) - math.fsum(weights)))


def _gaussian_mixing(dim: int, squares: Array, alpha: float) -> ScaleMixture:
    return ScaleMixture(1 / squares, np.ones(len(squares)), len(squares))


def _laplace_mixing(dim: int, squares: Array, alpha: float) -> ScaleMixture:
    # right of the last node e^(−t r²) averages to nothing: (1 + 2t)^(−D/2) / √t
    last = 2 * _NOTHING / (dim + 1)
    t = _grid(-math.log(4 * squares.max() * _NOTHING), max(last, 2.0) + 2 - min(0.0, math.log(squares.min())))
    u = squares[:, np.newaxis] * t
    weights = _STEP * (np.exp(-1 / (4 * u)) / np.sqrt(4 * math.pi * u)).sum(axis=0)
    return ScaleMixture(t, weights, len(squares))


def _projected_mixing(dim: int, squares: Array, alpha: float) -> ScaleMixture:
    mixings = [phi_d_mixture(dim, dim / (2 * square)) for square in squares]
    return ScaleMixture(
        np.concatenate([m.rates for m in mixings]),
        np.concatenate([m.weights for m in mixings]),
        len(squares),
        math.fsum(m.at_zero for m in mixings),
    )


def phi_d_mixture(dim: int, rate: float) -> ScaleMixture:
    """Return φ_D(rate r²) as a mixture: t/rate is the square of a coordinate of a random direction."""
    if dim == 1:
        return ScaleMixture(np.array([rate]), np.ones(1), 1.0)
    down, up = 0.5 * _STEP, (dim - 1) / 2 * _STEP  # e-folds that the density falls a node at its ends
    v = _STEP * np.arange(-math.ceil(_LOWEST / 1.5 / _STEP), math.ceil(2 * _NOTHING / (dim + 1) / _STEP) + 10)
    log_beta = math.lgamma(0.5) + math.lgamma((dim - 1) / 2) - math.lgamma(dim / 2)
    weights = _STEP * np.exp(0.5 * v - dim / 2 * np.logaddexp(0, v) - log_beta)
    # what is left of all nodes counts as at 0, and what is right of them as at its largest
    below, above = weights[0] / math.expm1(down), weights[-1] * math.exp(-up) / -math.expm1(-up)
    rates, weights = np.append(rate / (1 + np.exp(-v)), rate), np.append(weights, above)
    some = weights > 0  # few of them count in thousands of dimensions
    return ScaleMixture(rates[some], weights[some], 1.0, below)


def distance_mixture(largest: float) -> ScaleMixture:
    """Return −|x − y| as a mixture, for |x|² up to ``largest``: the density of log t is 1/(2√(πt))."""
    t = _grid(-2 * _NOTHING - math.log(max(1.0, largest)), 2 * _NOTHING)
    return ScaleMixture(t, _STEP / (2 * np.sqrt(math.pi * t)), 0.0, conditional=True)


def _series_profile(dim: int, squares: Array, alpha: float) -> Profile:
    series = phi_d_series(dim)
    return series.profile(dim / (2 * squares))


KERNELS: dict[str, RadialKernel] = {
    "gaussian": RadialKernel(
        "e^(−r²/C)",
        "a point at 1/C",
        "Gretton et al., JMLR 13 (2012)",
        lambda dim, squares, alpha: Profile(Shape.POWER, tuple(_LOG2_E / squares)),
        _gaussian_mixing,
    ),
    "inverse-quadratic": RadialKernel(
        "1/(1 + r²/C), which WAE calls IMQ",
        "C e^(−Ct)",
        "Tolstikhin et al., Wasserstein Auto-Encoders, ICLR 2018",
        lambda dim, squares, alpha: Profile(Shape.INVERSE, tuple(1 / squares)),
        lambda dim, squares, alpha: _gamma_mixing(1.0, squares),
    ),
    "inverse-multiquadric": RadialKernel(
        "(1 + r²/C)^(−1/2)",
        "√(C/(πt)) e^(−Ct)",
        "Gorham and Mackey, ICML 2017",
        lambda dim, squares, alpha: Profile(Shape.INVERSE_ROOT, tuple(1 / squares)),
        lambda dim, squares, alpha: _gamma_mixing(0.5, squares),
    ),
    "rational-quadratic": RadialKernel(
        "(1 + r²/(αC))^(−α)",
        "(αC)^α t^(α−1) e^(−αCt)/Γ(α)",
        "Bińkowski et al., Demystifying MMD GANs, ICLR 2018",
        lambda dim, squares, alpha: Profile(Shape.INVERSE_POWER, tuple(1 / (alpha * squares)), (alpha,)),
        lambda dim, squares, alpha: _gamma_mixing(alpha, alpha * squares),
    ),
    "laplace": RadialKernel(
        "e^(−r/√C)",
        "e^(−1/(4Ct))/√(4πC t³)",
        "Fukumizu et al., NIPS 2009",
        lambda dim, squares, alpha: Profile(Shape.ROOT_POWER, tuple(_LOG2_E / np.sqrt(squares))),
        _laplace_mixing,
    ),
    "cramer-wold": RadialKernel(
        "φ_D(D r²/2C), about (1 + r²/C)^(−1/2)",
        "D/2C times a beta(½, (D − 1)/2) variable",
        "Tabor et al., Cramer-Wold Auto-Encoder, JMLR 21 (2020)",
        _series_profile,
        _projected_mixing,
    ),
}
"""Name → kernel."""


def lengths(dim: int, scales: Sequence[float]) -> Array:
    """Return C = 2Ds for each scale s; raise `GaedistError` for one that is none."""
    found = np.asarray(scales, dtype=float)
    if not len(found) or not (np.isfinite(found) & (found >= 1e-30) & (found <= 1e30)).all():
        raise GaedistError(f"scales must be positive numbers, from 1e-30 to 1e30; got {list(scales)}.")
    return 2 * dim * found
