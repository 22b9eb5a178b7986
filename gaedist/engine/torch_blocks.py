"""Blocks of the matrix of pairs as PyTorch tensors, for sums on a device and for differentiable losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

FAR = 3e3
"""Exponent at a point's own distance from the center, above which products lose digits of others."""


def gaussian_exponents(x: Tensor, y: Tensor) -> Tensor:
    """Return −|x_i − y_j|², (a, b), by one product of matrices."""
    import torch

    norms_x, norms_y = (x * x).sum(1, keepdim=True), (y * y).sum(1, keepdim=True)
    left = torch.cat([x, -norms_x, torch.ones_like(norms_x)], 1)
    return left @ torch.cat([2 * y, torch.ones_like(norms_y), -norms_y], 1).T
