"""What a metric requests of the engine; `evaluate` makes one pass over the points for all requests."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from gaedist.engine.directions import Slices
from gaedist.engine.run.pair_sum import PairSum, PairTotal
from gaedist.numerics import Array

T_co = TypeVar("T_co", covariant=True)


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
