"""Sums of Gaussians with one σ for all points, by `gaussian_tiles`, in double or in single precision.

In single precision the exponent −rate |x − y|² is off by about (D + 4) 2^−24 rate (|x|² + |y|²) at most,
with points seen from their mean. As roundings go up as often as down, √D typically replaces D (Higham and
Mary, SIAM J. Sci. Comput. 41 (2019) A2815). The error for points at the usual distance is reported. A sum is
made in double where the error for the farthest points could exceed `WORST`, where powers leave the range of a
single, and where one of two samples has few points.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.arguments import GaussianPoints, GaussianScratch
from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.engine.gathering import gathered
from gaedist.engine.gaussian_pass import GaussianPass
from gaedist.engine.near_tiles import SKIPPED
from gaedist.engine.near_tiling import near_tiling
from gaedist.engine.origins import gram_limit, mean_of
from gaedist.engine.positions import tile_position
from gaedist.engine.run.costs import pair_seconds
from gaedist.engine.run.pair_sum import BY_PAIRS, PairSum, PairTotal, Provenance
from gaedist.engine.run.run import DOUBLE, SINGLE
from gaedist.engine.tiling import (
    FAINT,
    GLARING,
    Positions,
    Tiling,
    aligned,
    pair_count,
)
from gaedist.engine.work import Fill, Work
from gaedist.numerics import Array, log2_of_sum, log_or_minus_inf, squared_distances

WORST = 2.0**-8
"""Relative error of a term in single precision that is accepted."""

_NEAR_DIMS = 8  # as `compiled.gram.FEW`
_UNIT = 2.0**-24  # relative error of a rounding in single precision
_NEGLIGIBLE = 60  # log2 of a sum over what is left out of it
_IN_RANGE = 1000.0  # exponents of two between −1000 and 1000 are in the range of a double
_FEW = 64  # points of a sample, such as the one of N(0, I), with which a sum takes no time
_SOME = 256  # points whose pairs give the expected size
_ROUGHLY = 1e12  # by how much their exponents may be farther off: about 0.5


def gaussian_total(job: PairSum, work: Work, precision: str) -> PairTotal:
    """Return the logarithm of the sum of a Gaussian over pairs, over exp(log_scale)."""
    if job.y is None and len(job.x) == 1:
        return PairTotal(-math.inf)
    tiles = tall_tiles(job)
    near = near_tiling(GaussianTiling, job, work, GaussianTiling.least_sums, height=_near_height(job))
    if near and (total := near.total(precision, tiles)):
        return total._replace(
            provenance=replace(total.provenance, rounding=total.provenance.rounding + SKIPPED)
        )
    tiling = GaussianTiling(gathered(job, gram_limit(job, GaussianTiling.gram_error)), work)
    if total := tiling.total(precision, tiles):
        return total
    (log2_sum,) = tiling.added(tiles, 1, GaussianTiling.fill_faint, log2_of_sum, faint=True)
    return PairTotal(float(log2_sum) * math.log(2))


def _near_height(job: PairSum) -> int:
    """Return the rows of a tile where some are skipped: fewer where BLAS, quicker for many, is not used."""
    return TILE if job.x.shape[1] <= _NEAR_DIMS else HEIGHT


def gaussian_part(job: PairSum, work: Work) -> float:
    """Return the logarithm of a sum as `gaussian_total` does, where terms below 2^−1022 do not matter."""
    if job.y is None and len(job.x) == 1:
        return -math.inf
    fill_of = partial(GaussianTiling.fill_all, precision=DOUBLE)
    (found,) = GaussianTiling(job, work).added(tall_tiles(job), 1, fill_of, math.fsum)
    return log_or_minus_inf(float(found))


def single_errors(rate: float, norms_x: Array, norms_y: Array, dim: int) -> tuple[float, float]:
    """Return the relative error of e^(−rate |x − y|²) in single precision, of far and of usual points."""
    worst, usual = (
        _UNIT * (4 + rate * square * (2 + math.sqrt(dim)))
        for square in (float(norms_x.max() + norms_y.max()), float(norms_x.mean() + norms_y.mean()))
    )
    return worst, usual


def tall_tiles(job: PairSum) -> int:
    """Return how many tiles of `gaussian_tiles` a job has; of one sample, none above the diagonal."""
    n, rows = len(job.x), -(-len(job.x) // HEIGHT)
    return rows * (rows - 1) + -(-n // TILE) if job.y is None else rows * -(-len(job.y) // TILE)


def _subtract(x: Array, center: Array) -> NDArray[np.float32]:
    """Return x − center in single precision, without a copy in double."""
    return np.subtract(x, center, out=np.empty(x.shape, np.float32), casting="unsafe")


class _SomePairs(NamedTuple):
    """log2 of the sum over some pairs, and of their mean, rounded: a term of typical size."""

    log2_mean: int
    log2_sum: float


class GaussianTiling(Tiling):
    """A job whose integrand is a Gaussian, with its rate as the steepness."""

    gram_error = 5e-13
    current: GaussianPass | None = None

    @property
    def height(self) -> int:
        """Rows of a tile."""
        return self.near.height if self.near else HEIGHT

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.near.count if self.near else tall_tiles(self.job)

    def positions(self, first: int, count: int) -> Positions:
        """Return row and column of the tiles from ``first`` on, (count, 2)."""
        if self.near:
            return self.near.positions(first, count)
        job, tiles = self.job, np.arange(first, first + count)
        columns = 0 if job.y is None else -(-len(job.y) // TILE)
        return np.stack(tile_position(tiles, job.y is None, columns, HEIGHT // TILE), axis=1)

    def least_sums(self) -> Array:
        """Return the sum over its tiles, which are few."""
        return self.sums_of_some(self.fill_all(DOUBLE), 1)

    def total(self, precision: str, expected: int) -> PairTotal | None:
        """Return the sum, in the given precision if possible; None if it may underflow.

        ``expected`` is the number of tiles that have been counted as work.
        """
        for attempt in self.passes(precision):
            self.work.total += self.count - expected
            self.current, expected = attempt, 0
            used = attempt.provenance.precision
            fill_of = partial(GaussianTiling.fill_all, precision=used)
            (found,) = self.added(self.count, 1, fill_of, math.fsum, precision=used)
            if total := attempt.total(float(found), pair_count(self.job)):
                return total
        self.work.total += tall_tiles(self.job) - expected
        return None

    def fill_all(self, precision: str) -> Fill:
        """Return what fills found, (K, 1), with the sums over tiles, in a precision that may succeed."""
        attempt = self._attempt(precision)

        def fill(thread: int, first: int, found: Array) -> None:
            attempt.fill(thread, self.positions(first, len(found)), found, height=self.height)

        return fill

    def fill_faint(self) -> Fill:
        """Return what fills found, (K, 1), with log2 of the sums over tiles."""
        attempt = self.double_pass()

        def fill(thread: int, first: int, found: Array) -> None:
            from gaedist.engine.compiled.faint_tiles import faint_tiles

            positions, scratch = self.positions(first, len(found)), attempt.scratch[thread]
            faint_tiles(attempt.points, attempt.symmetric, self.height, positions, found, scratch)

        return fill

    def _attempt(self, precision: str) -> GaussianPass:
        """Return the pass in a precision, which is made once."""
        if not self.current or self.current.provenance.precision != precision:
            self.current = self.double_pass() if precision == DOUBLE else next(self.passes(precision))
        return self.current

    @property
    def tile_seconds(self) -> float:
        """About how long a tile takes on one thread."""
        return self.height * TILE * pair_seconds(self.job)

    def passes(self, precision: str) -> Iterator[GaussianPass]:
        """Yield the passes that may succeed, first one in the given precision."""
        job, some = self.job, self._some_pairs
        many = min(len(job.x), len(job.x if job.y is None else job.y)) > _FEW
        if some and precision == SINGLE and many and (single := self._single(some.log2_mean)):
            yield single
        heaviest = self.points.params_x[0].max() + self.points.params_y[0].max()  # of which no term is more
        if some and some.log2_mean > FAINT and heaviest < GLARING:
            yield self.double_pass()

    def double_pass(self) -> GaussianPass:
        """Return the pass in double precision."""
        points = self.points
        return self._pass(
            (points.centered_x, points.centered_y),
            (points.norms_x, points.norms_y),
            (points.params_x[0], points.params_y[0]),
            gram_limit=points.gram_limit,
            log2_unit=0,
            provenance=BY_PAIRS,
        )

    def _cutoff(self) -> float:
        """Return an exponent below which terms are negligible even if all are."""
        if self.near:
            return float(self.near.least[0])
        some = self._some_pairs
        return some.log2_sum - math.log2(pair_count(self.job)) - _NEGLIGIBLE if some else -math.inf

    @cached_property
    def _some_pairs(self) -> _SomePairs | None:
        """Return the sum over some pairs; None if there is none or it is not finite."""
        points, rate = self.points, self.job.steepness
        x, y = points.centered_x[:_SOME], points.centered_y[:_SOME]
        norms_x, norms_y = points.norms_x[:_SOME], points.norms_y[:_SOME]
        weights = np.add.outer(points.params_x[0, :_SOME], points.params_y[0, :_SOME])
        with np.errstate(over="ignore", invalid="ignore"):
            if norms_x.max() + norms_y.max() <= _ROUGHLY * points.gram_limit / x.shape[1]:
                squares = np.add.outer(norms_x, norms_y) - 2 * x @ y.T
            else:
                squares = squared_distances(x, y)
            exponents = weights - rate * squares
            if self.job.y is None:
                exponents = exponents[np.tril_indices(len(x), -1)]
            peak = exponents.max(initial=-math.inf)
            log2_sum = peak + np.log2(np.exp2(exponents - peak).sum()) if exponents.size else -math.inf
        if not math.isfinite(log2_sum):
            return None
        return _SomePairs(round(float(log2_sum) - math.log2(exponents.size)), float(log2_sum))

    def _single(self, typical: int) -> GaussianPass | None:
        """Return the pass in single precision, or None if its error is too large."""
        points, rate = self.points, self.job.steepness
        center = mean_of([points.x, points.y])
        x = _subtract(points.x, center)
        y = x if self.job.y is None else _subtract(points.y, center)
        norms_x, norms_y = (np.einsum("ij,ij->i", z, z, dtype=float) for z in (x, y))
        worst, usual = single_errors(math.log(2) * rate, norms_x, norms_y, x.shape[1])
        if worst >= WORST:
            return None
        return self._pass(
            (x, y),
            (norms_x, norms_y),
            (points.params_x[0] - typical, points.params_y[0]),
            gram_limit=math.inf,
            log2_unit=typical,
            provenance=Provenance("pairs", SINGLE, usual),
        )

    def _pass(
        self,
        points: tuple[NDArray[Any], NDArray[Any]],
        norms: tuple[Array, Array],
        weights: tuple[Array, Array],
        *,
        gram_limit: float,
        log2_unit: int,
        provenance: Provenance,
    ) -> GaussianPass:
        """Return a pass in the precision of the points; norms and log2 of weights are double."""
        from gaedist.engine.compiled.gaussian_rows import SCRATCH_ROWS

        (x, y), (norms_x, norms_y), (weights_x, weights_y) = points, norms, weights
        rate, dtype = self.job.steepness, x.dtype
        lightest = float(weights_x.min() + weights_y.min())
        return GaussianPass(
            points=GaussianPoints(
                x=x,
                y=y,
                raw_x=self.points.x,
                raw_y=self.points.y,
                offsets_x=np.asarray(weights_x - rate * norms_x, dtype),
                offsets_y=np.asarray(weights_y - rate * norms_y, dtype),
                weights_x=np.asarray(weights_x, dtype),
                weights_y=np.asarray(weights_y, dtype),
                norms_x=norms_x,
                norms_y=norms_y,
                factor=dtype.type(2 * rate),
                half=dtype.type(rate),
                gram_limit=gram_limit,
                deep_limit=(_IN_RANGE + lightest) / (2 * rate),
                cutoff=self._cutoff() - log2_unit,
                exact=None if float(norms_x.max() + norms_y.max()) <= gram_limit else True,
                boxed=self.near is not None,
            ),
            symmetric=self.job.y is None,
            scratch=[
                GaussianScratch(
                    gram=aligned(HEIGHT * TILE, dtype=dtype),
                    work=aligned(SCRATCH_ROWS * TILE, dtype=dtype),
                    totals=aligned(TILE),
                    rows=aligned(HEIGHT, x.shape[1]),
                    columns=aligned(TILE, x.shape[1]),
                    center=np.zeros((2, x.shape[1])),
                    sizes=aligned(4, HEIGHT),
                    last=np.full(2, -1),
                )
                for _ in range(self.work.threads)
            ],
            log2_unit=log2_unit,
            provenance=provenance,
        )
