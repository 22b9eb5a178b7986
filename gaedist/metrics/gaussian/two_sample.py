"""The squared L2 distance between two smoothed samples."""

import math
from collections.abc import Sequence

from gaedist.engine import ROUNDING, PairTotal, Run
from gaedist.errors import GaedistError
from gaedist.metrics.base import TwoSample
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.options import CompareOptions
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.distance import DistanceRequest, SquaredDistance
from gaedist.mixtures.families import common_family
from gaedist.mixtures.mixture import Mixture
from gaedist.null.assessment import WIDE
from gaedist.null.distributions import is_lost_to_rounding
from gaedist.null.permutations import Permutations, permute_mixtures
from gaedist.numerics import Array, log_or_minus_inf, signed_sum, to_linear
from gaedist.smoothing.smooth import smooth_both


class GaussianTwoSample(TwoSample):
    """d² between two smoothed samples: Eq. (5) for one σ, else the distance of sec. II.B.

    Attributes
    ----------
    options : CompareOptions
        Where σ comes from, the covariance family and the estimator.
    smoothing : Smoothing
        Both samples with the chosen σ.
    """

    def __init__(self, x: Array, y: Array, options: CompareOptions, run: Run) -> None:
        """Choose σ and plan the overlaps; raise `GaedistError` if σ does not fit."""
        self.check_sizes(len(x), len(y), options)
        self.options, self.run = options, run
        sigmas = options.sigma, options.sigma if options.sigma_b is None else options.sigma_b
        self.smoothing = smooth_both(x, y, sigmas, options.covariance, run, factor=options.sigma_factor)
        self.interrupted = bool(self.smoothing.optimum and self.smoothing.optimum.interrupted)
        p, q = self.smoothing.mixtures
        self.request = DistanceRequest(p, q, _unit(p, q))
        self.pairs = self.request.pairs
        self.distance: SquaredDistance | None = None

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the distance, and its mean over all assignments of the pooled points."""
        self.distance = distance = self.request.finish(totals, values)
        unbiased = self.options.unbiased
        p, q = self.smoothing.mixtures
        n, m = len(p.centers), len(q.centers)
        sign, log_value = distance.unbiased(n, m).signed_value if unbiased else (1, distance.log_value)
        expected = _permutation_mean(distance, n, m) if self.smoothing.label_independent else None
        hidden = expected is not None and _is_hidden(distance, expected)
        if self.smoothing.label_independent and _are_equal(p.centers, q.centers):  # each has the same σ
            sign, log_value, expected, hidden = 1, -math.inf, 0.0, False
        value = sign * to_linear(log_value)
        return Measurement(
            value=value,
            log_value=log_value if sign > 0 else None,
            varying=value,
            provenance=distance.provenance,
            estimator=self.options.estimator,
            covariance=common_family(p.covariance.name, q.covariance.name),
            sigma=self.smoothing.summary,
            expected=0.0 if expected is not None and unbiased else expected,
            note=WIDE if hidden else None,
        )

    @classmethod
    def check_sizes(cls, n: int, m: int, options: CompareOptions) -> None:
        """Raise `GaedistError` for estimator u of a single point."""
        if options.unbiased and min(n, m) < 2:
            raise GaedistError(
                f"estimator {options.estimator} needs two points in each sample; got {n} and {m}. Use v."
            )

    def check_permutable(self) -> None:
        """Raise `GaedistError` where σ of a point may depend on the sample that it is in."""
        if not self.smoothing.label_independent:
            raise GaedistError(
                f"labels cannot be permuted where σ ({self.smoothing.rule}) may depend on the sample that "
                "a point is in. Give a number, a bandwidth or mean-field, or leave out --permutations."
            )

    def permute(self, measurement: Measurement, replicates: int) -> Permutations:
        """Permute the labels of the pooled points, each of which keeps its covariance."""
        assert self.distance is not None
        p, q = self.smoothing.mixtures
        return permute_mixtures(
            p,
            q,
            self.distance,
            replicates=replicates,
            unbiased=self.options.unbiased,
            unit=_unit(p, q),
            run=self.run,
        )


def _unit(p: Mixture, q: Mixture) -> float:
    """Return σ² if both samples have the same constant σ, else 1."""
    s, t = p.covariance, q.covariance
    return s.variance if isinstance(s, Constant) and isinstance(t, Constant) and s == t else 1.0


def _are_equal(x: Array, y: Array) -> bool:
    """Tell whether all points of both samples are equal."""
    first = x[0]
    return bool((y[-1] == first).all() and (x == first).all() and (y == first).all())


def _is_hidden(distance: SquaredDistance, expected: float) -> bool:
    """Tell whether the rounding of terms hides the distance that equal distributions would have.

    Equal points are at distance 0, whatever the rounding.
    """
    largest = max(distance.pp.log_total, distance.qq.log_total, math.log(2) + distance.pq.log_total)
    log_scale = largest + math.log(distance.provenance.rounding / ROUNDING)
    log_size = log_or_minus_inf(expected) if expected > 0 else min(0.0, distance.log_value)
    return log_size > -math.inf and is_lost_to_rounding(log_scale, log_size)


def _permutation_mean(distance: SquaredDistance, n: int, m: int) -> float:
    """Return the mean distance over all assignments of the pooled points, (s̄ − k̄)(1/n + 1/m).

    k̄ is the mean overlap of two different points of the pooled sample, and s̄ of a point with itself. Averaged
    over assignments, the pairs within X, within Y and between them all have the mean overlap k̄.
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
