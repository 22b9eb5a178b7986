"""Questions that share their passes: what each has to know of the points, and what it makes of that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gaedist.engine.directions import Slices
from gaedist.engine.run.pair_sum import PairSum, PairTotal
from gaedist.numerics import Array

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, eq=False)
class Plan(Generic[T]):
    """A question.

    Attributes
    ----------
    finish : callable
        From the pair sums, and the values along directions, to the answer.
    pairs : sequence of PairSum
        Sums that it needs.
    slices : sequence of Slices
        Statistics along directions that it needs.
    """

    finish: Callable[[Sequence[PairTotal], Sequence[Array]], T]
    pairs: Sequence[PairSum] = ()
    slices: Sequence[Slices] = ()

    def then(self, function: Callable[[T], U]) -> "Plan[U]":
        """Return the plan whose answer is a function of this one's."""
        return Plan(lambda totals, slices: function(self.finish(totals, slices)), self.pairs, self.slices)
