"""Sums in parts that are computed again in the backward pass, so that only their arguments stay in memory.

Parts that fit in the cache of a CPU take a half to a fifth of the time of a large sum that is kept whole.

`torch.utils.checkpoint` does the same, but its parts live on in reference cycles until Python collects them.
A node of the graph for each part would do too, but what it keeps lies between the large tensors of two parts,
so that the allocator cannot use their memory again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from gaedist.losses.explicit import along

CACHED, BUSY = 1 << 17, 1 << 22
"""Numbers of a part: what the cache of each thread of a CPU holds; on other devices, what keeps them busy."""

_MOST_THREADS = 8  # that share a part


def part_size(x: Tensor) -> int:
    """Return how many numbers a part of a sum over these codes should hold."""
    if x.device.type != "cpu":
        return BUSY
    return CACHED * min(int(torch.get_num_threads()), _MOST_THREADS)


@dataclass(frozen=True, eq=False)
class Part:
    """A number that depends on some entries of some tensors.

    Attributes
    ----------
    function : callable
        From these entries to the number.
    places : sequence of (int, slices)
        Where they are: which tensor, and its index.
    """

    function: Callable[..., Tensor]
    places: Sequence[tuple[int, tuple[slice, ...]]]

    def entries(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return what the function takes."""
        return [tensors[k][index] for k, index in self.places]

    def value(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the number."""
        return self.function(*self.entries(tensors))


def in_parts(parts: Sequence[Part], *tensors: Tensor) -> Tensor:
    """Return the numbers, (K,), of which nothing but the tensors is kept for the derivatives."""
    if any(map(torch._C._functorch.is_functorch_wrapped_tensor, tensors)):
        return _one_by_one(parts, tensors)
    return cast(Tensor, _Parts.apply(parts, *tensors))


def _one_by_one(parts: Sequence[Part], tensors: Sequence[Tensor]) -> Tensor:
    """Return the numbers, each a node of the graph."""
    return torch.stack([_Recomputed.apply(part.function, *part.entries(tensors)) for part in parts])


class _Parts(torch.autograd.Function):
    """The numbers without a graph, and their derivatives by computing one part after the other again."""

    @staticmethod
    def forward(parts: Sequence[Part], *tensors: Tensor) -> Tensor:
        """Return the numbers."""
        found = tensors[0].new_empty(len(parts))
        for k, part in enumerate(parts):
            found[k] = part.value(tensors)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the tensors."""
        ctx.parts, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient; one that is to be differentiated is made of nodes."""
        tensors, wanted = ctx.saved_tensors, ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            some = [t for t, w in zip(tensors, wanted, strict=True) if w]
            gradients = torch.autograd.grad(
                _one_by_one(ctx.parts, tensors), some, gradient, create_graph=True, allow_unused=True
            )
            found = iter(gradients)
            return None, *(next(found) if w else None for w in wanted)
        sums = [torch.zeros_like(t) if w else None for t, w in zip(tensors, wanted, strict=True)]
        for part, weight in zip(ctx.parts, gradient, strict=True):
            _add_gradients(part, weight, tensors, sums)
        return None, *sums

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> Tensor:
        """Return the derivatives along the tangents."""

        def values(*tensors: Tensor) -> Tensor:
            return torch.stack([part.value(tensors) for part in ctx.parts])

        return along(values, ctx.saved_tensors, tangents)


def _add_gradients(
    part: Part, weight: Tensor, tensors: Sequence[Tensor], sums: Sequence[Tensor | None]
) -> None:
    """Add the gradient of a part, times a weight, to the sums of the tensors that have one."""
    entries = [
        entry.detach().requires_grad_(sums[k] is not None)
        for entry, (k, _) in zip(part.entries(tensors), part.places, strict=True)
    ]
    some = [entry for entry in entries if entry.requires_grad]
    if not some:
        return
    with torch.enable_grad():
        value = part.function(*entries)
    gradients = iter(torch.autograd.grad(value, some, weight, allow_unused=True))
    for k, index in part.places:
        total = sums[k]
        if total is not None and (slope := next(gradients)) is not None:
            total[index] += slope


class _Recomputed(torch.autograd.Function):
    """The value of one part without a graph, and its derivatives of any kind by computing it again."""

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
        return along(ctx.function, ctx.saved_tensors, tangents)

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], function: Callable[..., Tensor], *tensors: Tensor
    ) -> tuple[Tensor, int]:
        """Return the values of a batch, as in Hessians, for which everything is kept."""
        return torch.vmap(function, dims[1:])(*tensors), 0
