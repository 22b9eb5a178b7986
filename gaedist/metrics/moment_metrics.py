"""What metrics by moments share: a value that needs no sums of the engine, and the covariance of a sample."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaedist.engine import PairTotal, Provenance
from gaedist.metrics.base import OneSample
from gaedist.metrics.measurement import Measurement
from gaedist.null.distributions import Degenerate, Parametric
from gaedist.numerics import Array, log_of_value, log_or_minus_inf, to_linear

_CONSTANT = 1e-12
"""A standard deviation below this part of the root mean square of the codes is 0 but for rounding."""

_UNIT = 2.0**500
"""Codes that are smaller than its inverse are multiplied by it."""


class MomentOneSample(OneSample):
    """A metric whose value is computed from moments as soon as it is applied to codes.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    value : float
        The value.
    log_value : float, optional
        Its logarithm, where the value exceeds the range of a double.
    """

    n: int
    dim: int
    value: float
    log_value: float | None = None

    def set_value(self, value: float, log_unit: float) -> None:
        """Set the value to one in a unit, whose logarithm is 0 for no unit."""
        self.value = value
        if log_unit:
            self.log_value = None if value < 0 else log_or_minus_inf(value) + log_unit
            sign = -1 if value < 0 else 1
            self.value = sign * to_linear(log_or_minus_inf(abs(value)) + log_unit)

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the value."""
        return Measurement(
            value=self.value,
            log_value=log_of_value(self.value) if self.log_value is None else self.log_value,
            varying=self.value,
            provenance=Provenance("moments"),
        )


@dataclass(frozen=True, eq=False)
class SampleCovariance:
    """The mean of n points, and their covariance with divisor n, in a unit that keeps digits of tiny codes.

    Attributes
    ----------
    n : int
        Number of points.
    mean : (D,) array
        Their mean.
    sds : (k,) array
        Square roots of its eigenvalues, at most n of them: others are 0.
    vectors : (D, D) array
        Eigenvectors in columns, if there are more than D points.
    rank : int
        How many eigenvalues are not 0 but for rounding.
    unit : float
        A power of two, mostly 1: mean and ``sds`` are those of the points times it.
    """

    n: int
    mean: Array
    sds: Array
    vectors: Array
    rank: int
    unit: float

    @property
    def is_singular(self) -> bool:
        """There is a direction along which the points do not vary."""
        return self.rank < len(self.mean)

    def null_distribution(self, usual: Parametric | None) -> Degenerate:
        """Return the null distribution where this is singular, with the usual one if there is one."""
        n, dim, most = self.n, len(self.mean), min(self.n - 1, len(self.mean))
        if n > dim:
            flat = "equal" if self.rank == 0 else f"constant along {dim - self.rank} of {dim} directions"
            why = f"the codes are {flat}, which no sample of N(0, I) is."
        else:
            points = "1 point" if n == 1 else f"{n} points"
            why = (
                f"the covariance of {points} is singular at D = {dim}, for any sample. "
                f"Use at least {dim + 1} points."
            )
        return Degenerate(why, usual if n > dim else None, self.rank < most)


def covariance_of(x: Array) -> SampleCovariance:
    """Return mean and covariance of a sample, (n, D)."""
    n, dim = x.shape
    unit = _UNIT if max(float(x.max()), -float(x.min())) < 1 / _UNIT else 1.0
    if unit > 1:
        x = x * unit
    mean = x.mean(axis=0)
    # singular values, as the product XᵀX would lose half the digits of the small eigenvalues
    triangle = np.linalg.qr((x - mean) / math.sqrt(n), mode="r")
    if n > dim:
        _, sds, axes = np.linalg.svd(triangle)
    else:
        sds, axes = np.linalg.svd(triangle, compute_uv=False), np.empty((0, dim))
    rank = int((sds > _CONSTANT * math.hypot(*sds, *mean)).sum())
    return SampleCovariance(n, mean, sds, axes.T, rank, unit)
