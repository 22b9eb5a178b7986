"""`Basis`, a kernel as a series of products of functions of one point each.

Sums over pairs then take time linear in the number of points. `Fourier` and `Hermite` implement it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.series.shells import Shells, Split
from gaedist.numerics import Array

Charges = Callable[[slice | NDArray[np.intp]], Array]
"""From a slice or indices of the points to their factors in a sum, (S, rows), for S sets of charges."""

ERROR = 1e-12
"""Largest error of a sum by a series, relative to the sum, or, for two samples, to the geometric mean of the
sums over each sample."""

Progress = Callable[[int, int], None]
"""Called with the number of parts of the work that are done, and of all parts."""


class Basis(ABC):
    """A kernel 2^(−rate |x − y|²) = Σ_k g_k a_k(x) conj(a_k(y)) between the points of some samples.

    A sum over pairs with factors c_i, d_j of the points, called charges, is linear in the points:
    Σ_ij c_i d_j 2^(−rate |x_i − y_j|²) = Σ_k g_k F_k conj(G_k), F_k = Σ_i c_i a_k(x_i), G_k likewise.

    Attributes
    ----------
    name : str
        Its name in `METHODS`.
    dims : range
        The dimensions D that it supports.
    compiled : bool
        Whether it loads code compiled by Numba, which calls a BLAS of its own.
    rounding : float
        Bound of the rounding error of a sum, relative to the geometric mean of the sums, including i = j, of
        each sample with itself.
    split : Split
        Which pairs of shells it sums.
    pairs : float
        Number of pairs of points that are to be summed one by one.
    remainders : (K, samples, L) array
        Truncation errors r of each sample and shell: the series changes a sum with charges 1 over two of
        these by at most Σ_k r_k r'_k.
    weights : (M,) array
        The g_k.
    """

    name: ClassVar[str]
    dims: ClassVar[range]
    compiled: ClassVar[bool] = False
    rounding: ClassVar[float]
    split: Split
    pairs: float
    remainders: Array
    weights: Array

    @abstractmethod
    def __init__(
        self, shells: Shells, rate: float, error: float = ERROR / 2, pair_seconds: float = math.inf
    ) -> None:
        """Choose the terms that take the least time, and pairs that are summed one by one.

        What is left out of the sum over i ≠ j of each sample, with charges 1, is at most ``error`` of it.
        Raises `ValueError` with a reason if too many terms are needed.

        Parameters
        ----------
        shells : Shells
            The points.
        rate : float
            The rate of the kernel.
        error : float
            Largest error of truncation.
        pair_seconds : float
            Time of a pair that is summed apart from the series.
        """

    @staticmethod
    def unavailable() -> str | None:
        """Return why this machine cannot use the series, or None if it can."""
        return None

    @staticmethod
    def fit_seconds(points: int) -> float:
        """Return about how long choosing the terms for so many points takes on one core, 0 if it is quick."""
        return 0.0

    @abstractmethod
    def seconds(self, points: int, sets: int = 1) -> float:
        """Return about how long one core takes to transform so many points with so many sets of charges."""

    @abstractmethod
    def transform(
        self, x: Array, charges: Charges, sets: int, threads: int, progress: Progress | None = None
    ) -> NDArray[Any]:
        """Return F for each set of charges, (S, M); the same bits for any number of threads.

        Parameters
        ----------
        x : (n, D) array
            The points of one of the samples.
        charges : callable
            Their charges.
        sets : int
            Number of sets of charges, S.
        threads : int
            Number of threads.
        progress : callable, optional
            Called after each part of the work.
        """
