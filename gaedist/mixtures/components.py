"""⟨p, q⟩ of a sample under one kernel with a few components of any covariance, in O(n) memory.

The engine would give every point the covariance family of the components: n matrices, and a Cholesky factor
for each pair. Here each component has one.
"""

import math
from collections.abc import Sequence

import numpy as np

from gaedist.engine import PairSum, PairTotal
from gaedist.errors import check_dims
from gaedist.files.stored_array import row_blocks
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.full import Full
from gaedist.mixtures.mixture import Mixture, Overlap
from gaedist.mixtures.whitening import Whitening
from gaedist.numerics import Array, squared_norms


class ComponentOverlap:
    """⟨p, q⟩ (4π unit)^(D/2) by Eq. (3), like `OverlapRequest`, of p with equal weights and one σ.

    Parameters
    ----------
    p : Mixture
        A smoothed sample, of many points.
    q : Mixture
        A density of few components.
    unit : float
        As for `gaedist.mixtures.mixture.overlap`.
    """

    pairs: Sequence[PairSum] = ()

    def __init__(self, p: Mixture, q: Mixture, unit: float) -> None:
        check_dims(p.dim, q.dim)
        assert isinstance(p.covariance, Constant)
        assert p.weights is None
        self.p, self.q = p, q
        self.root_of_unit = math.sqrt(2 * unit)
        self.roots = roots_of(q, p.covariance.variance)

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Overlap:
        """Return the overlap."""
        n, k = len(self.p.centers), len(self.q.centers)
        logs = [
            math.log(2) * weight + self._log_density(center, root)
            for weight, center, root in zip(
                self.q.log2_relative_weights(), self.q.centers, self.roots, strict=True
            )
        ]
        log_total = float(np.logaddexp.reduce(logs)) - math.log(n) - math.log(k)
        return Overlap(-math.inf, log_total)

    def _log_density(self, center: Array, root: Array) -> float:
        """Return log Σ_i |S/(2 unit)|^(−1/2) exp(−|S^(−1/2)(x_i − c)|²/2), S = root rootᵀ."""
        x, dim = self.p.centers, self.p.dim
        map_, parts = Whitening(center, root), []
        for a, b in row_blocks(0, len(x), dim * 8):
            y = np.empty((b - a, dim))
            map_.whitened(x[a:b], y)
            parts.append(np.logaddexp.reduce(-0.5 * squared_norms(y)))
        diagonal = root.diagonal() if root.ndim == 2 else root
        return float(np.logaddexp.reduce(parts)) - math.fsum(np.log(diagonal / self.root_of_unit))


def roots_of(q: Mixture, variance: float = 0.0) -> Array:
    """Return standard deviations, (K, D), or Cholesky factors, (K, D, D), of Σ_k + variance · I."""
    covariance = q.covariance.widened(variance) if variance else q.covariance
    if isinstance(covariance, Full):
        return np.asarray(np.linalg.cholesky(covariance.matrices), np.float64)
    return np.broadcast_to(covariance.sigmas(), q.centers.shape)
