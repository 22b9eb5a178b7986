"""Radial kernels k(|x − y|²) that are scale mixtures of Gaussians, and their means over N(0, I).

    k(r²) = ∫ e^(−t r²) dμ(t),    r = |x − y|

A mean of k over N(0, I) is an integral over t of the mean of a Gaussian, which has a closed form, so no
reference sample is needed. The densities of μ are analytic in log t, where the trapezoidal rule converges
exponentially: a `ScaleMixture` holds its nodes and weights. To add a kernel, add a row to `KERNELS`, and a
`Shape` where the engine has none for it yet.

A kernel has a length √C with C = 2Ds for a scale s, as in the Wasserstein auto-encoder: 2D is the mean of
|x − y|² under N(0, I).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gaedist.engine import Profile, Shape
from gaedist.errors import GaedistError
from gaedist.kernels.phi_d import phi_d_series
from gaedist.numerics import LOG2_E, Array

_STEP = 0.2  # between the logarithms of two rates; the error of the trapezoidal rule is about e^(−π²/step)
_GAMMA_STEP = 0.7  # the same times √shape, for a gamma density that is narrow in log t: error e^(−2π²/0.49)
_NEGLIGIBLE = 39.0  # a density this many e-folds below its peak is left out
_COUNTS_AS_ZERO = 54.0  # so many e-folds of t times its density below t = 1, e^(−t r²) counts as 1
_SLOW, _SLOWEST = 30.0, 300.0  # e-folds of the weight, and of the rate, that a heavy tail is followed
_NARROW = 0.02  # C/D below which a kernel is so narrow that its mean is small
_CHUNK = 1 << 20  # points times rates that are evaluated together
_INTERPOLATION_POINTS = 48
_LAST_COEFFICIENTS = 6  # whose sum measures whether the interpolant has converged
_CONVERGED = 1e-13


@dataclass(frozen=True, eq=False)
class ScaleMixture:
    """k(r²) = Σ_i w_i e^(−t_i r²) + w_0; if conditional, Σ_i w_i (e^(−t_i r²) − 1).

    For Y ~ N(0, I) each coordinate gives E e^(−t (x_d − Y_d)²) = (1 + 2t)^(−½) e^(−t x_d²/(1 + 2t)), so

        E e^(−t |x − Y|²) = (1 + 2t)^(−D/2) e^(−t |x|²/(1 + 2t)),
        E e^(−t |X − Y|²) = (1 + 4t)^(−D/2)    for X ~ N(0, I) independent of Y, as X − Y ~ N(0, 2I),

    and a mean of k is the sum of one of these with weights w_i.

    Attributes
    ----------
    rates, weights : (M,) arrays
        t_i and w_i, positive.
    peak : float
        k(0). Σ w_i + w_0 may be less: rates too large to change any mean over points are left out.
    weight_at_zero : float
        w_0, the weight of t = 0.
    conditional : bool
        k is 0 at r = 0 and only conditionally positive definite, as −|x − y| is.
    """

    rates: Array
    weights: Array
    peak: float
    weight_at_zero: float = 0.0
    conditional: bool = False

    def mean(self, dim: int) -> float:
        """Return E k(|X − Y|²) for independent X and Y of N(0, I): Σ w (1 + 4t)^(−D/2)."""
        return float(self._sum(-dim / 2 * np.log1p(4 * self.rates)))

    def mean_embedding(self, squared_norms: Array, dim: int) -> Array:
        """Return E k(|x − Y|²) over Y of N(0, I) for each |x|²: Σ w (1 + 2t)^(−D/2) e^(−t|x|²/(1 + 2t)).

        It is analytic in |x|². For many points it is interpolated at Chebyshev points over their range if the
        interpolant has converged to a relative error of 1e-13, as it does for codes of one scale.
        """
        low, high = float(squared_norms.min()), float(squared_norms.max())
        if len(squared_norms) > 4 * _INTERPOLATION_POINTS and low < high:
            nodes = np.cos(np.pi * (np.arange(_INTERPOLATION_POINTS) + 0.5) / _INTERPOLATION_POINTS)
            values = self._summed_embedding(low + (high - low) * (nodes + 1) / 2, dim)
            series = np.polynomial.chebyshev.chebfit(nodes, values, _INTERPOLATION_POINTS - 1)
            if np.abs(series[-_LAST_COEFFICIENTS:]).sum() < _CONVERGED * np.abs(values).min():
                places = 2 * (squared_norms - low) / (high - low) - 1
                return np.asarray(np.polynomial.chebyshev.chebval(places, series))
        return self._summed_embedding(squared_norms, dim)

    def _summed_embedding(self, squared_norms: Array, dim: int) -> Array:
        """Return `mean_embedding` summed over all rates for each point."""
        logs, rates = -dim / 2 * np.log1p(2 * self.rates), self.rates / (1 + 2 * self.rates)
        found, size = np.empty(squared_norms.shape), max(1, _CHUNK // len(self.rates))
        for start in range(0, len(squared_norms), size):
            some = squared_norms[start : start + size, np.newaxis]
            found[start : start + size] = self._sum(logs - rates * some)
        return found

    def coarsened(self, width: float) -> "ScaleMixture":
        """Return a mixture of fewer rates: the mean rate in each bin of this width in log t."""
        bins = np.floor(np.log(self.rates) / width).astype(int)
        bins -= bins.min()
        weights = np.bincount(bins, self.weights).astype(float)
        some = weights > 0
        rates = np.bincount(bins, self.weights * self.rates)[some] / weights[some]
        return replace(self, rates=rates, weights=weights[some])

    def _sum(self, logs: Array) -> Any:
        """Return Σ_i w_i e^(logs_i) + w_0 over the last axis, or with e^(logs_i) − 1 if conditional."""
        powers = np.expm1(logs) if self.conditional else np.exp(logs)
        return powers @ self.weights + self.weight_at_zero


@dataclass(frozen=True, kw_only=True)
class RadialKernel:
    """A radial kernel of the maximum mean discrepancy.

    Attributes
    ----------
    about : str
        What it is, in one phrase.
    formula : str
        k(r²), with C = 2Ds for a scale s.
    density : str
        The density of μ at t.
    reference : str
        Where it is used: authors, title, venue, year and arXiv number if there is one.
    profile : callable
        From D, the C of all scales and α to the sum of the kernels over scales, as the engine takes it.
    scale_mixture : callable
        From D, the C of all scales and α to the same sum as nodes and weights.
    """

    about: str
    formula: str
    density: str
    reference: str
    profile: Callable[[int, Array, float], Profile]
    scale_mixture: Callable[[int, Array, float], ScaleMixture]


def _log_spaced_rates(low: float, high: float, step: float = _STEP) -> Array:
    """Return rates whose logarithms are multiples of a step, from at most ``low`` to at least ``high``."""
    return np.asarray(np.exp(step * np.arange(math.floor(low / step), math.ceil(high / step) + 1)))


def _gamma_mixture(dim: int, shape: float, rates: Array) -> ScaleMixture:
    """Return Σ_b (1 + r²/b)^(−shape) over ``rates``: t is gamma distributed with this shape and rate b."""
    low = -_COUNTS_AS_ZERO / (1 + shape)
    if shape < 1:  # slower rates have weight e^(shape · low), and do not count as 0 for far points
        low = min(low, max(-_SLOWEST, -_SLOW / shape))
    high = math.log(_NEGLIGIBLE + 2 * shape) + 2
    # where means are small, less counts as 0
    narrow = min(0.0, 2 * math.log(rates.max() / (shape * dim * _NARROW)))
    step = min(_STEP, _GAMMA_STEP / math.sqrt(shape))
    t = _log_spaced_rates(low + narrow - math.log(rates.max()), high - math.log(rates.min()), step)
    u = rates[:, np.newaxis] * t
    logs = shape * np.log(u) - u - math.lgamma(shape)
    weights = step * np.exp(logs).sum(axis=0)
    # what is left of the weights is rounding, too much for a narrow kernel; the density below all is a power
    rest = weights[0] / math.expm1(step * shape) if narrow else max(0.0, len(rates) - math.fsum(weights))
    return ScaleMixture(t, weights, len(rates), float(rest))


def _gaussian_mixture(dim: int, squares: Array, alpha: float) -> ScaleMixture:
    return ScaleMixture(1 / squares, np.ones(len(squares)), len(squares))


def _laplace_mixture(dim: int, squares: Array, alpha: float) -> ScaleMixture:
    # rates above the last contribute nothing to a mean: the density falls like (1 + 2t)^(−D/2) / √t
    last = 2 * _NEGLIGIBLE / (dim + 1)
    # the mean over N(0, I) is about e^(−1/√s) for a scale s and large D, from densities like its square root
    falls = max(_NEGLIGIBLE, _NEGLIGIBLE / 2 + 2 * math.sqrt(2 * dim / squares.max()))
    t = _log_spaced_rates(
        -math.log(4 * squares.max() * falls), max(last, 2.0) + 2 - min(0.0, math.log(squares.min()))
    )
    u = squares[:, np.newaxis] * t
    weights = _STEP * (np.exp(-1 / (4 * u)) / np.sqrt(4 * math.pi * u)).sum(axis=0)
    return ScaleMixture(t, weights, len(squares))


def _cramer_wold_mixture(dim: int, squares: Array, alpha: float) -> ScaleMixture:
    mixtures = [phi_d_mixture(dim, dim / (2 * square)) for square in squares]
    return ScaleMixture(
        np.concatenate([m.rates for m in mixtures]),
        np.concatenate([m.weights for m in mixtures]),
        len(squares),
        math.fsum(m.weight_at_zero for m in mixtures),
    )


def phi_d_mixture(dim: int, rate: float) -> ScaleMixture:
    """Return φ_D(rate · r²) as a mixture: t/rate has the beta(½, (D − 1)/2) distribution of u₁²."""
    if dim == 1:
        return ScaleMixture(np.array([rate]), np.ones(1), 1.0)
    down, up = 0.5 * _STEP, (dim - 1) / 2 * _STEP  # e-folds by which the density falls per node at its ends
    last = math.ceil(2 * _NEGLIGIBLE / (dim + 1) / _STEP) + 10
    v = _STEP * np.arange(-math.ceil(_COUNTS_AS_ZERO / 1.5 / _STEP), last)
    log_beta = math.lgamma(0.5) + math.lgamma((dim - 1) / 2) - math.lgamma(dim / 2)
    weights = _STEP * np.exp(0.5 * v - dim / 2 * np.logaddexp(0, v) - log_beta)
    # the tail below all nodes is put at t = 0, and the tail above them at the largest t
    below, above = weights[0] / math.expm1(down), weights[-1] * math.exp(-up) / -math.expm1(-up)
    rates, weights = np.append(rate / (1 + np.exp(-v)), rate), np.append(weights, above)
    some = weights > 0  # in thousands of dimensions most weights underflow
    return ScaleMixture(rates[some], weights[some], 1.0, below)


def distance_mixture(largest: float) -> ScaleMixture:
    """Return −|x − y| as a mixture, for |x|² up to ``largest``; log t has the density 1/(2√(πt)).

    −r = ∫ (e^(−t r²) − 1)/(2√(π t³)) dt, as the derivatives by r² agree: −1/(2r) = −∫ e^(−t r²)/(2√(πt)) dt.
    """
    t = _log_spaced_rates(-2 * _NEGLIGIBLE - math.log(max(1.0, largest)), 2 * _NEGLIGIBLE)
    return ScaleMixture(t, _STEP / (2 * np.sqrt(math.pi * t)), 0.0, conditional=True)


def _cramer_wold_profile(dim: int, squares: Array, alpha: float) -> Profile:
    if dim == 1:  # φ₁(s) = e^(−s), of which a series is right only relative to 1
        return Profile(Shape.POWER, tuple(LOG2_E / (2 * squares)))
    return phi_d_series(dim).profile(dim / (2 * squares))


KERNELS: dict[str, RadialKernel] = {
    "gaussian": RadialKernel(
        about="falls fastest with distance",
        formula="e^(−r²/C)",
        density="a point at 1/C",
        reference="A. Gretton, K. Borgwardt, M. Rasch, B. Schölkopf and A. Smola, A Kernel Two-Sample Test, "
        "JMLR 13 (2012) 723–773",
        profile=lambda dim, squares, alpha: Profile(Shape.POWER, tuple(LOG2_E / squares)),
        scale_mixture=_gaussian_mixture,
    ),
    "inverse-quadratic": RadialKernel(
        about="falls like 1/r²; WAE calls it IMQ",
        formula="1/(1 + r²/C)",
        density="C e^(−Ct)",
        reference="I. Tolstikhin, O. Bousquet, S. Gelly and B. Schölkopf, Wasserstein Auto-Encoders, "
        "ICLR 2018, arXiv:1711.01558",
        profile=lambda dim, squares, alpha: Profile(Shape.INVERSE, tuple(1 / squares)),
        scale_mixture=lambda dim, squares, alpha: _gamma_mixture(dim, 1.0, squares),
    ),
    "inverse-multiquadric": RadialKernel(
        about="falls like 1/r",
        formula="(1 + r²/C)^(−1/2)",
        density="√(C/(πt)) e^(−Ct)",
        reference="J. Gorham and L. Mackey, Measuring Sample Quality with Kernels, ICML 2017, "
        "arXiv:1703.01717",
        profile=lambda dim, squares, alpha: Profile(Shape.INVERSE_ROOT, tuple(1 / squares)),
        scale_mixture=lambda dim, squares, alpha: _gamma_mixture(dim, 0.5, squares),
    ),
    "rational-quadratic": RadialKernel(
        about="falls like r^(−2α), with α from --alpha",
        formula="(1 + r²/(αC))^(−α)",
        density="(αC)^α t^(α−1) e^(−αCt)/Γ(α)",
        reference="M. Bińkowski, D. Sutherland, M. Arbel and A. Gretton, Demystifying MMD GANs, ICLR 2018, "
        "arXiv:1801.01401",
        profile=lambda dim, squares, alpha: Profile(
            Shape.INVERSE_POWER, tuple(1 / (alpha * squares)), (alpha,)
        ),
        scale_mixture=lambda dim, squares, alpha: _gamma_mixture(dim, alpha, alpha * squares),
    ),
    "laplace": RadialKernel(
        about="exponential in the distance, with a cusp at 0",
        formula="e^(−r/√C)",
        density="e^(−1/(4Ct))/√(4πC t³)",
        reference="B. Sriperumbudur, A. Gretton, K. Fukumizu, B. Schölkopf and G. Lanckriet, Hilbert Space "
        "Embeddings and Metrics on Probability Measures, JMLR 11 (2010) 1517–1561",
        profile=lambda dim, squares, alpha: Profile(Shape.ROOT_POWER, tuple(LOG2_E / np.sqrt(squares))),
        scale_mixture=_laplace_mixture,
    ),
    "cramer-wold": RadialKernel(
        about="Gaussian kernels averaged over projections onto lines",
        formula="φ_D(D r²/2C), about (1 + r²/C)^(−1/2)",
        density="D/2C times a beta(½, (D − 1)/2) variable",
        reference="S. Knop, P. Spurek, J. Tabor, I. Podolak, M. Mazur and S. Jastrzębski, Cramer-Wold "
        "Auto-Encoder, JMLR 21 (2020), no. 164, arXiv:1805.09235",
        profile=_cramer_wold_profile,
        scale_mixture=_cramer_wold_mixture,
    ),
}
"""Name → kernel."""


def squared_lengths(dim: int, scales: Sequence[float]) -> Array:
    """Return C = 2Ds for each scale s; raise `GaedistError` if a scale is not between 1e-30 and 1e30."""
    found = np.asarray(scales, dtype=float)
    if not len(found) or not (np.isfinite(found) & (found >= 1e-30) & (found <= 1e30)).all():
        raise GaedistError(f"scales must be positive numbers, from 1e-30 to 1e30; got {list(scales)}.")
    return 2 * dim * found
