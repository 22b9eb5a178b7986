"""The driver of `gaussian_tiles`: sums of Gaussians with one σ, in double or in single precision.

In single precision the exponent −rate |x − y|² is off by at most about (D + 4) 2^−24 rate (|x|² + |y|²), with
points seen from their mean; and as roundings go up as often as down, by about √D in place of D (Higham and
Mary, SIAM J. Sci. Comput. 41 (2019) A2815), which is what is reported. Where that could be more than `WORST`
of a term, where powers leave the range of a single, and where one of two samples has few points, a sum is
made in double.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.driver import FAINT, GLARING, Tiling, Work, aligned, count_tiles
from gaedist.engine.jobs import SINGLE, Array, How, PairSum, PairTotal

WORST = 2.0**-8
"""Relative error of a term in single precision that is accepted."""

_UNIT = 2.0**-24  # relative error of a rounding there
_LOST = 2.0**-100  # mean of powers there, relative to what is expected, that some may have vanished beside
_IN_RANGE = 1000.0  # an exponent that a double has, and its inverse
_FEW = 64  # points of a sample, such as the one of N(0, I), with which a sum takes no time
_SOME = 256  # points whose pairs tell what to expect


def gaussian_total(job: PairSum, work: Work, precision: str) -> PairTotal:
    """Return the logarithm of the sum of a Gaussian over pairs, over exp(log_scale)."""
    if job.y is None and len(job.x) == 1:
        return PairTotal(-math.inf)
    tiling = _GaussianTiling(job, work)
    typical = tiling.typical()
    many = min(len(job.x), len(job.x if job.y is None else job.y)) > _FEW
    if precision == SINGLE and many and typical is not None and (total := tiling.single(typical)):
        return total
    if typical is not None and typical > FAINT:
        found = tiling.double()
        if 2.0**FAINT < found < 2.0**GLARING:
            return PairTotal(math.log(found))
        work.total += count_tiles(job)
    return PairTotal(tiling.log_sums()[0])


def tall_tiles(job: PairSum) -> int:
    """Return how many tiles of `gaussian_tiles` a job has."""
    from gaedist.engine.arithmetic import TILE
    from gaedist.engine.gaussian_tiles import HEIGHT

    n, rows = len(job.x), -(-len(job.x) // HEIGHT)
    if job.y is None:
        return rows * (rows - 1) + -(-n // TILE)
    return rows * -(-len(job.y) // TILE)


class _GaussianTiling(Tiling):
    """A job whose integrand is a Gaussian; its steepness is the rate of that."""

    def typical(self) -> int | None:
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

    def double(self) -> float:
        """Return the sum of the powers, or nonsense where they are out of range."""
        _, _, x, y, norms_x, norms_y, params_x, params_y, limit = self.points
        return self._sum(x, y, norms_x, norms_y, params_x[0], params_y[0], limit)

    def single(self, typical: int) -> PairTotal | None:
        """Return the logarithm of the sum made in single precision, unless that is too far off."""
        job, rate = self.job, self.job.steepness
        x, y, _, _, _, _, params_x, params_y, _ = self.points
        n, m = len(x), len(y)
        center = (x.sum(axis=0) + y.sum(axis=0)) / (n + m)
        x = (x - center).astype(np.float32)
        y = x if job.y is None else (y - center).astype(np.float32)
        norms_x, norms_y = (np.einsum("ij,ij->i", z, z, dtype=float) for z in (x, y))
        exponent = rate * float(norms_x.max() + norms_y.max())
        rounding = _UNIT * (4 + math.log(2) * exponent * (2 + math.sqrt(x.shape[1])))
        if not rounding < WORST:
            return None
        pairs = n * (n - 1) / 2 if job.y is None else float(n * m)
        found = self._sum(x, y, norms_x, norms_y, params_x[0] - typical, params_y[0], math.inf)
        if _LOST * pairs < found < math.inf:
            how = How("pairs", SINGLE, rounding)
            return PairTotal(math.log(found) + typical * math.log(2), how)
        self.work.total += tall_tiles(job)
        return None

    def _sum(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        norms_x: Array,
        norms_y: Array,
        weights_x: Array,
        weights_y: Array,
        limit: float,
    ) -> float:
        """Return the sum of the powers, in the precision of the points."""
        from gaedist.engine.arithmetic import TILE
        from gaedist.engine.gaussian_tiles import HEIGHT, ROWS, gaussian_tiles

        rate, dtype, threads = self.job.steepness, x.dtype, self.work.threads
        lightest = float(weights_x.min() + weights_y.min())
        gram, work = (aligned(threads, size, dtype=dtype) for size in (HEIGHT * TILE, ROWS * TILE))
        totals = aligned(threads, TILE)
        here, there, alone_x, alone_y = (
            np.asarray(part, dtype)
            for part in (weights_x - rate * norms_x, weights_y - rate * norms_y, weights_x, weights_y)
        )

        def sum_range(first: int, found: Array) -> None:
            gaussian_tiles(
                x,
                y,
                *self.points[:2],
                here,
                there,
                alone_x,
                alone_y,
                norms_x,
                norms_y,
                dtype.type(2 * rate),
                limit,
                (_IN_RANGE + lightest) / (2 * rate),
                self.job.y is None,
                first,
                found,
                gram,
                work,
                totals,
            )

        tiles = tall_tiles(self.job)
        return float(self._added(tiles, 1, sum_range, math.fsum, precision=dtype.name)[0])
