"""Do sizes of axes depend on each other, beyond correlation?"""

import math

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, PremiseError
from gaedist.diagnostics.dependence import all_pairs, mean_of_pairs, pairs_sentence, strongest_pairs
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.words import number
from gaedist.numerics import Array

_FEWEST = 20  # points below which the estimated means and sds count
_LEAST, _LEAST_LEFT = 1e-300, 1e-16  # of probabilities whose normal scores are finite


def check(sample: Sample) -> Outcome:
    """Test correlations of the normal scores of sizes, Φ⁻¹(P(|Z| ≤ |z_j|)), of axes with mean 0 and sd 1.

    Under N(0, I) they are normal and independent, as the axes are, but for the estimated means and sds.
    """
    n, dim = sample.n, sample.dim
    if dim < 2:
        raise PremiseError("one axis has no pairs")
    if n < _FEWEST:
        raise PremiseError(f"correlations of sizes need at least {_FEWEST} points")
    matrix = _correlations_of_sizes(sample)
    places, log_p_pair = strongest_pairs(sample, matrix, n - 2)
    mean, log_p_mean = mean_of_pairs(matrix, n)
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
            log_p_mean,
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
    """Return the correlations of the scores, 0 for constant axes."""
    from scipy.special import ndtr, ndtri

    mean, sds = sample.mean, sample.sds
    inverse = np.divide(1.0, sds, out=np.zeros(sample.dim), where=sds > 0)

    def sizes(rows: Array) -> Array:
        beyond = 2 * ndtr(-np.abs((rows - mean) * inverse))  # P(|Z| ≥ |z|)
        return np.asarray(-ndtri(np.clip(beyond, _LEAST, 1 - _LEAST_LEFT)))

    sums = np.asarray(sum(sample.map(lambda rows: sizes(sample.x[slice(*rows)]).sum(axis=0), sample.blocks)))
    covariance = sample.gram(sizes) - np.outer(sums, sums) / sample.n
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    varies = (sds > 0) & (spread > 1e-9 * math.sqrt(sample.n))
    inverse = np.divide(1.0, spread, out=np.zeros(sample.dim), where=varies)
    found = covariance * inverse[:, np.newaxis] * inverse
    np.fill_diagonal(found, 0.0)
    return np.asarray(np.clip(found, -1.0, 1.0))


CHECK = Check(
    name="squares",
    asks="do the sizes |x_j| of axes depend on each other, beyond correlation?",
    meaning="N(0, I) gives combinations that the decoder has not seen.",
    statistic="the largest correlation of Φ⁻¹(P(|Z| ≤ |z_j|)) of two axes; mean and mean square over pairs",
    null="Student's t of each pair; normal and gamma distributions with exact mean and sd over all pairs",
    reference="J. R. Schott, Biometrika 92 (2005) 951, doi:10.1093/biomet/92.4.951, for normal scores",
    run=check,
    explained_by=("dependence", "radius", "marginals", "points"),
)
