"""Statistics of projections as losses: sliced-wasserstein (SWAE), sliced-epps-pulley (SIGReg of LeJEPA)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from gaedist.engine import common_refinement, random_directions
from gaedist.errors import check_count
from gaedist.losses.explicit import Explicit
from gaedist.losses.recomputed import Part, in_parts, part_size
from gaedist.losses.scales import check_scale, floored_log, two_sample_moments
from gaedist.losses.tensors import both_doubles, doubles, eager, is_readable
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.sliced_epps_pulley import EppsPulley, epps_pulley_moments, kernels_of_directions
from gaedist.metrics.sliced_metrics import coincidences
from gaedist.metrics.sliced_wasserstein import quantile_means, wasserstein_moments
from gaedist.null.distributions import Moments

_FEW_MODES = 64  # waves that never take longer than pairs
_ROTATIONS = 32  # after which rounding starts again
_FEW_WAVES = 1 << 16  # of all angles, which take less time at once than one after the other


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

    The metric ``sliced-wasserstein``, with no sample of the prior: along each direction W₂² is exact, also
    between samples of different sizes.

    Parameters
    ----------
    x : (n, D) tensor
        The codes.
    y : (m, D) tensor, optional
        Other codes, or a sample of another prior.
    directions : int, optional
        Number of random directions, 1000 by default.
    seed : int, optional
        The directions of `gaedist.score` with this seed; by default each call draws new ones from PyTorch's
        generator.
    scale : str
        ``value``, ``log`` or ``z``.

    Returns
    -------
    () tensor of double
        The loss.

    Raises
    ------
    GaedistError
        If a tensor has another shape or type, or an option is out of its range.
    """
    check_scale(scale)
    count = int(Parameters(directions=directions).used("directions").directions or 0)
    samples = (doubles(x),) if y is None else both_doubles(x, y)
    (n, dim), m = samples[0].shape, None if y is None else len(y)
    along = _directions(samples[0], count, seed)
    lines = [(points @ along.T).sort(dim=0).values for points in samples]
    value = _to_normal(lines[0]) if y is None else _transport(*lines)
    return _scaled(value, wasserstein_moments(n, dim, count, m) if scale == "z" else None, scale)


@eager
def sliced_epps_pulley(
    x: Tensor,
    y: Tensor | None = None,
    *,
    beta: float | None = None,
    directions: int | None = None,
    seed: int | None = None,
    scale: str = "value",
) -> Tensor:
    """Return the Epps–Pulley statistic of projections, averaged over random directions.

    The metric ``sliced-epps-pulley``: SIGReg of LeJEPA, with the integral over all frequencies. For other
    codes it is nm/(n + m) ∫ |ψ(s) − ψ'(s)|² N(s; 0, β²) ds, with ψ and ψ' the means of e^(is u·x).

    Parameters
    ----------
    x : (n, D) tensor
        The codes.
    y : (m, D) tensor, optional
        Other codes, or a sample of another prior.
    beta : float, optional
        β, the standard deviation of the weight over frequencies; 1 by default.
    directions, seed, scale
        As for `sliced_wasserstein`.

    Returns
    -------
    () tensor of double
        The loss, whose mean under N(0, I) does not depend on the number of codes.

    Raises
    ------
    GaedistError
        If a tensor has another shape or type, or an option is out of its range.
    """
    check_scale(scale)
    used = Parameters(beta=beta, directions=directions).used("beta", "directions")
    count, statistic = int(used.directions or 0), EppsPulley(float(used.beta or 0))
    samples = (doubles(x),) if y is None else both_doubles(x, y)
    sizes, dim = tuple(map(len, samples)), samples[0].shape[1]
    along = _directions(samples[0], count, seed)
    value = _epps_pulley([points @ along.T for points in samples], statistic)
    moments: Callable[..., Moments] = epps_pulley_moments if y is None else _moments_of_two
    return _scaled(value, moments(*sizes, dim, count, statistic.beta) if scale == "z" else None, scale)


def _directions(x: Tensor, count: int, seed: int | None) -> Tensor:
    """Return unit vectors, (L, D): those of `gaedist.score` with this seed, or new ones from PyTorch."""
    dim = x.shape[1]
    if seed is not None or dim == 1:
        return torch.tensor(random_directions(dim, count, check_count("seed", seed or 0, 0)), device=x.device)
    found = torch.randn(count, dim, dtype=x.dtype, device=x.device)
    return found / found.norm(dim=1, keepdim=True)


def _scaled(value: Tensor, exact: Moments | None, scale: str) -> Tensor:
    if exact is not None:
        return (value - exact.mean) / exact.sd
    return floored_log(value) if scale == "log" else value


def _to_normal(rows: Tensor) -> Tensor:
    """Return the mean of W₂² between N(0, 1) and the columns of sorted points, (n, L)."""
    means = torch.as_tensor(quantile_means(len(rows)), device=rows.device)[:, None]
    return ((rows - means) ** 2).mean() + (1 - (means * means).mean())


def _transport(left: Tensor, right: Tensor) -> Tensor:
    """Return the mean of W₂² between the columns of sorted points, (n, L) and (m, L)."""
    if len(left) == len(right):
        return ((left - right) ** 2).mean()
    parts = common_refinement(len(left), len(right))
    i, j = (torch.as_tensor(part, device=left.device) for part in (parts.left, parts.right))
    lengths = torch.as_tensor(parts.lengths, device=left.device)[:, None]
    return (lengths * (left[i] - right[j]) ** 2).sum(0).mean()


def _moments_of_two(n: int, m: int, dim: int, count: int, beta: float) -> Moments:
    """Return mean and standard deviation of T for two samples of N(0, I)."""
    factor, (pairs, _) = n * m / (n + m), coincidences(dim, count)
    found = [two_sample_moments(kernel, n, m, unbiased=False) for kernel in kernels_of_directions(dim, beta)]
    variance = factor**2 * float(pairs @ [variance for _, variance in found])
    return Moments(factor * found[0][0], math.sqrt(variance), 0.0)


def _epps_pulley(samples: Sequence[Tensor], statistic: EppsPulley) -> Tensor:
    """Return the mean over the columns, (n, L), of T of one sample or two, by whichever way is shorter."""
    n, count = sum(map(len, samples)), samples[0].shape[1]
    modes, period = 0.0, 0.0
    readable = all(map(is_readable, samples))
    if readable:
        with torch.no_grad():
            pooled = torch.cat(list(samples))
            span, far = float((pooled.amax(0) - pooled.amin(0)).max()), float(pooled.abs().max())
        if math.isfinite(span):
            period = statistic.period(span, far)
            modes = statistic.modes(period)
    waves = 0 < modes <= max(n, _FEW_MODES)
    function = _by_waves if waves else _by_pairs
    size = max(1, part_size(samples[0]) // (n if waves else n**2))

    def total(*some: Tensor) -> Tensor:
        return function(some, statistic.beta, period, modes).sum()

    if count <= size or not readable:
        return total(*samples) / count
    parts = [
        Part(total, [(k, (slice(None), slice(start, start + size))) for k in range(len(samples))])
        for start in range(0, count, size)
    ]
    return in_parts(parts, *samples).sum() / count


def _factor(samples: Sequence[Tensor]) -> float:
    """Return n, or nm/(n + m) for two samples."""
    return 1 / sum(1 / len(sample) for sample in samples)


def _by_waves(samples: Sequence[Tensor], beta: float, period: float, modes: float) -> Tensor:
    """Return T of each column as a sum over multiples of 2π/period."""
    step = 2 * math.pi / period
    s = step * torch.arange(1, int(modes) + 1, dtype=samples[0].dtype, device=samples[0].device)[:, None]
    weights = 2 * step / (math.sqrt(2 * math.pi) * beta) * torch.exp(-((s / beta) ** 2) / 2)
    means = [_waves(len(s), sample.numel())(step * sample) for sample in samples]
    if len(samples) == 1:
        means.append(torch.stack([torch.exp(-s * s / 2), torch.zeros_like(s)]))
    return _factor(samples) * (weights * (means[0] - means[1]) ** 2).sum((0, 1))


def _multiples(angles: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield cosine and sine of 1 to ``count`` times the angles, most of them by rotation."""
    cosine, sine = torch.cos(angles), torch.sin(angles)
    for k in range(1, count + 1):
        if k % _ROTATIONS == 1:
            cosines, sines = torch.cos(k * angles), torch.sin(k * angles)
        else:
            cosines, sines = (
                torch.addcmul(cosines * cosine, sines, sine, value=-1),
                torch.addcmul(cosines * sine, sines, cosine),
            )
        yield cosines, sines


def _waves(count: int, size: int) -> Callable[[Tensor], Tensor]:
    """Return the function from ``size`` angles to the means of their waves."""
    if size * count <= _FEW_WAVES:
        return partial(_means_at_once, count)
    return Explicit(partial(_means_of_waves, count), partial(_gradients_of_waves, count))


def _means_at_once(count: int, angles: Tensor) -> Tensor:
    """Return the same as `_means_of_waves`, from a tensor of all waves."""
    multiples = torch.arange(1, count + 1, dtype=angles.dtype, device=angles.device)[:, None, None] * angles
    return torch.stack([torch.cos(multiples).mean(1), torch.sin(multiples).mean(1)])


def _means_of_waves(count: int, angles: Tensor) -> Tensor:
    """Return the means over rows of cosine and sine of multiples of the angles (n, L), (2, count, L)."""
    waves = _multiples(angles, count)
    return torch.stack([torch.stack([part.mean(0) for part in wave]) for wave in waves], 1)


def _gradients_of_waves(count: int, gradient: Tensor, angles: Tensor) -> tuple[Tensor]:
    total = torch.zeros_like(angles)
    for k, (cosines, sines) in enumerate(_multiples(angles, count)):
        of_cosines, of_sines = (k + 1) / len(angles) * gradient[:, k]
        total = torch.addcmul(total, cosines, of_sines)
        total = torch.addcmul(total, sines, of_cosines, value=-1)
    return (total,)


def _by_pairs(samples: Sequence[Tensor], beta: float, period: float, modes: float) -> Tensor:
    """Return T of each column as a sum over pairs of points."""
    t, b = samples[0], beta**2

    def mean(left: Tensor, right: Tensor) -> Tensor:
        return torch.exp(-b / 2 * (left[:, None] - right) ** 2).mean((0, 1))

    if len(samples) == 2:
        far, cross = mean(samples[1], samples[1]), mean(t, samples[1])
    else:
        far = t.new_tensor(1 / math.sqrt(1 + 2 * b))
        cross = torch.exp(-b * t * t / (2 * (1 + b))).mean(0) / math.sqrt(1 + b)
    return _factor(samples) * (mean(t, t) + far - 2 * cross)
