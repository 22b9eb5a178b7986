"""Mean and variance of the distance of an aggregate posterior q = (1/n) Σ N(μ_i, diag v_i) to N(0, I).

If q is N(0, I) and its means are normal and independent, with v held, then μ_ik ~ N(0, w_ik), w = 1 − v. Let
p_ij and c_i be the overlaps of two components and of one with the prior, all smoothed by N(0, s I), and c the
overlap of the prior with itself. Then E[p_ij | μ_i] = c_i and E c_i = c, so with h_ij = p_ij − c_i − c_j + c

    d² − E d² = (1/n²) Σ_{i≠j} (p_ij − c) − (2/n) Σ (c_i − c) = (1/n²) [Σ_{i≠j} h_ij − 2 Σ (c_i − c)]

whose terms are uncorrelated. With F(e) = Π_k (1 − (e_k/m)²)^(−1/2) − 1 and m = 2(1 + s),

    E h_ij² = c² [F(w_i + w_j) − F(w_i) − F(w_j)]        Var c_i = c² F(w_i)

These hold for every n and D. Derived here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gaedist.errors import GaedistError
from gaedist.losses.pairs import Points, plain_sum
from gaedist.losses.scales import log_signed_sum
from gaedist.losses.tensors import is_readable

_REMEDY = "Use scale log or value"


def check_variances(variances: Tensor) -> None:
    """Raise `GaedistError` for variances with which no means make the aggregate posterior N(0, I)."""
    if not is_readable(variances):
        raise GaedistError(f"scale z reads the variances, which vmap does not allow. {_REMEDY}.")
    largest = float(variances.detach().max())
    if largest > 1:
        raise GaedistError(
            f"scale z needs variances of at most 1, as no means make N(0, I) of wider posteriors; "
            f"the largest is {largest:.3g}. {_REMEDY}, or clamp the variances."
        )


def relative_sd(variances: Tensor, counts: Tensor, s: float) -> Tensor:
    """Return the standard deviation of d²/c.

    Parameters
    ----------
    variances : (n, Q) tensor
        The variances v.
    counts : (Q,) tensor
        How many axes share each.
    s : float
        Variance of the smoothing.

    Returns
    -------
    () tensor
        The standard deviation.

    Raises
    ------
    GaedistError
        If it is 0 or leaves the range of a double.
    """
    n, shares = len(variances), (1 - variances) / (2 * (1 + s))

    def terms(p: Points, q: Points) -> Tensor:
        return _excess(p[0][:, None] + q[0], counts)

    of_pairs = plain_sum(terms, (shares,), width=shares.shape[1])
    variance = (2 * of_pairs - 4 * (n - 2) * _excess(shares, counts).sum()) / n**4
    if not 0 < float(variance.detach()) < math.inf:
        raise GaedistError(
            "there is no z: over normal means with these variances the distance has a standard deviation of "
            f"0, or beyond the range of numbers. {_REMEDY}."
        )
    return variance.sqrt()


def _excess(e: Tensor, counts: Tensor) -> Tensor:
    """Return F(m e)."""
    return torch.expm1(-0.5 * (torch.log1p(-e * e) * counts).sum(-1))


def standardised(log_pairs: Tensor, log_cross: Tensor, log_prior: Tensor, n: int, sd: Tensor) -> Tensor:
    """Return (d² − E d²)/sd, from logarithms of (1/n²) Σ_{i≠j} p_ij, of (1/n) Σ c_i and of c."""
    shares = [(1.0, log_pairs), (-(1 - 1 / n), log_prior), (-2.0, log_cross), (2.0, log_prior)]
    total, shift = log_signed_sum(shares)
    return total * torch.exp(shift - log_prior) / sd
