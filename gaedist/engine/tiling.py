"""The general tiles: `Tiling` prepares a job for the kernels, and adds what they find in a fixed order."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gaedist.engine.compiled.arguments import Points, Scratch
from gaedist.engine.compiled.integrands import INTEGRANDS, Gaussian, Profile
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.near_tiles import NearTiles
from gaedist.engine.origins import gram_limit, is_aside, mean_of, tile_limit
from gaedist.engine.positions import tile_position
from gaedist.engine.run.checkpoints import PassRecord
from gaedist.engine.run.costs import pair_seconds
from gaedist.engine.run.executors import Output, Task
from gaedist.engine.run.pair_sum import PairSum
from gaedist.engine.work import Fill, Work
from gaedist.numerics import Array, log2_of_sum, squared_norms

_BLOCK = 1 << 16  # tiles whose numbers are stored before they are added
_NEGLIGIBLE = 120.0  # log2 of the largest term of a tile over terms whose exponents may be rough

FAINT = -700.0
"""A sum whose log2 is below this may have lost terms to underflow."""

GLARING = 499.0
"""A sum whose log2 is above this may have terms that were capped."""

Positions = NDArray[np.intp]
"""Row and column of tiles, (K, 2)."""


class Tiling:
    """A job as the tiles take it, with scratch memory for each thread.

    ``factors`` multiply the exponents of its terms, which gives several sums from one look at each tile.
    ``profiles``, if there are any, replace its integrand. With ``near``, all other tiles are skipped. Where
    the error of an exponent from a Gram matrix may exceed ``gram_error``, differences of points are taken.
    """

    gram_error = 2.5e-12

    def __init__(
        self,
        job: PairSum,
        work: Work,
        factors: Sequence[float] = (1.0,),
        profiles: Sequence[Profile] = (),
        near: NearTiles | None = None,
    ) -> None:
        from gaedist.engine.compiled.radial_tiles import SCRATCH_ROWS
        from gaedist.engine.compiled.tiles import work_rows

        self.job, self.work, self.needs = job, work, INTEGRANDS[type(job.integrand)]
        self.factors, self.profiles, self.near = np.array(factors), profiles, near
        x = np.require(job.x, np.float64, ["C", "W"])
        y = x if job.y is None else np.require(job.y, np.float64, ["C", "W"])
        params_x = np.require(job.params_x, np.float64, ["C", "W"])
        params_y = params_x if job.params_y is None else np.require(job.params_y, np.float64, ["C", "W"])
        limit = tile_limit(job, self.gram_error, profiles)
        samples: tuple[Array, ...] = (x,) if job.y is None else (x, y)
        seen = samples
        norms = [squared_norms(points) for points in samples]
        beyond = norms[0].max() + norms[-1].max() > limit
        if (beyond or profiles) and not self.needs.sines:
            center = mean_of(samples)
            if beyond or is_aside(center, norms):  # nearer to the origin, |x|² + |y|² − 2x·y cancels less
                seen = tuple(points - center for points in samples)
                norms = [squared_norms(points) for points in seen]
        self.points = Points(
            x,
            y,
            seen[0],
            seen[-1],
            norms[0],
            norms[-1],
            params_x,
            params_y,
            gram_limit=gram_limit(job, self.gram_error),
            near_limit=limit,
            window=self._window(params_x, params_y),
        )
        sums = max(len(factors), SCRATCH_ROWS + len(profiles))
        self.scratch = [
            Scratch(
                gram=aligned(1 + self.needs.sines, TILE**2),
                work=aligned(work_rows(len(params_x), sums) * TILE),
            )
            for _ in range(work.threads)
        ]

    def _window(self, params_x: Array, params_y: Array) -> float:
        """Return what |x − y|² is more than the least of a tile for a term to be negligible in each sum.

        Infinite but for one σ, whose sums are wanted over all pairs, not for each point.
        """
        if self.profiles or not isinstance(self.job.integrand, Gaussian):
            return math.inf
        weights = np.ptp(params_x[0]) + np.ptp(params_y[0])
        rate = self.job.integrand.rate * float(self.factors.min())
        return float(_NEGLIGIBLE + weights) / rate if rate else math.inf

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.near.count if self.near else count_tiles(self.job)

    def positions(self, first: int, count: int) -> Positions:
        """Return row and column of the tiles from ``first`` on, (count, 2)."""
        if self.near:
            return self.near.positions(first, count)
        symmetric, columns = self.job.y is None, -(-len(self.points.y) // TILE)
        return np.stack(tile_position(np.arange(first, first + count), symmetric, columns), axis=1)

    def sums_of_some(self, fill: Fill, sums: int) -> Array:
        """Return sums over the tiles, which are few, (sums,)."""
        found = np.empty((self.count, sums))
        self.work.fill(fill, 0, found)
        return np.array([math.fsum(column) for column in found.T])

    def profile_sums(self) -> Array:
        """Return the sum of each profile, not protected from underflow."""
        count = len(self.profiles)
        return self.added(self.count, count, Tiling._profile_fill, math.fsum, profiles=list(self.profiles))

    def _profile_fill(self) -> Fill:
        """Return what fills numbers, (K, profiles)."""
        from gaedist.engine.compiled.radial_tiles import radial_tiles

        rows = [profile.numbers for profile in self.profiles]
        codes = np.array([row.code for row in rows])
        table = np.zeros((len(rows), max(row.numbers.size for row in rows)))
        for target, row in zip(table, rows, strict=True):
            target[: row.numbers.size] = row.numbers

        def fill(thread: int, first: int, numbers: Array) -> None:
            symmetric, scratch = self.job.y is None, self.scratch[thread]
            positions = self.positions(first, len(numbers))
            radial_tiles(codes, table.ravel(), self.points, symmetric, positions, numbers, scratch)

        return fill

    def least_sums(self) -> Array:
        """Return the sums over its tiles, which are few."""
        if self.profiles:
            return self.sums_of_some(self._profile_fill(), len(self.profiles))
        return self.sums_of_some(self._sum_fill(self.factors, relative=False), len(self.factors))

    def log_sums(self) -> list[float]:
        """Return the logarithm of Σ 2^(factor exponent) for each factor.

        The first tile shows whether some of them may underflow.
        """
        logs = np.full(len(self.factors), -math.inf)
        first = np.empty((1, len(self.factors)))
        self._sum_fill(self.factors, relative=True)(0, 0, first)
        if (first > FAINT).all():
            totals = self._combine(self.factors, math.fsum, relative=False)
            good = (totals > 2.0**FAINT) & (totals < 2.0**GLARING)
            logs[good] = np.log(totals[good])
            self.work.total += 0 if good.all() else self.count
        faint = np.flatnonzero(logs == -math.inf)
        if len(faint):
            logs[faint] = math.log(2) * self._combine(self.factors[faint], log2_of_sum, relative=True)
        return [float(log) for log in logs]

    def _combine(self, factors: Array, add: Callable[[Iterable[float]], float], *, relative: bool) -> Array:
        """Return Σ 2^(factor exponent) for each factor, or log2 of it, which neither under- nor overflows."""
        fill_of = partial(Tiling._sum_fill, factors=factors, relative=relative)
        return self.added(self.count, len(factors), fill_of, add, factors=factors.tolist(), relative=relative)

    def added(
        self,
        tiles: int,
        count: int,
        fill_of: Callable[[Any], Fill],
        add: Callable[[Iterable[float]], float],
        **settings: object,
    ) -> Array:
        """Return the sums over all tiles, added in a fixed order, (count,).

        ``fill_of(tiling)`` returns what fills the numbers, (K, count), of K tiles; it is a function without a
        state, which other processes can call with their own tiling. ``add`` combines a column. The job and
        the settings identify the pass in a checkpoint.
        """
        record = self.work.record(self.job, **settings)
        blocks = _blocks(record, tiles, count)
        begin = min(tiles, len(blocks) * _BLOCK)
        known = max(0, record.done - begin)
        numbers = np.empty((min(_BLOCK, tiles - begin), count))
        if known:
            numbers[:known] = record.state["numbers"]
        for start, stop, found in self.outputs(_Numbers(fill_of, count), begin + known, tiles):
            while start < stop:
                taken = min(stop - start, len(numbers) - known)
                numbers[known : known + taken] = found[len(found) - (stop - start) :][:taken]
                start, known = start + taken, known + taken
                if known < len(numbers):
                    record.update(start, {"blocks": blocks, "numbers": numbers[:known]})
                    continue
                blocks = np.vstack([blocks, [add(column) for column in numbers.T]])
                record.update(start, {"blocks": blocks})
                numbers, known = np.empty((min(_BLOCK, tiles - start), count)), 0
        return np.array([add(column) for column in blocks.T])

    def outputs(
        self,
        compute: Callable[[Any, int, int], Iterator[Output]],
        start: int,
        stop: int,
        *,
        tiles: int = 1,
        size: int = 8,
        seconds: float = 0.0,
    ) -> Iterator[Output]:
        """Yield the outputs of a function for units of some tiles, computed by the executor, in order.

        The function is called as ``compute(tiling, start, stop)`` and yields outputs, of ``size`` bytes per
        unit; it is pickled for other processes, which call it with their own tiling. ``seconds`` is what a
        unit takes in addition to its tiles.
        """
        build = partial(_built, type(self), self.job, self.factors, self.profiles, self.near)
        task = Task(self, build, compute, tiles * self.tile_seconds + seconds, tiles, size)
        return self.work.executor.outputs(task, start, stop, self.work.advance)

    @property
    def tile_seconds(self) -> float:
        """About how long a tile takes on one thread."""
        return TILE**2 * pair_seconds(self.job)

    def _sum_fill(self, factors: Array, *, relative: bool) -> Fill:
        """Return what fills numbers, (K, factors), with sums or log2 of them."""
        from gaedist.engine.compiled.tiles import sum_tiles

        def fill(thread: int, first: int, numbers: Array) -> None:
            sum_tiles(
                self.job.integrand,
                self.needs,
                self.points,
                self.job.y is None,
                factors,
                relative,
                self.positions(first, len(numbers)),
                numbers,
                self.scratch[thread],
            )

        return fill


@dataclass(frozen=True, eq=False)
class _Numbers:
    """Yields the numbers of tiles, (K, count), in ranges of about 0.2 s."""

    fill_of: Callable[[Any], Fill]
    count: int

    def __call__(self, tiling: Tiling, start: int, stop: int) -> Iterator[Output]:
        fill = self.fill_of(tiling)
        for first, last in tiling.work.ranges(tiling.job.x.shape[1], stop - start, _BLOCK):
            numbers = np.empty((last - first, self.count))
            tiling.work.fill(fill, start + first, numbers)
            yield Output(start + first, start + last, numbers)


def _built(
    kind: Callable[..., Tiling],
    job: PairSum,
    factors: Array,
    profiles: Sequence[Profile],
    near: NearTiles | None,
    threads: int,
    progress: Callable[[int, int], None],
) -> Tiling:
    """Return the tiling of a job in another process."""
    return kind(job, Work(threads, progress, 0), factors, profiles, near)


def pair_count(job: PairSum) -> float:
    """Return the number of pairs."""
    n = len(job.x)
    return n * (n - 1) / 2 if job.y is None else float(n * len(job.y))


def _blocks(record: PassRecord, tiles: int, count: int) -> Array:
    """Return the sums of the blocks of tiles that are done, after a check of the record, (B, count)."""
    if not record.state:
        record.resume(0)
        return np.empty((0, count))
    done = min(record.done, tiles)
    last = "numbers" in record.state  # of a block that is not complete
    whole = done // _BLOCK if last else -(-done // _BLOCK)
    shapes = {"blocks": (whole, count)} | ({"numbers": (done - whole * _BLOCK, count)} if last else {})
    if last != (done < min(tiles, -(-done // _BLOCK) * _BLOCK)):
        done = -1  # complete blocks have been added
    return record.resume(done, **shapes)["blocks"]


def count_tiles(job: PairSum) -> int:
    """Return the number of tiles of a job."""
    rows = -(-len(job.x) // TILE)
    return rows * (rows + 1) // 2 if job.y is None else rows * -(-len(job.y) // TILE)


def aligned(*shape: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Return zeros that begin on a cache line: vectors that cross two lines load at half the speed."""
    size, line = math.prod(shape), 64 // np.dtype(dtype).itemsize
    array: NDArray[Any] = np.zeros(size + line, dtype)
    start = -(array.ctypes.data // array.itemsize) % line
    return array[start : start + size].reshape(shape)
