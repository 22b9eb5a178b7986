"""What sliced metrics share: the mean over random directions of a statistic on a line, and its moments.

The k-th Hermite polynomials of u·x and v·x have the correlation (u·v)^k under N(0, I). So the second and
third cumulants of the mean over L random directions follow from E (u·v)^(2k), from
E (u·v)^k (v·w)^k (w·u)^k, and from how often two or three of the L directions are the same.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.engine import PairTotal, Provenance, Run, Slices, Statistic, mean_and_error, random_directions
from gaedist.metrics.base import OneSample
from gaedist.metrics.measurement import Measurement
from gaedist.metrics.parameters import Parameters
from gaedist.null.distributions import Gamma, Moments
from gaedist.null.kernel_spectrum import log_harmonics
from gaedist.numerics import Array, log_of_value

TERMS = 400
"""Terms of the sums over k."""


def sliced_measurement(along: Array, used: Parameters) -> Measurement:
    """Return the mean of a statistic over directions, with its Monte Carlo standard error."""
    value, error = mean_and_error(along)
    return Measurement(
        value=value,
        log_value=log_of_value(value),
        varying=value,
        provenance=Provenance("directions"),
        parameters=used,
        error=error,
    )


def directions_of(dim: int, used: Parameters, run: Run) -> Array:
    """Return the random directions of a metric, (L, D)."""
    return random_directions(dim, int(used.directions or 0), run.seed)


class SlicedOneSample(OneSample):
    """A distance to N(0, 1) on a line, averaged over directions."""

    def prepare(self, x: Array, statistic: Statistic, used: Parameters, run: Run) -> None:
        """Plan a statistic along random directions."""
        self.n, self.dim, self.used = *x.shape, used
        self.slices = [Slices(x, directions_of(self.dim, used, run), statistic)]

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Measurement:
        """Return the mean over directions."""
        return sliced_measurement(values[0], self.used)

    @abstractmethod
    def moments(self) -> Moments:
        """Return the moments of the value under N(0, I), over samples and directions."""

    def null_distribution(self) -> Gamma:
        """Return a gamma distribution with these moments."""
        return Gamma.of(self.moments(), self.n)


def coincidences(dim: int, count: int) -> tuple[Array, Array]:
    """Return the probabilities that two of L directions, drawn with replacement, are the same or different.

    They are (1, L − 1)/L. The second array is for three: all the same, two the same, all different.
    """
    n = 1 if dim == 1 else count
    return np.array([1, n - 1]) / n, np.array([1, 3 * (n - 1), (n - 1) * (n - 2)]) / n**2


def mean_powers(dim: int, k: NDArray[Any]) -> Array:
    """Return E c^k for even k, with c the cosine of the angle between two random directions."""
    from scipy.special import gammaln

    logs = gammaln((k + 1) / 2) - gammaln((k + dim) / 2)
    return np.asarray(np.exp(logs - math.lgamma(0.5) + math.lgamma(dim / 2)))


@lru_cache(maxsize=64)
def mean_triple_products(dim: int) -> Array:
    """Return E (u·v)^k (v·w)^k (w·u)^k over random directions for k = 1, …, `TERMS`.

    It equals Σ λ³ over the eigenvalues of the kernel (u·v)^k on the sphere. By the Funk–Hecke formula,
    harmonics of degree k − 2j have λ = k! Γ(D/2) / (2^k j! Γ(k − j + D/2)).
    """
    from scipy.special import gammaln

    k, j = np.arange(1, TERMS + 1)[:, np.newaxis], np.arange(TERMS // 2 + 1)
    degrees = np.where(k >= 2 * j, k - 2 * j, 0)
    logs = gammaln(k + 1) + math.lgamma(dim / 2) - k * math.log(2)
    logs = logs - gammaln(j + 1) - gammaln(degrees + j + dim / 2)
    counts = np.array([log_harmonics(dim, degree) for degree in range(TERMS + 1)])[degrees]
    return np.asarray(np.where(k >= 2 * j, np.exp(counts + 3 * logs), 0.0).sum(axis=1))
