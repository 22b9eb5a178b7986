"""A part of a sum that is computed again in the backward pass, so that only its arguments stay in memory.

Parts that fit in the cache of a CPU take a half to a fifth of the time of a large sum that is kept whole.

`torch.utils.checkpoint` does the same, but its parts live on in reference cycles until Python collects them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

CACHED, BUSY = 1 << 17, 1 << 22
"""Numbers of a part: what the cache of each thread of a CPU holds; on other devices, what keeps them busy."""

_MOST_THREADS = 8  # that share a part


def part_size(x: Tensor) -> int:
    """Return how many numbers a part of a sum over these codes should hold."""
    if x.device.type != "cpu":
        return BUSY
    return CACHED * min(int(torch.get_num_threads()), _MOST_THREADS)


def recomputed(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Return function(*tensors), of which nothing but the tensors is kept for the derivatives."""
    return _Recomputed.apply(function, *tensors)


class _Recomputed(torch.autograd.Function):
    """The value without a graph, and its derivatives by computing it again."""

    @staticmethod
    def forward(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        """Return the value."""
        return function(*tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the tensors."""
        ctx.function, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient, by computing the value again."""
        wanted = ctx.needs_input_grad[1:]
        variables = [t for t, w in zip(ctx.saved_tensors, wanted, strict=True) if w]

        def of_variables(*those: Tensor) -> Tensor:
            left = iter(those)
            pairs = zip(ctx.saved_tensors, wanted, strict=True)
            return cast(Tensor, ctx.function(*(next(left) if w else t for t, w in pairs)))

        found = iter(torch.func.vjp(of_variables, *variables)[1](gradient))
        return None, *(next(found) if w else None for w in wanted)

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> Tensor:
        """Return the derivative along the tangents."""
        moved = [
            torch.zeros_like(t) if d is None else d for t, d in zip(ctx.saved_tensors, tangents, strict=True)
        ]
        return cast(Tensor, torch.func.jvp(ctx.function, ctx.saved_tensors, tuple(moved))[1])

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], function: Callable[..., Tensor], *tensors: Tensor
    ) -> tuple[Tensor, int]:
        """Return the values of a batch, as in Hessians, for which everything is kept."""
        return torch.vmap(function, dims[1:])(*tensors), 0
