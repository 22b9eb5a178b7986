"""The covariance families of losses: overlaps of Gaussians with variances in one of three forms.

Spherical and diagonal overlaps need only differences of centers. Radial ones follow directions from 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gaedist.losses.explicit import Explicit
from gaedist.losses.pairs import Points, squares
from gaedist.losses.tensors import is_readable

_LARGEST_LOG = 700.0  # of a number that a double holds


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
    seen_from_zero : bool
        Centers cannot be moved.
    """

    name: str
    exponents: Callable[[int, float, Points, Points], Tensor]
    along: Callable[[Tensor], Tensor]
    multiplicities: Callable[[int], list[float]]
    seen_from_zero: bool = False

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
    both = 2 * unit
    root = math.sqrt(both)  # not squared again, as an error of both would count D times
    return _DIAGONAL(p[0] / root, p[1] / both, q[0] / root, q[1] / both)


def _diagonal_value(x: Tensor, v: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """Return −½ Σ_k (log(v + w) + (x − y)²/(v + w)) of each pair."""
    total, product, together = x.new_zeros(len(x), len(y)), x.new_ones(()), _in_range(v, w)
    for k, (x_k, v_k, y_k, w_k) in enumerate(_axes(x, v, y, w), 1):
        apart, both = x_k[:, None] - y_k, v_k[:, None] + w_k
        total = torch.addcdiv(total, apart * apart, both)
        product = product * both
        if k % together == 0 or k == x.shape[1]:
            total.add_(torch.log(product))
            product = x.new_ones(())
    return total.mul_(-0.5)


def _in_range(*variances: Tensor) -> int:
    """Return how many sums of two variances can be multiplied without leaving the range of doubles."""
    if not all(map(is_readable, variances)):
        return 1
    farthest = max(float(some.detach().log().abs().amax()) for some in variances)
    return max(1, int(_LARGEST_LOG / (1 + farthest)))


def _diagonal_slopes(gradient: Tensor, x: Tensor, v: Tensor, y: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    slopes: tuple[list[Tensor], ...] = [], [], [], []
    for x_k, v_k, y_k, w_k in _axes(x, v, y, w):
        inverse = (v_k[:, None] + w_k).reciprocal_()
        share = (x_k[:, None] - y_k).mul_(inverse)  # −1 times the derivative by x
        widths = (share * share).sub_(inverse).mul_(gradient)  # twice the derivative by v, and by w
        share.mul_(gradient)
        for some, slope in zip(
            slopes, (-share.sum(1), widths.sum(1) / 2, share.sum(0), widths.sum(0) / 2), strict=True
        ):
            some.append(slope)
    return tuple(torch.stack(some, 1) for some in slopes)


_DIAGONAL = Explicit(_diagonal_value, _diagonal_slopes)


def _axes(*points: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Return the coordinates along each axis, side by side in memory."""
    return zip(*(some.T.contiguous() for some in points), strict=True)


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
        Family("radial", _radial, _norm_and_zero, lambda dim: [1.0, dim - 1.0], seen_from_zero=True),
        Family("diagonal", _diagonal, lambda x: x * x, lambda dim: [1.0] * dim),
    )
}
"""Name → family of variances."""
