"""The distances that the paper measures itself against, one row each.

A row plans what it needs of a sample, pair sums, directions or neither, so that all that are asked for
share their passes; what comes of it is a value, and its law under N(0, I).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from gaedist.engine import (
    PairTotal,
    Plan,
    Provenance,
    Run,
    Slices,
    Statistic,
    evaluate,
    mean_and_error,
    random_directions,
)
from gaedist.metrics.discrepancies import bhep, cramer_wold, cramer_wold_approx, energy, henze_zirkler, mmd
from gaedist.metrics.measurement import Found, Rival, Value
from gaedist.metrics.normality import (
    divergence,
    divergence_cumulants,
    fourth_moment,
    kurtosis_cumulants,
    skewness_cumulants,
    third_moments,
)
from gaedist.metrics.null import NullOptions, Simulated
from gaedist.metrics.parameters import BETA, DIRECTIONS, Parameters
from gaedist.metrics.sliced import EppsPulley, Wasserstein, epps_pulley_cumulants, wasserstein_cumulants
from gaedist.null.distributions import Cumulants, GammaLaw, Judgement, Null, ValueLaw, is_hidden
from gaedist.null.monte_carlo import simulated
from gaedist.numerics import Array


def _at_once(value: float, law: ValueLaw) -> Plan[Value]:
    """Return the plan of what needs no pass."""
    return Plan(
        lambda totals, slices: Value(value, lambda: law.judge(value), provenance=Provenance("moments"))
    )


def _sliced(
    x: Array, run: Run, statistic: Statistic, cumulants: Callable[[], Cumulants], used: Parameters
) -> Plan[Value]:
    directions = random_directions(x.shape[1], used.directions or DIRECTIONS, run.seed)

    def finish(totals: Sequence[PairTotal], slices: Sequence[Array]) -> Value:
        value, error = mean_and_error(slices[0])
        return Value(
            value,
            lambda: _gamma_law(x, cumulants()).judge(value),
            used,
            error,
            provenance=Provenance("directions"),
        )

    return Plan(finish, slices=[Slices(x, directions, statistic)])


def _count(asked: Parameters) -> int:
    return DIRECTIONS if asked.directions is None else asked.directions


def _sliced_wasserstein(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    count = _count(asked)
    cumulants = partial(wasserstein_cumulants, *x.shape, count)
    return _sliced(x, run, Wasserstein(), cumulants, Parameters(directions=count))


def _sliced_epps_pulley(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    count, beta = _count(asked), BETA if asked.beta is None else asked.beta
    cumulants = partial(epps_pulley_cumulants, *x.shape, count, beta)
    return _sliced(x, run, EppsPulley(beta), cumulants, Parameters(beta=beta, directions=count))


def _gamma_law(x: Array, cumulants: Cumulants, *, two_sided: bool = False) -> GammaLaw:
    return GammaLaw(cumulants.mean, cumulants.sd, cumulants.skewness, len(x), two_sided)


def _kl(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    return _at_once(divergence(x), _gamma_law(x, divergence_cumulants(*x.shape)))


def _mardia_skewness(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
    return _at_once(third_moments(x, run), _gamma_law(x, skewness_cumulants(*x.shape)))


def _mardia_kurtosis(x: Array, asked: Parameters, run: Run) -> Plan[Value]:
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
    ),
    "mardia-kurtosis": Rival(
        "mean |x|⁴, not standardised, as CWAE evaluates it",
        "scale and far points",
        "Mardia, Biometrika 57 (1970) 519",
        (),
        _mardia_kurtosis,
        two_sided=True,
    ),
}
"""Name → metric."""


def rival_plan(name: str, x: Array, parameters: Parameters, run: Run) -> Plan[list[Found]]:
    """Plan the value of a rival for a sample, to be judged by any law."""
    row, shape = RIVALS[name], (len(x), x.shape[1])

    def finish(found: Value) -> list[Found]:
        value = found.value
        return [
            Found(
                value=value,
                log_value=math.log(value) if value > 0 else None if value < 0 else -math.inf,
                judge=lambda null, ask: _judge(found, RivalValue(name, parameters), shape, null, ask),
                two_sided=row.two_sided,
                provenance=found.provenance,
                used=found.used,
                error=found.error,
            )
        ]

    return row.plan(x, parameters, run).then(finish)


@dataclass(frozen=True)
class RivalValue:
    """What differs from sample to sample in the value of a metric, that can be simulated.

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
        return evaluate([RIVALS[self.metric].plan(x, self.parameters, run)], run)[0].rest


def _judge(
    found: Value, statistic: RivalValue, shape: tuple[int, int], null: str, ask: NullOptions
) -> Judgement:
    if null == "none":
        return Judgement(Null("none"))
    if null != "monte-carlo":
        return found.judge()
    law = Simulated(simulated(*shape, statistic, replicates=ask.replicates, run=ask.run, stored=ask.stored))
    hidden = is_hidden(found.size, law.spread(found.rest))
    two_sided = RIVALS[statistic.metric].two_sided
    return law.judge_value(found.rest, found.standing, two_sided, hidden=hidden)
