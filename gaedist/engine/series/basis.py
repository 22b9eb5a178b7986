"""`Basis`, a kernel as a series of products of functions of one point each.

Sums over pairs then take time linear in the number of points. `Fourier` and `Hermite` implement it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from gaedist.numerics import Array

Charges = Callable[[slice], Array]
"""From a slice of the points to their factors in a sum, (S, rows), for S sets of charges."""

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
    remainders : sequence of float
        For each sample its truncation error r: the series changes a sum with charges 1 over samples of n and
        m points by at most n m r_x r_y.
    weights : (M,) array
        The g_k.
    """

    name: ClassVar[str]
    dims: ClassVar[range]
    compiled: ClassVar[bool] = False
    rounding: ClassVar[float]
    remainders: Sequence[float]
    weights: Array

    @abstractmethod
    def __init__(self, samples: Sequence[Array], rate: float) -> None:
        """Choose the terms for these samples, (n, D) each; raise `ValueError` if they are too many."""

    @classmethod
    def with_error(cls, samples: Sequence[Array], rate: float, error: float) -> Self:
        """Return a basis that truncates the sum over i ≠ j of each sample by at most ``error`` of the sum.

        The charges are 1. Raises `ValueError` with a reason if too many terms are needed.
        """
        return cls(samples, rate)

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
