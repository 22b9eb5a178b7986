"""Are the radii |x| those of N(0, I)?"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, Place, PremiseError
from gaedist.diagnostics.sample import RAW, WHITENED, Sample
from gaedist.diagnostics.words import capitalized, counted, number
from gaedist.null import anderson_darling
from gaedist.null.tails import log_bonferroni, log_chi_square_tails, log_smallest_of, log_two_sided_normal
from gaedist.numerics import Array

_FEWEST = 8  # points for the limit of the Anderson–Darling statistic
_SHOWN = 1e-3  # p-value of one point, adjusted for all, below which it is listed


def check(sample: Sample) -> Outcome:
    """Test the distribution of |x|² ~ χ²_D, the farthest point and the nearest one.

    Of standardised and whitened codes the spread of |z|² is tested instead: with a covariance of divisor
    n − 1, |z|² n/(n − 1)² of whitened codes has the Beta distribution of D/2 and (n − D − 1)/2, and the mean
    and variance of Σ |z|⁴ are those of Mardia's kurtosis (Biometrika 57 (1970) 519); of standardised codes it
    is a sum over axes of Beta variables of ½ and (n − 2)/2.
    """
    n, dim, radii = sample.n, sample.dim, sample.radii
    if n < _FEWEST:
        raise PremiseError(f"the law of radii needs at least {_FEWEST} points")
    unit = max(1.0, float(radii.max()))  # squares of far radii would overflow
    mean, sd = float(radii.mean()) / dim, float((radii / unit).std()) * unit / math.sqrt(2 * dim)
    below, above = _log_tails(sample)
    if sample.level == RAW:
        order = np.argsort(radii, kind="stable")
        squared = float(anderson_darling.statistics(below[order], above[order]))
        spread = Part(squared, float(anderson_darling.log_tail(squared)), _law_sentence(mean, sd))
        smallest = log_smallest_of
    else:
        z = _spread(sample)
        spread = Part(z, float(log_two_sided_normal(z)), _law_sentence(1.0, sd))
        smallest = log_bonferroni
    details = {"mean_radius2": mean, "sd_radius2": sd}
    parts = (
        spread,
        _extreme(sample, above, partial(smallest, count=n), "far out", "far"),
        _extreme(sample, below, partial(smallest, count=n), "close to 0", ""),
    )
    return Outcome(parts, sd, "sd of |x|² over that of N(0, I)", details)


def _log_tails(sample: Sample) -> tuple[Array, Array]:
    """Return log P of a smaller, and of a larger, radius for each point."""
    if sample.level != WHITENED:
        return log_chi_square_tails(sample.radii, sample.dim)
    from scipy.special import betainc

    n, dim = sample.n, sample.dim
    part = np.clip(sample.radii * n / (n - 1) ** 2, 0.0, 1.0)
    a, b = dim / 2, (n - dim - 1) / 2
    with np.errstate(divide="ignore"):
        return np.log(betainc(a, b, part)), np.log(betainc(b, a, 1 - part))


def _spread(sample: Sample) -> float:
    """Return the deviation of mean |z|⁴ from its mean, in standard deviations."""
    n, dim = sample.n, sample.dim
    if sample.level == WHITENED:
        squares = sample.radii * (n / (n - 1))  # with a covariance of divisor n
        kurtosis = float(np.mean(squares**2))
        mean = dim * (dim + 2) * (n - 1) / (n + 1)
        variance = 8.0 * dim * (dim + 2) * (n - 3) * (n - dim - 1) * (n - dim + 1)
        variance /= (n + 1.0) ** 2 * (n + 3) * (n + 5)
        return (kurtosis - mean) / math.sqrt(variance)
    a, b, unit = 0.5, (n - 2) / 2, (n - 1) ** 2 / n
    own = dim * unit**2 * a * b / ((a + b) ** 2 * (a + b + 1))
    variance = float(np.mean((sample.radii - dim * (n - 1) / n) ** 2))
    return (variance / own - 1) / math.sqrt((2 + 12 / dim) / n)


def _law_sentence(mean: float, sd: float) -> str:
    spread = f"sd of |x|² is {number(sd)} of what N(0, I) gives"
    if sd < 0.3:
        return f"Radii vary too little ({spread}): codes lie on a shell."
    if sd < 0.8:
        return f"Radii vary too little ({spread})."
    if sd > 1.25:
        return f"Radii vary too much ({spread}): tails are heavy, or points differ in scale."
    return f"Radii |x|² do not follow χ² (mean {number(mean)} D; {spread})."


def _extreme(sample: Sample, log_p: Array, smallest: Callable[[Any], Any], way: str, topic: str) -> Part:
    """Test the most extreme point on one side, and list those that are extreme."""
    dim = sample.dim
    order = np.argsort(log_p, kind="stable")
    listed = [int(i) for i in order[: 10 * sample.top] if smallest(log_p[i]) < math.log(_SHOWN)]
    count = int(np.sum(smallest(log_p) < math.log(_SHOWN)))
    shown = listed[: sample.top] or [int(order[0])]
    size = np.sqrt(sample.radii / dim)
    places = tuple(Place("rows", (i,), float(size[i]), float(np.exp(log_p[i]))) for i in shown)
    names = counted("row", [place.indices[0] for place in places], max(0, count - len(shown)))
    verb = "lies" if max(count, 1) == 1 else "lie"
    return Part(
        float(size[order[0]]),
        float(smallest(log_p[order[0]])),
        f"{capitalized(names)} {verb} {way} (|x| = {number(float(size[order[0]]))} √D).",
        places,
        topic,
    )


CHECK = Check(
    name="radius",
    asks="are the radii |x| those of N(0, I)?",
    meaning="",
    statistic="Anderson–Darling A² of |x|²; the farthest and the nearest point",
    null="|x|² ~ χ²_D; after whitening Beta(D/2, (n − D − 1)/2), and Mardia's moments for the spread",
    reference="G. and J. Marsaglia, Evaluating the Anderson–Darling distribution, J. Stat. Softw. 9 (2004) "
    "no. 2, doi:10.18637/jss.v009.i02; K. V. Mardia, Biometrika 57 (1970) 519, doi:10.1093/biomet/57.3.519",
    run=check,
    explained_by=("location", "scale", "dependence", "marginals", "points"),
)
