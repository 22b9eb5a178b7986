"""Sums over pairs of points in double precision, of one sample (i ≠ j) or of two, as differentiable tensors.

A term is a function of two blocks of points. A small matrix of pairs is one block. A larger one is cut into
blocks that are computed again in the backward pass (`gaedist.losses.recomputed`), so that memory is O(nD).

Distances come from products of matrices, of points less the mean of their block. Where two points are nearer
to each other than to that mean, products lose digits of |x − y|², as does the subtraction: `squares` takes
these pairs from differences of the points themselves, unless values cannot be read
(`gaedist.losses.tensors.is_readable`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gaedist.engine import torch_blocks
from gaedist.engine.torch_blocks import FAR
from gaedist.losses.recomputed import Part, in_parts, part_size
from gaedist.losses.tensors import is_readable

_NEAR = 1e-4  # |x − y|² over |x|² + |y|² below which products have lost too many digits

Points = tuple[Tensor, ...]
"""Points (n, D), followed by the parameters of each, (n, …)."""

Terms = Callable[[Points, Points], Tensor]
"""From two blocks of points to the terms of their pairs, (a, b)."""

_OfBlock = Callable[[Terms, Points, Points, bool], Tensor]
"""From terms and two blocks to their sum, of one sample without those of a point with itself."""


def log_sum(terms: Terms, p: Points, q: Points | None = None, *, width: int = 1) -> Tensor:
    """Return the logarithm of Σ exp(term) over all pairs of p and q, or over i ≠ j of p; −∞ for no pairs.

    ``width`` is how many numbers the terms keep for each pair.
    """
    if q is None and len(p[0]) == 1:
        return p[0].new_full((), -math.inf)
    values, counts = _parts(terms, p, q, _log_of_block, width)
    return (values + counts.log()).logsumexp(0)


def plain_sum(terms: Terms, p: Points, q: Points | None = None, *, width: int = 1) -> Tensor:
    """Return Σ term over all pairs of p and q, or over i ≠ j of p."""
    values, counts = _parts(terms, p, q, _sum_of_block, width)
    return values @ counts


def squares(x: Tensor, y: Tensor) -> Tensor:
    """Return |x_i − y_j|², (a, b): exactly 0 for equal points where values can be read."""
    p, q = _centered(x, y)
    norms_x, norms_y = (p * p).sum(1), (q * q).sum(1)
    found = torch.addmm(norms_x[:, None] + norms_y, p, q.T, alpha=-2)
    if not is_readable(x) or not is_readable(y):
        return found.clamp_min(0)
    limit = _NEAR * float(norms_x.detach().max() + norms_y.detach().max())
    if x is y:
        found.detach().diagonal().fill_(math.inf)
    no_pair_is_near = bool(found.detach().amin() >= limit)  # quicker than looking for them
    if x is y:
        found.diagonal().zero_()
    if no_pair_is_near:
        return found
    rows, columns = (found.detach() < limit).nonzero(as_tuple=True)
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
    p, q = (math.sqrt(rate) * points for points in _centered(x, y))
    if is_readable(x) and is_readable(y) and _largest_square(p, q) > FAR:
        return -rate * squares(x, y)
    return torch_blocks.gaussian_exponents(p, q)


def _largest_square(*samples: Tensor) -> float:
    return max(float((points.detach() ** 2).sum(1).max()) for points in samples)


def _centered(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return both less the mean of x, with which products of them have small errors."""
    center = x.detach().mean(0)
    moved = x - center
    return moved, moved if x is y else y - center


def _differences(x: Tensor, y: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return |x_i − y_j|² of some pairs."""
    apart = x[rows] - y[columns]
    return (apart * apart).sum(1)


def _parts(
    terms: Terms, p: Points, q: Points | None, of_block: _OfBlock, width: int
) -> tuple[Tensor, Tensor]:
    """Return the sum over each block of pairs, (K,), and how often it counts."""
    n, m, alone, count = len(p[0]), len(p[0] if q is None else q[0]), q is None, len(p)
    size = part_size(p[0])
    if n * m * width <= 2 * size or not is_readable(p[0]):
        return of_block(terms, p, p if q is None else q, alone)[None], p[0].new_ones(1)

    def within(*points: Tensor) -> Tensor:
        return of_block(terms, points, points, True)

    def between(*points: Tensor) -> Tensor:
        return of_block(terms, points[:count], points[count:], False)

    tensors = p if q is None else p + q
    rows, columns = (_ranges(points, max(1, math.isqrt(size // width))) for points in (n, m))
    parts, counts = [], []
    for i, row in enumerate(rows):
        for j, column in enumerate(columns[: i + 1] if alone else columns):
            left = [(k, (row,)) for k in range(count)]
            right = [(k, (column,)) for k in range(0 if alone else count, len(tensors))]
            if not alone or i != j:
                parts.append(Part(between, left + right))
                counts.append(2.0 if alone else 1.0)
            elif row.stop - row.start > 1:  # one point has no pairs
                parts.append(Part(within, left))
                counts.append(1.0)
    return in_parts(parts, *tensors), p[0].new_tensor(counts)


def _ranges(count: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


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
