"""Are the axes uncorrelated?"""

import math

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, Place, PremiseError
from gaedist.diagnostics.sample import RAW, Sample
from gaedist.diagnostics.words import number
from gaedist.null.distributions import gamma_tails
from gaedist.null.tails import log_bonferroni, log_two_sided_correlation, log_upper_normal
from gaedist.null.tracy_widom import log_p_largest, log_p_smallest
from gaedist.numerics import Array

_SHOWN = 1e-3  # p-value of one pair, adjusted for all, below which it is listed
_FAINT = 1e-200  # tails of the gamma distribution below which a normal one is used


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

    For independent axes R_jk² has mean 1/(n − 1) and variance 2 (n − 2)/((n − 1)² (n + 1)), and no two of
    them are correlated: J. R. Schott, Testing for complete independence in high dimensions, Biometrika 92
    (2005) 951, doi:10.1093/biomet/92.4.951. A gamma distribution has these moments, for D > n too.
    """
    dim = len(matrix)
    pairs = dim * (dim - 1) / 2
    mean = (float(np.einsum("ij,ij->", matrix, matrix)) - float(np.square(np.diagonal(matrix)).sum())) / 2
    mean /= pairs
    sd = math.sqrt(2 * (n - 2) / ((n - 1) ** 2 * (n + 1)) / pairs)
    z = (mean - 1 / (n - 1)) / sd
    above = gamma_tails(z, 2 * sd * (n - 1))[1]
    return mean, math.log(above) if above > _FAINT else float(log_upper_normal(z / math.sqrt(1 + z * sd * n)))


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
    explained_by=("scale", "radius", "marginals", "order"),
)
