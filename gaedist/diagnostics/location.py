"""Is the mean 0?"""

import math

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, Place
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.words import capitalized, counted, effects, number
from gaedist.null.tails import (
    log_chi_square_tails,
    log_smallest_of,
    log_two_sided_correlation,
    log_two_sided_normal,
)
from gaedist.numerics import Array

_SHOWN = 1e-3  # p-value of one axis, adjusted for all, below which it is listed


def check(sample: Sample) -> Outcome:
    """Test |m|² and the largest |m_j|: n|m|² ~ χ²_D and √n m_j ~ N(0, 1), independent, under N(0, I)."""
    n, dim = sample.n, sample.dim
    means = sample.mean
    log_p = log_two_sided_normal(math.sqrt(n) * means)
    return _outcome(sample, means, log_p, float(log_chi_square_tails(n * float(means @ means), dim)[1]))


def without_scale(sample: Sample) -> float:
    """Return the logarithm of the p-value where each axis has its own scale: Student's t of each."""
    dof = max(1, sample.n - 1)
    size = math.sqrt(sample.n) * np.abs(sample.mean)
    # t/√(dof + t²), also where the sd is 0
    ratio = np.divide(
        size, np.hypot(size, math.sqrt(dof) * sample.sds), out=np.zeros(sample.dim), where=size > 0
    )
    return float(log_smallest_of(log_two_sided_correlation(ratio, dof).min(), sample.dim))


def _outcome(sample: Sample, means: Array, log_p: Array, log_p_all: float) -> Outcome:
    order = np.lexsort((np.arange(len(means)), -np.abs(means)))
    listed = [int(j) for j in order if log_smallest_of(log_p[j], len(means)) < math.log(_SHOWN)]
    shown = listed[: sample.top] or [int(order[0])]
    places = tuple(
        Place("axis", (int(sample.axes[j]),), float(means[j]), float(np.exp(log_p[j]))) for j in shown
    )
    more = len(listed) - len(shown)
    names = counted("axis", [place.indices[0] for place in places], max(0, more))
    verb = "is" if len(shown) + max(0, more) == 1 else "are"
    mean = "mean" if len(shown) + max(0, more) == 1 else "means"
    norm = float(np.linalg.norm(means))
    parts = [
        Part(
            float(np.abs(means[order[0]])),
            float(log_smallest_of(log_p.min(), len(means))),
            f"{capitalized(f'the {mean} of {names}')} {verb} off by {effects(places, more)}.",
            places,
        )
    ]
    if sample.dim > 1:
        parts.append(
            Part(
                norm,
                log_p_all,
                f"The mean is off by {number(norm)}, spread over the axes (the largest part, on axis "
                f"{places[0].indices[0]}, is {number(places[0].effect)}).",
                places,
            )
        )
    details = {"norm": norm, "largest": float(np.abs(means).max())}
    if min(parts, key=lambda part: part.log_p) is parts[0]:
        return Outcome(tuple(parts), places[0].effect, "mean of the worst axis", details)
    return Outcome(tuple(parts), norm, "norm of the mean", details)


CHECK = Check(
    name="location",
    asks="is the mean 0?",
    meaning="Samples of N(0, I) miss some of the codes.",
    statistic="n |m|² over all axes; √n m_j of each axis",
    null="χ² with D degrees of freedom; N(0, 1) for each axis; exact",
    reference="T. W. Anderson, An Introduction to Multivariate Statistical Analysis, 2003, sec. 3.3",
    run=check,
    explained_by=("scale", "radius", "marginals", "order", "points"),
    adjusted=without_scale,
)
