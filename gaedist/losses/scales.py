"""The scale of a loss: the value of the metric, its logarithm, or z."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

from gaedist.errors import GaedistError, check_choice
from gaedist.null.assessment import WIDE
from gaedist.null.distributions import is_lost_to_rounding
from gaedist.null.kernel_spectrum import PairMoments

SCALES = {
    "value": "the value of the metric, as gaedist.score gives it",
    "log": "its natural logarithm: gradients keep their size as the value falls by orders of magnitude",
    "z": "the value minus its mean over samples of N(0, I) of this size, over the standard deviation",
}
"""Name → what the loss is."""


def check_scale(scale: str, *, signed: str = "", unknown: str = "") -> None:
    """Raise `GaedistError` for a scale that does not exist, or that this loss does not have.

    Parameters
    ----------
    scale : str
        The scale.
    signed : str
        What makes the value negative at times, so that it has no logarithm.
    unknown : str
        Why there is no null distribution.
    """
    check_choice("scale", scale, SCALES)
    if scale == "log" and signed:
        raise GaedistError(f"scale log needs values that are never negative, and {signed}.")
    if scale == "z" and unknown:
        raise GaedistError(f"scale z needs a null distribution in closed form, and {unknown}.")


def check_resolution(log_size: float, log_sd: float) -> None:
    """Raise `GaedistError` where the rounding of terms of this size hides the standard deviation."""
    if is_lost_to_rounding(log_size, log_sd):
        raise GaedistError(f"there is no z: {WIDE}")


def log_signed_sum(terms: Sequence[tuple[float, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return Σ factor · exp(log − shift) and the shift, for terms (factor, log): nothing leaves the range."""
    logs = torch.stack([log for _, log in terms])
    factors = logs.new_tensor([factor for factor, _ in terms])
    shift = logs.detach().amax()
    return (factors * torch.exp(logs - shift)).sum(), shift


def scaled_logs(terms: Sequence[tuple[float, Tensor]], scale: str) -> Tensor:
    """Return Σ factor · exp(log), or its logarithm."""
    total, shift = log_signed_sum(terms)
    if scale == "log":
        return floored_log(total) + shift
    return total * torch.exp(shift)


def floored_log(value: Tensor) -> Tensor:
    """Return the logarithm, of a value that rounding made 0 or less the smallest one, without gradient."""
    return torch.log(value.clamp_min(sys.float_info.min))


def log_of(value: float) -> float:
    """Return log(value), or −∞ for 0."""
    return math.log(value) if value > 0 else -math.inf


def two_sample_moments(moments: PairMoments, n: int, m: int, *, unbiased: bool) -> tuple[float, float]:
    """Return mean and variance of a discrepancy of two samples of N(0, I)."""
    mean = sum(moments.expected(size, unbiased=unbiased) for size in (n, m))
    within = sum(moments.variance(size, unbiased=unbiased) for size in (n, m))
    return mean, within + 4 * moments.square / (n * m)
