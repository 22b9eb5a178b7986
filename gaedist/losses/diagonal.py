"""Overlaps of Gaussians with a variance for each axis, and their gradient.

What a pair keeps is one number, whatever the dimension: formulas go through the axes one by one, and compiled
code, on a CPU and where there is enough to do, through the pairs of an axis. Within vmap, on other devices,
and for derivatives of derivatives it is PyTorch that computes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gaedist.engine.run.threads import share
from gaedist.losses.explicit import Explicit
from gaedist.losses.tensors import is_readable

_LARGEST_LOG = 700.0  # of a number that a double holds
_MANY = 1 << 16  # pairs times axes from which compiled code is used
_PARTS = 8  # of the rows, each with derivatives by all columns of its own


def _axes(*points: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Return the coordinates along each axis, side by side in memory."""
    return zip(*(some.T.contiguous() for some in points), strict=True)


def _value(x: Tensor, v: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """Return −½ Σ_k (log(v + w) + (x − y)²/(v + w)) of each pair."""
    total, product, together = x.new_zeros(len(x), len(y)), x.new_ones(()), _in_range(v, w)
    for k, (x_k, v_k, y_k, w_k) in enumerate(_axes(x, v, y, w), 1):
        apart, both = x_k[:, None] - y_k, v_k[:, None] + w_k
        total = torch.addcdiv(total, apart * apart, both)
        product = product * both
        if k % together == 0 or k == x.shape[1]:
            total.add_(torch.log(product))
            product = x.new_ones(())
    return total.mul_(-0.5)


def _in_range(*variances: Tensor) -> int:
    """Return how many sums of two variances can be multiplied without leaving the range of doubles."""
    if not all(map(is_readable, variances)):
        return 1
    farthest = max(float(torch.log(some.detach()).abs().amax()) for some in variances)
    return max(1, int(_LARGEST_LOG / (1 + farthest))) if farthest < _LARGEST_LOG else 1


def _gradients(gradient: Tensor, x: Tensor, v: Tensor, y: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    gradients: tuple[list[Tensor], ...] = [], [], [], []
    for x_k, v_k, y_k, w_k in _axes(x, v, y, w):
        inverse = (v_k[:, None] + w_k).reciprocal_()
        ratio = (x_k[:, None] - y_k).mul_(inverse)  # −1 times the derivative by x
        widths = (ratio * ratio).sub_(inverse).mul_(gradient)  # twice the derivative by v, and by w
        ratio.mul_(gradient)
        for some, slope in zip(
            gradients, (-ratio.sum(1), widths.sum(1) / 2, ratio.sum(0), widths.sum(0) / 2), strict=True
        ):
            some.append(slope)
    return tuple(torch.stack(some, 1) for some in gradients)


def _compiled_value(x: Tensor, v: Tensor, y: Tensor, w: Tensor) -> tuple[Tensor]:
    """Return the value by compiled code, where there is enough to do on a CPU, for widths of usual size."""
    if not _is_worth_compiling(x, v, y, w) or (together := _in_range(v, w)) == 1:
        return (_value(x, v, y, w),)
    from gaedist.engine.compiled.diagonal_matrix import fill_exponents

    found = x.new_empty(len(x), len(y))
    centers, variances, others, wide = (some.detach().contiguous().numpy() for some in (x, v, y.T, w.T))

    def fill(_thread: int, start: int, stop: int) -> None:
        rows = slice(start, stop)
        fill_exponents(centers[rows], variances[rows], others, wide, together, found.numpy()[rows])

    share(fill, len(x), torch.get_num_threads())
    return (found,)


def _compiled_gradients(gradient: Tensor, x: Tensor, v: Tensor, y: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    """Return the gradient likewise; parts of the rows are added in one order whatever the threads."""
    if not _is_worth_compiling(gradient, x, v, y, w):
        return _gradients(gradient, x, v, y, w)
    from gaedist.engine.compiled.diagonal_matrix import add_gradients

    points = [some.detach().contiguous().numpy() for some in (gradient, x, v, y.T, w.T)]
    of_rows, step = x.new_empty(2, *x.shape), -(-len(x) // _PARTS)
    of_columns = x.new_zeros(-(-len(x) // step), 2, *y.T.shape)

    def fill(_thread: int, start: int, stop: int) -> None:
        for part in range(start, stop):
            rows = slice(part * step, (part + 1) * step)
            left = [some[rows] for some in points[:3]]
            add_gradients(*left, *points[3:], *of_rows[:, rows].numpy(), *of_columns[part].numpy())

    share(fill, len(of_columns), torch.get_num_threads())
    by_y, by_w = of_columns.sum(0)
    return *of_rows, by_y.T, by_w.T


def _is_worth_compiling(*tensors: Tensor) -> bool:
    """Return whether these are plain tensors on a CPU, so large that to load compiled code is worth it."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    if any(wrapped(some) or some.device.type != "cpu" for some in tensors):
        return False
    return bool(len(tensors[-1]) * tensors[-4].numel() >= _MANY)


DIAGONAL = Explicit(_value, _compiled_gradients, _compiled_value)
"""From x, v (n, D) and y, w (m, D) to −½ Σ_k (log(v + w) + (x − y)²/(v + w)) of each pair, (n, m)."""
