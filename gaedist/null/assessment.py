"""What a measured value means under a null distribution.

`NullDistribution.assess` turns it into its excess over the null mean, that excess in standard deviations (z),
and a p-value.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Protocol

from gaedist.engine import SINGLE
from gaedist.mixtures.distance import SquaredDistance

WIDE = "the kernel is so wide that rounding hides the sample. Take a narrower one."
COARSE = "single precision is too coarse for this null distribution. Use --precision double (precision=)."

DEGENERATE = "degenerate"
"""Method of the null distribution for codes of singular covariance."""


@dataclass(frozen=True)
class Null:
    """The null distribution of a value, as a result reports it.

    Attributes
    ----------
    method : str
        How the p-value was computed: ``limit-law``, ``gamma`` or ``log-normal`` with mean and standard
        deviation in closed form; ``radial-sum`` from the distribution of a sum of functions of the norms,
        which is far from its mean in many dimensions; ``closed-form`` has only mean and standard deviation,
        and no p-value; ``monte-carlo`` is simulated, ``permutations`` permutes labels; ``degenerate`` is for
        codes of singular covariance, which no sample of N(0, I) has, or each of so few points; ``none`` is no
        null distribution.
    mean, sd : float, optional
        Mean and standard deviation of the value.
    replicates : int, optional
        Number of simulated samples or permutations.
    note : str, optional
        Why there is no p-value, and what to do about it; or that the codes are degenerate.
    """

    method: str
    mean: float | None = None
    sd: float | None = None
    replicates: int | None = None
    note: str | None = None

    def explained(self, precision: str) -> "Null":
        """Return this, with the note `COARSE` in place of `WIDE` where single precision is the cause."""
        return replace(self, note=COARSE) if self.note == WIDE and precision == SINGLE else self


@dataclass(frozen=True)
class Assessment:
    """A value compared with its null distribution.

    Attributes
    ----------
    null : Null
        The null distribution.
    excess, z : float, optional
        The value minus the null mean, and that in null standard deviations.
    p_value : float, optional
        Upper tail probability; or two-sided, for a value that can also be too small.
    skewed : bool
        The null distribution is so skewed that a small z does not mean a likely value.
    distribution : NullDistribution, optional
        What the value was compared with, for pictures.
    """

    null: Null
    excess: float | None = None
    z: float | None = None
    p_value: float | None = None
    skewed: bool = False
    distribution: "NullDistribution | None" = field(default=None, repr=False, compare=False)

    def noted(self, note: str | None) -> "Assessment":
        """Return the same with a note on why there is no p-value, if there is one."""
        return replace(self, null=replace(self.null, note=note)) if note else self


class Measured(Protocol):
    """What a null distribution reads of a measurement; see `gaedist.metrics.measurement.Measurement`."""

    @property
    def value(self) -> float:
        """The value."""

    @property
    def varying(self) -> float:
        """The part of the value that differs between samples."""

    @property
    def constant(self) -> float:
        """The part that is the same for all samples of this size."""

    @property
    def log_rounding_scale(self) -> float:
        """Logarithm of the largest term of ``varying``."""

    @property
    def error(self) -> float | None:
        """Monte Carlo standard error of the value."""

    @property
    def distance(self) -> SquaredDistance | None:
        """The terms of a squared L2 distance."""


class NullDistribution(ABC):
    """The distribution of a value under the null hypothesis."""

    @abstractmethod
    def assess(self, measured: Measured) -> Assessment:
        """Return the excess, z and p-value of a measured value."""

    def upper_tail(self, z: float) -> float | None:
        """Return the probability of a larger z; None where it is not known."""
        return None
