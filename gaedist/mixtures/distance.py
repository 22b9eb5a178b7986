"""The squared L2 distance between two mixtures, as logarithms: every L2 distance in gaedist is this one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gaedist.engine import PairTotal, Provenance, Run, Slices, evaluate
from gaedist.mixtures.components import ComponentOverlap
from gaedist.mixtures.mixture import PLAIN_UNIT, Mixture, Overlap, OverlapRequest
from gaedist.numerics import Array, signed_sum


@dataclass(frozen=True)
class SquaredDistance:
    """d²(p, q) = ⟨p, p⟩ + ⟨q, q⟩ − 2⟨p, q⟩.

    Attributes
    ----------
    pp, qq, pq : Overlap
        The terms ⟨p, p⟩, ⟨q, q⟩ and ⟨p, q⟩.
    """

    pp: Overlap
    qq: Overlap
    pq: Overlap

    @cached_property
    def signed_value(self) -> tuple[int, float]:
        """The sign of d², −1, 0 or 1, and log |d²|: rounding, or `unbiased`, can make it negative."""
        return signed_sum(
            *((1, log) for term in (self.pp, self.qq) for log in (term.log_self, term.log_pairs)),
            *((-2, log) for log in (self.pq.log_self, self.pq.log_pairs)),
        )

    @property
    def log_value(self) -> float:
        """The logarithm of d², −inf where d² is 0 or negative."""
        sign, log_value = self.signed_value
        return log_value if sign > 0 else -math.inf

    @property
    def provenance(self) -> Provenance:
        """How the terms were computed, taken together."""
        return Provenance.of_several(self.pp.provenance, self.qq.provenance, self.pq.provenance)

    def unbiased(self, n: int, m: int | None = None) -> "SquaredDistance":
        """Return the distance without the overlap of each point with itself.

        Parameters
        ----------
        n : int
            Number of points of p, at least 2 and equally weighted.
        m : int, optional
            Number of points of q, likewise. When not given, q is a prior and ⟨q, q⟩ stays as it is.
        """
        qq = self.qq if m is None else self.qq.unbiased(m)
        return SquaredDistance(self.pp.unbiased(n), qq, self.pq)


def squared_distance(
    p: Mixture, q: Mixture, *, unit: float = PLAIN_UNIT, run: Run | None = None
) -> SquaredDistance:
    """Return ∫ (p − q)² (4π unit)^(D/2), as logarithms.

    Implements Eq. (6), with unit = 1 Eqs. (7) and (8), and with unit = σ² Eq. (5). The three overlaps are
    sums of positive terms; their rounding error is a few 1e-15 of ⟨p, p⟩ + ⟨q, q⟩ where codes are about as
    large as σ, and at most 1e-11 of it.

    Parameters
    ----------
    p, q : Mixture
        The densities.
    unit : float
        The variance v for which ∫ N(·; 0, vI)² is normalised to 1. By default 1/(4π): the integral itself.
    run : Run, optional
        Threads and progress.

    Raises
    ------
    GaedistError
        If p and q have different dimensions.
    """
    return evaluate([DistanceRequest(p, q, unit)], run or Run())[0]


class DistanceRequest:
    """`squared_distance`, to be evaluated with other requests in a shared pass over the pairs.

    Parameters
    ----------
    p, q, unit
        As for `squared_distance`.
    log_null_sd : float, optional
        log of the standard deviation of the distance over centers of p drawn from N(0, I), as for
        `OverlapRequest`.
    by_components : bool
        p is a sample of equal weights under one kernel, and q has few components of other covariances.
    """

    slices: Sequence[Slices] = ()

    def __init__(
        self,
        p: Mixture,
        q: Mixture,
        unit: float,
        log_null_sd: float | None = None,
        *,
        by_components: bool = False,
    ) -> None:
        # a few long rows of the matrix of pairs are faster than many short ones
        few, many = sorted((p, q), key=lambda mixture: len(mixture.centers))
        self.terms = [
            OverlapRequest(p, p, unit, log_null_sd),
            OverlapRequest(q, q, unit),
            ComponentOverlap(p, q, unit) if by_components else OverlapRequest(few, many, unit),
        ]
        self.pairs = [job for term in self.terms for job in term.pairs]

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> SquaredDistance:
        """Return the distance, from the totals of its three sums over pairs."""
        left = iter(totals)
        pp, qq, pq = (term.finish([next(left) for _ in term.pairs], values) for term in self.terms)
        return SquaredDistance(pp, qq, pq)
