"""Eq. (6) as a loss: a covariance for each code, of a VAE's posterior or of the mean field.

With its means and variances the aggregate posterior of a VAE is a mixture of Gaussians, and its distance to
N(0, I) is exact: no code is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gaedist.errors import GaedistError, check_choice
from gaedist.losses.gaussian import log_power, variance_of
from gaedist.losses.pairs import Points, Terms, centered, log_sum, squares
from gaedist.losses.scales import check_scale, scaled_logs
from gaedist.losses.tensors import both_doubles, doubles, is_readable
from gaedist.smoothing.mean_field import MEAN_FIELDS

Variances = Tensor | str
"""Variances, (n,), (n, 1) or (n, D), or a family whose mean field gives them."""

FAMILIES = ("spherical", "radial", "diagonal")
"""Families whose mean field gives variances."""


def gaussian_mixture(
    means: Tensor,
    variances: Variances,
    y: Tensor | None = None,
    y_variances: Variances | None = None,
    *,
    sigma: float | str | None = None,
    scale: str = "log",
) -> Tensor:
    """Return the squared L2 distance between a mixture of Gaussians and N(0, I), or another mixture."""
    check_scale(scale, unknown="there is none for variances that differ. Use log or value")
    if y is None:
        x, other = doubles(means), None
    else:
        x, other = both_doubles(means, y)
    n, dim = x.shape
    s = 0.0 if sigma is None else variance_of(sigma, x)
    unit = s or 1.0
    p, family = _mixture(x, variances, s)
    if other is None:
        log_prior = x.new_tensor(log_power(dim, 1 + s, unit))
        log_cross = _log_prior_terms(p, family, 1 + s, unit).logsumexp(0) - math.log(n)
    else:
        if y_variances is None:
            raise GaedistError("y needs variances too. Give y_variances.")
        q, other_family = _mixture(other, y_variances, s)
        if other_family != family:
            if "radial" in (family, other_family):
                raise GaedistError("radial variances go with radial ones only. Use the same family for both.")
            p, q, family = *((t[0], _per_axis(t[1], dim)) for t in (p, q)), "diagonal"
        log_prior = _log_overlap(q, None, family, unit)
        log_cross = _log_overlap(p, q, family, unit)
    terms = [(1.0, _log_overlap(p, None, family, unit)), (1.0, log_prior), (-2.0, log_cross)]
    return scaled_logs(terms, scale)


def _mixture(x: Tensor, variances: Variances, s: float) -> tuple[Points, str]:
    """Return the centers with their variances, widened by s, and the family."""
    n, dim = x.shape
    if isinstance(variances, str):
        check_choice("the mean field", variances, FAMILIES)
        if not is_readable(x):
            raise GaedistError("a mean field reads the codes, which vmap and torch.compile do not allow.")
        field = MEAN_FIELDS[variances](x.detach().cpu().numpy())
        found = torch.as_tensor(field.variances, device=x.device)  # type: ignore[attr-defined]
        return (x, found + s), variances
    if not isinstance(variances, Tensor) or tuple(variances.shape) not in ((n,), (n, 1), (n, dim)):
        shape = tuple(variances.shape) if isinstance(variances, Tensor) else type(variances).__name__
        raise GaedistError(f"variances must be a tensor ({n},) or ({n}, {dim}), or a family; got {shape}.")
    found = variances.to(x) + s
    if found.ndim == 1:
        found = found[:, None]
    return (x, found), "spherical" if found.shape[1] == 1 else "diagonal"


def _per_axis(variances: Tensor, dim: int) -> Tensor:
    return variances.expand(len(variances), dim)


def _log_overlap(p: Points, q: Points | None, family: str, unit: float) -> Tensor:
    """Return log ⟨p, q⟩ (4π unit)^(D/2), with q = p if it is None."""
    dim, n, m = p[0].shape[1], len(p[0]), len(p[0] if q is None else q[0])
    terms = _TERMS[family](dim, unit)
    if family != "radial":  # seen from the mean; radial covariances are seen from 0
        points = centered(p[0]) if q is None else centered(p[0], q[0])
        p, q = (points[0], *p[1:]), None if q is None else (points[1], *q[1:])
    total = log_sum(terms, p, q)
    if q is None:
        own = _log_self_terms(p, family, unit).logsumexp(0)
        total = torch.logaddexp(total, own) if n > 1 else own
    return total - math.log(n) - math.log(m)


def _log_self_terms(p: Points, family: str, unit: float) -> Tensor:
    x, v = p
    dim = x.shape[1]
    if family == "spherical":
        return -dim / 2 * torch.log(v[:, 0] / unit)
    if family == "radial":
        return -0.5 * torch.log(v[:, 0] / unit) - (dim - 1) / 2 * torch.log(v[:, 1] / unit)
    return -0.5 * torch.log(v / unit).sum(1)


def _log_prior_terms(p: Points, family: str, prior: float, unit: float) -> Tensor:
    """Return the logarithm of each overlap with N(0, prior · I)."""
    x, v = p
    dim, squared = x.shape[1], x * x
    if family == "spherical":
        t = (v[:, 0] + prior) / 2
        return -dim / 2 * torch.log(t / unit) - squared.sum(1) / (4 * t)
    if family == "radial":
        a, b = ((v + prior) / 2).unbind(1)
        return -0.5 * torch.log(a / unit) - (dim - 1) / 2 * torch.log(b / unit) - squared.sum(1) / (4 * a)
    t = (v + prior) / 2
    return (-0.5 * torch.log(t / unit) - squared / (4 * t)).sum(1)


def _spherical(dim: int, unit: float) -> Terms:
    def terms(p: Points, q: Points) -> Tensor:
        m = (p[1] + q[1].T) / 2
        return -dim / 2 * torch.log(m / unit) - squares(p[0], q[0]) / (4 * m)

    return terms


def _diagonal(dim: int, unit: float) -> Terms:
    def terms(p: Points, q: Points) -> Tensor:
        m = (p[1][:, None] + q[1]) / 2  # (a, b, D)
        apart = p[0][:, None] - q[0]
        return (-0.5 * torch.log(m / unit) - apart * apart / (4 * m)).sum(2)

    return terms


def _radial(dim: int, unit: float) -> Terms:
    """Return the terms of `gaedist.mixtures.radial.Radial`."""

    def terms(p: Points, q: Points) -> Tensor:
        (x, v), (y, w) = p, q
        r, r_inverse = _norms(x)
        t, t_inverse = _norms(y)
        alpha, gamma = (v[:, 0] - v[:, 1])[:, None], w[:, 0] - w[:, 1]
        beta = v[:, 1][:, None] + w[:, 1]
        c = (x * r_inverse[:, None]) @ (y * t_inverse[:, None]).T
        left, right, both = beta + alpha, beta + gamma, alpha * gamma
        delta = left * right - both * c * c
        wi, wj = r[:, None] - c * t, c * r[:, None] - t
        form = squares(x, y) - (alpha * right * wi**2 - 2 * c * both * wi * wj + gamma * left * wj**2) / delta
        log_root = (dim - 2) / 2 * torch.log(beta / (2 * unit)) + 0.5 * torch.log(delta / (4 * unit**2))
        return -log_root - form / (2 * beta)

    return terms


def _norms(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return |x| and 1/|x|, both 0 with gradient 0 at x = 0."""
    squared = (x * x).sum(1)
    positive = squared > 0
    norms = torch.where(positive, squared, 1.0).sqrt()
    return torch.where(positive, norms, 0.0), torch.where(positive, 1 / norms, 0.0)


_TERMS: dict[str, Callable[[int, float], Terms]] = {
    "spherical": _spherical,
    "radial": _radial,
    "diagonal": _diagonal,
}
"""Family → the logarithm of the overlaps of pairs, times (4π unit)^(D/2)."""
