"""The driver of `gaussian_tiles`: sums of Gaussians with one σ, in double or in single precision.

In single precision the exponent −rate |x − y|² is off by at most about (D + 4) 2^−24 rate (|x|² + |y|²), with
points seen from their mean; and as roundings go up as often as down, by about √D in place of D (Higham and
Mary, SIAM J. Sci. Comput. 41 (2019) A2815). That of points at the usual distance is reported. Where that of
the farthest could be more than `WORST` of a term, where powers leave the range of a single, and where one of
two samples has few points, a sum is made in double.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.engine.run.pair_sum import BY_PAIRS, PairSum, PairTotal, Provenance
from gaedist.engine.run.run import SINGLE
from gaedist.engine.tiling import FAINT, GLARING, Tiling, Work, aligned, count_tiles
from gaedist.numerics import Array

WORST = 2.0**-8
"""Relative error of a term in single precision that is accepted."""

_UNIT = 2.0**-24  # relative error of a rounding there
_LOST = 2.0**-100  # mean of powers there, relative to what is expected, that some may have vanished beside
_IN_RANGE = 1000.0  # an exponent that a double has, and its inverse
_FEW = 64  # points of a sample, such as the one of N(0, I), with which a sum takes no time
_SOME = 256  # points whose pairs tell what to expect

Places = NDArray[np.intp]
"""Row and column of tiles, (K, 2)."""


def gaussian_total(job: PairSum, work: Work, precision: str) -> PairTotal:
    """Return the logarithm of the sum of a Gaussian over pairs, over exp(log_scale)."""
    if job.y is None and len(job.x) == 1:
        return PairTotal(-math.inf)
    tiling, tiles = GaussianTiling(job, work), tall_tiles(job)
    for powers in tiling.powers(precision):

        def sum_range(first: int, found: Array, powers: Powers = powers) -> None:
            powers.fill(_places(job, np.arange(first, first + len(found))), found)

        found = tiling.added(tiles, 1, sum_range, math.fsum, precision=powers.provenance.precision)
        if total := powers.total(float(found[0]), pair_count(job)):
            return total
        work.total += tiles
    work.total += count_tiles(job) - tiles
    return PairTotal(tiling.log_sums()[0])


def pair_count(job: PairSum) -> float:
    """Return the number of pairs."""
    n = len(job.x)
    return n * (n - 1) / 2 if job.y is None else float(n * len(job.y))


def tall_tiles(job: PairSum) -> int:
    """Return how many tiles of `gaussian_tiles` a job has; of one sample, none above the diagonal."""
    n, rows = len(job.x), -(-len(job.x) // HEIGHT)
    return rows * (rows - 1) + -(-n // TILE) if job.y is None else rows * -(-len(job.y) // TILE)


def _subtract(x: Array, center: Array) -> NDArray[np.float32]:
    """Return x − center in single precision, without a copy in double."""
    return np.subtract(x, center, out=np.empty(x.shape, np.float32), casting="unsafe")


def _places(job: PairSum, tiles: Places) -> Places:
    """Return row and column of these tiles; of one sample there are 2 (r + 1) in row r."""
    if job.y is not None:
        return np.stack(np.divmod(tiles, -(-len(job.y) // TILE)), axis=1)
    rows = ((np.sqrt(4.0 * tiles + 1) - 1) / 2).astype(np.intp)
    rows -= rows * (rows + 1) > tiles
    rows += (rows + 1) * (rows + 2) <= tiles
    return np.stack([rows, tiles - rows * (rows + 1)], axis=1)


@dataclass(frozen=True, eq=False)
class Powers:
    """Points as the tiles take them, in one precision, and scratch memory.

    Attributes
    ----------
    points : tuple
        The first arguments of `gaussian_tiles`.
    symmetric : bool
        Only pairs of a point and one before it count.
    scratch : tuple of arrays
        The last arguments.
    log2_unit : int
        log2 of what the sums are divided by.
    provenance : Provenance
        What comes of it.
    """

    points: tuple[Any, ...]
    symmetric: bool
    scratch: tuple[NDArray[Any], ...]
    log2_unit: int
    provenance: Provenance

    def fill(self, places: Places, found: Array, *, symmetric: bool | None = None) -> None:
        """Fill found, (K, 1), with the sums over tiles at these places."""
        from gaedist.engine.compiled.gaussian_tiles import gaussian_tiles

        below = self.symmetric if symmetric is None else symmetric
        arguments: tuple[Any, ...] = (*self.points, below, places, found, *self.scratch)
        gaussian_tiles(*arguments)

    def total(self, found: float, pairs: float) -> PairTotal | None:
        """Return the logarithm of a sum, unless some of it may have left the range of its precision."""
        lost = _LOST * pairs if self.provenance.precision == SINGLE else 2.0**FAINT
        if lost < found < 2.0**GLARING:
            return PairTotal(math.log(found) + self.log2_unit * math.log(2), self.provenance)
        return None


class GaussianTiling(Tiling):
    """A job whose integrand is a Gaussian; its steepness is the rate of that."""

    def powers(self, precision: str) -> Iterator[Powers]:
        """Yield the ways to sum it that may do, first that of the precision that is asked for."""
        job, typical = self.job, self._typical()
        many = min(len(job.x), len(job.x if job.y is None else job.y)) > _FEW
        if typical is not None and precision == SINGLE and many and (single := self._single(typical)):
            yield single
        if typical is not None and typical > FAINT:
            _, _, x, y, *rest, limit = self.points
            yield self._powers((x, y), rest, limit, 0, BY_PAIRS)

    def _typical(self) -> int | None:
        """Return about log2 of the mean of some powers; None if there are none, or that is no number."""
        _, _, x, y, norms_x, norms_y, params_x, params_y, _ = self.points
        with np.errstate(over="ignore", invalid="ignore"):
            here, there = (
                params[0, :_SOME] - self.job.steepness * norms[:_SOME]
                for params, norms in ((params_x, norms_x), (params_y, norms_y))
            )
            exponents = np.add.outer(here, there) + (2 * self.job.steepness * x[:_SOME]) @ y[:_SOME].T
            if self.job.y is None:
                exponents = exponents[np.tril_indices(len(here), -1)]
            peak = exponents.max(initial=-math.inf)
            found = peak + np.log2(np.mean(np.exp2(exponents - peak))) if exponents.size else -math.inf
        return round(float(found)) if math.isfinite(found) else None

    def _single(self, typical: int) -> Powers | None:
        """Return the way in single precision, unless it is too far off."""
        x, y, _, _, _, _, params_x, params_y, _ = self.points
        center = (x.sum(axis=0) + y.sum(axis=0)) / (len(x) + len(y))
        x = _subtract(x, center)
        y = x if self.job.y is None else _subtract(y, center)
        norms = [np.einsum("ij,ij->i", z, z, dtype=float) for z in (x, y)]
        worst, usual = (
            _UNIT * (4 + math.log(2) * self.job.steepness * square * (2 + math.sqrt(x.shape[1])))
            for square in (float(norms[0].max() + norms[1].max()), float(norms[0].mean() + norms[1].mean()))
        )
        how = Provenance("pairs", SINGLE, usual)
        rest = [*norms, params_x - typical, params_y]
        return self._powers((x, y), rest, math.inf, typical, how) if worst < WORST else None

    def _powers(
        self, points: tuple[Any, Any], rest: list[Any], limit: float, log2_unit: int, how: Provenance
    ) -> Powers:
        from gaedist.engine.compiled.gaussian_tiles import ROWS

        norms_x, norms_y, (weights_x, *_), (weights_y, *_) = rest
        rate, dtype, threads = self.job.steepness, points[0].dtype, self.work.threads
        lightest = float(weights_x.min() + weights_y.min())
        offsets = weights_x - rate * norms_x, weights_y - rate * norms_y, weights_x, weights_y
        return Powers(
            points=(
                *points,
                *self.points[:2],
                *(np.asarray(offset, dtype) for offset in offsets),
                norms_x,
                norms_y,
                dtype.type(2 * rate),
                limit,
                (_IN_RANGE + lightest) / (2 * rate),
            ),
            symmetric=self.job.y is None,
            scratch=(
                aligned(threads, HEIGHT * TILE, dtype=dtype),
                aligned(threads, ROWS * TILE, dtype=dtype),
                aligned(threads, TILE),
            ),
            log2_unit=log2_unit,
            provenance=how,
        )
