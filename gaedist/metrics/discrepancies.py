"""Squared distances to N(0, I) by a kernel: means over pairs, over points, and over N(0, I) itself.

All are pair sums, so that several share one pass over the tiles, and none needs a sample of N(0, I).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from gaedist.engine import SAMPLE, PairSum, PairTotal, Plan, Profile, Run, Shape
from gaedist.errors import GaedistError
from gaedist.kernels.phi_d import phi_d_series
from gaedist.kernels.radial import KERNELS, ScaleMixture, distance_mixture, lengths, phi_d_mixture
from gaedist.metrics.measure import Measured, ScoreOptions, measure_plan
from gaedist.metrics.measurement import Value
from gaedist.metrics.normality import henze_zirkler_beta, henze_zirkler_moments, standardised
from gaedist.metrics.null import ClosedForm
from gaedist.metrics.parameters import (
    ALPHA,
    BETA,
    KERNEL,
    NONE,
    RATIONAL,
    SCALES,
    Parameters,
    silverman_gamma,
)
from gaedist.null.cross_term import Radial, crossed_law
from gaedist.null.distributions import DEPARTURE, FEWEST, Judgement, LogNormalLaw, ValueLaw, pair_law
from gaedist.null.gaussian_moments import limit_moments, moments
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import Array, to_linear

_SMOOTHED = ScoreOptions(target="smoothed")

CRAMER_WOLD_UNIT = 1 / (2 * math.sqrt(math.pi))
"""Of the Cramér–Wold distance, as published."""


def radial_sum(profile: Profile, x: Array, y: Array | None = None) -> PairSum:
    """Return Σ of a function of distance over the pairs of a sample, or of two."""
    weights = np.zeros((1, len(x)))
    return PairSum(profile, x, y, weights, None if y is None else np.zeros((1, len(y))), 0.0, 0.0)


def pair_mean(log_sum: float, n: int, peak: float, *, unbiased: bool) -> float:
    """Return the mean of a kernel over pairs i ≠ j, or over all i and j."""
    pairs = 2 * math.exp(log_sum)
    return pairs / (n * (n - 1)) if unbiased else pairs / n**2 + peak / n


def bhep(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    """Plan BHEP's statistic with known mean and covariance, n d² to the smoothed prior at σ = 1/(β√2)."""
    n, dim = x.shape
    beta = BETA if asked.beta is None else asked.beta
    law = ClosedForm(n, dim, 1 / (2 * beta**2), _SMOOTHED)
    return _bhep_at(x, beta, lambda measured: _scaled(law.judge(measured), n), run)


def henze_zirkler(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    """Plan that statistic of the standardised sample, beside the log-normal law of Henze and Zirkler."""
    if run.method == SAMPLE:
        raise GaedistError(
            f"method {SAMPLE} is not for henze-zirkler, whose law is not that of bhep. Take bhep."
        )
    n, dim = x.shape
    y, beta = standardised(x), henze_zirkler_beta(n, dim)
    variance = 1 / (2 * beta**2)
    # with mean and covariance known, it would be near its limit, or not
    skewness = moments(n, dim, variance, smoothed=True).skewness
    near = abs(skewness - limit_moments(dim, variance)[2]) < DEPARTURE
    below, sd = henze_zirkler_moments(dim, beta)
    law = LogNormalLaw(1 - below, sd, trusted=near and n >= FEWEST)

    def judge(measured: Measured) -> Judgement:
        # points' overlaps with themselves make 1 of it, and of its mean: what is left may be very little
        rest = n * (measured.moving + to_linear(measured.terms.log_prior))
        return law.judge(1 + rest, excess=rest + below, size=n * measured.largest)

    return _bhep_at(y, beta, judge, run)


def _bhep_at(x: Array, beta: float, judge: Callable[[Measured], Judgement], run: Run) -> Plan[Value]:
    """Plan n d² to the smoothed prior at a β."""
    n = len(x)

    def finish(several: list[Measured]) -> Value:
        (measured,) = several
        sign, log_value = measured.terms.value
        return Value(
            value=n * max(0, sign) * math.exp(log_value),
            judge=lambda: judge(measured),
            used=Parameters(beta=beta),
            standing=n * measured.standing,
            moving=n * measured.moving,
            size=n * measured.largest,
            provenance=measured.terms.provenance,
            error=None if measured.error is None else n * measured.error,
        )

    return measure_plan(x, [1 / (beta * math.sqrt(2))], _SMOOTHED, run).then(finish)


def _scaled(judgement: Judgement, factor: float) -> Judgement:
    """Return the judgement of a value times a factor."""

    def times(number: float | None) -> float | None:
        return None if number is None else factor * number

    null = judgement.null
    return replace(
        judgement,
        null=replace(null, mean=times(null.mean), sd=times(null.sd)),
        excess=times(judgement.excess),
    )


@lru_cache(maxsize=64)
def _tail_moments(kernel: str, dim: int, scales: tuple[float, ...], alpha: float) -> PairMoments:
    return PairMoments(dim, KERNELS[kernel].scale_mixture(dim, lengths(dim, scales), alpha))


def mmd_kernel(dim: int, asked: Parameters) -> tuple[Profile, Parameters]:
    """Return the kernel of the maximum mean discrepancy, and what it is."""
    kernel, scales = asked.kernel or KERNEL, tuple(asked.scales or SCALES)
    alpha = ALPHA if asked.alpha is None else asked.alpha
    used = Parameters(kernel=kernel, scales=scales, alpha=alpha if kernel == RATIONAL else None)
    return KERNELS[kernel].profile(dim, lengths(dim, scales), alpha), used


def mmd(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    """Plan the unbiased maximum mean discrepancy, whose side of N(0, I) is one integral (FORMULAS §8)."""
    n, dim = x.shape
    if n < 2:
        raise GaedistError("an unbiased mean over pairs of points takes two points; got one.")
    profile, used = mmd_kernel(dim, asked)
    known = _tail_moments(str(used.kernel), dim, tuple(used.scales or ()), used.alpha or ALPHA)
    law = pair_law(n, known, unbiased=True)

    def finish(totals: Sequence[PairTotal], slices: Sequence[Array]) -> Value:
        pair = pair_mean(totals[0].log, n, known.scale_mixture.peak, unbiased=True)
        return _sum_of([pair, -2 * _mean_about(known.scale_mixture, x), known.mean], law, used)

    return Plan(finish, [radial_sum(profile, x)])


def _sum_of(terms: Sequence[float], law: ValueLaw, used: Parameters, *, least: float = -math.inf) -> Value:
    """Return the value that is a sum of terms, and by its rounding not below the least that it can be."""
    value, size = max(least, math.fsum(terms)), max(map(abs, terms))
    return Value(value, lambda: law.judge(value, size=size), used, size=size)


def _mean_about(mixing: ScaleMixture, x: Array) -> float:
    """Return the mean over the points of E[k|x]."""
    squares = np.einsum("ij,ij->i", x, x)
    return math.fsum(mixing.mean_about(squares, x.shape[1])) / len(x)


@lru_cache(maxsize=64)
def _distance_moments(dim: int) -> PairMoments:
    return PairMoments(dim, distance_mixture(dim))


def energy(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    """Plan the squared energy distance, the discrepancy with the kernel −|x − y|."""
    n, dim = x.shape
    mixing = distance_mixture(float(np.einsum("ij,ij->i", x, x).max()))
    known = _distance_moments(dim)
    law = pair_law(n, known, unbiased=False)

    def finish(totals: Sequence[PairTotal], slices: Sequence[Array]) -> Value:
        pair = pair_mean(totals[0].log, n, 0.0, unbiased=False)
        return _sum_of([-pair, -2 * _mean_about(mixing, x), known.mean], law, NONE, least=0.0)

    return Plan(finish, [radial_sum(Profile(Shape.ROOT), x)])


def _gamma(asked: Parameters, *sizes: int) -> float:
    return silverman_gamma(*sizes) if asked.gamma is None else asked.gamma


def cramer_wold(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    """Plan the Cramér–Wold distance with the exact φ_D (FORMULAS §8)."""
    (n, dim), gamma = x.shape, _gamma(asked, len(x))
    series = phi_d_series(dim)
    factor = CRAMER_WOLD_UNIT / math.sqrt(gamma)
    law = pair_law(n, _projected_moments(dim, gamma), unbiased=False, factor=factor)

    def finish(totals: Sequence[PairTotal], slices: Sequence[Array]) -> Value:
        return _sum_of(_cramer_wold_terms(totals, n, gamma), law, Parameters(gamma=gamma), least=0.0)

    jobs = [
        radial_sum(series.profile(np.array([1 / (4 * gamma)])), x),
        radial_sum(series.profile(np.array([1 / (2 + 4 * gamma)])), np.zeros((1, dim)), x),
    ]
    return Plan(finish, jobs)


def _cramer_wold_terms(totals: Sequence[PairTotal], n: int, gamma: float) -> list[float]:
    """Return the terms of the distance from the sums of φ_D over pairs and over points (FORMULAS §8)."""
    pair, cross = pair_mean(totals[0].log, n, 1.0, unbiased=False), math.exp(totals[1].log) / n
    terms = pair / math.sqrt(gamma), 1 / math.sqrt(1 + gamma), -2 * cross / math.sqrt(gamma + 0.5)
    return [CRAMER_WOLD_UNIT * term for term in terms]


@lru_cache(maxsize=64)
def _projected_moments(dim: int, gamma: float) -> PairMoments:
    return PairMoments(dim, phi_d_mixture(dim, 1 / (4 * gamma)))


def approximate_stretch(dim: int) -> float:
    """Return c of φ_D(s) ≈ (1 + cs)^(−1/2); raise `GaedistError` in one dimension, where there is none."""
    if dim == 1:
        raise GaedistError(
            "the approximate φ_D has no value in one dimension, where 2D − 3 < 0. Take cramer-wold."
        )
    return 4 / (2 * dim - 3)


def _approximate_rates(dim: int, gamma: float) -> tuple[float, float]:
    """Return c/(4γ) and c/(2 + 4γ), of the pairs and of the points."""
    stretch = approximate_stretch(dim)
    return stretch * (1 / (4 * gamma)), stretch * (1 / (2 + 4 * gamma))


@lru_cache(maxsize=64)
def _approximate_law(n: int, dim: int, gamma: float) -> ValueLaw:
    pairs, points = (
        KERNELS["inverse-multiquadric"].scale_mixture(dim, np.array([1 / rate]), ALPHA)
        for rate in _approximate_rates(dim, gamma)
    )
    # over 1/√γ, which leaves a kernel of peak 1
    ratio = math.sqrt(gamma / (gamma + 0.5))
    cross = Radial(ratio * np.append(points.weights, points.at_zero), np.append(points.rates, 0.0))
    constant, factor = math.sqrt(gamma / (1 + gamma)), CRAMER_WOLD_UNIT / math.sqrt(gamma)
    return crossed_law(n, PairMoments(dim, pairs), cross, constant, factor)


def cramer_wold_approx(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    """Plan that with the approximate φ_D, for pairs and points alike."""
    (n, dim), gamma = x.shape, _gamma(asked, len(x))
    profiles = [Profile(Shape.INVERSE_ROOT, (rate,)) for rate in _approximate_rates(dim, gamma)]

    def finish(totals: Sequence[PairTotal], slices: Sequence[Array]) -> Value:
        law = _approximate_law(n, dim, gamma)
        return _sum_of(_cramer_wold_terms(totals, n, gamma), law, Parameters(gamma=gamma))

    return Plan(finish, [radial_sum(profiles[0], x), radial_sum(profiles[1], np.zeros((1, dim)), x)])
