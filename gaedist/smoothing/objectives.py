"""What an optimisation of σ minimises, with its derivatives, from one pass over the pairs."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gaedist.engine import Run, log_pair_sums, pair_derivatives
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import Movable
from gaedist.mixtures.mixture import Mixture, normal, overlap, pair_sum
from gaedist.numerics import Array
from gaedist.smoothing.bandwidths import MARGIN, score_loss

_FAR = 250.0  # from the logarithm of the unit, so that no power of two is cut off


@dataclass(frozen=True, eq=False)
class Point:
    """A value of an objective.

    Attributes
    ----------
    loss : float
        What is minimised.
    slopes : tuple of (Q, n) arrays
        Its derivatives by the parameters of the covariances, for each sample.
    densities : tuple of (n,) arrays
        The part that each point has in the curvature of the loss.
    """

    loss: float
    slopes: tuple[Array, ...]
    densities: tuple[Array, ...]


class Objective(Protocol):
    """A function of the covariances of one or two samples."""

    samples: tuple[Array, ...]
    run: Run

    def __call__(self, covariances: tuple[Movable, ...]) -> Point:
        """Evaluate it."""

    def resolution(self, loss: float) -> float:
        """Return the decrease of the loss that is a relative decrease of 1 in what the user sees."""

    def describe(self, loss: float) -> str:
        """Write what the user sees."""


class Score:
    """−log(1 − d²) of a sample against N(0, I), Eqs. (6) and (7).

    Where d² is 1 to the last digit, in many dimensions, this still has a slope.
    """

    def __init__(self, codes: Array, run: Run) -> None:
        self.samples: tuple[Array, ...] = (codes,)
        self.run, self.prior = run, normal(codes.shape[1])

    def __call__(self, covariances: tuple[Movable, ...]) -> Point:
        """Evaluate it; all terms are taken relative to the cross term C, so that C = 1."""
        p = Mixture(self.samples[0], covariances[0])
        n, dim = p.centers.shape
        pair_job, cross_job = pair_sum(p, p), pair_sum(self.prior, p)
        log_cross = cross_job.log_scale + log_pair_sums([cross_job], self.run)[0] - math.log(n)
        (pairs, _), (_, cross) = pair_derivatives([pair_job, cross_job], self.run, log_unit=log_cross)
        by_pairs, terms = _with_selves(pairs, covariances[0], dim, log_cross)
        ratio = terms.sum() / n**2
        by_pairs, by_cross = by_pairs / n**2, cross[1 : 1 + len(by_pairs)] / n
        log_peak = float(covariances[0].log_selves(dim).max()) - 2 * math.log(n)  # which may be cut off
        loss = score_loss(max(log_cross + math.log(ratio), log_peak), log_cross)
        inside = 2 - ratio > MARGIN
        rest = 2 - ratio if inside else ratio - 2 + 2 * MARGIN
        slopes = (by_pairs - ratio * by_cross) / rest - by_cross
        return Point(loss, (slopes,), ((terms / n + 2 * cross[0]) / (n * rest),))

    def resolution(self, loss: float) -> float:
        """Return the least of 1 and d²/(1 − d²)."""
        return min(1.0, math.expm1(min(max(loss, 0.0), 1.0)))

    def describe(self, loss: float) -> str:
        """Write d², or what it lacks to 1."""
        return f"d² = {-math.expm1(-loss):.6g}" if loss < 4 else f"1 − d² = {math.exp(-loss):.5g}"


class Between:
    """log d² between two samples, sec. II.B."""

    def __init__(self, x: Array, y: Array, run: Run) -> None:
        self.samples: tuple[Array, ...] = (x, y)
        self.run = run
        self.log_unit: float | None = None

    def __call__(self, covariances: tuple[Movable, ...]) -> Point:
        """Evaluate it, with terms relative to the pair terms of the evaluation before, if they are near."""
        point = None if self.log_unit is None else self._relative(covariances, self.log_unit)
        if point is None:
            p = Mixture(self.samples[0], covariances[0])
            point = self._relative(covariances, overlap(p, p, unit=1.0, run=self.run).log_total)
        if point is None:
            raise GaedistError("one of the samples is more than e^300 times as dense as the other.")
        return point

    def _relative(self, covariances: tuple[Movable, ...], log_unit: float) -> Point | None:
        """Evaluate it with terms over exp(log_unit); None if they would leave the range of a double."""
        p, q = (Mixture(x, c) for x, c in zip(self.samples, covariances, strict=True))
        (n, dim), m = p.centers.shape, len(q.centers)
        jobs = [pair_sum(p, p), pair_sum(q, q), pair_sum(p, q)]
        (xx, _), (yy, _), (xy, yx) = pair_derivatives(jobs, self.run, log_unit=log_unit)
        by_x, terms_x = _with_selves(xx, covariances[0], dim, log_unit)
        by_y, terms_y = _with_selves(yy, covariances[1], dim, log_unit)
        positive = math.fsum([*terms_x / n**2, *terms_y / m**2])
        if not abs(math.log(positive)) < _FAR:
            return None
        self.log_unit = log_unit + math.log(positive)
        square = max(positive - 2 * math.fsum(xy[0]) / (n * m), np.finfo(float).eps * positive)
        slopes = (
            (by_x / n**2 - 2 * xy[1:] / (n * m)) / square,
            (by_y / m**2 - 2 * yx[1:] / (n * m)) / square,
        )
        densities = terms_x / (n**2 * square), terms_y / (m**2 * square)
        return Point(log_unit + math.log(square), slopes, densities)

    def resolution(self, loss: float) -> float:
        """Return 1: the loss is a logarithm."""
        return 1.0

    def describe(self, loss: float) -> str:
        """Write d²."""
        return f"d² = {math.exp(loss):.6g}" if -700 < loss < 700 else f"log d² = {loss:.6g}"


def _with_selves(pairs: Array, covariance: Movable, dim: int, log_unit: float) -> tuple[Array, Array]:
    """Return the derivatives of Σ_ij K_ij, (Q, n), and the terms of each point, (n,), its own included."""
    selves = np.exp(np.minimum(covariance.log_selves(dim) - log_unit, 300.0))
    slopes = 2 * pairs[1:] + selves * covariance.self_slopes(dim)
    return slopes, pairs[0] + selves
