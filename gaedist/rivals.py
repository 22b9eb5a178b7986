"""The distances that the paper measures itself against, one row each.

A row plans what it needs of a sample, pair sums, directions or neither, so that all that are asked for
share their passes; what comes of it is a value, and its law under N(0, I).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gaedist.crossed import Radial, crossed_law
from gaedist.engine import (
    Array,
    PairSum,
    Plan,
    Profile,
    Run,
    Shape,
    Slices,
    carry_out,
    mean_and_error,
    random_directions,
)
from gaedist.errors import GaedistError
from gaedist.laws import DEPARTURE, FEWEST, Cumulants, GammaLaw, Judgement, LogNormalLaw, PairLaw, ValueLaw
from gaedist.measure import Measured, Setting, measure_plan
from gaedist.metrics import Metric
from gaedist.moments import limit_moments, moments
from gaedist.normality import (
    divergence,
    divergence_cumulants,
    fourth_moment,
    henze_zirkler_beta,
    henze_zirkler_moments,
    kurtosis_cumulants,
    skewness_cumulants,
    standardised,
    third_moments,
)
from gaedist.null import ClosedForm
from gaedist.parameters import ALPHA, BETA, DIRECTIONS, KERNEL, SCALES, Parameters, silverman_gamma
from gaedist.projections import projected_series
from gaedist.sliced import EppsPulley, Wasserstein, epps_pulley_cumulants, wasserstein_cumulants
from gaedist.spectra import PairMoments
from gaedist.tails import TAILS, Mixing, distance_mixing, lengths, projected_mixing


@dataclass(frozen=True, eq=False)
class Found:
    """What a metric gives.

    Attributes
    ----------
    value : float
        In the normalisation that the row states.
    judge : callable
        Sets it beside its law under N(0, I).
    used : Parameters
        With what it was computed.
    error : float, optional
        Monte Carlo standard error of the mean over directions.
    """

    value: float
    judge: Callable[[], Judgement]
    used: Parameters
    error: float | None = None


@dataclass(frozen=True)
class Rival(Metric):
    """A metric that is not the paper's.

    Attributes
    ----------
    plan : callable
        From the sample, the parameters and the run to what it needs.
    two_sided : bool
        A value can be too small as well as too large.
    method : str
        How it is computed: from pairs, along directions or from moments.
    """

    plan: Callable[[Array, Parameters, Run], Plan[Found]]
    two_sided: bool = False
    method: str = "pairs"


def _at_once(value: float, law: ValueLaw, used: Parameters | None = None) -> Plan[Found]:
    """Return the plan of what needs no pass."""
    found = Found(value, lambda: law.judge(value), used or Parameters())
    return Plan(lambda logs, slices: found)


def radial_sum(profile: Profile, x: Array, y: Array | None = None) -> PairSum:
    """Return Σ of a function of distance over the pairs of a sample, or of two."""
    weights = np.zeros((1, len(x)))
    return PairSum(profile, x, y, weights, None if y is None else np.zeros((1, len(y))), 0.0, 0.0)


def pair_mean(log_sum: float, n: int, peak: float, *, unbiased: bool) -> float:
    """Return the mean of a kernel over pairs i ≠ j, or over all i and j."""
    pairs = 2 * math.exp(log_sum)
    return pairs / (n * (n - 1)) if unbiased else pairs / n**2 + peak / n


# Gaussian kernels


def _bhep_at(x: Array, beta: float, run: Run) -> Plan[Measured]:
    setting = Setting(target="smoothed")
    return measure_plan(x, [1 / (beta * math.sqrt(2))], setting, run).then(lambda found: found[0])


def _scaled(judgement: Judgement, factor: float) -> Judgement:
    """Return the judgement of a value times a factor."""

    def times(number: float | None) -> float | None:
        return None if number is None else factor * number

    null = judgement.null
    return Judgement(
        type(null)(null.method, times(null.mean), times(null.sd), null.replicates, null.note),
        times(judgement.excess),
        judgement.z,
        judgement.p_value,
    )


def _value_of(measured: Measured) -> float:
    sign, log_value = measured.terms.value
    return max(0, sign) * math.exp(log_value)


def _bhep(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    n, dim = x.shape
    beta = BETA if asked.beta is None else asked.beta
    law = ClosedForm(n, dim, 1 / (2 * beta**2), Setting(target="smoothed"))

    def finish(measured: Measured) -> Found:
        value = n * _value_of(measured)
        return Found(value, lambda: _scaled(law.judge(measured), n), Parameters(beta=beta))

    return _bhep_at(x, beta, run).then(finish)


def _henze_zirkler(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    n, dim = x.shape
    y, beta = standardised(x), henze_zirkler_beta(*x.shape)
    variance = 1 / (2 * beta**2)
    # with mean and covariance known, it would be near its limit, or not
    skewness = moments(n, dim, variance, smoothed=True).skewness
    near = abs(skewness - limit_moments(dim, variance)[2]) < DEPARTURE
    law = LogNormalLaw(*henze_zirkler_moments(dim, beta), trusted=near and n >= FEWEST)

    def finish(measured: Measured) -> Found:
        value = n * _value_of(measured)
        return Found(value, lambda: law.judge(value), Parameters(beta=beta))

    return _bhep_at(y, beta, run).then(finish)


# Other kernels


@lru_cache(maxsize=64)
def _tail_moments(kernel: str, dim: int, scales: tuple[float, ...], alpha: float) -> PairMoments:
    return PairMoments(dim, TAILS[kernel].mixing(dim, lengths(dim, scales), alpha))


def mmd_kernel(dim: int, asked: Parameters) -> tuple[Profile, Parameters]:
    """Return the kernel of the maximum mean discrepancy, and what it is."""
    kernel, scales = asked.kernel or KERNEL, tuple(asked.scales or SCALES)
    if asked.alpha is not None and kernel != "rational-quadratic":
        raise GaedistError(f"alpha is for the rational-quadratic kernel, not {kernel}.")
    alpha = ALPHA if asked.alpha is None else asked.alpha
    used = Parameters(kernel=kernel, scales=scales, alpha=alpha if kernel == "rational-quadratic" else None)
    return TAILS[kernel].profile(dim, lengths(dim, scales), alpha), used


def _mmd(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    n, dim = x.shape
    if n < 2:
        raise GaedistError("an unbiased mean over pairs of points takes two points; got one.")
    profile, used = mmd_kernel(dim, asked)
    known = _tail_moments(str(used.kernel), dim, tuple(used.scales or ()), used.alpha or ALPHA)
    law = PairLaw(n, known, unbiased=True)

    def finish(logs: Sequence[float], slices: Sequence[Array]) -> Found:
        pair = pair_mean(logs[0], n, known.mixing.peak, unbiased=True)
        value = math.fsum([pair, -2 * _mean_about(known.mixing, x), known.mean])
        return Found(value, lambda: law.judge(value), used)

    return Plan(finish, [radial_sum(profile, x)])


def _mean_about(mixing: Mixing, x: Array) -> float:
    """Return the mean over the points of E[k|x]."""
    squares = np.einsum("ij,ij->i", x, x)
    return math.fsum(mixing.mean_about(squares, x.shape[1])) / len(x)


@lru_cache(maxsize=64)
def _distance_moments(dim: int) -> PairMoments:
    return PairMoments(dim, distance_mixing(dim))


def _energy(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    n, dim = x.shape
    mixing = distance_mixing(float(np.einsum("ij,ij->i", x, x).max()))
    known = _distance_moments(dim)
    law = PairLaw(n, known, unbiased=False)

    def finish(logs: Sequence[float], slices: Sequence[Array]) -> Found:
        pair = pair_mean(logs[0], n, 0.0, unbiased=False)
        value = max(0.0, math.fsum([-pair, -2 * _mean_about(mixing, x), known.mean]))
        return Found(value, lambda: law.judge(value), Parameters())

    return Plan(finish, [radial_sum(Profile(Shape.ROOT), x)])


def _gamma(asked: Parameters, *sizes: int) -> float:
    return silverman_gamma(*sizes) if asked.gamma is None else asked.gamma


CRAMER_WOLD_UNIT = 1 / (2 * math.sqrt(math.pi))


def _cramer_wold(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    (n, dim), gamma = x.shape, _gamma(asked, len(x))
    series = projected_series(dim)
    factor = CRAMER_WOLD_UNIT / math.sqrt(gamma)
    law = PairLaw(n, _projected_moments(dim, gamma), unbiased=False, factor=factor)

    def finish(logs: Sequence[float], slices: Sequence[Array]) -> Found:
        value = max(0.0, _cramer_wold_value(logs, n, gamma))
        return Found(value, lambda: law.judge(value), Parameters(gamma=gamma))

    jobs = [
        radial_sum(series.profile(np.array([1 / (4 * gamma)])), x),
        radial_sum(series.profile(np.array([1 / (2 + 4 * gamma)])), np.zeros((1, dim)), x),
    ]
    return Plan(finish, jobs)


def _cramer_wold_value(logs: Sequence[float], n: int, gamma: float) -> float:
    """Return the distance from the sums of φ_D over pairs and over points (FORMULAS §8)."""
    pair, cross = pair_mean(logs[0], n, 1.0, unbiased=False), math.exp(logs[1]) / n
    return CRAMER_WOLD_UNIT * math.fsum(
        [pair / math.sqrt(gamma), 1 / math.sqrt(1 + gamma), -2 * cross / math.sqrt(gamma + 0.5)]
    )


@lru_cache(maxsize=64)
def _projected_moments(dim: int, gamma: float) -> PairMoments:
    return PairMoments(dim, projected_mixing(dim, 1 / (4 * gamma)))


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
        TAILS["inverse-multiquadric"].mixing(dim, np.array([1 / rate]), ALPHA)
        for rate in _approximate_rates(dim, gamma)
    )
    # over 1/√γ, which leaves a kernel of peak 1
    ratio = math.sqrt(gamma / (gamma + 0.5))
    cross = Radial(ratio * np.append(points.weights, points.at_zero), np.append(points.rates, 0.0))
    constant, factor = math.sqrt(gamma / (1 + gamma)), CRAMER_WOLD_UNIT / math.sqrt(gamma)
    return crossed_law(n, PairMoments(dim, pairs), cross, constant, factor)


def _cramer_wold_approx(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    (n, dim), gamma = x.shape, _gamma(asked, len(x))
    profiles = [Profile(Shape.INVERSE_ROOT, (rate,)) for rate in _approximate_rates(dim, gamma)]

    def finish(logs: Sequence[float], slices: Sequence[Array]) -> Found:
        value = _cramer_wold_value(logs, n, gamma)
        law = _approximate_law(n, dim, gamma)
        return Found(value, lambda: law.judge(value), Parameters(gamma=gamma))

    return Plan(finish, [radial_sum(profiles[0], x), radial_sum(profiles[1], np.zeros((1, dim)), x)])


# Along directions


def _sliced(
    x: Array, asked: Parameters, run: Run, statistic: Any, law: ValueLaw, used: Parameters
) -> Plan[Found]:
    directions = random_directions(x.shape[1], _count(asked), run.seed)

    def finish(logs: Sequence[float], slices: Sequence[Array]) -> Found:
        value, error = mean_and_error(slices[0])
        return Found(value, lambda: law.judge(value), used, error)

    return Plan(finish, slices=[Slices(x, directions, statistic)])


def _count(asked: Parameters) -> int:
    return DIRECTIONS if asked.directions is None else asked.directions


def _sliced_wasserstein(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    count = _count(asked)
    law = _gamma_law(x, wasserstein_cumulants(len(x), x.shape[1], count))
    return _sliced(x, asked, run, Wasserstein(), law, Parameters(directions=count))


def _sliced_epps_pulley(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    count, beta = _count(asked), BETA if asked.beta is None else asked.beta
    law = _gamma_law(x, epps_pulley_cumulants(len(x), x.shape[1], count, beta))
    return _sliced(x, asked, run, EppsPulley(beta), law, Parameters(beta=beta, directions=count))


# Moments


def _gamma_law(x: Array, cumulants: Cumulants, *, two_sided: bool = False) -> GammaLaw:
    return GammaLaw(len(x), cumulants.mean, cumulants.sd, cumulants.skewness, two_sided)


def _kl(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    return _at_once(divergence(x), _gamma_law(x, divergence_cumulants(*x.shape)))


def _mardia_skewness(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    return _at_once(third_moments(x, run), _gamma_law(x, skewness_cumulants(*x.shape)))


def _mardia_kurtosis(x: Array, asked: Parameters, run: Run) -> Plan[Found]:
    return _at_once(fourth_moment(x), _gamma_law(x, kurtosis_cumulants(*x.shape), two_sided=True))


RIVALS: dict[str, Rival] = {
    "bhep": Rival(
        "n ∫ |ψ − e^(−|t|²/2)|² N(t; 0, β²I) dt with ψ the characteristic function of the codes",
        "all but what is finer than 1/β, up to D of about 30",
        "Baringhaus and Henze, Metrika 35 (1988) 339",
        ("beta",),
        _bhep,
    ),
    "henze-zirkler": Rival(
        "bhep of the standardised codes, at the β of Henze and Zirkler",
        "shape only: not mean, scale or correlation",
        "Henze and Zirkler, Comm. Statist. Theory Methods 19 (1990) 3595",
        (),
        _henze_zirkler,
    ),
    "kl": Rival(
        "KL of the codes' Gaussian fit to N(0, I), the loss of VAE",
        "mean and covariance only",
        "Kingma and Welling, ICLR 2014",
        (),
        _kl,
        method="moments",
    ),
    "mmd": Rival(
        "squared maximum mean discrepancy of WAE, unbiased, the kernel summed over its scales",
        "mean and covariance in any dimension; shape in few",
        "Tolstikhin et al., ICLR 2018",
        ("kernel", "scales", "alpha"),
        _mmd,
    ),
    "sliced-wasserstein": Rival(
        "W₂² to N(0, 1) along a direction, mean over directions, of SWAE",
        "mean, covariance and far points along lines",
        "Kolouri et al., ICLR 2019",
        ("directions",),
        _sliced_wasserstein,
        method="directions",
    ),
    "cramer-wold": Rival(
        "squared L2 distance of all projections smoothed by N(0, γ), of CWAE, with the exact φ_D",
        "mean and covariance, and shape along lines",
        "Tabor et al., JMLR 21 (2020)",
        ("gamma",),
        _cramer_wold,
    ),
    "cramer-wold-approx": Rival(
        "the same with φ_D(s) = (1 + 4s/(2D − 3))^(−1/2), as CWAE computes it",
        "as cramer-wold, but less, the fewer dimensions",
        "Tabor et al., JMLR 21 (2020)",
        ("gamma",),
        _cramer_wold_approx,
        two_sided=True,
    ),
    "sliced-epps-pulley": Rival(
        "bhep along a direction, mean over directions, of the regulariser SIGReg of LeJEPA",
        "mean and covariance, and shape along lines",
        "Epps and Pulley, Biometrika 70 (1983) 723; Balestriero and LeCun, 2025",
        ("beta", "directions"),
        _sliced_epps_pulley,
        method="directions",
    ),
    "energy": Rival(
        "squared energy distance, 2 E|x − Y| − E|Y − Y'| − E|x − x'|",
        "mean and scale in any dimension",
        "Székely and Rizzo, J. Stat. Plan. Inference 143 (2013) 1249",
        (),
        _energy,
    ),
    "mardia-skewness": Rival(
        "mean (x_i·x_j)³, not standardised, as CWAE evaluates it",
        "skewness, and a shift of the mean",
        "Mardia, Biometrika 57 (1970) 519",
        (),
        _mardia_skewness,
        method="moments",
    ),
    "mardia-kurtosis": Rival(
        "mean |x|⁴, not standardised, as CWAE evaluates it",
        "scale and far points",
        "Mardia, Biometrika 57 (1970) 519",
        (),
        _mardia_kurtosis,
        two_sided=True,
        method="moments",
    ),
}
"""Name → metric."""


@dataclass(frozen=True)
class RivalValue:
    """The value of a metric for a sample, that can be simulated.

    Attributes
    ----------
    metric : str
        One of `RIVALS`.
    parameters : Parameters
        Its knobs.
    """

    metric: str
    parameters: Parameters

    @property
    def key(self) -> dict[str, Any]:
        """All that it depends on, beside the sample and the seed."""
        knobs = asdict(self.parameters)
        return {"metric": self.metric, **{name: knobs[name] for name in RIVALS[self.metric].takes}}

    def of(self, x: Array, run: Run) -> float:
        """Return it."""
        return carry_out([RIVALS[self.metric].plan(x, self.parameters, run)], run)[0].value
