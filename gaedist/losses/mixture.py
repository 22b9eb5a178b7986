"""Eq. (6) as a loss: a covariance for each code, of a VAE's posterior or of the mean field.

The aggregate posterior of a VAE is a mixture of Gaussians, so its distance to N(0, I) follows exactly from
means and variances, without the noise of sampled codes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gaedist.errors import GaedistError, check_choice
from gaedist.losses.aggregate import check_variances, relative_sd, standardised
from gaedist.losses.explicit import Explicit
from gaedist.losses.gaussian import log_power, variance_of
from gaedist.losses.pairs import Points, centered, log_sum, squares
from gaedist.losses.scales import check_scale, scaled_logs
from gaedist.losses.tensors import both_doubles, doubles, eager, is_readable
from gaedist.smoothing.mean_field import MEAN_FIELDS

_LARGEST_LOG = 700.0  # of a number that a double holds


@eager
def gaussian_mixture(
    means: Tensor,
    variances: Tensor | str,
    y: Tensor | None = None,
    y_variances: Tensor | str | None = None,
    *,
    y_weights: Tensor | None = None,
    sigma: float | str | None = None,
    scale: str = "value",
) -> Tensor:
    """Return the squared L2 distance between a mixture of Gaussians and N(0, I), or another mixture.

    Implements Eq. (6), times (4π)^(D/2): the same as `gaedist.score` with these σ. Its minimum is not at
    N(0, I) but at codes that have shrunk towards 0 (`gaussian`). With ``sigma`` both sides are smoothed by
    N(0, σ² I), the distance is times (4πσ²)^(D/2), and it is 0 only at N(0, I): for a VAE take that. It is
    exactly 0 for posteriors that have collapsed to N(0, I), where the logarithm has no lower bound: trained
    with it, all of them collapse.

    Parameters
    ----------
    means : (n, D) tensor
        Centers, such as the means of a VAE's posteriors.
    variances : tensor or str
        Variances of each center, (n,) or (n, D), such as ``logvar.exp()``, with gradient; or ``spherical``,
        ``radial`` or ``diagonal``, the mean field of Eq. (9) in this family, which gets no gradient.
    y : (m, D) tensor, optional
        Centers of another mixture: a prior, or other posteriors.
    y_variances : tensor or str, optional
        The variances of ``y``, in the same forms.
    y_weights : (m,) tensor, optional
        Positive weights of the components of ``y``, which are scaled to sum 1; equal by default.
    sigma : float or str, optional
        Standard deviation of the smoothing, or the name of a bandwidth, as for `gaussian`; none by default.
    scale : str
        ``value``, ``log``, or ``z``, for a tensor of variances of at most 1 and no ``y``: less its mean, over
        the standard deviation, where the means are normal such that the mixture is N(0, I)
        (`gaedist.losses.aggregate`).

    Returns
    -------
    () tensor of double
        The loss.

    Raises
    ------
    GaedistError
        If a tensor has another shape or type, an option does not exist, or a mean field is asked for within
        vmap.
    """
    check_scale(scale, unknown=_why_no_null(variances, y))
    if y is None and (y_variances is not None or y_weights is not None):
        raise GaedistError("y_variances and y_weights belong to y. Give y.")
    x, other = (doubles(means), None) if y is None else both_doubles(means, y)
    dim, s = x.shape[1], 0.0 if sigma is None else variance_of(sigma, x)
    unit = s or 1.0
    p = _mixture(x, variances, s)
    if other is None:
        log_prior = x.new_tensor(log_power(dim, 1 + s, unit))
        log_cross = (p.log_weights + p.family.with_prior(p, 1 + s, unit)).logsumexp(0)
        if scale == "z":
            check_variances(p.variances - s)
            sd = relative_sd(p.variances - s, p.counts, s)
            return standardised(_log_pairs(p, None, unit), log_cross, log_prior, len(x), sd)
    else:
        if y_variances is None:
            raise GaedistError("y needs variances too. Give y_variances.")
        p, q = _alike(p, _mixture(other, y_variances, s, y_weights))
        log_prior, log_cross = _log_overlap(q, None, unit), _log_overlap(p, q, unit)
    return scaled_logs([(1.0, _log_overlap(p, None, unit)), (1.0, log_prior), (-2.0, log_cross)], scale)


def _why_no_null(variances: Tensor | str, y: Tensor | None) -> str:
    """Return why there is no null distribution, or nothing."""
    if y is not None:
        return "two mixtures have none. Use log or value"
    return "a mean field has none. Use log or value" if isinstance(variances, str) else ""


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Centers (n, D), their variances (n, Q) and the logarithms of their weights (n,)."""

    centers: Tensor
    variances: Tensor
    log_weights: Tensor
    family: _Family

    @property
    def points(self) -> Points:
        return self.centers, self.variances, self.log_weights

    @property
    def counts(self) -> Tensor:
        """How many axes share each variance, (Q,)."""
        return self.centers.new_tensor(self.family.multiplicities(self.centers.shape[1]))


@dataclass(frozen=True)
class _Family:
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

    def with_itself(self, p: _Mixture, unit: float) -> Tensor:
        """Return the overlap of each component with itself, (n,)."""
        return self._log_root(p, p.variances / unit)

    def with_prior(self, p: _Mixture, prior: float, unit: float) -> Tensor:
        """Return the overlap of each component with N(0, prior · I), (n,)."""
        both = (p.variances + prior) / 2
        return self._log_root(p, both / unit) - (self.along(p.centers) / (4 * both)).sum(1)

    def _log_root(self, p: _Mixture, variances: Tensor) -> Tensor:
        return -0.5 * (torch.log(variances) * p.counts).sum(1)


def _mixture(x: Tensor, variances: Tensor | str, s: float, weights: Tensor | None = None) -> _Mixture:
    """Return the mixture, each component widened by s."""
    n, dim = x.shape
    if weights is None:
        log_weights = x.new_full((n,), -math.log(n))
    elif isinstance(weights, Tensor) and tuple(weights.shape) == (n,):
        if is_readable(weights) and not bool((weights > 0).all()):
            raise GaedistError(f"weights must be positive; got {float(weights.detach().amin()):.3g}.")
        log_weights = torch.log(weights.to(x)).log_softmax(0)
    else:
        raise GaedistError(f"weights must be a tensor of {n} positive numbers.")
    if isinstance(variances, str):
        check_choice("the mean field", variances, FAMILIES)
        if not is_readable(x):
            raise GaedistError("a mean field reads the codes, which vmap does not allow.")
        found = torch.as_tensor(MEAN_FIELDS[variances](x.detach().cpu().numpy()).stored(), device=x.device)
        return _Mixture(x, found.reshape(n, -1) ** 2 + s, log_weights, FAMILIES[variances])
    if not isinstance(variances, Tensor) or tuple(variances.shape) not in ((n,), (n, 1), (n, dim)):
        shape = tuple(variances.shape) if isinstance(variances, Tensor) else type(variances).__name__
        raise GaedistError(f"variances must be a tensor ({n},) or ({n}, {dim}), or a family; got {shape}.")
    found = variances.to(x).reshape(n, -1)
    _check_positive(found, s)
    found = found + s
    return _Mixture(x, found, log_weights, FAMILIES["spherical" if found.shape[1] == 1 else "diagonal"])


def _check_positive(variances: Tensor, s: float) -> None:
    """Raise `GaedistError` for a variance that is negative, or 0 without smoothing, where it can be read."""
    least = float(variances.detach().amin()) if is_readable(variances) else 1.0
    if least < 0 or (least == 0 and not s):
        raise GaedistError(
            f"variances must be positive; got {least:.3g}. Of log-variances give logvar.exp()."
        )


def _alike(p: _Mixture, q: _Mixture) -> tuple[_Mixture, _Mixture]:
    """Return two mixtures as those of one family."""
    names = {p.family.name, q.family.name}
    if len(names) == 1:
        return p, q
    if "radial" in names:
        raise GaedistError("radial variances go with radial ones only. Use one family for both mixtures.")
    wide = FAMILIES["diagonal"]
    first, second = (
        _Mixture(m.centers, m.variances.expand_as(m.centers), m.log_weights, wide) for m in (p, q)
    )
    return first, second


def _log_overlap(p: _Mixture, q: _Mixture | None, unit: float) -> Tensor:
    """Return log ⟨p, q⟩ (4π unit)^(D/2), with q = p if it is None."""
    total = _log_pairs(p, q, unit)
    if q is not None:
        return total
    own = (2 * p.log_weights + p.family.with_itself(p, unit)).logsumexp(0)
    return torch.logaddexp(total, own) if len(p.centers) > 1 else own


def _log_pairs(p: _Mixture, q: _Mixture | None, unit: float) -> Tensor:
    """Return the same without overlaps of components with themselves."""
    family, dim = p.family, p.centers.shape[1]

    def terms(left: Points, right: Points) -> Tensor:
        return family.exponents(dim, unit, left, right) + left[2][:, None] + right[2]

    points = [m.points for m in (p, q) if m is not None]
    if not family.seen_from_zero:
        moved = centered(*(centers for centers, *_ in points))
        points = [(centers, *rest) for centers, (_, *rest) in zip(moved, points, strict=True)]
    return log_sum(terms, *points)


def _spherical(dim: int, unit: float, p: Points, q: Points) -> Tensor:
    m = (p[1] + q[1].T) / 2
    return -dim / 2 * torch.log(m / unit) - squares(p[0], q[0]) / (4 * m)


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


FAMILIES: dict[str, _Family] = {
    row.name: row
    for row in (
        _Family("spherical", _spherical, _squared_norm, lambda dim: [float(dim)]),
        _Family("radial", _radial, _norm_and_zero, lambda dim: [1.0, dim - 1.0], seen_from_zero=True),
        _Family("diagonal", _diagonal, lambda x: x * x, lambda dim: [1.0] * dim),
    )
}
"""Name → family of variances."""
