"""The squared L2 distance between two mixtures, as logarithms: every L2 distance in gaedist is this one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gaedist.engine import Plan, Provenance, Run, evaluate
from gaedist.mixtures.mixture import NO_LOG_SDS, PLAIN_UNIT, Mixture, Overlap, overlap_plan
from gaedist.numerics import signed_sum


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
    return evaluate([distance_plan([(p, q, unit)])], run or Run())[0][0]


def distance_plan(
    pairs: Sequence[tuple[Mixture, Mixture, float]], log_null_sds: Mapping[int, float] = NO_LOG_SDS
) -> Plan[list[SquaredDistance]]:
    """Return the plan of `squared_distance` for each (p, q, unit).

    Mixtures with the same centers and constant covariances share one pass over the pairs. ``log_null_sds`` is
    as for `overlap_plan`, with standard deviations of the distances.
    """
    terms = []
    for p, q, unit in pairs:
        # a few long rows of the matrix of pairs are faster than many short ones
        few, many = sorted((p, q), key=lambda mixture: len(mixture.centers))
        terms += [(p, p, unit), (q, q, unit), (few, many, unit)]

    def finish(found: list[Overlap]) -> list[SquaredDistance]:
        return [SquaredDistance(*found[k : k + 3]) for k in range(0, len(found), 3)]

    return overlap_plan(terms, {3 * k: log for k, log in log_null_sds.items()}).then(finish)
