"""One pass over the pairs of a Gaussian sum, in one precision."""

import math
from dataclasses import dataclass

from gaedist.engine.compiled.arguments import GaussianPoints, GaussianScratch
from gaedist.engine.compiled.sizes import HEIGHT
from gaedist.engine.run.pair_sum import PairTotal, Provenance
from gaedist.engine.run.run import SINGLE
from gaedist.engine.tiling import FAINT, GLARING, Positions
from gaedist.numerics import Array

_LOST = 2.0**-100  # a mean power, over its expected size, below which some powers may have underflowed
_MOST_SINGLE = 2.0**119  # a sum in single precision above which some powers may have been limited


@dataclass(frozen=True, eq=False)
class GaussianPass:
    """A pass over pairs in one precision: the points as the tiles take them, and scratch memory.

    Attributes
    ----------
    points : GaussianPoints
        The points.
    symmetric : bool
        Only pairs of a point and an earlier one count.
    scratch : list of GaussianScratch
        Memory of each thread.
    log2_unit : int
        log2 of the unit of the sums.
    provenance : Provenance
        How its total is made.
    """

    points: GaussianPoints
    symmetric: bool
    scratch: list[GaussianScratch]
    log2_unit: int
    provenance: Provenance

    def fill(
        self,
        thread: int,
        positions: Positions,
        found: Array,
        *,
        symmetric: bool | None = None,
        height: int = HEIGHT,
    ) -> None:
        """Fill found, (K, 1), with the sums over tiles of this height at these positions, on a thread."""
        from gaedist.engine.compiled.gaussian_tiles import gaussian_tiles

        below = self.symmetric if symmetric is None else symmetric
        gaussian_tiles(self.points, below, height, positions, found, self.scratch[thread])

    def total(self, found: float, pairs: float) -> PairTotal | None:
        """Return the logarithm of a sum, unless some of it may have left the range of its precision."""
        single = self.provenance.precision == SINGLE
        least, most = (_LOST * pairs, _MOST_SINGLE) if single else (2.0**FAINT, 2.0**GLARING)
        if least < found < most:
            return PairTotal(math.log(found) + self.log2_unit * math.log(2), self.provenance)
        return None
