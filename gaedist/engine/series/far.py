"""Far points apart: the farthest points rule how long a series is, and they are few.

A sum over pairs is Σ_CC + Σ_CF + Σ_FF, with the k farthest points F and the rest, the core C. The core is
summed by a series, whose error is bounded relative to Σ_CC, all other pairs one by one. k is the one of some
numbers up to about 100 √n for which all of it takes the least time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.run.run import AUTO, Run
from gaedist.engine.series.basis import Basis
from gaedist.engine.series.choice import SERIES, Target, choose
from gaedist.numerics import Array, squared_norms

_WORTH = 0.5  # seconds of one core below which nothing is to be gained
_FIRST, _STEP = 16, 4  # numbers of far points that are tried: 16, 64, 256, …
_MOST = 100.0  # times √n
_GAIN = 1.1  # a step that gains less is the last
_TRIAL = 1 << 13  # points on which a series is tried

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Core:
    """A series for some samples without their far points.

    Attributes
    ----------
    basis : Basis
        The series.
    masks : list of (n,) arrays of bool
        Which points of each sample it is for.
    """

    basis: Basis
    masks: list[Mask]


def choose_core(samples: Sequence[Array], rate: float, run: Run, target: Target) -> Core | None:
    """Return the series that takes the least time, with all points or without some far ones, or None."""
    n, dim = sum(map(len, samples)), samples[0].shape[1]
    everything = [np.ones(len(x), bool) for x in samples]
    basis = choose(samples, rate, run, target)
    least = basis.seconds(n) if basis else target.pair_seconds
    names = [name for name, kind in SERIES.items() if dim in kind.dims and not kind.unavailable()]
    if run.method == AUTO and least > _WORTH and names:
        radii = _radii(samples)
        order = np.argsort(radii)
        best, pair_seconds = 0, 2 * target.pair_seconds / n  # of a far point with all others, or less
        count = _FIRST
        while count <= min(n // 4, _MOST * n**0.5) and count * pair_seconds < least:
            seconds = count * pair_seconds + _seconds(samples, order[: n - count], names, rate, run, target)
            gain = least / seconds
            if gain > 1:
                best, least = count, seconds
            if best and gain < _GAIN:
                break
            count *= _STEP
        while best and best <= n // 2:
            edge = radii[order[n - best - 1]]
            masks = list(np.split(radii <= edge, np.cumsum([len(x) for x in samples])[:-1]))
            cores = [x[mask] for x, mask in zip(samples, masks, strict=True)]
            if not all(map(len, cores)) or best * pair_seconds > target.pair_seconds:
                break
            if found := choose(cores, rate, run, replace(target, pair_seconds=2 * target.pair_seconds)):
                return Core(found, masks)
            best *= _STEP  # some of the points were too optimistic
    return Core(basis, everything) if basis else None


def _radii(samples: Sequence[Array]) -> Array:
    """Return the distance of each point of all samples from about the middle of all."""
    center = np.median(np.concatenate([x[:: 1 + len(x) // _TRIAL] for x in samples]), axis=0)
    with np.errstate(over="ignore"):
        return np.asarray(np.sqrt(np.concatenate([squared_norms(x - center) for x in samples])))


def _seconds(
    samples: Sequence[Array],
    core: NDArray[np.intp],
    names: Sequence[str],
    rate: float,
    run: Run,
    target: Target,
) -> float:
    """Return about how long the quickest series takes for a core, given its points by ascending distance."""
    step = 1 + len(core) // _TRIAL
    every = samples[0] if len(samples) == 1 else np.concatenate(samples)
    some = every[core[::-1][::step]]
    edge = every[core[-_TRIAL:]]  # has the outermost points on each axis, which decide on the waves
    some = np.concatenate([some, edge[edge.argmin(axis=0)], edge[edge.argmax(axis=0)]])
    found = np.inf
    for name in names:
        first = SERIES[name].fit_seconds(len(core))
        if first >= found:
            continue
        try:
            found = min(found, first + SERIES[name].with_error([some], rate, target.error).seconds(len(core)))
        except ValueError:
            continue
    return found


def core_job(job: PairSum, masks: dict[int, Mask], cores: dict[int, Array]) -> PairSum:
    """Return the part of a sum between core points."""
    return replace(
        job,
        x=cores[id(job.x)],
        params_x=job.params_x[:, masks[id(job.x)]],
        y=None if job.y is None else cores[id(job.y)],
        params_y=None if job.y is None or job.params_y is None else job.params_y[:, masks[id(job.y)]],
    )


def far_jobs(job: PairSum, masks: dict[int, Mask]) -> list[PairSum]:
    """Return the parts of a sum with far points, as sums of pairs."""
    near_x = masks[id(job.x)]
    part = partial(_part, job)
    if job.y is None:
        parts = [part(job.x, ~near_x, job.x, near_x), part(job.x, ~near_x, None, near_x)]
    else:
        near_y = masks[id(job.y)]
        parts = [part(job.x, ~near_x, job.y, near_y | ~near_y), part(job.x, near_x, job.y, ~near_y)]
    return [job for job in parts if len(job.x) and (job.y is None or len(job.y))]


def _part(job: PairSum, x: Array, of_x: Mask, y: Array | None, of_y: Mask) -> PairSum:
    """Return the sum over some of the points on each side."""
    params_y = job.params_x if job.params_y is None else job.params_y
    return replace(
        job,
        x=x[of_x],
        params_x=job.params_x[:, of_x],
        y=None if y is None else y[of_y],
        params_y=None if y is None else params_y[:, of_y],
    )
