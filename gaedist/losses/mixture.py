"""Eq. (6) as a loss: a covariance for each code, of a VAE's posterior or of the mean field.

The aggregate posterior of a VAE is a mixture of Gaussians, so its distance to N(0, I) follows exactly from
means and variances, without the noise of sampled codes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gaedist.errors import GaedistError, check_choice
from gaedist.losses.aggregate import check_variances, relative_sd, standardised
from gaedist.losses.families import FAMILIES, Components
from gaedist.losses.gaussian import log_power, variance_of
from gaedist.losses.pairs import Points, log_sum
from gaedist.losses.scales import check_scale, scaled_logs
from gaedist.losses.tensors import both_doubles, doubles, eager, is_readable
from gaedist.smoothing.mean_field import MEAN_FIELDS


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


def _mixture(x: Tensor, variances: Tensor | str, s: float, weights: Tensor | None = None) -> Components:
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
        return Components(x, found.reshape(n, -1) ** 2 + s, log_weights, FAMILIES[variances])
    if not isinstance(variances, Tensor) or tuple(variances.shape) not in ((n,), (n, 1), (n, dim)):
        shape = tuple(variances.shape) if isinstance(variances, Tensor) else type(variances).__name__
        raise GaedistError(f"variances must be a tensor ({n},) or ({n}, {dim}), or a family; got {shape}.")
    found = variances.to(x).reshape(n, -1)
    _check_positive(found, s)
    found = found + s
    return Components(x, found, log_weights, FAMILIES["spherical" if found.shape[1] == 1 else "diagonal"])


def _check_positive(variances: Tensor, s: float) -> None:
    """Raise `GaedistError` for a variance that is negative, or 0 without smoothing, where it can be read."""
    least = float(variances.detach().amin()) if is_readable(variances) else 1.0
    if least < 0 or (least == 0 and not s):
        raise GaedistError(
            f"variances must be positive; got {least:.3g}. Of log-variances give logvar.exp()."
        )


def _alike(p: Components, q: Components) -> tuple[Components, Components]:
    """Return two mixtures as those of one family."""
    names = {p.family.name, q.family.name}
    if len(names) == 1:
        return p, q
    if "radial" in names:
        raise GaedistError("radial variances go with radial ones only. Use one family for both mixtures.")
    wide = FAMILIES["diagonal"]
    first, second = (
        Components(m.centers, m.variances.expand_as(m.centers), m.log_weights, wide) for m in (p, q)
    )
    return first, second


def _log_overlap(p: Components, q: Components | None, unit: float) -> Tensor:
    """Return log ⟨p, q⟩ (4π unit)^(D/2), with q = p if it is None."""
    total = _log_pairs(p, q, unit)
    if q is not None:
        return total
    own = (2 * p.log_weights + p.family.with_itself(p, unit)).logsumexp(0)
    return torch.logaddexp(total, own) if len(p.centers) > 1 else own


def _log_pairs(p: Components, q: Components | None, unit: float) -> Tensor:
    """Return the same without overlaps of components with themselves."""
    family, dim = p.family, p.centers.shape[1]
    near = 4.0 ** round(math.log(2 * unit, 4)) / 2  # centers over √(2 near), a power of 2, are not rounded

    def terms(left: Points, right: Points) -> Tensor:
        return family.exponents(dim, near, left, right) + left[2][:, None] + right[2]

    found = log_sum(terms, *(mixture.points for mixture in (p, q) if mixture is not None))
    return found + log_power(dim, near, unit)
