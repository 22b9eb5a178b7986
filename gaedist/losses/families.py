"""The covariance families of losses: overlaps of Gaussians with variances in one of three forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gaedist.losses.diagonal import DIAGONAL
from gaedist.losses.pairs import Points, squares


@dataclass(frozen=True, eq=False)
class Components:
    """Components of a mixture: centers (n, D), variances (n, Q) and logarithms of weights (n,)."""

    centers: Tensor
    variances: Tensor
    log_weights: Tensor
    family: Family

    @property
    def points(self) -> Points:
        """What a pair sum takes."""
        return self.centers, self.variances, self.log_weights

    @property
    def counts(self) -> Tensor:
        """How many axes share each variance, (Q,)."""
        return self.centers.new_tensor(self.family.multiplicities(self.centers.shape[1]))


@dataclass(frozen=True)
class Family:
    """A covariance family: logarithms of overlaps, times (4π unit)^(D/2).

    Attributes
    ----------
    name : str
        Its name.
    exponents : callable
        From the multiplicities, the unit and two blocks of points to the overlaps of pairs, (a, b).
    along : callable
        From the centers to the squares of their coordinates along axes that share a variance, (n, Q).
    multiplicities : callable
        From D to the number of axes that share each variance.
    """

    name: str
    exponents: Callable[[int, float, Points, Points], Tensor]
    along: Callable[[Tensor], Tensor]
    multiplicities: Callable[[int], list[float]]

    def with_itself(self, p: Components, unit: float) -> Tensor:
        """Return the overlap of each component with itself, (n,)."""
        return self._log_root(p, p.variances / unit)

    def with_prior(self, p: Components, prior: float, unit: float) -> Tensor:
        """Return the overlap of each component with N(0, prior · I), (n,)."""
        both = (p.variances + prior) / 2
        return self._log_root(p, both / unit) - (self.along(p.centers) / (4 * both)).sum(1)

    def _log_root(self, p: Components, variances: Tensor) -> Tensor:
        return -0.5 * (torch.log(variances) * p.counts).sum(1)


def _spherical(dim: int, unit: float, p: Points, q: Points) -> Tensor:
    both = p[1] / (2 * unit) + (q[1] / (2 * unit)).T
    return torch.addcdiv(-dim / 2 * torch.log(both), squares(p[0], q[0]), both, value=-1 / (4 * unit))


def _diagonal(dim: int, unit: float, p: Points, q: Points) -> Tensor:
    """Go through the axes one by one, so that what a pair keeps is one number."""
    root, both = math.sqrt(2 * unit), 2 * unit
    return DIAGONAL(p[0] / root, p[1] / both, q[0] / root, q[1] / both)


def _radial(dim: int, unit: float, p: Points, q: Points) -> Tensor:
    """Implement the formulas of `gaedist.engine.compiled.exponents`, whose terms are positive.

    The sine of the angle between u = x/|x| and v = y/|y| has the square s(1 − s/4), s = |u − v|².
    """
    (x, v, _), (y, w, _) = p, q
    left = _directions(x)
    apart = squares(left, left if x is y else _directions(y))
    sine = apart * (1 - apart / 4)
    alpha, gamma = (v[:, 0] - v[:, 1])[:, None], w[:, 0] - w[:, 1]
    along, beta = v[:, 0][:, None] + w[:, 0], v[:, 1][:, None] + w[:, 1]
    delta = beta * along + alpha * gamma * sine
    far_x, far_y = (x * x).sum(1)[:, None], (y * y).sum(1)
    form = (beta * squares(x, y) + sine * (alpha * far_y + gamma * far_x)) / delta
    log_root = (dim - 2) / 2 * torch.log(beta / (2 * unit)) + 0.5 * torch.log(delta / (4 * unit**2))
    return -log_root - form / 2


def _directions(x: Tensor) -> Tensor:
    """Return x/|x|, with gradient 0 at x = 0, where it is 0."""
    squared = (x * x).sum(1, keepdim=True)
    positive = squared > 0
    return torch.where(positive, x * torch.where(positive, squared, 1.0).rsqrt(), 0.0)


def _squared_norm(x: Tensor) -> Tensor:
    return (x * x).sum(1, keepdim=True)


def _norm_and_zero(x: Tensor) -> Tensor:
    squared = _squared_norm(x)
    return torch.cat([squared, torch.zeros_like(squared)], 1)


FAMILIES: dict[str, Family] = {
    row.name: row
    for row in (
        Family("spherical", _spherical, _squared_norm, lambda dim: [float(dim)]),
        Family("radial", _radial, _norm_and_zero, lambda dim: [1.0, dim - 1.0]),
        Family("diagonal", _diagonal, lambda x: x * x, lambda dim: [1.0] * dim),
    )
}
"""Name → family of variances."""
