"""What a metric requests of the engine; `evaluate` makes one pass over the points for all requests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gaedist.engine.directions import Slices
from gaedist.engine.run.pair_sum import PairSum, PairTotal
from gaedist.numerics import Array

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")


class Request(Protocol[T_co]):
    """The sums that a result takes, and how the result follows from them."""

    @property
    def pairs(self) -> Sequence[PairSum]:
        """The sums over pairs of points."""

    @property
    def slices(self) -> Sequence[Slices]:
        """The statistics of the points projected on directions."""

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> T_co:
        """Return the result, from the total of each of `pairs` and the values, (L,), of each of `slices`."""


@dataclass(frozen=True, eq=False)
class Plan(Generic[T]):
    """A request written as data.

    Attributes
    ----------
    finish : callable
        From the totals of ``pairs`` and the values of ``slices`` to the result.
    pairs : sequence of PairSum
        The sums over pairs of points.
    slices : sequence of Slices
        The statistics of the points projected on directions.
    """

    finish: Callable[[Sequence[PairTotal], Sequence[Array]], T]
    pairs: Sequence[PairSum] = ()
    slices: Sequence[Slices] = ()

    def then(self, function: Callable[[T], U]) -> "Plan[U]":
        """Return the plan whose result is a function of the result of this one."""
        return Plan(lambda totals, slices: function(self.finish(totals, slices)), self.pairs, self.slices)
