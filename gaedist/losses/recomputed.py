"""A part of a sum that is computed again in the backward pass, so that only its arguments stay in memory.

`torch.utils.checkpoint` does the same, but its parts live on in reference cycles until Python collects them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def recomputed(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Return function(*tensors), of which nothing but the tensors is kept for the derivatives."""
    return _Recomputed.apply(function, *tensors)


class _Recomputed(torch.autograd.Function):
    """The value without a graph; its gradient with one only where second derivatives are wanted."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        """Return the value."""
        ctx.function = function
        ctx.save_for_backward(*tensors)
        return function(*tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient, by computing the value again."""
        tensors, twice = ctx.saved_tensors, torch.is_grad_enabled()
        if not twice:
            wanted = ctx.needs_input_grad[1:]
            tensors = [t.detach().requires_grad_(w) for t, w in zip(tensors, wanted, strict=True)]
        variables = [tensor for tensor in tensors if tensor.requires_grad]
        with torch.enable_grad():
            value = ctx.function(*tensors)
        found = iter(torch.autograd.grad(value, variables, gradient, create_graph=twice, allow_unused=True))
        return None, *(next(found) if tensor.requires_grad else None for tensor in tensors)
