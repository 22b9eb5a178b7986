"""The KL divergence of the codes' Gaussian fit from N(0, I) as a loss."""

from __future__ import annotations

import math
from typing import Any

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
        center, spread = _moments(y)
        root = torch.linalg.qr(spread).R / math.sqrt(len(y))
        x = torch.linalg.solve_triangular(root, x - center, upper=True, left=False)
    n, dim = x.shape
    mean, spread = _moments(x)
    value = 0.5 * (_Spread.apply(spread)[0] + mean @ mean - dim)
    if scale == "z":
        exact = divergence_moments(n, dim)
        return (value - exact.mean) / exact.sd
    return floored_log(value) if scale == "log" else value


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the codes from it, A; raise `GaedistError` for too few codes."""
    n, dim = x.shape
    if n <= dim:
        raise GaedistError(
            f"the covariance of {n} codes is singular at D = {dim}, so kl is infinite. "
            f"Use a batch of at least {dim + 1}, with drop_last=True in the DataLoader."
        )
    mean = x.mean(0)
    return mean, x - mean


class _Spread(torch.autograd.Function):
    """tr C − log det C of the covariance C = AᵀA/n, whose gradient is 2A/n − 2A(AᵀA)⁻¹.

    By A = QR, as AᵀA has the square of the condition number of A.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor) -> tuple[Tensor, Tensor]:
        """Return the value and R."""
        n, dim = a.shape
        r = torch.linalg.qr(a, mode="r").R
        log_determinant = 2 * r.diagonal().abs().log().sum() - dim * math.log(n)
        return (a * a).sum() / n - log_determinant, r

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        """Keep A and R."""
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*inputs, output[1])
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> Tensor:
        """Return the gradient; one that is to be differentiated decomposes A again."""
        a, r = ctx.saved_tensors
        return gradient * _slope(a, torch.linalg.qr(a).R if torch.is_grad_enabled() else r)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> tuple[Tensor, None]:
        """Return the derivative along the tangent."""
        (a,) = ctx.saved_tensors
        return (_slope(a, torch.linalg.qr(a).R) * tangent).sum(), None


def _slope(a: Tensor, r: Tensor) -> Tensor:
    """Return 2A/n − 2A(RᵀR)⁻¹, where A R⁻¹ is as precise as the Q of a decomposition."""
    q = torch.linalg.solve_triangular(r.mT, a.mT, upper=False)
    return 2 * (a / len(a) - torch.linalg.solve_triangular(r, q, upper=True).mT)
