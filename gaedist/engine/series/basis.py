"""Kernels as series of products, whose sums over pairs are linear in the points."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from gaedist.numerics import Array

Charges = Callable[[slice], Array]
"""From a slice of the points to their charges, (S, rows): S sets of them."""

ERROR = 1e-12
"""Of a sum, relative to it; of one over two samples, relative to the geometric mean of those over each."""


Progress = Callable[[int, int], None]


class Basis(ABC):
    """A kernel 2^(−rate |x − y|²) as Σ_k g_k a_k(x) conj(a_k(y)), between points of some samples.

    A sum over pairs is one over k of products of F_k = Σ_j c_j a_k(x_j). Subclasses are made from the
    samples, (n, D) arrays, and the rate, and raise `ValueError` with a reason where they need too many terms.

    Attributes
    ----------
    name : str
        As in `METHODS`.
    dims : range
        Of the points that it is for.
    compiled : bool
        It takes compiled code, which calls a BLAS of its own.
    rounding : float
        Bound of the error of a sum, relative to the geometric mean of those of each sample with itself.
    remainders : sequence of float
        What the series leaves out, for each sample: of a sum over two samples, with charges 1, at most the
        product of the numbers of points and of these.
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
        """Take the terms that these samples need."""

    @classmethod
    def within(cls, samples: Sequence[Array], rate: float, error: float) -> Self:
        """Return one that leaves out so little of the sum of each sample with charges 1, relative to it.

        The pairs i = j are no part of that sum.
        """
        return cls(samples, rate)

    @staticmethod
    def fault() -> str | None:
        """Return what is missing on this machine, or None."""
        return None

    @staticmethod
    def fit_seconds(points: int) -> float:
        """Return about how long it takes to make one for so many points, on one thread, if that is long."""
        return 0.0

    @abstractmethod
    def seconds(self, points: int, sets: int = 1) -> float:
        """Return about how long one core takes for so many points, and sets of charges."""

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
            Of them.
        sets : int
            S.
        threads : int
            How many to use.
        progress : callable, optional
            As in `Run`, with counts of parts of the work.
        """
