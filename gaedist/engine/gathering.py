"""Points that lie far from the others share tiles with each other, and clusters of them share their own.

Products of coordinates lose the digits of distances between points that are far from their mean. Tiles of
such points, or strips of tiles, are seen from a center of their own (`compiled.far_tiles`), which takes as
long as any tile if they lie near each other, and up to seven times as long if they do not.
"""

import math
from dataclasses import replace

import numpy as np

from gaedist.engine.compiled.sizes import STRIP, TILE
from gaedist.engine.origins import are_clusters, mean_of
from gaedist.engine.run.costs import pair_seconds
from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.tiling import pair_count
from gaedist.engine.tree import tree_order
from gaedist.numerics import Array, squared_norms

_SHORT = 0.01  # seconds, of which looking for far points would take more than three percent
_PROBE = 16  # one in so many points shows whether they lie in clusters


def gathered(job: PairSum, limit: float) -> PairSum:
    """Return the same sum with points that lie far from their mean after the others, in order of clusters.

    Far is where |x|² + |y|² may exceed ``limit``, such as that of `origins.near_limit`.
    """
    samples = [(job.x, job.params_x)]
    if job.y is not None and job.params_y is not None:
        samples.append((job.y, job.params_y))
    if limit == math.inf or pair_count(job) * pair_seconds(job) < _SHORT:
        return job
    mean = mean_of([x for x, _ in samples])
    found = [_arranged(x, params, mean, limit) for x, params in samples]
    x, params_x = found[0]
    if job.y is None:
        return replace(job, x=x, params_x=params_x)
    return replace(job, x=x, params_x=params_x, y=found[1][0], params_y=found[1][1])


def _arranged(x: Array, params: Array, mean: Array, limit: float) -> tuple[Array, Array]:
    """Return points near the mean first, and then the others, by clusters if they lie in some."""
    with np.errstate(over="ignore"):
        far = ~(squared_norms(x - mean) <= limit / 2)
    others = np.flatnonzero(far)
    clusters = len(others) > TILE and _lie_in_clusters(x[others[::_PROBE]], limit)
    if len(others) in (0, len(x)) and not clusters:
        return x, params
    if clusters:
        others = others[tree_order(x[others], TILE)]
    order = np.concatenate([np.flatnonzero(~far), others])
    return x[order], params[:, order]


def _lie_in_clusters(some: Array, limit: float) -> bool:
    """Return whether most strips of tiles can be seen from their centers, given some of the points."""
    return are_clusters(some[tree_order(some, TILE // _PROBE)], STRIP // _PROBE, limit)
