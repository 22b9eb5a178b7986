"""The decision whether a pass skips far tiles, and the tiling of those that are left."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from gaedist.engine.compiled.integrands import Profile
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.falls import falls_of
from gaedist.engine.near_tiles import SKIPPED, WORTH_SKIPPING, NearTiles, may_skip
from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.tiling import FAINT, GLARING, Tiling, pair_count
from gaedist.engine.tree import ordered
from gaedist.engine.work import Work
from gaedist.numerics import Array

T = TypeVar("T", bound=Tiling)


def near_tiling(
    kind: type[T],
    job: PairSum,
    work: Work,
    least_sums: Callable[[T], Array],
    factors: Sequence[float] = (1.0,),
    profiles: Sequence[Profile] = (),
    *,
    height: int = TILE,
    part: float = SKIPPED,
) -> T | None:
    """Return a tiling for the near tiles of a job, in another order; None if hardly any can be skipped.

    ``least_sums(tiling)`` returns the sums over its tiles, a near one of each row at that time. At most
    ``part`` of each sum is skipped. A sum that may underflow is left to all tiles.
    """
    if not may_skip(job, factors, profiles, height):
        return None
    arranged = ordered(job, work.orders)
    near = NearTiles(arranged, falls_of(arranged, factors, profiles), height)
    tiling = kind(arranged, work, factors, profiles, near)
    least = least_sums(tiling)
    if not ((least > 2.0**FAINT) & (least < 2.0**GLARING)).all():
        return None
    return tiling if near.skip(np.log2(least), pair_count(job), part) <= WORTH_SKIPPING else None
