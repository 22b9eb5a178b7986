"""Do sizes of axes depend on each other, beyond correlation?"""

import math

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, PremiseError
from gaedist.diagnostics.dependence import all_pairs, pairs_sentence, strongest_pairs
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.words import number
from gaedist.null.tails import log_two_sided_normal
from gaedist.numerics import Array

_FEWEST = 20  # points below which the correlation of sizes is not nearly normal


def check(sample: Sample) -> Outcome:
    """Test correlations of u = P(|Z| ≤ |z_j|), which is uniform and independent of the sign of z_j.

    z_j is the axis with mean 0 and sd 1. u is bounded, so that its correlations are nearly those of normal
    samples; for independent axes they have mean 0 and variance 1/(n − 1) whatever the marginals are.
    """
    n, dim = sample.n, sample.dim
    if dim < 2:
        raise PremiseError("one axis has no pairs")
    if n < _FEWEST:
        raise PremiseError(f"correlations of sizes need at least {_FEWEST} points")
    matrix = _correlations_of_sizes(sample)
    places, log_p_pair = strongest_pairs(sample, matrix, n - 2)
    pairs = dim * (dim - 1) / 2
    mean = (float(matrix.sum()) - float(np.trace(matrix))) / 2 / pairs
    z = mean * math.sqrt(pairs * (n - 1))
    total, log_p_all = all_pairs(matrix, n)
    first = places[0].indices
    way = (
        "grow together, as where points differ in scale" if mean > 0 else "exclude each other, as on a shell"
    )
    parts: tuple[Part, ...] = (
        Part(
            abs(places[0].effect),
            log_p_pair,
            pairs_sentence(places, "dependent, though not by correlation alone: their sizes are correlated"),
            places,
        ),
        Part(
            mean,
            float(log_two_sided_normal(z)),
            f"Sizes of axes {way} (mean correlation of |x_j| {number(mean)}).",
            places,
        ),
        Part(
            total,
            log_p_all,
            f"Sizes of axes depend on each other, most of all those of {first[0]} and {first[1]} "
            f"({number(places[0].effect)}).",
            places,
        ),
    )
    if dim == 2:  # there is one pair
        parts = parts[:1]
    return Outcome(parts, abs(places[0].effect), "largest correlation of sizes", {"mean": mean})


def _correlations_of_sizes(sample: Sample) -> Array:
    """Return the correlations of u_j, 0 for constant axes."""
    from scipy.special import erf

    mean, sds = sample.mean, sample.sds
    inverse = np.divide(1.0, sds, out=np.zeros(sample.dim), where=sds > 0) / math.sqrt(2)

    def sizes(rows: Array) -> Array:
        return np.asarray(erf(np.abs((rows - mean) * inverse)) - 0.5)

    sums = np.asarray(sum(sample.map(lambda rows: sizes(sample.x[slice(*rows)]).sum(axis=0), sample.blocks)))
    covariance = sample.gram(sizes) - np.outer(sums, sums) / sample.n
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    varies = spread > 1e-9 * math.sqrt(sample.n)
    inverse = np.divide(1.0, spread, out=np.zeros(sample.dim), where=varies)
    found = covariance * inverse[:, np.newaxis] * inverse
    np.fill_diagonal(found, 0.0)
    return np.asarray(np.clip(found, -1.0, 1.0))


CHECK = Check(
    name="squares",
    asks="do the sizes |x_j| of axes depend on each other, beyond correlation?",
    meaning="N(0, I) gives combinations that the decoder has not seen.",
    statistic="the largest correlation of P(|Z| ≤ |z_j|) of two axes; mean and mean square over pairs",
    null="Student's t of each pair; normal and gamma distributions with exact mean and sd over all pairs",
    reference="J. R. Schott, Biometrika 92 (2005) 951, doi:10.1093/biomet/92.4.951, for bounded scores",
    run=check,
    explained_by=("dependence", "radius"),
)
