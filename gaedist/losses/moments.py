"""The KL divergence of the codes' Gaussian fit from N(0, I) as a loss."""

from __future__ import annotations

import torch
from torch import Tensor

from gaedist.errors import GaedistError
from gaedist.losses.scales import check_scale, floored_log
from gaedist.losses.tensors import doubles, eager
from gaedist.metrics.kl import divergence_moments


@eager
def kl(x: Tensor, *, scale: str = "value") -> Tensor:
    """Return KL(N(m, C) ‖ N(0, I)) of the codes' mean m and covariance C (divisor n), in nats.

    The metric ``kl``: of the batch as a whole, not of each posterior as in the loss of a VAE. It is infinite,
    and has no gradient, for codes that do not vary along some direction.

    Parameters
    ----------
    x : (n, D) tensor
        The codes, more than D.
    scale : str
        ``value``, ``log`` or ``z``.

    Returns
    -------
    () tensor of double
        The loss.

    Raises
    ------
    GaedistError
        If the tensor has another shape or type, or there are at most D codes.
    """
    check_scale(scale)
    x = doubles(x)
    n, dim = x.shape
    if n <= dim:
        raise GaedistError(
            f"the covariance of {n} codes is singular at D = {dim}, so kl is infinite. "
            f"Use a batch of at least {dim + 1}."
        )
    mean = x.mean(0)
    apart = x - mean
    covariance = apart.T @ apart / n
    value = 0.5 * (
        covariance.diagonal().sum() - dim + mean @ mean - torch.linalg.slogdet(covariance).logabsdet
    )
    if scale == "z":
        exact = divergence_moments(n, dim)
        return (value - exact.mean) / exact.sd
    return floored_log(value) if scale == "log" else value
