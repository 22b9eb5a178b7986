"""Sums over pairs as Fourier series, in linear time, by FINUFFT (the extra ``fft``).

On a box with sides L_d the periodic sum of a kernel is, by Poisson's summation formula, a series of waves,

    Σ_m e^(−|r + mL|²/(4s)) = Σ_k g_k e^(i k·r)      g_k = Π_d (√(4πs)/L_d) e^(−s k_d²),   k_d ∈ (2π/L_d) ℤ.

Let ε = 1e-17, and L_d the range of the points on axis d plus R, where e^(−R²/(4s)) = ε. For r = x_i − y_j all
terms on the left but the kernel, m = 0, are then below ε, since |r_d + m_d L_d| ≥ R for m_d ≠ 0. Waves with
e^(−s k_d²) < ε are left out. As e^(i k·r) = e^(i k·x_i) conj(e^(i k·y_j)), a sum over pairs is

    Σ_ij c_i d_j e^(−|x_i − y_j|²/(4s)) = Σ_k g_k F_k conj(G_k)    F_k = Σ_i c_i e^(i k·x_i),  G_k likewise.

F is a non-uniform Fourier transform of type 1. Points are transformed in chunks of equal size, each by one
thread, and the transforms are added in the order of the chunks: the same bits for any number of threads.
"""

import math
from importlib.util import find_spec
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.run.threads import in_order
from gaedist.engine.series.basis import ERROR, Basis, Charges, Progress
from gaedist.engine.series.shells import Mask, Shells, Split, pairs_left
from gaedist.numerics import Array

Waves = NDArray[np.complex128]

CHUNK = 1 << 17
"""Points that one thread transforms at once, unless there are more waves than this."""

MAX_WAVES = 1 << 21
"""At most so many waves: their grids take 256 MiB in each thread in three dimensions."""

_LOG_CUT = -math.log(1e-17)  # −log ε
_TOLERANCE = 1e-14  # of the transform, the best that FINUFFT reaches in double precision
_START_SECONDS = 0.1  # to load FINUFFT and to plan
_POINT_SECONDS = (7e-8, 1.7e-7, 1.7e-6)  # per point on one core, in D = 1, 2, 3
_CELL_SECONDS = 2e-8, 2e-8  # per cell of the grid of a chunk, and more for a million waves
_CACHE_SECONDS = 2.5e-7  # more per point for a million waves, whose grid is not in the cache
_GAIN = 0.97  # of the time of all points, with fewer waves; else far points stay


class Fourier(Basis):
    """The waves of a kernel 2^(−rate |x − y|²) between points of some samples; 4s = 1/(rate log 2).

    Attributes
    ----------
    shape : tuple of int
        Number of waves on each axis, which is odd.
    center, step : (D,) arrays
        Center of the box, and distance 2π/L_d between adjacent waves.
    weights : (M,) array
        The g_k, in FINUFFT's order of the waves.
    """

    name: ClassVar[str] = "fourier"
    dims: ClassVar[range] = range(1, 4)
    rounding: ClassVar[float] = 2e-13
    """Measured: 3e-15 for some thousand waves, 1e-13 for 1.8 million."""

    def __init__(
        self, shells: Shells, rate: float, error: float = ERROR / 2, pair_seconds: float = math.inf
    ) -> None:
        """Choose the waves, as `Basis` does; raise `ValueError` for more than `MAX_WAVES`."""
        self.remainders = np.zeros((1, *shells.counts.shape))  # ε is far below `rounding`
        four_s = 1 / (rate * math.log(2))
        lows, highs = _boxes(shells)
        steps = 2 * math.pi / (highs - lows + math.sqrt(four_s * _LOG_CUT))
        counts = 1 + 2 * np.ceil(2 * math.sqrt(_LOG_CUT / four_s) / steps)
        with np.errstate(over="ignore"):
            waves = counts.prod(axis=1)
        if not waves.min() <= MAX_WAVES:
            raise ValueError(
                f"the codes spread too far compared with σ; the series needs {waves[0]:.1g} waves, more than "
                f"{MAX_WAVES:.1g}"
            )
        total = sum(map(len, shells.samples))
        times = [_seconds(w, len(shells.center), total) if w <= MAX_WAVES else math.inf for w in waves]
        first, apart, direct = 0, np.zeros(1), np.zeros((1, *shells.pairs.shape), bool)
        if len(times) > 1 and min(times) < _GAIN * times[0]:
            apart, direct = _far_pairs(shells, 1 / four_s, error)
            first = int(np.argmin(times + pair_seconds * apart))
        self.pairs, inner = float(apart[first]), np.arange(len(times)) >= first
        self.split = Split(np.logical_and.outer(inner, inner), direct[first])
        self.center, self.step = lows[first] / 2 + highs[first] / 2, steps[first]
        self.shape = tuple(map(int, counts[first]))
        self.weights = np.ones(1)
        for step, count in zip(self.step, self.shape, strict=True):
            k = step * np.arange(-(count // 2), count // 2 + 1)
            axis_weights = step * math.sqrt(four_s / (4 * math.pi)) * np.exp(-four_s / 4 * k**2)
            self.weights = np.outer(self.weights, axis_weights).ravel()

    @staticmethod
    def unavailable() -> str | None:
        """Return how to install FINUFFT if it is missing, else None."""
        return None if find_spec("finufft") else "FINUFFT is not installed; run pip install 'gaedist[fft]'"

    def seconds(self, points: int, sets: int = 1) -> float:
        """Return about how long one core takes to transform so many points with so many sets of charges."""
        return _seconds(self.weights.size, len(self.shape), points, sets)

    @property
    def _chunk(self) -> int:
        """Number of points that are transformed at once."""
        return max(CHUNK, self.weights.size)

    def transform(
        self, x: Array, charges: Charges, sets: int, threads: int, progress: Progress | None = None
    ) -> Waves:
        """Return Σ_j c_j e^(i k·x_j) for each set of charges and each wave, (S, M)."""
        total = np.zeros((sets, self.weights.size), np.complex128)
        chunks = [slice(k, k + self._chunk) for k in range(0, len(x), self._chunk)]
        parts = in_order(lambda rows: self._transform(x[rows], charges(rows)), chunks, threads)
        for done, part in enumerate(parts, start=1):
            total += part
            if progress:
                progress(done, len(chunks))
        return total

    def _transform(self, x: Array, charges: Array) -> Waves:
        """Transform pairs of real sets of charges as one complex set, F + iG, using F(−k) = conj(F(k))."""
        import finufft

        first, second = charges[::2], charges[1::2]
        both = first.astype(np.complex128, order="C")
        both[: len(second)].imag = second
        plan = finufft.Plan(1, self.shape, len(both), _TOLERANCE, 1, nthreads=1, showwarn=0)
        plan.setpts(*np.ascontiguousarray(((x - self.center) * self.step).T))
        waves = np.asarray(plan.execute(both)).reshape(len(both), -1)
        mirrored = waves[:, ::-1].conj()
        found = np.empty((len(charges), waves.shape[1]), np.complex128)
        found[::2] = (waves + mirrored) / 2
        found[1::2] = ((waves - mirrored) / 2j)[: len(second)]
        return found


def _seconds(waves: float, dim: int, points: int, sets: int = 1) -> float:
    """Return the time of a transform."""
    grids, millions = math.ceil(points / max(CHUNK, waves)) * waves * 2**dim, waves / 1e6
    a_set = points * (_POINT_SECONDS[dim - 1] + _CACHE_SECONDS * millions)
    a_set += grids * (_CELL_SECONDS[0] + _CELL_SECONDS[1] * min(1.0, millions))
    return float(_START_SECONDS + math.ceil(sets / 2) * a_set)


def _boxes(shells: Shells) -> tuple[Array, Array]:
    """Return the least and largest coordinates of each shell and all inside it, two arrays (L, D)."""
    count, dim = len(shells.low), len(shells.center)
    lows, highs = np.full((count, dim), math.inf), np.full((count, dim), -math.inf)
    for sample, x in enumerate(shells.samples):
        for a in range(count):
            places = shells.places(sample, a, a)
            if len(places):
                for d in range(dim):
                    part = x[:, d] if count == 1 else x[places, d]
                    lows[a, d], highs[a, d] = min(lows[a, d], part.min()), max(highs[a, d], part.max())
    return np.minimum.accumulate(lows[::-1])[::-1], np.maximum.accumulate(highs[::-1])[::-1]


def _far_pairs(shells: Shells, c: float, error: float) -> tuple[Array, Mask]:
    """Return how many pairs are summed one by one if the series sums those of each shell and all inside it.

    Of the others, with points farther out, those are left out that are negligible. Also returns in which
    pairs of shells they are, (L, L, L).
    """
    goals = shells.goals(c, error)
    if not goals.min() > 0:
        none = np.zeros((len(shells.low), *shells.pairs.shape), bool)
        return np.array([0.0] + [math.inf] * (len(none) - 1)), none
    crowds = (shells.counts / np.sqrt(goals)[:, np.newaxis]).max(axis=0)
    left_out = np.outer(crowds, crowds) * shells.falls(c)
    shell = np.arange(len(shells.low))
    inner = np.minimum.outer(shell, shell) >= shell[:, np.newaxis, np.newaxis]
    return pairs_left(np.where(inner, 0, left_out), shells.pairs, 1)
