"""The paper's distance as a loss: Eqs. (5), (7) and (8), and the smoothed target, which is the default."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch import Tensor

from gaedist.engine import Run
from gaedist.errors import GaedistError, check_choice
from gaedist.kernels.radial import ScaleMixture
from gaedist.losses.pairs import Points, gaussian_exponents, log_sum
from gaedist.losses.scales import (
    check_resolution,
    check_scale,
    log_of,
    log_signed_sum,
    scaled_logs,
    two_sample_moments,
)
from gaedist.losses.tensors import both_doubles, doubles, eager, is_readable
from gaedist.metrics.gaussian.one_sample import GaussianOneSample
from gaedist.metrics.gaussian.two_sample import GaussianTwoSample
from gaedist.metrics.options import CompareOptions, ScoreOptions
from gaedist.mixtures.covariance import check_sigma
from gaedist.null.gaussian_moments import moments
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import log_ratio, to_linear
from gaedist.smoothing.bandwidths import BANDWIDTHS


@eager
def gaussian(
    x: Tensor,
    y: Tensor | None = None,
    *,
    sigma: float | str | None = None,
    target: str = "smoothed",
    estimator: str = "v",
    scale: str = "z",
) -> Tensor:
    """Return the squared L2 distance between smoothed codes and N(0, I), or other codes.

    The default is the form to train with: z of the distance to the smoothed target at σ² = D. In experiments
    on two data sets with D = 2 to 64 (tests/bench/README.md) the best weight, beside squared errors summed
    over pixels, was nearly always 0.01.

    - The distance to N(0, I) itself, Eqs. (7) and (8), is not smallest at N(0, I). At σ = 1 codes at 0 have
      distance 0, and trained with it codes collapse, whatever its weight. It warns and names its minimum.
    - The smoothed target is 0 only at N(0, I). At σ = 1 and D ≥ 8 codes that are far apart no longer overlap,
      so no gradient reaches them, and they escape. σ² of D/3 to D reaches all of N(0, I), and more reaches
      mean and covariance only.
    - Of codes that are N(0, I), z is 0 ± 1 whatever n and D, so that one weight fits most. The logarithm
      keeps its pull while the distance falls, but lets far codes go: at σ² = D/3 it trains as well in batches
      of 64, and worse in those of 512. Alone, with no squared error, it bears larger steps of an optimiser.
    - Even so, a code many σ out feels no pull. If the rms of codes grows, lower the weight, or use `energy`
      or `mmd`, whose kernels reach any distance.
    - Estimator v pairs each code with itself too, which pulls codes inward a little, the more the smaller the
      batch. u does not, and trains a little better in batches of 64.

    Parameters
    ----------
    x : (n, D) tensor
        The codes, of any floating-point type: sums are in double precision.
    y : (m, D) tensor, optional
        Other codes, such as a memory bank or a sample of another prior: Eq. (5).
    sigma : float or str, optional
        σ, √D by default; or a bandwidth of `gaedist.smoothing.bandwidths.BANDWIDTHS`, such as ``median``
        or ``silverman``, which gets no gradient.
    target : str
        ``smoothed``: N(0, (1 + σ²)I); ``normal``: N(0, I).
    estimator : str
        ``v``, or ``u``, which leaves out the overlap of each point with itself: unbiased, negative at times.
    scale : str
        ``z``, less its mean for samples of N(0, I) of this size, over the standard deviation; ``value``, that
        of `gaedist.score` (`gaedist.compare` if there is ``y``); or ``log``.

    Returns
    -------
    () tensor of double
        The loss.

    Raises
    ------
    GaedistError
        If a tensor has another shape or type, or options do not exist or do not go together.

    Warns
    -----
    UserWarning
        If the target is normal.
    """
    check_scale(scale, signed="estimator u can be. Use v" if estimator == "u" else "")
    if y is not None:
        return _two_sample(*both_doubles(x, y), sigma, estimator, scale)
    x = doubles(x)
    n, dim = x.shape
    sigma = default_sigma(dim) if sigma is None else sigma
    options = ScoreOptions(sigma=sigma, target=target, estimator=estimator)
    GaussianOneSample.check_size(n, options)
    s = variance_of(sigma, x)
    if not options.smoothed:
        _warn(s, dim)
    prior, unit = (1 + s, s) if options.smoothed else (1.0, 1.0)
    log_pairs = _log_pairs(x, s, unit, unbiased=options.unbiased)
    log_cross = torch.logsumexp(-(x * x).sum(1) / (2 * (s + prior)), 0) - math.log(n)
    log_cross = log_cross + log_power(dim, (s + prior) / 2, unit)
    if scale == "z":
        exact = moments(n, dim, s, smoothed=options.smoothed, unbiased=options.unbiased)
        check_resolution(max(exact.log_pairs, exact.log_cross), exact.log_sd)
        means = (x.new_tensor(exact.log_pairs), x.new_tensor(exact.log_cross))
        total, shift = log_signed_sum([(1, log_pairs), (-1, means[0]), (-2, log_cross), (2, means[1])])
        return total * torch.exp(shift - exact.log_sd)
    terms = [(1.0, log_pairs), (-2.0, log_cross), (1.0, x.new_tensor(log_power(dim, prior, unit)))]
    if not options.unbiased:
        terms.append((1.0, x.new_tensor(log_power(dim, s, unit) - math.log(n))))
    return scaled_logs(terms, scale)


def default_sigma(dim: int) -> float:
    """Return √D, the spread of the prior, with which training by z did best (tests/bench/README.md)."""
    return math.sqrt(dim)


def variance_of(sigma: float | str, *samples: Tensor) -> float:
    """Return σ² of a number or of a bandwidth of the samples, which gets no gradient."""
    if not isinstance(sigma, str):
        try:
            return float(check_sigma(float(sigma))) ** 2
        except (TypeError, ValueError, RuntimeError):
            raise GaedistError(f"sigma must be a number or a name; got {type(sigma).__name__}.") from None
    check_choice("sigma", sigma, BANDWIDTHS)
    if BANDWIDTHS[sigma].depends_on_codes and not all(map(is_readable, samples)):
        raise GaedistError(f"sigma {sigma} reads the codes, which vmap does not allow. Give a number.")
    if BANDWIDTHS[sigma].depends_on_codes:
        arrays = tuple(sample.detach().cpu().numpy() for sample in samples)
    else:
        arrays = tuple(np.empty(tuple(sample.shape)) for sample in samples)
    return float(BANDWIDTHS[sigma].find(arrays, Run())) ** 2


def log_power(dim: int, variance: float, unit: float) -> float:
    """Return log (variance/unit)^(−D/2)."""
    return -dim / 2 * log_ratio(variance, unit)


def _log_pairs(x: Tensor, s: float, unit: float, *, unbiased: bool) -> Tensor:
    """Return the logarithm of the overlaps of different points, of which estimator u takes the mean."""
    n, dim = x.shape
    pairs = n * (n - 1) if unbiased else n * n
    return _log_kernel_sum(x, None, s) - math.log(pairs) + log_power(dim, s, unit)


def _log_kernel_sum(x: Tensor, y: Tensor | None, s: float) -> Tensor:
    """Return the logarithm of Σ exp(−|x_i − y_j|²/(4s)) over all pairs, or over i ≠ j of one sample."""

    def terms(p: Points, q: Points) -> Tensor:
        return gaussian_exponents(p[0], q[0], 1 / (4 * s))

    return log_sum(terms, (x,), None if y is None else (y,))


def _two_sample(x: Tensor, y: Tensor, sigma: float | str | None, estimator: str, scale: str) -> Tensor:
    """Return Eq. (5), (4πσ²)^(D/2) times the squared distance of both smoothed samples."""
    n, m = len(x), len(y)
    sigma = default_sigma(x.shape[1]) if sigma is None else sigma
    options = CompareOptions(sigma=sigma, estimator=estimator)
    GaussianTwoSample.check_sizes(n, m, options)
    s = variance_of(sigma, x, y)
    within = [_log_pairs(points, s, s, unbiased=options.unbiased) for points in (x, y)]
    between = _log_kernel_sum(x, y, s) - math.log(n) - math.log(m)
    if scale == "z":
        moments_of_k = PairMoments(x.shape[1], ScaleMixture(np.array([1 / (4 * s)]), np.ones(1), 1.0))
        _, variance = two_sample_moments(moments_of_k, n, m, unbiased=options.unbiased)
        log_mean = log_of(moments_of_k.mean)
        check_resolution(log_mean, log_of(variance) / 2)
        shares = [1.0 if options.unbiased else 1 - 1 / size for size in (n, m)]
        mean = [x.new_tensor(log_mean + log_of(share)) for share in shares]
        total, shift = log_signed_sum(
            [
                *((1.0, log) for log in within),
                *((-1.0, log) for log in mean),
                (-2.0, between),
                (2.0, x.new_tensor(log_mean)),
            ]
        )
        return total * torch.exp(shift - 0.5 * log_of(variance))
    terms = [(1.0, within[0]), (1.0, within[1]), (-2.0, between)]
    if not options.unbiased:
        terms += [(1.0, x.new_tensor(-math.log(size))) for size in (n, m)]
    return scaled_logs(terms, scale)


def _warn(s: float, dim: int) -> None:
    """Warn that the distance to N(0, I) itself is not smallest there."""
    at_zero = to_linear(log_power(dim, s, 1)) + 1 - 2 * to_linear(log_power(dim, (1 + s) / 2, 1))
    warnings.warn(
        f"the distance to N(0, I) itself is not smallest at N(0, I): codes at 0 have {at_zero:.3g}. "
        "Trained with it, codes collapse. Use target='smoothed'.",
        stacklevel=4,
    )
