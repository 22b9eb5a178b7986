"""Is the standard deviation of every axis 1?"""

import math

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, Place, PremiseError
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.words import capitalized, counted, effects, number
from gaedist.null.tails import log_smallest_of, log_two_sided_chi_square, log_two_sided_normal

_SHOWN = 1e-3  # p-value of one axis, adjusted for all, below which it is listed
_COLLAPSED = 0.2  # sd below which an axis carries next to nothing
_COLLAPSE = "All points are equal: the codes have collapsed."


def check(sample: Sample) -> Outcome:
    """Test Σ_j S_jj and each S_jj: (n − 1) S_jj ~ χ² with n − 1 degrees of freedom, independent."""
    n, dim, sds = sample.n, sample.dim, sample.sds
    if n < 2:
        raise PremiseError("one point has no variance")
    with np.errstate(over="ignore"):
        squares = (n - 1) * sds**2
    log_p = np.asarray(log_two_sided_chi_square(np.minimum(squares, 1e300), n - 1))
    with np.errstate(divide="ignore"):
        size = np.abs(np.log(sds))
    order = np.lexsort((np.arange(dim), -size))
    listed = [int(j) for j in order if log_smallest_of(log_p[j], dim) < math.log(_SHOWN)]
    shown = listed[: sample.top] or [int(order[0])]
    places = tuple(
        Place("axis", (int(sample.axes[j]),), float(sds[j]), float(np.exp(log_p[j]))) for j in shown
    )
    mean_sd = float(np.linalg.norm(sds) / math.sqrt(dim))
    parts = [
        Part(
            float(sds[order[0]]),
            float(log_smallest_of(log_p.min(), dim)),
            _sentence(places, [float(sds[j]) for j in listed], dim),
            places,
        )
    ]
    if dim > 1:
        total = min(float(squares.sum()), 1e300)
        wide = "wide" if mean_sd > 1 else "narrow"
        off = f", off on {len(listed)} of {dim} axes" if listed else ""
        parts.append(
            Part(
                total / dim / (n - 1),
                float(log_two_sided_chi_square(total, dim * (n - 1))),
                f"The codes are too {wide}: sd {number(mean_sd)} in the mean square of all axes{off}."
                if sds.any()
                else _COLLAPSE,
                places,
            )
        )
    details = {"sd_min": float(sds.min()), "sd_max": float(sds.max()), "root_mean_square": mean_sd}
    if min(parts, key=lambda part: part.log_p) is parts[0]:
        return Outcome(tuple(parts), places[0].effect, "sd of the worst axis", details)
    return Outcome(tuple(parts), mean_sd, "sd in the mean square of all axes", details)


def without_kurtosis(sample: Sample) -> float:
    """Return the logarithm of the p-value where each axis has its own kurtosis: S_jj is nearly normal."""
    n, mean, units = sample.n, sample.mean, sample.units
    parts = sample.map(
        lambda rows: (((sample.x[slice(*rows)] - mean) * units) ** 4).sum(axis=0), sample.blocks
    )
    variances = (sample.sds * units) ** 2
    spread = np.sqrt(np.maximum(sum(parts, np.zeros(sample.dim)) / n - variances**2, 0.0) / n)
    off = np.abs(variances - units**2)
    z = np.divide(off, spread, out=np.where(off > 0, np.inf, 0.0), where=spread > 0)
    return float(log_smallest_of(log_two_sided_normal(z).min(), sample.dim))


def _sentence(places: tuple[Place, ...], sds: list[float], dim: int) -> str:
    """Describe the axes whose scale is off most, those that vary too little apart from the others."""
    low = [place for place in places if place.effect < 1]
    groups = [
        (
            [place for place in low if place.effect < _COLLAPSED],
            "hardly vary",
            "hardly varies",
            ": collapsed",
        ),
        ([place for place in low if place.effect >= _COLLAPSED], "vary too little", "varies too little", ""),
        ([place for place in places if place.effect >= 1], "vary too much", "varies too much", ""),
    ]
    counts = (
        sum(sd < _COLLAPSED for sd in sds),
        sum(_COLLAPSED <= sd < 1 for sd in sds),
        sum(sd >= 1 for sd in sds),
    )
    if sds and not any(sds) and len(sds) == dim:
        return _COLLAPSE
    sentences = []
    for (some, plural, singular, end), count in zip(groups, counts, strict=True):
        if some:
            more = max(0, count - len(some))
            names = counted("axis", [place.indices[0] for place in some], more)
            verb = singular if len(some) + more == 1 else plural
            sentences.append(f"{capitalized(names)} {verb} (sd {effects(some, more)}){end}.")
    return " ".join(sentences)


CHECK = Check(
    name="scale",
    asks="is the standard deviation of every axis 1?",
    meaning="",
    statistic="(n − 1) S_jj of each axis, and the sum over all axes",
    null="χ² with n − 1, and D (n − 1), degrees of freedom; exact",
    reference="T. W. Anderson, An Introduction to Multivariate Statistical Analysis, 2003, sec. 7.2",
    run=check,
    explained_by=("radius", "marginals", "points"),
    adjusted=without_kurtosis,
)
