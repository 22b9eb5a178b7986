"""What metrics by moments share: a value that needs no sums of the engine, and the covariance of a sample."""

import math
from collections.abc import Sequence

import numpy as np

from gaedist.engine import PairTotal, Provenance
from gaedist.errors import GaedistError
from gaedist.metrics.base import OneSample
from gaedist.metrics.measurement import Measurement
from gaedist.numerics import Array, log_of_value

_CONSTANT = 1e-24
"""An eigenvalue below this part of the mean square of the codes is 0 but for rounding."""


class MomentOneSample(OneSample):
    """A metric whose value is computed from moments as soon as it is applied to codes.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    value : float
        The value.
    """

    n: int
    dim: int
    value: float

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the value."""
        return Measurement(
            value=self.value,
            log_value=log_of_value(self.value),
            varying=self.value,
            provenance=Provenance("moments"),
        )


def covariance_of(x: Array) -> tuple[Array, Array, Array]:
    """Return mean (D,), and eigenvalues (D,) and eigenvectors (D, D) of the covariance with divisor n.

    Raises
    ------
    GaedistError
        If the covariance is singular.
    """
    n, dim = x.shape
    if n <= dim:
        raise GaedistError(f"the covariance is singular: at D = {dim} it needs {dim + 1} points; got {n}.")
    mean = x.mean(axis=0)
    # singular values, as the product XᵀX would lose half the digits of the small eigenvalues
    _, scales, axes = np.linalg.svd(np.linalg.qr((x - mean) / math.sqrt(n), mode="r"))
    values, vectors = scales**2, axes.T
    if flat := int((values <= _CONSTANT * float(np.einsum("ij,ij->", x, x)) / n).sum()):
        raise GaedistError(
            f"the covariance is singular: the codes do not vary along {flat} of {dim} directions. "
            "Use another metric."
        )
    return mean, values, vectors
