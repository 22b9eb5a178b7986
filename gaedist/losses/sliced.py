"""Statistics of projections as losses: sliced-wasserstein (SWAE), sliced-epps-pulley (SIGReg of LeJEPA)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gaedist.engine import common_refinement, random_directions
from gaedist.losses.recomputed import recomputed
from gaedist.losses.scales import check_scale, floored_log
from gaedist.losses.tensors import both_doubles, doubles, eager, is_readable
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.sliced_epps_pulley import EppsPulley, epps_pulley_moments
from gaedist.metrics.sliced_wasserstein import quantile_means, wasserstein_moments
from gaedist.null.distributions import Moments

_FEW_MODES = 64  # waves that never take longer than pairs
_AT_ONCE = 1 << 23  # numbers that are in memory at once, for a batch of directions


@eager
def sliced_wasserstein(
    x: Tensor,
    y: Tensor | None = None,
    *,
    directions: int | None = None,
    seed: int | None = None,
    scale: str = "value",
) -> Tensor:
    """Return W₂² of projections to N(0, 1) or those of other codes, averaged over random directions.

    The metric ``sliced-wasserstein``, with no sample of the prior: along each direction W₂² is exact.

    Parameters
    ----------
    x : (n, D) tensor
        The codes.
    y : (m, D) tensor, optional
        Other codes.
    directions : int, optional
        Number of random directions, 1000 by default.
    seed : int, optional
        The directions of `gaedist.score` with this seed; by default each call draws new ones from PyTorch's
        generator.
    scale : str
        ``value``, ``log``, or for one sample ``z``.

    Returns
    -------
    () tensor of double
        The loss.

    Raises
    ------
    GaedistError
        If a tensor has another shape or type, or an option is out of its range.
    """
    check_scale(scale, unknown="" if y is None else "two samples have none for this metric. Use value or log")
    count = int(Parameters(directions=directions).used("directions").directions or 0)
    if y is not None:
        x, y = both_doubles(x, y)
        return _scaled(_transport(x, y, _directions(x, count, seed)), None, scale)
    x = doubles(x)
    n, dim = x.shape
    means = torch.as_tensor(quantile_means(n), device=x.device)[:, None]
    apart = (x @ _directions(x, count, seed).T).sort(dim=0).values - means
    value = (apart * apart).mean() + (1 - (means * means).mean())
    return _scaled(value, wasserstein_moments(n, dim, count) if scale == "z" else None, scale)


@eager
def sliced_epps_pulley(
    x: Tensor,
    *,
    beta: float | None = None,
    directions: int | None = None,
    seed: int | None = None,
    scale: str = "value",
) -> Tensor:
    """Return the Epps–Pulley statistic of projections, averaged over random directions.

    The metric ``sliced-epps-pulley``: SIGReg of LeJEPA, with the integral over all frequencies.

    Parameters
    ----------
    x : (n, D) tensor
        The codes.
    beta : float, optional
        β, the standard deviation of the weight over frequencies; 1 by default.
    directions, seed, scale
        As for `sliced_wasserstein`.

    Returns
    -------
    () tensor of double
        The loss, which under N(0, I) has a mean that does not depend on n.

    Raises
    ------
    GaedistError
        If the tensor has another shape or type, or an option is out of its range.
    """
    check_scale(scale)
    used = Parameters(beta=beta, directions=directions).used("beta", "directions")
    count, statistic = int(used.directions or 0), EppsPulley(float(used.beta or 0))
    x = doubles(x)
    n, dim = x.shape
    along = _directions(x, count, seed)
    t = x @ along.T
    value = _epps_pulley(t, statistic)
    exact = epps_pulley_moments(n, dim, count, statistic.beta) if scale == "z" else None
    return _scaled(value, exact, scale)


def _directions(x: Tensor, count: int, seed: int | None) -> Tensor:
    """Return unit vectors, (L, D): those of `gaedist.score` with this seed, or new ones from PyTorch."""
    dim = x.shape[1]
    if seed is not None or dim == 1:
        return torch.tensor(random_directions(dim, count, seed or 0), device=x.device)
    found = torch.randn(count, dim, dtype=x.dtype, device=x.device)
    return found / found.norm(dim=1, keepdim=True)


def _scaled(value: Tensor, exact: Moments | None, scale: str) -> Tensor:
    if exact is not None:
        return (value - exact.mean) / exact.sd
    return floored_log(value) if scale == "log" else value


def _transport(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """Return the mean of W₂² between both samples' projections."""
    left, right = ((points @ directions.T).sort(dim=0).values for points in (x, y))
    if len(x) == len(y):
        return ((left - right) ** 2).mean()
    parts = common_refinement(len(x), len(y))
    i, j = (torch.as_tensor(part, device=x.device) for part in (parts.left, parts.right))
    lengths = torch.as_tensor(parts.lengths, device=x.device)[:, None]
    return (lengths * (left[i] - right[j]) ** 2).sum(0).mean()


def _epps_pulley(t: Tensor, statistic: EppsPulley) -> Tensor:
    """Return the mean over the columns of t, (n, L), of T, by whichever way is shorter."""
    n, count = t.shape
    modes, period = 0.0, 0.0
    if is_readable(t):
        with torch.no_grad():
            span, far = float((t.amax(0) - t.amin(0)).max()), float(t.abs().max())
        period = statistic.period(span, far)
        modes = statistic.modes(period)
    waves = 0 < modes <= max(n, _FEW_MODES)
    function = _by_waves if waves else _by_pairs
    size = max(1, int(_AT_ONCE / (n * (modes if waves else n))))
    arguments = (statistic.beta, period, modes)
    if count <= size or not is_readable(t):
        return function(t, *arguments).mean()
    parts = [recomputed(lambda some: function(some, *arguments), part) for part in t.split(size, dim=1)]
    return torch.cat(parts).mean()


def _by_waves(t: Tensor, beta: float, period: float, modes: float) -> Tensor:
    """Return T of each column as a sum over multiples of 2π/period."""
    n, step = len(t), 2 * math.pi / period
    s = step * torch.arange(1, int(modes) + 1, dtype=t.dtype, device=t.device)
    weights = 2 * step / (math.sqrt(2 * math.pi) * beta) * torch.exp(-((s / beta) ** 2) / 2)
    angles = t[..., None] * s  # (n, L, K)
    real, imaginary = torch.cos(angles).mean(0), torch.sin(angles).mean(0)
    return n * (((real - torch.exp(-s * s / 2)) ** 2 + imaginary**2) @ weights)


def _by_pairs(t: Tensor, beta: float, period: float, modes: float) -> Tensor:
    """Return T of each column as a sum over pairs of points."""
    n, b = len(t), beta**2
    pair = torch.exp(-b / 2 * (t[:, None] - t) ** 2).mean((0, 1))
    cross = torch.exp(-b * t * t / (2 * (1 + b))).mean(0) / math.sqrt(1 + b)
    return n * (pair + 1 / math.sqrt(1 + 2 * b) - 2 * cross)
