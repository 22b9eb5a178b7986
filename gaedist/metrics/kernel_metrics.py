"""What metrics by a radial kernel share: means of the kernel over pairs, and their null distributions.

One sample: value = mean k(x_i, x_j) − 2 mean E[k | x_i] + E k, with the expectations over N(0, I) in closed
form or one integral (`gaedist.kernels.radial.ScaleMixture`), so that no reference sample is needed.

Two samples: the mean of k over pairs within X plus that within Y, minus twice the mean between them. Over all
assignments of the pooled points each of the three means is k̄, the mean of k over pairs of different points,
so the expected value is 0; or (k(0) − k̄)(1/n + 1/m), if points are also paired with themselves.
"""

import math
import sys
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaedist.engine import PairSum, PairTotal, Profile, Run
from gaedist.errors import GaedistError
from gaedist.kernels.radial import ScaleMixture
from gaedist.metrics.base import OneSample, TwoSample
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.parameters import NONE, Parameters
from gaedist.null.permutations import Permutations, permute_kernel, pooled
from gaedist.numerics import (
    Array,
    log_of_value,
    log_or_minus_inf,
    signed_sum,
    squared_norms,
    to_linear,
)

NARROW = "the kernel is so narrow that it nearly vanishes between any two points. Take a wider one."

_LARGEST = 1e307  # of a rate times a squared distance

_FAINT = -480.0  # logarithm of a sum below which its terms are near the end of the range of a double


def radial_sum(profile: Profile, x: Array, y: Array | None = None) -> PairSum:
    """Return the sum of a function of distance over the pairs of a sample, or of two.

    Raises
    ------
    GaedistError
        If a rate times a squared distance may exceed the range of a double.
    """
    largest = max(float(squared_norms(points).max()) for points in (x, x if y is None else y))
    if max(profile.rates, default=0.0) > _LARGEST / (4 * largest + 1):
        raise GaedistError(
            "the kernel is so narrow, and the codes so large, that squared distances over its squared width "
            f"exceed {_LARGEST:g}. Take a wider kernel."
        )
    weights = np.zeros((1, len(x)))
    return PairSum(profile, x, y, weights, None if y is None else np.zeros((1, len(y))), 0.0, 0.0)


def pair_mean(log_sum: float, n: int, peak: float, *, unbiased: bool) -> float:
    """Return the mean of a kernel over pairs i ≠ j, or over all i and j, where it is ``peak`` for i = j."""
    pairs = 2 * math.exp(log_sum)
    return pairs / (n * (n - 1)) if unbiased else pairs / n**2 + peak / n


def mean_about(mixture: ScaleMixture, x: Array) -> float:
    """Return the mean over the points of E[k | x_i]."""
    return math.fsum(mixture.mean_embedding(squared_norms(x), x.shape[1])) / len(x)


class KernelOneSample(OneSample):
    """A squared distance to N(0, I) by a radial kernel: the sum of a few terms.

    Attributes
    ----------
    used : Parameters
        The parameters in use.
    least : float
        The smallest value that is not an effect of rounding.
    """

    used: Parameters = NONE
    least: float = -math.inf

    @abstractmethod
    def terms(self, totals: Sequence[PairTotal]) -> list[float]:
        """Return the terms, from the totals of ``pairs``."""

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the sum of the terms."""
        terms = self.terms(totals)
        value = max(self.least, math.fsum(terms))
        return Measurement(
            value=value,
            log_value=log_of_value(value),
            varying=value,
            log_rounding_scale=log_or_minus_inf(max(map(abs, terms))),
            parameters=self.used,
        )


@dataclass(frozen=True)
class Kernel:
    """A kernel as the two-sample form uses it.

    Attributes
    ----------
    profile : Profile
        What the engine sums.
    peak : float
        k(0), for pairs of a point with itself.
    factor : float
        The value is this times the mean; negative for a kernel that grows with distance.
    unbiased : bool
        Points are not paired with themselves.
    used : Parameters
        The parameters in use.
    """

    profile: Profile
    peak: float = 0.0
    factor: float = 1.0
    unbiased: bool = False
    used: Parameters = NONE


class KernelTwoSample(TwoSample):
    """A squared distance of two samples by a radial kernel.

    Subclasses set ``kernel``, and then call ``prepare``.
    """

    kernel: Kernel

    def prepare(self, x: Array, y: Array, run: Run) -> None:
        """Plan the sums over pairs within X, within Y and between them."""
        self.x, self.y, self.run = x, y, run
        few, many = sorted((x, y), key=len)  # as the gaussian metric does, to share its pass
        samples = (x, None), (y, None), (few, many)
        self.pairs = [radial_sum(self.kernel.profile, *points) for points in samples]

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the sum of the means within both samples, minus twice the mean between them."""
        kernel, n, m = self.kernel, len(self.x), len(self.y)
        logs = [total.log for total in totals]
        within = [
            pair_mean(log, size, kernel.peak, unbiased=kernel.unbiased)
            for log, size in zip(logs, (n, m), strict=False)
        ]
        total = math.fsum([*within, -2 * math.exp(logs[2]) / (n * m)])
        value = kernel.factor * total
        if not kernel.unbiased:  # negative by rounding only
            value = max(0.0, value)
        log_value, note = log_of_value(value), None
        if 0 < value < sys.float_info.min:  # a subnormal number has lost digits
            log_value = math.log(abs(kernel.factor)) + math.log(abs(total))
        if kernel.unbiased and -math.inf < max(logs) < _FAINT:
            value, log_value, note = self._faint(logs)
        return Measurement(
            value=value,
            log_value=log_value,
            varying=value,
            parameters=kernel.used,
            expected=self._expected(logs),
            note=note,
        )

    def _faint(self, logs: Sequence[float]) -> tuple[float, float | None, str]:
        """Return the value, its logarithm, and why there is no p-value, of a kernel that nearly vanishes.

        The sums for permuted labels would underflow.
        """
        n, m = len(self.x), len(self.y)
        sizes = n * (n - 1), m * (m - 1), -n * m
        terms = [(2 / size, log) for size, log in zip(sizes, logs, strict=True)]
        sign, log = signed_sum(*terms)
        return sign * to_linear(log), None if sign < 0 else log, NARROW

    def _expected(self, logs: Sequence[float]) -> float:
        """Return the mean over all assignments of the pooled points, as in the module's docstring."""
        kernel, n, m = self.kernel, len(self.x), len(self.y)
        if kernel.unbiased:
            return 0.0
        mean = 2 * math.fsum(map(math.exp, logs)) / ((n + m) * (n + m - 1))
        return max(0.0, kernel.factor * (kernel.peak - mean)) * (1 / n + 1 / m)

    def permute(self, measurement: Measurement, replicates: int) -> Permutations:
        """Permute the labels of the pooled points."""
        pool, smaller = pooled(self.x, self.y)
        return permute_kernel(
            radial_sum(self.kernel.profile, pool),
            smaller,
            replicates=replicates,
            unbiased=self.kernel.unbiased,
            peak=self.kernel.peak,
            factor=self.kernel.factor,
            run=self.run,
        )
