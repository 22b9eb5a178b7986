"""Is every axis normal?"""

import math

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, Place, PremiseError
from gaedist.diagnostics.sample import RAW, Sample
from gaedist.diagnostics.words import capitalized, counted, number
from gaedist.null import anderson_darling
from gaedist.null.tails import log_bonferroni, log_smallest_of
from gaedist.numerics import Array

_FEWEST = 8
_SHOWN = 1e-3  # p-value of one axis, adjusted for all, below which it is listed


def check(sample: Sample) -> Outcome:
    """Test each axis by the Anderson–Darling statistic: against N(0, 1), or a fitted normal distribution."""
    n, dim = sample.n, sample.dim
    if n < _FEWEST:
        raise PremiseError(f"marginals need at least {_FEWEST} points")
    if dim == 0:
        raise PremiseError("no axis varies")
    squared = np.concatenate(list(sample.map(lambda some: _of_columns(sample.x, some), sample.column_blocks)))
    if sample.level == RAW:
        log_p, smallest = np.asarray(anderson_darling.log_tail(squared)), log_smallest_of
    else:
        log_p, smallest = np.asarray(anderson_darling.log_tail_fitted(squared, n)), log_bonferroni
    order = np.lexsort((np.arange(dim), -squared))
    count = int(np.sum(smallest(log_p, dim) < math.log(_SHOWN)))
    shown = [int(j) for j in order[: max(1, min(sample.top, count))]]
    shapes = [shape(sample.x[:, j]) for j in shown]
    places = tuple(
        Place("axis", (int(sample.axes[j]),), found["kurtosis"], float(np.exp(log_p[j])))
        for j, found in zip(shown, shapes, strict=True)
    )
    details = shapes[0]
    names = counted("axis", [place.indices[0] for place in places], max(0, count - len(shown)))
    verb = "is" if max(count, 1) == 1 else "are"
    first = "" if max(count, 1) == 1 else f"; axis {places[0].indices[0]}"
    part = Part(
        float(squared[shown[0]]),
        float(smallest(log_p[shown[0]], dim)),
        f"{capitalized(names)} {verb} not normal{first}: {shape_words(details)}.",
        places,
    )
    return Outcome((part,), details["kurtosis"], "excess kurtosis of the worst axis", details)


def _of_columns(x: Array, some: tuple[int, int]) -> Array:
    """Return the statistics of some columns."""
    columns = np.array(x[:, slice(*some)].T, order="C")  # a copy, also of one column
    columns.sort(axis=1)
    return anderson_darling.of_normal(columns)


def shape(points: Array) -> dict[str, float]:
    """Return skewness and excess kurtosis, and the bimodality coefficient, 5/9 for a uniform distribution.

    The coefficient is (skewness² + 1)/kurtosis, SAS Institute, SAS/STAT User's Guide, 1990; it is 1/3 for a
    normal distribution, and 1 for two equal values.
    """
    scale = float(np.abs(points - points.mean()).max())
    centered = (points - points.mean()) / (scale or 1.0)
    sd = math.sqrt(float(np.mean(centered**2)))
    if sd == 0:
        return {"skewness": 0.0, "kurtosis": 0.0, "bimodality": 0.0}
    z = centered / sd
    skewness, fourth = float(np.mean(z**3)), float(np.mean(z**4))
    return {"skewness": skewness, "kurtosis": fourth - 3, "bimodality": (skewness**2 + 1) / fourth}


def shape_words(found: dict[str, float]) -> str:
    """Describe a shape that is not normal."""
    numbers = f"skewness {number(found['skewness'])}, excess kurtosis {number(found['kurtosis'])}"
    if abs(found["skewness"]) > 0.5:
        return f"skewed to the {'right' if found['skewness'] > 0 else 'left'} ({numbers})"
    if found["bimodality"] > 5 / 9:
        return f"two clusters ({numbers})"
    if found["kurtosis"] > 0.5:
        return f"heavy tails or a sharp peak ({numbers})"
    if found["kurtosis"] < -0.5:
        return f"flat, or clusters that overlap ({numbers})"
    return numbers


CHECK = Check(
    name="marginals",
    asks="is every axis normal?",
    meaning="The regulariser is too weak for it, or does not see shapes.",
    statistic="Anderson–Darling A² of each axis against N(0, 1)",
    null="Σ χ²₁/(j (j + 1)); for standardised axes that of a fitted normal distribution (Stephens)",
    reference="T. W. Anderson and D. A. Darling, J. Am. Stat. Assoc. 49 (1954) 765, "
    "doi:10.1080/01621459.1954.10501232",
    run=check,
    explained_by=("location", "scale", "radius", "points"),
)
