"""How a squared distance to N(0, I) grows with a shift of the mean, and the shift that gives a distance.

For x ~ N(m, I) the differences of points are as for N(0, I), so only the cross term of a squared distance by
a radial kernel moves. With E e^(−t|x|²) = (1 + 2t)^(−D/2) e^(−t|m|²/(1 + 2t)) for each rate t of a mixture,
the value exceeds its mean under N(0, I) on average by

    Σ_i h_i (1 − e^(−r_i |m|²)) + c |m|²,    h_i, r_i, c ≥ 0,

exactly and for every n. It grows with |m|, so that it can be inverted.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from gaedist.kernels.radial import ScaleMixture
from gaedist.numerics import Array, root

_PRECISION = 1e-12  # of |m|²
_LARGEST = 1e300  # |m|²


@dataclass(frozen=True, eq=False)
class ShiftCurve:
    """The mean excess over N(0, I) as a function of the shift |m|.

    Attributes
    ----------
    heights, rates : (M,) arrays
        h_i and r_i.
    slope : float
        c.
    """

    heights: Array = field(default_factory=lambda: np.empty(0))
    rates: Array = field(default_factory=lambda: np.empty(0))
    slope: float = 0.0

    @classmethod
    def of_points(cls, weights: Array, rates: Array, dim: int) -> "ShiftCurve":
        """Return the curve for twice a mean over the points of Σ w e^(−t|x|²), subtracted from the value."""
        heights = 2 * weights * np.exp(-dim / 2 * np.log1p(2 * rates))
        return cls(heights, rates / (1 + 2 * rates))

    @classmethod
    def of_kernel(cls, mixture: ScaleMixture, dim: int) -> "ShiftCurve":
        """Return the curve for mean k(x_i, x_j) − 2 mean E[k|x_i] + E k, with or without i = j."""
        t = mixture.rates
        return cls.of_points(mixture.weights * np.exp(-dim / 2 * np.log1p(2 * t)), t / (1 + 2 * t), dim)

    def times(self, factor: float) -> "ShiftCurve":
        """Return the curve of a value that is a factor times this one."""
        return ShiftCurve(factor * self.heights, self.rates, factor * self.slope)

    def excess(self, shift: float) -> float:
        """Return the mean excess of N(m, I), |m| being the shift."""
        return self._at(shift**2)

    def shift(self, excess: float) -> float:
        """Return the shift of a positive mean excess; inf where no shift gives as much."""
        if not len(self.heights):
            return math.sqrt(excess / self.slope)
        if self.slope == 0 and not excess < self.heights.sum():
            return math.inf
        if len(self.heights) == 1 and self.slope == 0:
            return math.sqrt(-math.log1p(-excess / float(self.heights[0])) / float(self.rates[0]))
        # the curve is concave in |m|², so it lies below its tangent at 0
        low = excess / (float(self.heights @ self.rates) + self.slope)
        high = 2 * low
        while self._at(high) < excess:
            if high > _LARGEST:
                return math.inf
            low, high = high, 2 * high
        return math.sqrt(root(lambda square: self._at(square) - excess, low, high, xtol=low * _PRECISION))

    def _at(self, square: float) -> float:
        return float(-np.expm1(-self.rates * square) @ self.heights) + self.slope * square
