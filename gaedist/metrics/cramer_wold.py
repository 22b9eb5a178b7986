"""The Cramér–Wold distance, which the Cramér–Wold auto-encoder minimises, exact and as published.

The squared L2 distance of the projections on a direction, each smoothed by N(0, γ), averaged over all
directions, has the kernel φ_D(|x − y|²/(4γ)) (`gaedist.kernels.phi_d`):

    1/(2√π) [ γ^(−½) mean φ_D(|x_i − x_j|²/(4γ)) + (1 + γ)^(−½) − 2 (γ + ½)^(−½) mean φ_D(|x_i|²/(2 + 4γ)) ]

Its authors compute it with φ_D(s) ≈ (1 + 4s/(2D − 3))^(−½), for points and pairs alike. The value is then not
smallest at N(0, I), and it has a part that is a sum over single points (`gaedist.null.cross_term`).
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from gaedist.engine import PairTotal, Profile, Run, Shape
from gaedist.errors import GaedistError
from gaedist.kernels.phi_d import phi_d_series
from gaedist.kernels.radial import KERNELS, ScaleMixture, phi_d_mixture
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.base import Metric
from gaedist.metrics.kernel_metrics import (
    Kernel,
    KernelOneSample,
    KernelTwoSample,
    pair_mean,
    radial_sum,
)
from gaedist.metrics.options import CompareOptions, ScoreOptions
from gaedist.metrics.parameters import DEFAULTS, Parameters
from gaedist.null.cross_term import Radial, distribution_with_cross_term
from gaedist.null.distributions import Gamma, KernelLimit
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import Array
from gaedist.smoothing.bandwidths import silverman_gamma

UNIT = 1 / (2 * math.sqrt(math.pi))
"""The factor of the distance as published."""


class CramerWoldOneSample(KernelOneSample):
    """The distance to N(0, I) with the exact φ_D."""

    least = 0.0

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Plan the sums of φ_D over pairs and over points."""
        self.used = _used(options.parameters, len(x))
        self.n, self.dim = x.shape
        self.gamma = float(self.used.gamma or 0)
        pairs, points = self.profiles()
        self.pairs = [radial_sum(pairs, x), radial_sum(points, np.zeros((1, self.dim)), x)]

    def profiles(self) -> tuple[Profile, Profile]:
        """Return φ_D as a function of the squared distance of pairs, and of the squared norm of points."""
        return exact_profiles(self.dim, self.gamma)

    def terms(self, totals: Sequence[PairTotal]) -> list[float]:
        """Return the pair term, the constant and the cross term of the formula in the module's docstring."""
        gamma = self.gamma
        pair = pair_mean(totals[0].log, self.n, 1.0, unbiased=False)
        cross = math.exp(totals[1].log) / self.n
        terms = pair / math.sqrt(gamma), 1 / math.sqrt(1 + gamma), -2 * cross / math.sqrt(gamma + 0.5)
        return [UNIT * term for term in terms]

    def shift_curve(self) -> ShiftCurve:
        """Return the curve of the kernel."""
        mixture = cramer_wold_moments(self.dim, self.gamma).scale_mixture
        return ShiftCurve.of_kernel(mixture, self.dim).times(UNIT / math.sqrt(self.gamma))

    def null_distribution(self) -> KernelLimit | Gamma:
        """Return the limit of a degenerate V-statistic, with its exact mean and standard deviation."""
        moments = cramer_wold_moments(self.dim, self.gamma)
        return KernelLimit.of(self.n, moments, unbiased=False, factor=UNIT / math.sqrt(self.gamma))


class CramerWoldApproxOneSample(CramerWoldOneSample):
    """The distance with the approximate φ_D."""

    least = -math.inf

    @classmethod
    def is_two_sided(cls, options: ScoreOptions) -> bool:
        """Return True: the value is not smallest at N(0, I)."""
        return True

    def profiles(self) -> tuple[Profile, Profile]:
        """Return the approximate φ_D, as `CramerWoldOneSample.profiles` does the exact one."""
        return approximate_profiles(self.dim, self.gamma)

    def shift_curve(self) -> ShiftCurve:
        """Return the curve of the mean over points, which is not that of the kernel."""
        cross = _approximate_cross(self.dim, self.gamma)
        curve = ShiftCurve.of_points(cross.weights, cross.rates, self.dim)
        return curve.times(UNIT / math.sqrt(self.gamma))

    def null_distribution(self) -> Gamma:
        """Return a gamma distribution with the exact mean and standard deviation."""
        return approximate_null(self.n, self.dim, self.gamma)


class CramerWoldTwoSample(KernelTwoSample):
    """The distance between two samples with the exact φ_D, both smoothed by N(0, γ)."""

    def __init__(self, x: Array, y: Array, options: CompareOptions, run: Run) -> None:
        """Plan the sums of φ_D over pairs."""
        used = _used(options.parameters, len(x), len(y))
        gamma = float(used.gamma or 0)
        profile = self.profile(x.shape[1], 1 / (4 * gamma))
        self.kernel = Kernel(profile, 1.0, UNIT / math.sqrt(gamma), used=used)
        self.prepare(x, y, run)

    def profile(self, dim: int, rate: float) -> Profile:
        """Return φ_D(rate r²)."""
        return phi_d_series(dim).profile(np.array([rate]))


class CramerWoldApproxTwoSample(CramerWoldTwoSample):
    """The distance between two samples with the approximate φ_D."""

    def profile(self, dim: int, rate: float) -> Profile:
        """Return the approximate φ_D(rate r²)."""
        return Profile(Shape.INVERSE_ROOT, (rate * approximate_stretch(dim),))


def exact_profiles(dim: int, gamma: float) -> tuple[Profile, Profile]:
    """Return φ_D of the squared distance of pairs, and of the squared norm of points."""
    series = phi_d_series(dim)
    return series.profile(np.array([1 / (4 * gamma)])), series.profile(np.array([1 / (2 + 4 * gamma)]))


def approximate_profiles(dim: int, gamma: float) -> tuple[Profile, Profile]:
    """Return the same with the approximate φ_D."""
    pairs, points = (Profile(Shape.INVERSE_ROOT, (rate,)) for rate in _rates(dim, gamma))
    return pairs, points


def approximate_stretch(dim: int) -> float:
    """Return c of φ_D(s) ≈ (1 + cs)^(−½), c = 4/(2D − 3); raise `GaedistError` in one dimension."""
    if dim == 1:
        raise GaedistError(
            "the approximate φ_D is not defined in one dimension, where 2D − 3 < 0. Use cramer-wold."
        )
    return 4 / (2 * dim - 3)


def _used(parameters: Parameters, *sizes: int) -> Parameters:
    return parameters.used("gamma", gamma=silverman_gamma(*sizes))


def _rates(dim: int, gamma: float) -> tuple[float, float]:
    """Return c/(4γ) for pairs, and c/(2 + 4γ) for points."""
    stretch = approximate_stretch(dim)
    return stretch * (1 / (4 * gamma)), stretch * (1 / (2 + 4 * gamma))


@lru_cache(maxsize=64)
def cramer_wold_moments(dim: int, gamma: float) -> PairMoments:
    """Return the moments of the exact φ_D(|x − y|²/(4γ)) under N(0, I)."""
    return PairMoments(dim, phi_d_mixture(dim, 1 / (4 * gamma)))


def _root_mixture(dim: int, rate: float) -> ScaleMixture:
    """Return (1 + rate · r²)^(−½) as a mixture."""
    kernel, alpha = KERNELS["inverse-multiquadric"], float(DEFAULTS["alpha"])
    return kernel.scale_mixture(dim, np.array([1 / rate]), alpha)


def _approximate_cross(dim: int, gamma: float) -> Radial:
    """Return what is averaged over points, divided by 1/√γ, which leaves a kernel of peak 1."""
    points, ratio = _root_mixture(dim, _rates(dim, gamma)[1]), math.sqrt(gamma / (gamma + 0.5))
    return Radial(ratio * np.append(points.weights, points.weight_at_zero), np.append(points.rates, 0.0))


@lru_cache(maxsize=64)
def approximate_moments(dim: int, gamma: float) -> PairMoments:
    """Return the moments of the approximate φ_D(|x − y|²/(4γ)) under N(0, I)."""
    return PairMoments(dim, _root_mixture(dim, _rates(dim, gamma)[0]))


@lru_cache(maxsize=64)
def approximate_null(n: int, dim: int, gamma: float) -> Gamma:
    """Return the null distribution of the distance with the approximate φ_D."""
    pairs = approximate_moments(dim, gamma)
    constant, factor = math.sqrt(gamma / (1 + gamma)), UNIT / math.sqrt(gamma)
    return distribution_with_cross_term(n, pairs, _approximate_cross(dim, gamma), constant, factor)


_REFERENCE = (
    "S. Knop, P. Spurek, J. Tabor, I. Podolak, M. Mazur and S. Jastrzębski, Cramer-Wold Auto-Encoder, JMLR "
    "21 (2020) 164, arXiv:1805.09235"
)
_FORMULA = """\
1/(2√π) [ γ^(−½) mean φ_D(|x_i − x_j|²/(4γ)) + (1 + γ)^(−½) − 2 (γ + ½)^(−½) mean φ_D(|x_i|²/(2 + 4γ)) ]
Two samples: 1/(2√(πγ)) times [ mean φ_D(|x_i − x_j|²/(4γ)) + mean φ_D(|y_i − y_j|²/(4γ))
− 2 mean φ_D(|x_i − y_j|²/(4γ)) ]"""

METRIC = Metric(
    name="cramer-wold",
    summary="squared L2 distance of smoothed projections, averaged over directions (the CWAE loss)",
    formula=f"{_FORMULA}\nφ_D(s) = ₁F₁(½; D/2; −s), exact to 1e-12.",
    detects="mean and covariance; shape along lines",
    reference=_REFERENCE,
    null="limit of a degenerate V-statistic (weighted sum of χ²), exact mean and sd",
    parameters=("gamma",),
    one_sample=CramerWoldOneSample,
    two_sample=CramerWoldTwoSample,
)

APPROXIMATE = Metric(
    name="cramer-wold-approx",
    summary="cramer-wold with the approximate φ_D that CWAE computes",
    formula=f"{_FORMULA}\nφ_D(s) ≈ (1 + 4s/(2D − 3))^(−½), for D ≥ 2.",
    detects="as cramer-wold, less well in few dimensions",
    reference=_REFERENCE,
    null="gamma distribution, exact mean and sd; two-sided",
    parameters=("gamma",),
    one_sample=CramerWoldApproxOneSample,
    two_sample=CramerWoldApproxTwoSample,
)
