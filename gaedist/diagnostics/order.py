"""Are neighbouring rows independent?"""

import math

import numpy as np

from gaedist.diagnostics.base import Check, Outcome, Part, PremiseError
from gaedist.diagnostics.sample import Sample
from gaedist.diagnostics.words import number
from gaedist.null.tails import log_two_sided_correlation

_FEWEST = 8


def check(sample: Sample) -> Outcome:
    """Test r = Σ (x_i − m)·(x_{i+1} − m) / Σ |x_i − m|², the correlation of each row with the next.

    With N = D (n − 1) degrees of freedom, r is independent of its denominator, whose moments are those of
    χ²_N, so its mean −1/n and its variance follow from those of the numerator, a quadratic form:
    J. von Neumann, Ann. Math. Stat. 12 (1941) 367, doi:10.1214/aoms/1177731677. A symmetric Beta distribution
    has that variance.
    """
    n, dim = sample.n, sample.dim
    if n < _FEWEST:
        raise PremiseError(f"the order of rows needs at least {_FEWEST} points")
    if not sample.sds.any():
        raise PremiseError("the codes do not vary")
    mean, units = sample.mean, sample.units
    units = np.full(dim, units.min()) if (units != 1).any() else units

    def part(rows: tuple[int, int]) -> tuple[float, float]:
        a, b = rows
        some = (sample.x[a : min(n, b + 1)] - mean) * units
        with_next = float(np.einsum("ij,ij->", some[:-1], some[1:]))
        own = some[: b - a]
        return with_next, float(np.einsum("ij,ij->", own, own))

    parts = list(sample.map(part, sample.blocks))
    total = math.fsum(own for _, own in parts)
    r = math.fsum(along for along, _ in parts) / total
    # tr (HBH)² of H = I − 11ᵀ/n and B, which has ½ beside its diagonal
    trace = (n - 1) / 2 - 2 * (n - 1.5) / n + ((n - 1) / n) ** 2
    size, expected = dim * (n - 1), -dim * (n - 1) / n
    variance = (2 * dim * trace + expected**2) / (size * (size + 2)) - 1 / n**2
    deviation = r + 1 / n
    # the square of a correlation with this many degrees of freedom has the mean 1/(dof + 1)
    log_p = float(log_two_sided_correlation(min(1.0, abs(deviation)), max(1.0, 1 / variance - 1)))
    words = "resemble" if deviation > 0 else "differ from"
    sentence = (
        f"Neighbouring rows {words} each other (correlation {number(deviation)}): rows are not independent, "
        "and no p-value holds."
    )
    return Outcome((Part(r, log_p, sentence),), deviation, "correlation of neighbouring rows")


CHECK = Check(
    name="order",
    asks="are neighbouring rows independent?",
    meaning="",
    statistic="Σ (x_i − m)·(x_{i+1} − m) / Σ |x_i − m|²",
    null="Beta distribution with the exact mean and variance",
    reference="J. von Neumann, Ann. Math. Stat. 12 (1941) 367, doi:10.1214/aoms/1177731677",
    run=check,
    explained_by=("scale", "dependence"),
)
