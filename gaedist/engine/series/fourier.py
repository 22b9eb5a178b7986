"""Sums over pairs as Fourier series, in linear time, by FINUFFT (the extra ``fft``).

In a box of sides L the kernel is a series of plane waves, and a sum over pairs one over these (FORMULAS §9),

    Σ_ij c_i d_j e^(−|x_i − y_j|²/(4s)) = Σ_k g_k F_k conj(G_k)        F_k = Σ_j c_j e^(i k·x_j)
    g_k = Π (√(4πs)/L_d) e^(−s k_d²)                                  k_d a multiple of 2π/L_d

The box is larger than the points by so much that no point sees another's image, and the series ends where g
does. F is a non-uniform transform of type 1. It is made of chunks of points of one size by one thread each,
which are added in their order: the same bits for any number of threads.
"""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.run.threads import in_order
from gaedist.engine.series.basis import Basis, Charges, Progress
from gaedist.numerics import Array

Waves = NDArray[np.complex128]

_LOG_CUT = -math.log(1e-17)  # of what is left out of the kernel, and of the series
_TOLERANCE = 1e-14  # of the transform; as precise as it is in double
_CHUNK = 1 << 17  # points that one thread transforms at once, unless there are more waves
_BATCH = 1 << 22  # waves of several sets of charges that are kept at once
_MOST = 1 << 21  # waves, whose grids take 256 MiB in each thread in three dimensions
_START_SECONDS = 0.1  # to load FINUFFT, and to plan
_POINT_SECONDS = (7e-8, 1.7e-7, 1.7e-6)  # a point on one core, by D
_CELL_SECONDS = 2e-8  # a cell of the grid of a chunk


class Fourier(Basis):
    """The waves that make a kernel 2^(−rate |x − y|²) between points of some samples.

    Attributes
    ----------
    shape : tuple of int
        How many waves along each axis, an odd number.
    weights : (M,) array
        The g_k, in the order in which FINUFFT gives the waves.
    """

    name: ClassVar[str] = "fourier"
    dims: ClassVar[range] = range(1, 4)
    rounding: ClassVar[float] = 2e-13
    """Measured: 3e-15 for some thousand waves, 1e-13 for 1.8 million."""

    def __init__(self, samples: Sequence[Array], rate: float) -> None:
        """Take a box that holds all samples, (n, D) each; raise `ValueError` if it needs too many waves."""
        self.remainders = [0.0] * len(samples)  # those 1e-17 are within the rounding
        four_s = 1 / (rate * math.log(2))
        low = np.min([x.min(axis=0) for x in samples], axis=0)
        high = np.max([x.max(axis=0) for x in samples], axis=0)
        self.center = low / 2 + high / 2
        self.step = 2 * math.pi / (high - low + math.sqrt(four_s * _LOG_CUT))  # (D,), between waves
        counts = 1 + 2 * np.ceil(2 * math.sqrt(_LOG_CUT / four_s) / self.step)
        if not (waves := math.prod(counts.tolist())) <= _MOST:
            raise ValueError(f"the codes spread so far beside σ that it takes {waves:.1g} waves")
        self.shape = tuple(map(int, counts))
        self.weights = np.ones(1)
        for step, count in zip(self.step, self.shape, strict=True):
            k = step * np.arange(-(count // 2), count // 2 + 1)
            along = step * math.sqrt(four_s / (4 * math.pi)) * np.exp(-four_s / 4 * k**2)
            self.weights = np.outer(self.weights, along).ravel()

    @staticmethod
    def fault() -> str | None:
        """Return why there are no such sums here, or None."""
        return None if find_spec("finufft") else "it needs FINUFFT: pip install 'gaedist[fft]'"

    def seconds(self, points: int, sets: int = 1) -> float:
        """Return about how long one core takes to transform so many points, with so many sets of charges."""
        dim, count = len(self.shape), self.weights.size
        grids = math.ceil(points / self._chunk) * count * 2**dim
        a_set = points * _POINT_SECONDS[dim - 1] + grids * _CELL_SECONDS
        return float(_START_SECONDS + math.ceil(sets / 2) * a_set)

    @property
    def _chunk(self) -> int:
        return max(_CHUNK, self.weights.size)

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
        """Transform two real sets as one complex one, F + iG, with F(−k) the conjugate of F(k)."""
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
