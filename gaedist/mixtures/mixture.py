"""Gaussian mixtures and their overlaps ⟨p, q⟩ = ∫ p q.

A smoothed sample, the prior N(0, I), a smoothed prior and a mixture prior are all `Mixture`. An overlap is a
sum over pairs of components of ⟨N(a, A), N(b, B)⟩ = N(a − b; 0, A + B). This is Eq. (3), since
Σ⁻¹(Σ⁻¹ + Γ⁻¹)⁻¹Γ⁻¹ = (Σ + Γ)⁻¹.

All values are logarithms: for D in the thousands σ^(−D) overflows, and e^(−D/2) is lost next to 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gaedist.engine import BY_PAIRS, PairSum, PairTotal, Provenance, Run, Slices, evaluate
from gaedist.errors import GaedistError, check_dims
from gaedist.mixtures.covariance import Covariance
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.families import common_family, promoted
from gaedist.numerics import Array

PLAIN_UNIT = 1 / (4 * math.pi)
"""The unit for which ⟨p, q⟩ (4π unit)^(D/2) is the integral itself."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """The density p = Σ_i w_i N(x_i, Σ_i).

    Attributes
    ----------
    centers : (n, D) array of double
        The x_i.
    covariance : Covariance
        The Σ_i, of one of the families in `gaedist.mixtures.families`.
    weights : (n,) array of double, optional
        The w_i, positive with sum 1; 1/n each when not given.
    """

    centers: Array
    covariance: Covariance
    weights: Array | None = None

    def __post_init__(self) -> None:
        """Raise `GaedistError` if there are no centers, or covariances or weights do not fit them."""
        if self.centers.ndim != 2 or 0 in self.centers.shape:
            raise GaedistError(f"centers must be an (n, D) array, not empty; got shape {self.centers.shape}.")
        self.covariance.check(self.centers)
        w = self.weights
        if w is not None and not (
            w.shape == self.centers.shape[:1]
            and (w > 0).all()
            and math.isclose(math.fsum(w), 1, rel_tol=1e-9)
        ):
            raise GaedistError(
                f"weights must be {len(self.centers)} positive numbers with sum 1; "
                f"got shape {w.shape}, sum {w.sum():g}, minimum {w.min(initial=math.inf):g}."
            )

    @property
    def dim(self) -> int:
        """The dimension D."""
        return int(self.centers.shape[1])

    def log2_relative_weights(self) -> Array:
        """Return log2(n w_i), (n,): exactly 0 for equal weights."""
        if self.weights is None:
            return np.zeros(len(self.centers))
        return np.asarray(np.log2(len(self.centers) * self.weights))


def normal(dim: int, *, variance: float = 1.0) -> Mixture:
    """Return N(0, variance · I) in ``dim`` dimensions, a mixture of one component."""
    return Mixture(np.zeros((1, dim)), Constant(variance))


@dataclass(frozen=True)
class Overlap:
    """log ⟨p, q⟩, in two parts: the overlap of each component with itself, and the rest.

    Attributes
    ----------
    log_self : float
        log Σ_i w_i² ∫ N(x_i, Σ_i)² if p is q, else −inf.
    log_pairs : float
        log of the sum over all other pairs of components.
    provenance : Provenance
        How ``log_pairs`` was computed.
    log_error : float
        log of the standard error of the sum over pairs if it was estimated from a sample of pairs, else −inf.
    """

    log_self: float
    log_pairs: float
    provenance: Provenance = BY_PAIRS
    log_error: float = -math.inf

    @property
    def log_total(self) -> float:
        """The logarithm of ⟨p, q⟩."""
        return float(np.logaddexp(self.log_self, self.log_pairs))

    def unbiased(self, n: int) -> "Overlap":
        """Return ⟨p, p⟩ of n ≥ 2 equally weighted points as a mean over pairs of different points."""
        log_correction = -math.log1p(-1 / n)  # from n² to n(n − 1) pairs
        return replace(
            self,
            log_self=-math.inf,
            log_pairs=self.log_pairs + log_correction,
            log_error=self.log_error + log_correction,
        )


def overlap(p: Mixture, q: Mixture, *, unit: float = PLAIN_UNIT, run: Run | None = None) -> Overlap:
    """Return ⟨p, q⟩ (4π unit)^(D/2) by Eq. (3), as logarithms.

    Raises
    ------
    GaedistError
        If p and q have different dimensions.
    """
    return overlaps([(p, q, unit)], run or Run())[0]


def overlaps(pairs: Sequence[tuple[Mixture, Mixture, float]], run: Run) -> list[Overlap]:
    """Return `overlap` of each (p, q, unit).

    Mixtures with the same centers and constant covariances share one pass over the pairs.
    """
    return evaluate([OverlapRequest(p, q, unit) for p, q, unit in pairs], run)


class OverlapRequest:
    """⟨p, q⟩ (4π unit)^(D/2), to be evaluated with others in a shared pass over the pairs.

    Parameters
    ----------
    p, q, unit
        As for `overlap`.
    log_null_sd : float, optional
        log of the standard deviation of ⟨p, p⟩ over centers drawn from N(0, I): the scale of the tolerance
        when the engine estimates the sum from some of its pairs.

    Raises
    ------
    GaedistError
        If p and q have different dimensions.
    """

    slices: Sequence[Slices] = ()

    def __init__(self, p: Mixture, q: Mixture, unit: float, log_null_sd: float | None = None) -> None:
        check_dims(p.dim, q.dim)
        self.p, self.q, self.unit = p, q, unit
        self.job = pair_sum(p, q, unit)
        n, m = len(p.centers), len(q.centers)
        # from the sum over pairs to the overlap; pairs i > j count twice
        self.log_weight = self.job.log_scale + math.log((2 if p is q else 1) / (n * m))
        if log_null_sd is not None:
            self.job = replace(self.job, log_spread=log_null_sd - self.log_weight)
        self.pairs = [self.job]

    def finish(self, totals: Sequence[PairTotal], values: Sequence[Array]) -> Overlap:
        """Return the overlap, from the total of its sum over pairs."""
        (total,), p = totals, self.p
        log_pairs, log_error = self.log_weight + total.log, self.log_weight + total.log_error
        if p is not self.q:
            return Overlap(-math.inf, log_pairs, total.provenance, log_error)
        log_squares = 2 * math.log(2) * p.log2_relative_weights() + (
            p.covariance.log_self_overlaps(p.dim, self.unit)
        )
        log_self = log_squares.max() + math.log(math.fsum(np.exp(log_squares - log_squares.max())))
        return Overlap(float(log_self) - 2 * math.log(len(p.centers)), log_pairs, total.provenance, log_error)


def pair_sum(p: Mixture, q: Mixture, unit: float = 1.0) -> PairSum:
    """Return ⟨p, q⟩ (4π unit)^(D/2) n m as a job for the engine, or its part over i > j if p is q.

    Covariances of different families are promoted to the narrowest family that contains both.
    """
    if p is q:
        return p.covariance.pair_sum(p.covariance, p.centers, None, p.log2_relative_weights(), None, unit)
    family = common_family(p.covariance.name, q.covariance.name)
    return promoted(p.covariance, family, p.centers).pair_sum(
        promoted(q.covariance, family, q.centers),
        p.centers,
        q.centers,
        p.log2_relative_weights(),
        q.log2_relative_weights(),
        unit,
    )
