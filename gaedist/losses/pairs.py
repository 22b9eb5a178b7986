"""Sums over pairs of points in double precision, of one sample (i ≠ j) or of two, as differentiable tensors.

A term is a function of two blocks of points. A small matrix of pairs is one block. A larger one is cut into
blocks that are computed again in the backward pass (`gaedist.losses.recomputed`), so that memory is O(nD).

Products lose digits of |x − y|² where two points are nearer to each other than to the center. `squares` takes
those pairs from differences, unless values cannot be read (`gaedist.losses.tensors.is_readable`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gaedist.engine import torch_blocks
from gaedist.engine.torch_blocks import FAR
from gaedist.losses.recomputed import part_size, recomputed
from gaedist.losses.tensors import is_readable

_NEAR = 1e-4  # |x − y|² over |x|² + |y|² below which products have lost too many digits

Points = tuple[Tensor, ...]
"""Points (n, D), followed by the parameters of each, (n, …)."""

Terms = Callable[[Points, Points], Tensor]
"""From two blocks of points to the terms of their pairs, (a, b)."""


def log_sum(terms: Terms, p: Points, q: Points | None = None, *, width: int = 1) -> Tensor:
    """Return the logarithm of Σ exp(term) over all pairs of p and q, or over i ≠ j of p; −∞ for no pairs.

    ``width`` is how many numbers the terms keep for each pair.
    """
    if q is None and len(p[0]) == 1:
        return p[0].new_full((), -math.inf)
    parts = _parts(terms, p, q, _log_of_block, width)
    return parts[0] if len(parts) == 1 else torch.stack(parts).logsumexp(0)


def plain_sum(terms: Terms, p: Points, q: Points | None = None, *, width: int = 1) -> Tensor:
    """Return Σ term over all pairs of p and q, or over i ≠ j of p."""
    parts = _parts(terms, p, q, _sum_of_block, width)
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum()


def squares(x: Tensor, y: Tensor) -> Tensor:
    """Return |x_i − y_j|², (a, b): exactly 0 for equal points where values can be read."""
    norms_x, norms_y = (x * x).sum(1), (y * y).sum(1)
    found = torch.addmm(norms_x[:, None] + norms_y, x, y.T, alpha=-2)
    if not is_readable(x) or not is_readable(y):
        return found.clamp_min(0)
    if x is y:
        found.diagonal().zero_()
    farthest = float(norms_x.detach().max() + norms_y.detach().max())
    rows, columns = (found.detach() < _NEAR * farthest).nonzero(as_tuple=True)
    if x is y:
        apart = rows != columns
        rows, columns = rows[apart], columns[apart]
    near = found.detach()[rows, columns] < _NEAR * (norms_x[rows] + norms_y[columns]).detach()
    rows, columns = rows[near], columns[near]
    if not len(rows):
        return found
    return found.index_put((rows, columns), _differences(x, y, rows, columns))


def gaussian_exponents(x: Tensor, y: Tensor, rate: float) -> Tensor:
    """Return −rate |x_i − y_j|², (a, b), by one product of matrices where that is precise enough."""
    x, y = math.sqrt(rate) * x, math.sqrt(rate) * y
    if is_readable(x) and is_readable(y) and _largest_square(x, y) > FAR:
        return -squares(x, y)
    return torch_blocks.gaussian_exponents(x, y)


def _largest_square(*samples: Tensor) -> float:
    return max(float((points.detach() ** 2).sum(1).max()) for points in samples)


def centered(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Return samples from the mean of the first, which leaves differences as they are and keeps digits."""
    center = x.detach().mean(0)
    return tuple(points - center for points in (x, *others))


def _differences(x: Tensor, y: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return |x_i − y_j|² of some pairs."""
    apart = x[rows] - y[columns]
    return (apart * apart).sum(1)


def _parts(
    terms: Terms,
    p: Points,
    q: Points | None,
    of_block: Callable[[Terms, Points, Points, bool], Tensor],
    width: int,
) -> list[Tensor]:
    """Return the sum over each block of pairs."""
    n, m = len(p[0]), len(p[0] if q is None else q[0])
    size = part_size(p[0])
    if n * m * width <= 2 * size or not is_readable(p[0]):
        return [of_block(terms, p, p if q is None else q, q is None)]
    found = []
    for left, right, on_diagonal in _blocks(p, q, max(1, math.isqrt(size // width))):
        part = _block(of_block, terms, left, right, on_diagonal)
        found += [part] if on_diagonal or q is not None else [part, part]
    return found


def _block(
    of_block: Callable[[Terms, Points, Points, bool], Tensor],
    terms: Terms,
    left: Points,
    right: Points,
    on_diagonal: bool,
) -> Tensor:
    """Return the sum over a block, which keeps nothing but its points."""
    if on_diagonal:
        return recomputed(lambda *points: of_block(terms, points, points, True), *left)
    count = len(left)
    return recomputed(lambda *points: of_block(terms, points[:count], points[count:], False), *left, *right)


def _blocks(p: Points, q: Points | None, size: int) -> Iterator[tuple[Points, Points, bool]]:
    """Yield blocks of pairs, of one sample none above the diagonal, and whether each lies on it.

    A point at the end of one sample, whose block on the diagonal has no pairs, has none.
    """
    rows = list(zip(*(part.split(size) for part in p), strict=True))  # whose gradients are joined only once
    columns = rows if q is None else list(zip(*(part.split(size) for part in q), strict=True))
    for i, left in enumerate(rows):
        for j, right in enumerate(columns[: i + 1] if q is None else columns):
            on_diagonal = q is None and i == j
            if not on_diagonal or len(left[0]) > 1:
                yield left, right, on_diagonal


def _log_of_block(terms: Terms, p: Points, q: Points, on_diagonal: bool) -> Tensor:
    found = terms(p, q)
    if on_diagonal:
        found = found.masked_fill(torch.eye(len(found), dtype=torch.bool, device=found.device), -math.inf)
    return found.flatten().logsumexp(0)


def _sum_of_block(terms: Terms, p: Points, q: Points, on_diagonal: bool) -> Tensor:
    found = terms(p, q)
    if not on_diagonal:
        return found.sum()
    others = torch.ones(found.shape, dtype=found.dtype, device=found.device).fill_diagonal_(0.0)
    return torch.dot(found.flatten(), others.flatten())
