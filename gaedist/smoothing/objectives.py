"""The losses that an optimisation of σ minimises, with their gradients, from one pass over the pairs."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gaedist.engine import Run, log_pair_sums, pair_derivatives
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import PerPointCovariance
from gaedist.mixtures.mixture import Mixture, normal, overlap, pair_sum
from gaedist.numerics import Array
from gaedist.smoothing.bandwidths import MARGIN, score_loss

_MAX_LOG = 250.0  # of terms relative to the unit, so that none of them underflows or overflows
_MAX_LOG_SELF = 300.0  # of a self-overlap relative to the unit, so that its exponential is finite


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The loss at given covariances, with its gradient.

    Attributes
    ----------
    loss : float
        The value that is minimised.
    gradients : tuple of (Q, n) arrays
        The derivatives of the loss with respect to the parameters of the covariances of each sample.
    densities : tuple of (n,) arrays
        For each point, a smoothed density there, scaled so that the curvature of the loss with respect to the
        point's parameters is roughly proportional to it.
    """

    loss: float
    gradients: tuple[Array, ...]
    densities: tuple[Array, ...]


class Objective(Protocol):
    """A loss as a function of the covariances of one or two samples."""

    samples: tuple[Array, ...]
    run: Run

    def __call__(self, covariances: tuple[PerPointCovariance, ...]) -> Evaluation:
        """Return the loss and its gradient."""

    def resolution(self, loss: float) -> float:
        """Return |d loss / d log v|, where v is the value shown to the user."""

    def describe(self, loss: float) -> str:
        """Return the value shown to the user, as text."""


class Score:
    """−log(1 − d²) of a sample against N(0, I), with d² by Eqs. (6) and (7).

    In many dimensions d² is 1 to the last digit, but the gradient of this loss does not vanish.
    """

    def __init__(self, codes: Array, run: Run) -> None:
        self.samples: tuple[Array, ...] = (codes,)
        self.run, self.prior = run, normal(codes.shape[1])

    def __call__(self, covariances: tuple[PerPointCovariance, ...]) -> Evaluation:
        """Return the loss and its gradient, computed with all terms relative to the cross term C."""
        p = Mixture(self.samples[0], covariances[0])
        n, dim = p.centers.shape
        pair_job, cross_job = pair_sum(p, p), pair_sum(self.prior, p)
        log_cross = cross_job.log_scale + log_pair_sums([cross_job], self.run)[0] - math.log(n)
        (pairs, _), (_, cross) = pair_derivatives([pair_job, cross_job], self.run, log_unit=log_cross)
        by_pairs, terms = _with_self_overlaps(pairs, covariances[0], dim, log_cross)
        ratio = terms.sum() / n**2
        by_pairs, by_cross = by_pairs / n**2, cross[1 : 1 + len(by_pairs)] / n
        # a lower bound of log P, for self-overlaps that were cut off at `_MAX_LOG_SELF`
        log_peak = float(covariances[0].log_self_overlaps(dim).max()) - 2 * math.log(n)
        loss = score_loss(max(log_cross + math.log(ratio), log_peak), log_cross)
        inside = 2 - ratio > MARGIN
        rest = 2 - ratio if inside else ratio - 2 + 2 * MARGIN
        gradient = (by_pairs - ratio * by_cross) / rest - by_cross
        return Evaluation(loss, (gradient,), ((terms / n + 2 * cross[0]) / (n * rest),))

    def resolution(self, loss: float) -> float:
        """Return min(1, d²/(1 − d²)): the user sees d², or 1 − d² where d² is close to 1."""
        return min(1.0, math.expm1(min(max(loss, 0.0), 1.0)))

    def describe(self, loss: float) -> str:
        """Return d², or 1 − d² where d² is close to 1, as text."""
        return f"d² = {-math.expm1(-loss):.6g}" if loss < 4 else f"1 − d² = {math.exp(-loss):.5g}"


class Distance:
    """log d² between two samples, sec. II.B."""

    def __init__(self, x: Array, y: Array, run: Run) -> None:
        self.samples: tuple[Array, ...] = (x, y)
        self.run = run
        self.log_unit: float | None = None

    def __call__(self, covariances: tuple[PerPointCovariance, ...]) -> Evaluation:
        """Return the loss and its gradient, with terms relative to those of the previous call if possible."""
        found = None if self.log_unit is None else self._relative(covariances, self.log_unit)
        if found is None:
            p = Mixture(self.samples[0], covariances[0])
            found = self._relative(covariances, overlap(p, p, unit=1.0, run=self.run).log_total)
        if found is None:
            raise GaedistError(
                "one of the samples is more than e^300 times as dense as the other. "
                "Rescale the codes, or give σ as a number."
            )
        return found

    def _relative(self, covariances: tuple[PerPointCovariance, ...], log_unit: float) -> Evaluation | None:
        """Return the same, with terms divided by exp(log_unit); None if they leave the range of a double."""
        p, q = (Mixture(x, c) for x, c in zip(self.samples, covariances, strict=True))
        (n, dim), m = p.centers.shape, len(q.centers)
        jobs = [pair_sum(p, p), pair_sum(q, q), pair_sum(p, q)]
        (xx, _), (yy, _), (xy, yx) = pair_derivatives(jobs, self.run, log_unit=log_unit)
        by_x, terms_x = _with_self_overlaps(xx, covariances[0], dim, log_unit)
        by_y, terms_y = _with_self_overlaps(yy, covariances[1], dim, log_unit)
        positive = math.fsum([*terms_x / n**2, *terms_y / m**2])
        if not abs(math.log(positive)) < _MAX_LOG:
            return None
        self.log_unit = log_unit + math.log(positive)
        square = max(positive - 2 * math.fsum(xy[0]) / (n * m), np.finfo(float).eps * positive)
        gradients = (
            (by_x / n**2 - 2 * xy[1:] / (n * m)) / square,
            (by_y / m**2 - 2 * yx[1:] / (n * m)) / square,
        )
        densities = terms_x / (n**2 * square), terms_y / (m**2 * square)
        return Evaluation(log_unit + math.log(square), gradients, densities)

    def resolution(self, loss: float) -> float:
        """Return 1: the loss is a logarithm."""
        return 1.0

    def describe(self, loss: float) -> str:
        """Return d², or its logarithm where it is beyond a double, as text."""
        return f"d² = {math.exp(loss):.6g}" if -700 < loss < 700 else f"log d² = {loss:.6g}"


def _with_self_overlaps(
    pairs: Array, covariance: PerPointCovariance, dim: int, log_unit: float
) -> tuple[Array, Array]:
    """Add each point's overlap with itself to sums over the other points.

    Returns the gradient of Σ_ij K_ij with respect to the parameters, (Q, n), and Σ_j K_ij, (n,).
    """
    selves = np.exp(np.minimum(covariance.log_self_overlaps(dim) - log_unit, _MAX_LOG_SELF))
    gradient = 2 * pairs[1:] + selves * covariance.self_overlap_gradient(dim)
    return gradient, pairs[0] + selves
