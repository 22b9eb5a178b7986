"""Squared discrepancies by a radial kernel as losses: mmd (WAE), cramer-wold (CWAE) and energy.

Means over N(0, I) are sums over the rates of the kernel's `ScaleMixture`, so no reference sample is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gaedist.engine import Profile, Shape
from gaedist.errors import GaedistError, check_choice
from gaedist.kernels.radial import ScaleMixture, distance_mixture
from gaedist.losses.pairs import plain_sum
from gaedist.losses.profiles import profile_of, profile_terms
from gaedist.losses.recomputed import Part, in_parts, part_size
from gaedist.losses.scales import check_resolution, check_scale, floored_log, log_of, two_sample_moments
from gaedist.losses.tensors import both_doubles, doubles, eager, is_readable
from gaedist.metrics.cramer_wold import (
    UNIT,
    approximate_moments,
    approximate_null,
    approximate_profiles,
    cramer_wold_moments,
    exact_profiles,
)
from gaedist.metrics.energy import energy_moments
from gaedist.metrics.mmd import check_width, mmd_moments, mmd_profile
from gaedist.metrics.parameters import Parameters
from gaedist.mixtures.targets import ESTIMATORS
from gaedist.null.distributions import KernelLimit
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.smoothing.bandwidths import silverman_gamma

_LARGEST_SQUARE = 1e30  # |x|² to which the energy distance is right where values cannot be read
_PRUNED = 1e-20  # share of a mean over N(0, I) below which a rate is left out


@dataclass(frozen=True)
class Kernel:
    """A kernel, its moments under N(0, I), and the factor of the value."""

    profile: Profile
    moments: PairMoments
    factor: float = 1.0
    sign: float = 1.0

    @property
    def peak(self) -> float:
        """k(0)."""
        return self.moments.scale_mixture.peak


@eager
def mmd(
    x: Tensor,
    y: Tensor | None = None,
    *,
    kernel: str | None = None,
    scales: Sequence[float] | None = None,
    alpha: float | None = None,
    estimator: str = "u",
    scale: str = "value",
) -> Tensor:
    """Return the squared maximum mean discrepancy from N(0, I) or from other codes.

    The metric ``mmd``: the loss of the Wasserstein auto-encoder, with means over N(0, I) in closed form in
    place of a sample of the prior.

    Parameters
    ----------
    x : (n, D) tensor
        The codes.
    y : (m, D) tensor, optional
        Other codes, or a sample of another prior.
    kernel, scales, alpha
        As in `gaedist.Parameters`: one of `gaedist.kernels.radial.KERNELS`, summed over ``scales``.
    estimator : str
        ``u`` as `gaedist.score`, or ``v``, which pairs each point with itself too and is never negative.
    scale : str
        ``value``, ``log`` (estimator v) or ``z``.

    Returns
    -------
    () tensor of double
        The loss.

    Raises
    ------
    GaedistError
        If a tensor has another shape or type, or an option is out of its range.
    """
    check_choice("estimator", estimator, ESTIMATORS)
    unbiased = ESTIMATORS[estimator].unbiased
    check_scale(scale, signed="estimator u gives such. Use v" if unbiased else "")
    used = Parameters(kernel=kernel, scales=scales, alpha=alpha).used("kernel", "scales", "alpha")
    dim = doubles(x).shape[1]
    found = Kernel(mmd_profile(dim, used), mmd_moments(dim, used))
    if y is None or scale == "z":
        check_width(found.moments)
    return _discrepancy(x, y, found, unbiased=unbiased, scale=scale)


@eager
def energy(x: Tensor, y: Tensor | None = None, *, scale: str = "value") -> Tensor:
    """Return the squared energy distance from N(0, I) or from other codes.

    The metric ``energy``. Its gradient at equal codes, where |x − y| has a cusp, is taken as 0.

    Parameters
    ----------
    x : (n, D) tensor
        The codes.
    y : (m, D) tensor, optional
        Other codes, or a sample of another prior.
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
    kernel = Kernel(Profile(Shape.ROOT), energy_moments(doubles(x).shape[1]), sign=-1.0)
    return _discrepancy(x, y, kernel, unbiased=False, scale=scale)


@eager
def cramer_wold(
    x: Tensor,
    y: Tensor | None = None,
    *,
    gamma: float | None = None,
    approximate: bool = False,
    scale: str = "log",
) -> Tensor:
    """Return the Cramér–Wold distance from N(0, I) or from other codes.

    The metrics ``cramer-wold`` and, as its auto-encoder computes it, ``cramer-wold-approx``.

    Parameters
    ----------
    x : (n, D) tensor
        The codes.
    y : (m, D) tensor, optional
        Other codes, or a sample of another prior.
    gamma : float, optional
        γ, the variance by which projections are smoothed; (4/(3n))^(2/5) by default.
    approximate : bool
        Take φ_D(s) ≈ (1 + 4s/(2D − 3))^(−½), for D ≥ 2. The value is then not smallest at N(0, I).
    scale : str
        ``log``, as the auto-encoder does, ``value`` or ``z``.

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
    samples = [doubles(x)] if y is None else list(both_doubles(x, y))
    n, dim = samples[0].shape
    used = float(Parameters(gamma=gamma).used("gamma", gamma=silverman_gamma(*map(len, samples))).gamma or 0)
    profiles = (approximate_profiles if approximate else exact_profiles)(dim, used)
    moments = (approximate_moments if approximate else cramer_wold_moments)(dim, used)
    kernel = Kernel(profiles[0], moments, UNIT / math.sqrt(used))
    if y is not None:
        return _two_sample(x, y, kernel, unbiased=False, scale=scale)
    x = samples[0]
    pair = _pair_mean(x, kernel, unbiased=False) + 1 / n
    cross = profile_of(profiles[1], (x * x).sum(1)).mean() / math.sqrt(used + 0.5)
    value = UNIT * (pair / math.sqrt(used) + 1 / math.sqrt(1 + used) - 2 * cross)
    if scale != "z":
        return floored_log(value) if scale == "log" else value
    exact = (
        approximate_null(n, dim, used)
        if approximate
        else KernelLimit.of(n, moments, unbiased=False, factor=kernel.factor)
    )
    return (value - exact.mean) / exact.sd


def _discrepancy(x: Tensor, y: Tensor | None, kernel: Kernel, *, unbiased: bool, scale: str) -> Tensor:
    """Return the mean of a kernel within both, less twice that between them; one may be N(0, I)."""
    if y is not None:
        return _two_sample(x, y, kernel, unbiased=unbiased, scale=scale)
    x, moments = doubles(x), kernel.moments
    n = len(x)
    _check_sizes(unbiased, n)
    pair = kernel.sign * _pair_mean(x, kernel, unbiased)
    about = _mean_about(moments.scale_mixture, x)
    return _scaled(
        kernel,
        pair - 2 * about + moments.mean + (0.0 if unbiased else kernel.peak / n),
        moments.expected(n, unbiased=unbiased),
        moments.variance(n, unbiased=unbiased),
        scale,
    )


def _two_sample(x: Tensor, y: Tensor, kernel: Kernel, *, unbiased: bool, scale: str) -> Tensor:
    x, y = both_doubles(x, y)
    n, m, moments = len(x), len(y), kernel.moments
    _check_sizes(unbiased, n, m)
    within = _pair_mean(x, kernel, unbiased) + _pair_mean(y, kernel, unbiased)
    between = plain_sum(profile_terms(kernel.profile), (x,), (y,)) / (n * m)
    value = kernel.sign * (within - 2 * between) + (0.0 if unbiased else kernel.peak * (1 / n + 1 / m))
    mean, variance = two_sample_moments(moments, n, m, unbiased=unbiased)
    return _scaled(kernel, value, mean, variance, scale)


def _scaled(kernel: Kernel, value: Tensor, mean: float, variance: float, scale: str) -> Tensor:
    if scale == "z":
        check_resolution(log_of(kernel.moments.mean * kernel.sign), log_of(variance) / 2)
        return (value - mean) / math.sqrt(variance)
    return floored_log(kernel.factor * value) if scale == "log" else kernel.factor * value


def _check_sizes(unbiased: bool, *sizes: int) -> None:
    if unbiased and min(sizes) < 2:
        raise GaedistError(
            "an unbiased mean over pairs of points needs two points; got one. Use estimator='v', or "
            "drop_last=True in the DataLoader."
        )


def _pair_mean(x: Tensor, kernel: Kernel, unbiased: bool) -> Tensor:
    """Return the mean of the profile over pairs i ≠ j, or its part of the mean over all i and j."""
    n = len(x)
    return plain_sum(profile_terms(kernel.profile), (x,)) / (n * (n - 1) if unbiased else n * n)


def _mean_about(mixture: ScaleMixture, x: Tensor) -> Tensor:
    """Return the mean over the points of E[k | x_i], as `gaedist.metrics.kernel_metrics.mean_about` does."""
    squared, dim = (x * x).sum(1), x.shape[1]
    if mixture.conditional:
        largest = float(squared.detach().max()) if is_readable(x) else _LARGEST_SQUARE
        mixture = distance_mixture(max(largest if math.isfinite(largest) else 0.0, float(dim)))
    t, w = (torch.as_tensor(part, device=x.device) for part in (mixture.rates, mixture.weights))
    logs = -dim / 2 * torch.log1p(2 * t)
    if not mixture.conditional:  # what is small at 0 is smaller elsewhere, compared with slower rates
        shares = w * torch.exp(logs)
        keep = shares > _PRUNED * (shares.sum() + mixture.weight_at_zero)
        t, w, logs = t[keep], w[keep], logs[keep]
    rates = t / (1 + 2 * t)

    def total(some: Tensor) -> Tensor:
        exponents = logs - some[:, None] * rates
        powers = torch.expm1(exponents) if mixture.conditional else torch.exp(exponents)
        return (powers @ w).sum()

    size = max(1, part_size(x) // len(t))
    if len(x) <= size or not is_readable(x):
        return total(squared) / len(x) + mixture.weight_at_zero
    parts = [Part(total, [(0, (slice(start, start + size),))]) for start in range(0, len(x), size)]
    return in_parts(parts, squared).sum() / len(x) + mixture.weight_at_zero
