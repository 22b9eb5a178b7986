"""Are the axes uncorrelated?"""

import math

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, Place, PremiseError
from gaedist.diagnostics.sample import RAW, Sample
from gaedist.diagnostics.words import number
from gaedist.null.tails import log_bonferroni, log_gamma_tails, log_two_sided_correlation
from gaedist.null.tracy_widom import log_p_largest, log_p_smallest
from gaedist.numerics import Array

_SHOWN = 1e-3  # p-value of one pair, adjusted for all, below which it is listed


def check(sample: Sample) -> Outcome:
    """Test the largest |R_jk|, Σ R_jk², and the extreme eigenvalues of the covariance."""
    n, dim = sample.n, sample.dim
    if dim < 2:
        raise PremiseError("one axis has no pairs")
    if n < 4:
        raise PremiseError("correlations need at least 4 points")
    places, log_p_pair = strongest_pairs(sample, sample.correlation, n - 2)
    first = places[0]
    parts = [Part(abs(first.effect), log_p_pair, pairs_sentence(places, "correlated"), places)]
    total, log_p_all = all_pairs(sample.correlation, n)
    rms = math.sqrt(max(0.0, total - 1 / (n - 1)))
    if dim > 2:
        parts.append(
            Part(
                total,
                log_p_all,
                f"All correlations together are too large ({number(rms)} in the mean square).",
                places,
            )
        )
    if sample.level == RAW:
        parts += _eigenvalues(sample)
    return Outcome(tuple(parts), abs(first.effect), "largest correlation", {"root_mean_square": rms})


def strongest_pairs(sample: Sample, matrix: Array, dof: float) -> tuple[tuple[Place, ...], float]:
    """Return the pairs of axes with the largest correlations, and log p of the largest of all."""
    dim = sample.dim
    sizes = np.abs(np.triu(matrix, 1))
    pairs = dim * (dim - 1) / 2
    count = min(sample.top, int(pairs))
    flat = sizes.ravel()
    order = np.argpartition(-flat, count - 1)[:count]
    order = order[np.lexsort((order, -flat[order]))]
    log_p = np.atleast_1d(log_two_sided_correlation(flat[order], dof))
    shown = [
        Place("pair", _axes(sample, k), float(matrix.ravel()[k]), float(np.exp(p)))
        for k, p in zip(order, log_p, strict=True)
        if log_bonferroni(p, pairs) < math.log(_SHOWN) or k == order[0]
    ]
    return tuple(shown), float(log_bonferroni(log_p[0], pairs))


def _axes(sample: Sample, flat: int) -> tuple[int, ...]:
    j, k = divmod(int(flat), sample.dim)
    return (int(sample.axes[j]), int(sample.axes[k])) if len(sample.axes) else (j, k)


def pairs_sentence(places: tuple[Place, ...], what: str) -> str:
    """Describe the pairs that are correlated most."""
    listed = ", ".join(
        f"{place.indices[0]} and {place.indices[1]} ({number(place.effect)})" for place in places
    )
    return f"Axes {listed} are {what}." if len(places) == 1 else f"Pairs of axes are {what}: {listed}."


def all_pairs(matrix: Array, n: int) -> tuple[float, float]:
    """Return the mean of R_jk² over all pairs, and log P of a larger one.

    For independent axes, with m = n − 1, R_jk² has the Beta distribution of ½ and (m − 1)/2, whose mean is
    1/m, and no two of them are correlated: J. R. Schott, Testing for complete independence in high
    dimensions, Biometrika 92 (2005) 951, doi:10.1093/biomet/92.4.951. Those of three axes have the mixed
    central moment 4 (m − 1)/(m³ (m + 2)²), as R_jk is the cosine of random directions. A gamma distribution
    has the mean, the variance and the skewness that follow, for D > n too.
    """
    dim, m = len(matrix), n - 1
    pairs = dim * (dim - 1) / 2
    total = (float(np.einsum("ij,ij->", matrix, matrix)) - float(np.square(np.diagonal(matrix)).sum())) / 2
    variance = 2 * (m - 1) / (m**2 * (m + 2))
    skewness = (m - 2) * math.sqrt((m + 2) * 8 / (m - 1)) / (m + 4)  # of R_jk²
    third = pairs * skewness * variance**1.5 + 2 * pairs * (dim - 2) * 4 * (m - 1) / (m**3 * (m + 2.0) ** 2)
    spread = math.sqrt(pairs * variance)
    return total / pairs, log_gamma_tails((total - pairs / m) / spread, third / spread**3)[1]


def mean_of_pairs(matrix: Array, n: int) -> tuple[float, float]:
    """Return the mean of R_jk over all pairs, and twice the lesser tail, as a logarithm.

    With m = n − 1 and D axes, Σ R_jk has mean 0 and variance D (D − 1)/(2m), and of three axes
    E R_ij R_jk R_ki = 1/m².
    """
    dim, m = len(matrix), n - 1
    pairs = dim * (dim - 1) / 2
    total = (float(matrix.sum()) - float(np.trace(matrix))) / 2
    tails = log_gamma_tails(total * math.sqrt(m / pairs), 2 * (dim - 2) / math.sqrt(pairs * m))
    return total / pairs, min(0.0, math.log(2) + min(tails))


def _eigenvalues(sample: Sample) -> list[Part]:
    """Test the largest and, for n > D + 1, the smallest eigenvalue of the covariance."""
    n, dim = sample.n, sample.dim
    values, vectors = sample.principal
    total = float(values.sum())
    if not 0 < total < math.inf:
        return []
    found = []
    largest, smallest = float(values[-1]), float(values[0])
    place = direction_place(sample, vectors[:, -1], largest / total)
    found.append(
        Part(
            largest,
            log_p_largest(largest, n - 1, dim),
            f"One direction holds {number(100 * largest / total)} % of the variance (sd "
            f"{number(math.sqrt(largest))}; {loadings(place)}).",
            (place,),
        )
    )
    if n > dim + 1:
        place = direction_place(sample, vectors[:, 0], smallest / total)
        found.append(
            Part(
                smallest,
                log_p_smallest(smallest, n - 1, dim),
                f"Along one direction the codes hardly vary (sd {number(math.sqrt(smallest))}; "
                f"{loadings(place)}).",
                (place,),
            )
        )
    return found


def direction_place(sample: Sample, vector: Array, effect: float, p_value: float | None = None) -> Place:
    """Return a direction with its largest components, the first of which is positive."""
    order = np.lexsort((np.arange(len(vector)), -np.abs(np.round(vector, 12))))[: sample.top]
    vector = vector * (1.0 if vector[order[0]] >= 0 else -1.0)
    return Place(
        "direction",
        tuple(int(j) for j in order),
        effect,
        p_value,
        tuple(float(vector[j]) for j in order),
        tuple(map(float, vector)),
    )


def loadings(place: Place, count: int = 3) -> str:
    """Write the largest components of a direction."""
    parts = zip(place.indices[:count], place.loadings[:count], strict=False)
    rest = " + …" if len(place.indices) > count else ""
    return (
        "axes "
        + " ".join(f"{'+' if w >= 0 else '−'} {abs(w):.2f}·{j}" for j, w in parts).removeprefix("+ ")
        + rest
    )


CHECK = Check(
    name="dependence",
    asks="are the axes uncorrelated?",
    meaning="N(0, I) gives combinations that the decoder has not seen.",
    statistic="the largest |R_jk|; Σ R_jk² over pairs; the extreme eigenvalues of the covariance",
    null="Student's t of each pair, exact; gamma distribution with exact mean and sd; Tracy–Widom",
    reference="J. R. Schott, Biometrika 92 (2005) 951, doi:10.1093/biomet/92.4.951; "
    "I. M. Johnstone, Ann. Stat. 29 (2001) 295, doi:10.1214/aos/1009210544",
    run=check,
    explained_by=("scale", "radius", "marginals", "order", "points"),
)
