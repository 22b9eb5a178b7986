"""A part of a sum that is computed again in the backward pass, so that only its arguments stay in memory.

`torch.utils.checkpoint` does the same, but its parts live on in reference cycles until Python collects them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from gaedist.errors import GaedistError


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
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        """Raise `GaedistError`."""
        raise GaedistError(
            "sums in blocks have no forward-mode derivatives. Use torch.func.jacrev in place of jvp, jacfwd "
            "and hessian."
        )
