"""The covariances of a VAE's posteriors, in place of a smoothing kernel: Eq. (6) as it is.

The aggregate posterior q = (1/n) Σ N(μ_i, diag s_i²) is a mixture already, so its distance to the prior needs
no smoothing. N(0, I) as its limit, with means that are normal and independent, and s held, means that
μ_ij ~ N(0, 1 − s_ij²).
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import LARGEST_SIGMA, SMALLEST_SIGMA
from gaedist.mixtures.diagonal import Diagonal, Spherical
from gaedist.numerics import Array

POSTERIOR = "posterior"
"""The name of the rule in results where σ are the standard deviations of posteriors."""

TOLERATED = 0.1
"""Largest variance above 1, in standard errors of the variance of n normal numbers, that is overlooked."""


@dataclass(frozen=True, eq=False)
class PosteriorSigma:
    """The standard deviations of posteriors, which belong to their means.

    Attributes
    ----------
    sds : (n, D) or (n, 1) array of double
        One for each point and axis, or the same on all axes.

    Raises
    ------
    GaedistError
        For one that is 0, or too small or large to be squared.
    """

    sds: Array

    def __post_init__(self) -> None:
        """Check the range."""
        bad = ~((self.sds > SMALLEST_SIGMA) & (self.sds < LARGEST_SIGMA))
        if bad.any():
            i, j = np.argwhere(bad)[0]
            raise GaedistError(
                f"a posterior with standard deviation {self.sds[i, j]:g} (row {i}, axis {j}) has no density "
                f"that a mixture could hold: it must lie between {SMALLEST_SIGMA:g} and {LARGEST_SIGMA:g}. "
                "Draw a sample instead: leave out --posterior mixture (posterior=)."
            )

    @property
    def covariance(self) -> Spherical | Diagonal:
        """The covariances diag(s_i²), of the narrowest family."""
        family = Spherical if self.sds.shape[1] == 1 else Diagonal
        return family(self.sds**2)

    def first(self, count: int) -> "PosteriorSigma":
        """Return the standard deviations of the first points."""
        return self if count == len(self.sds) else PosteriorSigma(self.sds[:count])

    def null_means(self, x: Array) -> Array:
        """Return means such that a mixture with these s is a sample of N(0, I), from a sample x of N(0, I).

        Where s is above 1 no mean does that; there it is 0, see `why_no_null`.
        """
        return x * self._null_sds

    @cached_property
    def _null_sds(self) -> Array:
        return np.sqrt(np.maximum(0.0, (1 - self.sds) * (1 + self.sds)))

    @property
    def why_no_null(self) -> str | None:
        """Why no means make the mixture N(0, I), on the worst axis; None if they can."""
        n = len(self.sds)
        excess = np.maximum(0.0, (self.sds - 1) * (self.sds + 1)).mean(axis=0)
        worst = int(excess.argmax())
        if excess[worst] > TOLERATED * math.sqrt(2 / n):
            above = float((self.sds[:, worst] > 1).mean())
            axis = f"axis {worst}" if len(excess) > 1 else "all axes"
            return (
                f"no means make an aggregate posterior N(0, I) whose standard deviations are above 1: "
                f"on {axis} {above:.0%} of them, which adds {excess[worst]:.2g} to its variance. Score a "
                "sample of it: leave out --posterior mixture (posterior=)."
            )
        if not self._null_sds.any():
            return (
                "all standard deviations of the posteriors are 1 or more, so that N(0, I) needs means of 0 "
                "and has one value."
            )
        return None

    @property
    def digest(self) -> str:
        """What tells these standard deviations from others."""
        return hashlib.sha256(self.sds.tobytes() + repr(self.sds.shape).encode()).hexdigest()
