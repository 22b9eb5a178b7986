"""The KL divergence of the codes' Gaussian fit from N(0, I) as a loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gaedist.errors import GaedistError
from gaedist.losses.scales import check_scale, floored_log
from gaedist.losses.tensors import both_doubles, doubles, eager
from gaedist.metrics.kl import divergence_moments


@eager
def kl(x: Tensor, y: Tensor | None = None, *, scale: str = "value") -> Tensor:
    """Return KL(N(m, C) ‖ N(0, I)) of the codes' mean m and covariance C (divisor n), in nats.

    The metric ``kl``: of the batch as a whole, not of each posterior as in the loss of a VAE. It is infinite,
    and has no gradient, for codes that do not vary along some direction.

    Parameters
    ----------
    x : (n, D) tensor
        The codes, more than D.
    y : (m, D) tensor, optional
        Other codes, or a sample of another prior, more than D: their mean and covariance in place of 0 and I.
    scale : str
        ``value``, ``log``, or for one sample ``z``.

    Returns
    -------
    () tensor of double
        The loss.

    Raises
    ------
    GaedistError
        If a tensor has another shape or type, or there are at most D codes.
    """
    check_scale(scale, unknown="" if y is None else "two samples have none for this metric. Use value or log")
    if y is None:
        x = doubles(x)
    else:
        x, y = both_doubles(x, y)
        center, root = _moments(y)
        x = torch.linalg.solve_triangular(root, x - center, upper=True, left=False)
    n, dim = x.shape
    mean, root = _moments(x)
    log_determinant = 2 * root.diagonal().abs().log().sum()
    value = 0.5 * ((root * root).sum() - dim + mean @ mean - log_determinant)
    if scale == "z":
        exact = divergence_moments(n, dim)
        return (value - exact.mean) / exact.sd
    return floored_log(value) if scale == "log" else value


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and R, with Rᵀ R the covariance; raise `GaedistError` for too few codes.

    By a QR decomposition: a covariance has the square of the condition number of the codes.
    """
    n, dim = x.shape
    if n <= dim:
        raise GaedistError(
            f"the covariance of {n} codes is singular at D = {dim}, so kl is infinite. "
            f"Use a batch of at least {dim + 1}, with drop_last=True in the DataLoader."
        )
    mean = x.mean(0)
    return mean, torch.linalg.qr((x - mean) / math.sqrt(n)).R
