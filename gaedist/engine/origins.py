"""The origin from which points are seen: near enough, |x|² + |y|² − 2x·y keeps the digits of |x − y|².

An exponent has an error in proportion to |x|² + |y|², so that `gram_limit` follows from the error that is
accepted. A profile, such as r, needs |x − y|² with all its digits: pairs that are much nearer to each other
than to the origin take differences, which is slow where they are many, as they are in clusters.
"""

import math
from collections.abc import Sequence

import numpy as np

from gaedist.engine.compiled.integrands import Profile
from gaedist.engine.compiled.sizes import NEAR
from gaedist.engine.run.pair_sum import PairSum
from gaedist.numerics import Array, squared_norms

_ASIDE = 4.0  # times |mean|² over the mean of |x|² from which profiles are seen from the mean
_SOME = 128  # points of a sample, whose pairs show how many are near
_MANY = 0.01  # part of them from which near pairs slow a sum down
_EQUAL = 1e-12  # of |x|² + |y|², below which |x − y|² may be a rounding


def gram_limit(job: PairSum, gram_error: float) -> float:
    """Return the |x|² + |y|² above which the error of an exponent from a Gram matrix may exceed one."""
    return gram_error / (np.finfo(float).eps * job.steepness) if job.steepness else math.inf


def near_limit(job: PairSum, gram_error: float, profiles: Sequence[Profile] = ()) -> float:
    """Return the |x|² + |y|² above which points are better seen from another origin.

    For profiles that is where most of the pairs that take differences as seen from the mean would take
    products, if these pairs are many.
    """
    limit = gram_limit(job, gram_error)
    if not profiles or job.x.shape[1] == 1:  # on a line differences take no longer than products
        return limit
    samples = [job.x] if job.y is None else [job.x, job.y]
    mean = mean_of(samples)
    x, y = (some[:: max(1, len(some) // _SOME)] - mean for some in (samples[0], samples[-1]))
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.add.outer(squared_norms(x), squared_norms(y))
        squares = norms - 2 * x @ y.T
        near = (squares < NEAR * norms) & (squares > _EQUAL * norms)
    if near.mean() < _MANY:
        return limit
    typical = float(np.median(squares[near])) / (4 * NEAR)
    return min(limit, 2.0 ** math.floor(math.log2(typical)))


def is_aside(center: Array, norms: Sequence[Array]) -> bool:
    """Return whether |center|² is more than a quarter of the mean of |x|²."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(_ASIDE * (center @ center) > np.mean([some.mean() for some in norms]))


def mean_of(samples: Sequence[Array]) -> Array:
    """Return the mean of the points of one sample or two."""
    return np.asarray(sum(points.sum(axis=0) for points in samples) / sum(map(len, samples)))
