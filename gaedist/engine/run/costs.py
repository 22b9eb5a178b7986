"""About how long a pair of points takes on one thread, as measured, within a factor of three.

It decides whether a cluster helps, and sizes the first ranges that its workers get.
"""

from gaedist.engine.compiled.integrands import Diagonal, Full
from gaedist.engine.run.pair_sum import PairSum

LABEL_SECONDS = 3e-11
"""Seconds of a thread for each pair and labeling."""

_PAIR, _PRODUCT = 1e-9, 3e-11  # one pair, and each product in its part of the Gram matrix
_DIAGONAL, _AXIS = 2e-9, 1.6e-10  # the same with a variance for each axis


def pair_seconds(job: PairSum, labelings: int = 0) -> float:
    """Return about how long a pair takes, and its parts of the sums by so many labelings."""
    dim = job.x.shape[1]
    if isinstance(job.integrand, Full):
        seconds = cholesky_seconds(dim)
    elif isinstance(job.integrand, Diagonal):
        seconds = _DIAGONAL + _AXIS * dim
    else:
        seconds = _PAIR + _PRODUCT * dim
    return seconds + LABEL_SECONDS * labelings


def cholesky_seconds(dim: int) -> float:
    """Return the time of a Cholesky factor, measured for D = 4 to 32; beyond 64 it leaves the cache."""
    return 8e-9 + 2.5e-11 * dim**3 * max(1.0, dim / 64)
