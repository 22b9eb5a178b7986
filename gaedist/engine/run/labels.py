"""Binary labels of the points of one sample, packed eight to a byte, and sums of values by label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaedist.numerics import Array

Bits = NDArray[np.uint8]
"""Labels 0 and 1, (n, R/8): a byte holds the labels of one point in eight labelings, as np.packbits does."""

_BLOCK = 256  # points, and bytes of labels, that are unpacked at once


@dataclass(frozen=True, eq=False)
class LabelSums:
    """Sums of a kernel K over the pairs i > j by the labels b of the points, divided by exp(log_unit).

    Attributes
    ----------
    both, either : (R,) arrays
        Σ b_i K_ij b_j and Σ (b_i + b_j) K_ij for each labeling.
    total : float
        Σ K_ij.
    rounding : float
        Bound of the relative difference, due to rounding alone, between the sums of two labelings that
        differ only in which of several identical points have label 1.
    """

    both: Array
    either: Array
    total: float
    rounding: float


class CompensatedSum:
    """A sum of vectors, (size,); the rounding error of each addition is accumulated and added at the end."""

    def __init__(self, size: int) -> None:
        self.high, self.low = np.zeros(size), np.zeros(size)

    def add(self, term: Array) -> None:
        """Add a vector."""
        high = self.high + term
        added = high - self.high
        self.low += (self.high - (high - added)) + (term - added)
        self.high = high

    @property
    def value(self) -> Array:
        """The sum."""
        return self.high + self.low


def times_labels(values: Array, labels: Bits) -> Array:
    """Return Σ_i values_i b_i for each labeling, (R,), with compensated additions."""
    found = np.empty(8 * labels.shape[1])
    for first in range(0, labels.shape[1], _BLOCK):
        some = labels[:, first : first + _BLOCK]
        part = CompensatedSum(8 * some.shape[1])
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            # not by BLAS, whose order of additions depends on its threads
            part.add(np.einsum("i,ir->r", values[rows], np.unpackbits(some[rows], axis=1).astype(float)))
        found[8 * first : 8 * (first + _BLOCK)] = part.value
    return found
