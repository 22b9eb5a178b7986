"""The distances that the paper measures itself against, one row each.

A row plans what it needs of a sample, pair sums, directions or neither, so that all that are asked for
share their passes; what comes of it is a value, and its law under N(0, I).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gaedist.discrepancies import bhep, cramer_wold, cramer_wold_approx, energy, henze_zirkler, mmd
from gaedist.engine import Array, Plan, Run, Slices, carry_out, mean_and_error, random_directions
from gaedist.findings import Found, Rival
from gaedist.laws import Cumulants, GammaLaw, ValueLaw
from gaedist.normality import (
    divergence,
    divergence_cumulants,
    fourth_moment,
    kurtosis_cumulants,
    skewness_cumulants,
    third_moments,
)
from gaedist.parameters import BETA, DIRECTIONS, Parameters
from gaedist.sliced import EppsPulley, Wasserstein, epps_pulley_cumulants, wasserstein_cumulants


def _at_once(value: float, law: ValueLaw, used: Parameters | None = None) -> Plan[Found]:
    """Return the plan of what needs no pass."""
    found = Found(value, lambda: law.judge(value), used or Parameters())
    return Plan(lambda logs, slices: found)


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
        bhep,
    ),
    "henze-zirkler": Rival(
        "bhep of the standardised codes, at the β of Henze and Zirkler",
        "shape only: not mean, scale or correlation",
        "Henze and Zirkler, Comm. Statist. Theory Methods 19 (1990) 3595",
        (),
        henze_zirkler,
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
        mmd,
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
        cramer_wold,
    ),
    "cramer-wold-approx": Rival(
        "the same with φ_D(s) = (1 + 4s/(2D − 3))^(−1/2), as CWAE computes it",
        "as cramer-wold, but less, the fewer dimensions",
        "Tabor et al., JMLR 21 (2020)",
        ("gamma",),
        cramer_wold_approx,
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
        energy,
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
