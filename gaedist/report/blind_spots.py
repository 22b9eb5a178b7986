"""What a distance cannot see at the n and D of a sample: the line that closes a table of scores."""

import math
from collections.abc import Sequence

from gaedist.api.priors import SAMPLE_IT
from gaedist.api.score_result import ScoreResult
from gaedist.metrics.gaussian.one_sample import gaussian_shift_curve
from gaedist.metrics.registry import METRICS
from gaedist.mixtures.prior import MIXTURE
from gaedist.mixtures.targets import TARGETS
from gaedist.null.assessment import DEGENERATE
from gaedist.null.verdict import NOT_NORMAL
from gaedist.smoothing.posterior import POSTERIOR

_FAR = 3.7
"""Null standard deviations to a p-value of about 0.001, for null distributions of the smoothed target."""

_FEW_AXES = 8
"""Dimensions up to which a Gaussian kernel sees shape, and not only mean and covariance."""

_NARROW = 4.0
"""D/σ² above which few points of N(0, I) overlap: r²/(4σ²) is D/(2σ²) on average."""


def blind_spot(results: Sequence[ScoreResult]) -> str:
    """Return what the distances of some scores cannot see, and which command looks for it."""
    seen = [result for result in results if result.null.method != DEGENERATE]
    if not seen:
        return "gaedist diagnose FILE shows where." if _differs(results) else ""
    if seen[0].prior and seen[0].prior.kind == MIXTURE:
        return f"For other metrics, {SAMPLE_IT}"
    first, finds = seen[0], "shows what is wrong and where" if _differs(results) else "looks for the rest"
    if not METRICS[first.metric].smooths:
        return f"What {first.metric} detects: {METRICS[first.metric].detects}. gaedist diagnose FILE {finds}."
    sizes, dims = sorted({r.n for r in seen}), sorted({r.dim for r in seen})
    where = f"At n = {_range(sizes)} and D = {_range(dims)}"
    subject = "these distances" if first.companion else "this distance"
    missed = ", ".join([*_missed_shift(seen), _missed_structure(seen)])
    finds = "shows what is wrong and where" if _differs(results) else "looks for these"
    blunt = sorted({r.dim for r in seen if r.companion and r.saturated})
    constant = (
        f"At D = {_range(blunt)} Eq. (8) is saturated: it equals 1 + 1/n to within rounding for nearly every "
        "sample. "
        if blunt
        else ""
    )
    return f"{constant}{where} {subject} can miss {missed}: gaedist diagnose FILE {finds}."


def _differs(results: Sequence[ScoreResult]) -> bool:
    return any(result.judgement.verdict == NOT_NORMAL for result in results)


def _range(numbers: Sequence[int]) -> str:
    least, largest = numbers[0], numbers[-1]
    return f"{least}" if least == largest else f"{least} to {largest}"


def _missed_shift(results: Sequence[ScoreResult]) -> list[str]:
    """Return the largest shift of the mean that would pass as chance, where it is known."""
    found = [shift for result in results if (shift := detectable_shift(result)) is not None]
    if not found:
        return ["shifts of the mean"]
    return ["any shift of the mean" if max(found) == math.inf else f"mean shifts below {max(found):.2g}"]


def detectable_shift(result: ScoreResult) -> float | None:
    """Return the shift of the mean that gives p = 0.001 on average; inf for none, None if not known."""
    found = []
    for part in result.parts:
        sigma, sd = part.sigma, part.null.sd
        if sigma is None or sd is None or sigma.min != sigma.max or sigma.evaluations is not None:
            continue
        if sigma.rule == POSTERIOR:
            continue
        smoothed = part.target is not None and TARGETS[part.target].smoothed
        curve = gaussian_shift_curve(part.dim, sigma.median**2, smoothed=smoothed)
        found.append(curve.shift(_FAR * sd))
    return min(found, default=None)


def _missed_structure(results: Sequence[ScoreResult]) -> str:
    """Return which structure these distances do not resolve."""
    dim = max(result.dim for result in results)
    widest = max((part.sigma.median for r in results for part in r.parts if part.sigma), default=1.0)
    if dim > _NARROW * widest**2 and not any(result.companion for result in results):
        return "and nearly everything else, as few points overlap"
    if dim > _FEW_AXES:
        return "the shape of single axes, dead or dependent axes among many, and rare outliers"
    return "and details that are smaller than σ"
