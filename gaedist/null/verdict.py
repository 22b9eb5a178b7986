"""What p-values say together, and what bounds a p-value that is not known.

The verdict on a sample rests on one distance or on several, each with its p-value. Where a distance has no
calibrated p-value but an exact mean and standard deviation, its z bounds p under any distribution. Tables,
JSON, gates and sentences all take these rules from here.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from gaedist.null.assessment import Assessment
from gaedist.null.distributions import smallest_p

NOT_NORMAL, BORDERLINE, NORMAL, NO_VERDICT = (
    "Not N(0, I)",
    "Borderline",
    "No difference from N(0, I) detected",
    "No verdict",
)
"""Verdicts on one sample."""

UNLIKELY, CLEAR = 0.05, 1e-3
"""p-values below which a verdict is borderline, and clear."""

RARE = 0.01
"""Largest p-value that is clear if no simulated sample, or permutation of labels, is as extreme."""


def bound_on_p(z: float, *, two_sided: bool) -> float:
    """Return the most that p can be under any distribution.

    P(z ≥ t) ≤ 1/(1 + t²) for t > 0 (Cantelli), and P(|z| ≥ t) ≤ 1/t² (Chebyshev).
    """
    if (abs(z) <= 1) if two_sided else (z <= 0):
        return 1.0
    return max(sys.float_info.min, 1 / (z * z + (not two_sided)))


@dataclass(frozen=True)
class Evidence:
    """What one distance says against N(0, I).

    Attributes
    ----------
    z : float, optional
        The excess over the null mean in null standard deviations.
    p_value : float, optional
        The p-value.
    p_bound : float, optional
        Where there is no p-value, a number that it cannot exceed.
    two_sided : bool
        Too small a value counts as well.
    least : float
        The smallest p-value that as many simulated samples can give; 0 if there are none.
    """

    z: float | None
    p_value: float | None
    p_bound: float | None
    two_sided: bool
    least: float

    @classmethod
    def of(cls, found: Assessment, *, two_sided: bool, exact: bool, error: float | None = None) -> "Evidence":
        """Return what an assessment says.

        Parameters
        ----------
        found : Assessment
            A value compared with its null distribution.
        two_sided : bool
            As in the class.
        exact : bool
            Mean and standard deviation of the null distribution are exact, so that z bounds p.
        error : float, optional
            Standard error of a value that was estimated from some of the pairs.
        """
        bound = None
        if found.p_value is None and found.z is not None and exact:
            spread = math.hypot(1, error / found.null.sd) if error and found.null.sd else 1
            bound = bound_on_p(found.z / spread, two_sided=two_sided)
        return cls.given(found.z, found.p_value, bound, two_sided, found.null.replicates)

    @classmethod
    def given(
        cls,
        z: float | None,
        p_value: float | None,
        p_bound: float | None,
        two_sided: bool,
        replicates: int | None,
    ) -> "Evidence":
        """Return the evidence of a z and a p-value, with so many simulated samples if there are any."""
        least = 0.0 if replicates is None else smallest_p(replicates, two_sided=two_sided)
        return cls(z, p_value, p_bound, two_sided, least)

    @property
    def p_at_most(self) -> float | None:
        """The p-value, or else its bound."""
        return self.p_bound if self.p_value is None else self.p_value

    def is_certain(self, count: int) -> bool:
        """Tell whether this one of so many distances settles the verdict by itself.

        Either z is so large that p is small under any distribution; or no simulated sample is as extreme, of
        enough samples to be a verdict.
        """
        if self.z is not None and count * bound_on_p(self.z, two_sided=self.two_sided) < CLEAR:
            return True
        return self.p_value is not None and self.p_value <= min(RARE / count, self.least)


@dataclass(frozen=True)
class Judgement:
    """What all distances say together.

    Attributes
    ----------
    verdict : str
        One of the verdicts above.
    p : float, optional
        min(1, k times the least of k p-values) (Bonferroni), with bounds where there is no p-value; distances
        that have neither are left out.
    is_bound : bool
        ``p`` comes from a bound.
    """

    verdict: str
    p: float | None
    is_bound: bool


def judged(evidence: Sequence[Evidence]) -> Judgement:
    """Return the verdict of one distance or of several, and their p-value together."""
    known = [(some.p_at_most, some) for some in evidence if some.p_at_most is not None]
    if not known:
        certain = any(some.is_certain(len(evidence)) for some in evidence)
        return Judgement(NOT_NORMAL if certain else NO_VERDICT, None, False)
    count = len(known)
    least, found = min(known, key=lambda pair: pair[0])
    p, is_bound = min(1.0, count * least), found.p_value is None
    if p < CLEAR or any(some.is_certain(count) for some in evidence):
        verdict = NOT_NORMAL
    elif not any(some.p_at_most is not None and count * some.least < UNLIKELY for some in evidence):
        verdict = NO_VERDICT
    elif p < UNLIKELY:
        verdict = BORDERLINE
    else:
        verdict = NORMAL if any(some.p_value is not None for some in evidence) else NO_VERDICT
    return Judgement(verdict, p, is_bound)
