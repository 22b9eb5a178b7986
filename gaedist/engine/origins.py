"""The origin from which points are seen: near enough, |x|² + |y|² − 2x·y keeps the digits of |x − y|².

An exponent has an error in proportion to |x|² + |y|², so that `gram_limit` follows from the error that is
accepted. A profile, such as r, needs |x − y|² with all its digits: pairs that are much nearer to each other
than to the origin take differences, which is slow where they are many, as they are in clusters.
"""

import math
from collections.abc import Sequence

import numpy as np

from gaedist.engine.compiled.integrands import Profile
from gaedist.engine.compiled.sizes import NEAR, STRIP
from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.tree import extremes
from gaedist.numerics import Array, squared_norms

_ASIDE = 4.0  # times |mean|² over the mean of |x|² from which profiles are seen from the mean
_SOME = 128  # points of a sample, whose pairs show how many are near
_MANY = 0.01  # part of them from which near pairs slow a sum down
_STRIPS = 32  # strips of tiles that show whether tiles lie in clusters
_EQUAL = 1e-12  # of |x|² + |y|², below which |x − y|² may be rounding alone


def gram_limit(job: PairSum, gram_error: float) -> float:
    """Return the |x|² + |y|² above which an exponent from a Gram matrix may have a larger error."""
    return gram_error / (np.finfo(float).eps * job.steepness) if job.steepness else math.inf


def near_limit(job: PairSum, gram_error: float, profiles: Sequence[Profile] = ()) -> float:
    """Return the |x|² + |y|² above which points are better seen from another origin.

    For profiles it is lower than `gram_limit` if many pairs, seen from the mean, would take differences: so
    low that most of them take products if their tile is seen from its own center. It is a power of two, so
    that it hardly depends on the order of the points.
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
    return min(limit, 2.0 ** round(math.log2(typical)))


def tile_limit(job: PairSum, gram_error: float, profiles: Sequence[Profile] = ()) -> float:
    """Return the |x|² + |y|² above which a tile is seen from its own center.

    That is `near_limit` if tiles, in the order of the points, lie in clusters.
    """
    limit, most = near_limit(job, gram_error, profiles), gram_limit(job, gram_error)
    if limit == most:
        return most
    strips = [_some_strips(some) for some in ([job.x] if job.y is None else [job.x, job.y])]
    return limit if are_clusters(np.concatenate(strips), STRIP, limit) else most


def _some_strips(x: Array) -> Array:
    """Return some of the strips of tiles, one after the other."""
    if len(x) < STRIP:
        return x[:0]
    strips = x[: len(x) - len(x) % STRIP].reshape(-1, STRIP, x.shape[1])
    return strips[:: -(-len(strips) // _STRIPS)].reshape(-1, x.shape[1])


def are_clusters(ordered: Array, size: int, limit: float) -> bool:
    """Return whether |x|² + |y|² is within a limit in most strips of points, seen from their centers."""
    if not len(ordered):
        return False
    with np.errstate(over="ignore"):
        sides = extremes(np.maximum, ordered, size) - extremes(np.minimum, ordered, size)
        return float(np.median(np.square(sides).sum(axis=1))) / 4 <= limit / 2


def is_aside(center: Array, norms: Sequence[Array]) -> bool:
    """Return whether |center|² is more than a quarter of the mean of |x|²."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(_ASIDE * (center @ center) > np.mean([some.mean() for some in norms]))


def mean_of(samples: Sequence[Array]) -> Array:
    """Return the mean of the points of one sample or two."""
    return np.asarray(sum(points.sum(axis=0) for points in samples) / sum(map(len, samples)))
