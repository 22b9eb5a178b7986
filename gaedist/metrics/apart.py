"""How far apart two samples are, before it is told: what every metric gives, and the paper's own."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from gaedist.engine import BY_PAIRS, Plan, Provenance, Run
from gaedist.errors import GaedistError, check_choice
from gaedist.metrics.parameters import NONE, Parameters
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.families import common_family
from gaedist.mixtures.mixture import Mixture, SquaredDistance, distance_plan
from gaedist.mixtures.targets import ESTIMATORS
from gaedist.null.distributions import WIDE, is_hidden
from gaedist.null.permutations import PermutationLaw, permuted
from gaedist.numerics import Array, signed_sum, to_linear
from gaedist.smoothing.rules import JOINT, Sigma, is_number, is_repeatable
from gaedist.smoothing.smooth import FACTOR, LARGEST_FACTOR, SigmaSummary, Smoothing, smooth_both


@dataclass(frozen=True, eq=False)
class Apart:
    """What a metric gives for two samples.

    Attributes
    ----------
    value, log_value : float
        The value, in the normalisation of the metric, and its logarithm; None for one below zero.
    expected : float, optional
        Its mean over all assignments of the pooled points, where that is known.
    permuted : callable, optional
        From R to the law of the value under as many permutations of the labels; None if there is none.
    used : Parameters
        With what it was computed.
    error : float, optional
        Monte Carlo standard error of the mean over directions.
    note : str, optional
        Why labels are not permuted.
    estimator, covariance : str, optional
        Of the gaussian metric.
    sigma : SigmaSummary, optional
        Likewise.
    provenance : Provenance
        How it was computed.
    """

    value: float
    log_value: float | None
    expected: float | None
    permuted: Callable[[int], PermutationLaw] | None
    used: Parameters = NONE
    error: float | None = None
    note: str | None = None
    estimator: str | None = None
    covariance: str | None = None
    sigma: SigmaSummary | None = None
    provenance: Provenance = BY_PAIRS


@dataclass(frozen=True, eq=False)
class Smoothings:
    """How two samples are smoothed and compared by the gaussian metric; the options of `gaedist.compare`.

    Attributes
    ----------
    sigmas : sequence of float, str or array_like
        Where σ comes from, one result each.
    sigma_b : float, str or array_like, optional
        Where that of the second sample comes from, if it differs.
    covariance : str, optional
        One of `gaedist.mixtures.families.FAMILIES`; the narrowest that fits σ if it is not given.
    factor : float
        By how much ``joint`` may change a σ.
    estimator : str
        One of `ESTIMATORS`.
    """

    sigmas: Sequence[Sigma] = (1.0,)
    sigma_b: Sigma | None = None
    covariance: str | None = None
    factor: float = FACTOR
    estimator: str = "v"

    def __post_init__(self) -> None:
        """Raise `GaedistError` for what there is not, or does not go together."""
        check_choice("estimator", self.estimator, ESTIMATORS)
        if not is_number(self.factor) or not 1 < self.factor < LARGEST_FACTOR:
            raise GaedistError(
                f"sigma_factor must be above 1, and below {LARGEST_FACTOR:g}; got {self.factor!r}."
            )
        for sigma in self.sigmas:
            if not is_repeatable(sigma) and self.sigma_b is None:
                raise GaedistError("an array of σ belongs to the first sample. Give sigma_b (--sigma-b) too.")
            if isinstance(sigma, str) and sigma == JOINT and self.sigma_b is not None:
                raise GaedistError(f"{JOINT} chooses σ of both samples. Leave out sigma_b (--sigma-b).")

    @property
    def given(self) -> bool:
        """Something is not as it is by default."""
        one = len(self.sigmas) == 1 and is_number(self.sigmas[0]) and self.sigmas[0] == 1
        options = self.covariance, self.factor, self.estimator
        return not one or self.sigma_b is not None or options != (None, FACTOR, "v")

    @property
    def unbiased(self) -> bool:
        """Points do not overlap with themselves."""
        return ESTIMATORS[self.estimator].unbiased


def gaussian_plan(
    x: Array,
    y: Array,
    asked: Smoothings,
    run: Run,
    *,
    by_label: bool,
    failed: Callable[[GaedistError], None] | None = None,
) -> Plan[list[Apart]]:
    """Choose the σ, and plan the squared L2 distance of the smoothed samples for each.

    One of several σ that cannot be had is told to ``failed``, and left out. ``by_label``: labels will be
    permuted. After a search for σ that Ctrl-C ended, the σ that follow are left out.
    """
    if asked.unbiased and min(len(x), len(y)) < 2:
        raise GaedistError(
            f"estimator {asked.estimator} needs two points in each sample; got {len(x)} and {len(y)}. Take v."
        )
    smoothings: list[Smoothing] = []
    for sigma in asked.sigmas:
        try:
            smoothings.append(_smooth(x, y, sigma, asked, run, by_label))
        except GaedistError as error:
            if failed is None or len(asked.sigmas) == 1:
                raise
            failed(GaedistError(f"sigma {sigma if is_repeatable(sigma) else 'of a file'}: {error}"))
            continue
        if (optimum := smoothings[-1].optimum) and optimum.interrupted:
            break
    pairs = [(p, q, _unit(p, q)) for p, q in (found.mixtures for found in smoothings)]

    def finish(distances: list[SquaredDistance]) -> list[Apart]:
        return [_apart(*found, asked, run) for found in zip(smoothings, distances, strict=True)]

    return distance_plan(pairs).then(finish)


def _smooth(x: Array, y: Array, sigma: Sigma, asked: Smoothings, run: Run, by_label: bool) -> Smoothing:
    pair = sigma, sigma if asked.sigma_b is None else asked.sigma_b
    found = smooth_both(x, y, pair, asked.covariance, run, factor=asked.factor)
    if by_label and not found.by_point:
        raise GaedistError(
            f"labels cannot be permuted where σ ({found.rule}) may depend on the sample that "
            "a point is in. Give a number, a bandwidth or mean-field, or leave out --permutations."
        )
    return found


def _apart(smoothing: Smoothing, distance: SquaredDistance, asked: Smoothings, run: Run) -> Apart:
    p, q = smoothing.mixtures
    n, m = len(p.centers), len(q.centers)
    sign, log_value = _unbiased(distance, n, m) if asked.unbiased else (1, distance.log_value)
    expected = _permutation_mean(distance, n, m) if smoothing.by_point else None
    hidden = expected is not None and _is_hidden(distance, expected)
    law = partial(permuted, p, q, distance, unbiased=asked.unbiased, unit=_unit(p, q), run=run)
    stopped = hidden or bool(smoothing.optimum and smoothing.optimum.interrupted)
    return Apart(
        value=sign * to_linear(log_value),
        log_value=log_value if sign > 0 else None,
        expected=0.0 if expected is not None and asked.unbiased else expected,
        permuted=None if stopped else lambda replicates: law(replicates=replicates),
        note=WIDE if hidden else None,
        estimator=asked.estimator,
        covariance=common_family(p.covariance.name, q.covariance.name),
        sigma=smoothing.summary,
        provenance=distance.provenance,
    )


def _is_hidden(distance: SquaredDistance, expected: float) -> bool:
    """Tell whether rounding of the terms would rule what two samples of one law are apart.

    Equal points are at no distance, whatever the rounding.
    """
    largest = max(distance.pp.log_total, distance.qq.log_total, math.log(2) + distance.pq.log_total)
    spread = expected if expected > 0 else math.exp(min(0.0, distance.log_value))
    return spread > 0 and is_hidden(to_linear(largest), spread, distance.provenance.rounding)


def _unbiased(distance: SquaredDistance, n: int, m: int) -> tuple[int, float]:
    """Return sign and logarithm of the distance without the overlaps of points with themselves."""
    return signed_sum(
        (1, distance.pp.log_pairs - math.log1p(-1 / n)),
        (1, distance.qq.log_pairs - math.log1p(-1 / m)),
        (-2, distance.pq.log_pairs),
    )


def _unit(p: Mixture, q: Mixture) -> float:
    """Return σ² if both samples have the same constant σ, else 1."""
    s, t = p.covariance, q.covariance
    return s.variance if isinstance(s, Constant) and isinstance(t, Constant) and s == t else 1.0


def _permutation_mean(distance: SquaredDistance, n: int, m: int) -> float:
    """Return the mean distance over all assignments of the pooled points, (s̄ − k̄)(1/n + 1/m).

    k̄ is the mean overlap of two different points of the pooled sample, and s̄ that of a point with itself:
    each assignment gives the pairs within X, within Y and between them the first of these means.
    """
    log_n, log_m, log_all, log_rest = math.log(n), math.log(m), math.log(n + m), math.log(n + m - 1)
    pp, qq, pq = distance.pp, distance.qq, distance.pq
    sign, log_mean = signed_sum(
        (1, 2 * log_n + pp.log_self - log_all),
        (1, 2 * log_m + qq.log_self - log_all),
        (-1, 2 * log_n + pp.log_pairs - log_all - log_rest),
        (-1, 2 * log_m + qq.log_pairs - log_all - log_rest),
        (-2, log_n + log_m + pq.log_pairs - log_all - log_rest),
    )
    return to_linear(log_mean + math.log(1 / n + 1 / m)) if sign > 0 else 0.0
