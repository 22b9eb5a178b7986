"""Functions of tensors whose gradient is written out, which takes fewer passes over memory than autograd's.

Derivatives of derivatives, and those along a direction, are autograd's, of the formula itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Explicit:
    """A function and its gradient.

    Attributes
    ----------
    value : callable
        From some tensors to one, by differentiable operations.
    gradients : callable
        From the gradient of the value, the tensors and what was kept, to the gradient of each tensor.
    keeping : callable, optional
        From the tensors to the value and what is kept for its gradient: nothing by default.
    """

    value: Callable[..., Tensor]
    gradients: Callable[..., tuple[Tensor, ...]]
    keeping: Callable[..., tuple[Tensor, ...]] | None = None

    def __call__(self, *tensors: Tensor) -> Tensor:
        """Return the value."""
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
            return cast(Tensor, _WrittenOut.apply(self, *tensors)[0])
        return self.value(*tensors)


class _WrittenOut(torch.autograd.Function):
    """The value without a graph, and what is kept."""

    generate_vmap_rule = True

    @staticmethod
    def forward(rule: Explicit, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the value and what is kept."""
        return rule.keeping(*tensors) if rule.keeping else (rule.value(*tensors),)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the tensors, and what the gradient takes."""
        ctx.rule, *tensors = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*tensors, *output[1:])
        ctx.save_for_forward(*tensors)
        ctx.count, ctx.kept = len(tensors), len(output) - 1

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient; one that is to be differentiated is autograd's."""
        rule, saved, wanted = ctx.rule, ctx.saved_tensors, ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            found = torch.func.vjp(rule.value, *saved[: ctx.count])[1](gradient)
        else:
            found = rule.gradients(gradient, *saved)
        return None, *(slope if w else None for slope, w in zip(found, wanted, strict=True))

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the derivative along the tangents."""
        return along(ctx.rule.value, ctx.saved_tensors[: ctx.count], tangents), *[None] * ctx.kept


def along(
    function: Callable[..., Tensor], tensors: Sequence[Tensor], tangents: Sequence[Tensor | None]
) -> Tensor:
    """Return the derivative of a function along tangents, of which None is 0."""
    moved = [torch.zeros_like(t) if d is None else d for t, d in zip(tensors, tangents, strict=True)]
    return cast(Tensor, torch.func.jvp(function, tuple(tensors), tuple(moved))[1])
