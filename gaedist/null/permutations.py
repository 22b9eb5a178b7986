"""The null distribution of a two-sample statistic by permutations of the pooled labels.

With labels b = 1 for the points of one sample, of size n, and 0 for those of the other, of size m, both
estimators of a squared distance with a kernel K are

    2 A Σ b_i K_ij b_j − 2 B Σ (b_i + b_j) K_ij + 2 C Σ K_ij          over the pairs i > j of pooled points

with A = 1/α_n + 1/α_m + 2/(nm), B = 1/α_m + 1/(nm) and C = 1/α_m. The biased one has α_n = n² and adds
each point's overlap with itself; the unbiased one has α_n = n (n − 1) and leaves it out (A. Gretton et al., A
kernel two-sample test, JMLR 13 (2012) 723, Eqs. (5) and (3)). Label 1 goes to the smaller sample, which keeps
these terms small compared with their sum. This holds for any kernel that depends on the two points alone,
times a factor that may be negative, as it is for |x − y|.

W₂² along directions is not a sum over pairs; it is computed for each labeling.

What all labelings have in common is kept apart: in many dimensions the overlaps of points with themselves
would otherwise hide everything else in rounding.
"""

import math
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from gaedist.engine import (
    Bits,
    LabelSums,
    PairSum,
    Run,
    label_costs,
    label_sums,
    mean_and_sd,
    times_labels,
)
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import Covariance, PerPointCovariance
from gaedist.mixtures.diagonal import Constant, Spherical
from gaedist.mixtures.distance import SquaredDistance
from gaedist.mixtures.families import common_family, promoted
from gaedist.mixtures.mixture import Mixture, pair_sum
from gaedist.null.assessment import Assessment, Measured, Null, NullDistribution
from gaedist.numerics import Array, Stream, log_or_minus_inf, signed_sum, to_linear

_LABELS_AT_ONCE = 1 << 22
_ROUNDINGS = 256.0  # that may accumulate in a blocked sum of overlaps of points with themselves
_ALL_LOST = 1e100  # relative rounding from which no more matters, and products could overflow
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Permutations(NullDistribution):
    """The distribution of a two-sample statistic over random permutations of the pooled labels.

    Attributes
    ----------
    replicates : int
        R, the number of permutations.
    mean, sd : float
        Mean and standard deviation of the statistic over them.
    p_value : float
        (1 + #{permuted ≥ observed})/(1 + R): the observed labeling counts as one.
    scores : (R,) array
        How many of these standard deviations each permuted value is above the mean.
    observed : float
        The same of the observed value.
    """

    replicates: int
    mean: float
    sd: float
    p_value: float
    scores: Array = field(repr=False, compare=False)
    observed: float

    def assess(self, measured: Measured) -> Assessment:
        """Return the p-value of the observed labeling."""
        null = Null("permutations", self.mean, self.sd, self.replicates)
        return Assessment(null, p_value=self.p_value, distribution=self)


def smallest_permuted_p(n: int, m: int, replicates: int) -> float:
    """Return the smallest p-value that R permutations of n and m points give, but for chance.

    There are C(n + m, n) labelings, half as many up to exchange of two samples of one size, and the
    observed one is among the random ones as often as any other.
    """
    labelings, enough = 1.0, 2.0 * (1 + replicates)
    for k in range(min(n, m)):
        labelings *= (n + m - k) / (k + 1)
        if labelings > enough:
            return 1 / (1 + replicates)
    return max(1 / (1 + replicates), (2 if n == m else 1) / labelings)


def permute_mixtures(
    p: Mixture,
    q: Mixture,
    distance: SquaredDistance,
    *,
    replicates: int,
    unbiased: bool,
    unit: float,
    run: Run,
) -> Permutations:
    """Permute the labels of the pooled points of two smoothed samples; each point keeps its covariance.

    Takes O(n D + n R/8) memory. A permuted value that differs from the observed one by no more than rounding
    counts as equal to it, and so towards the p-value.

    Parameters
    ----------
    p, q : Mixture
        The smoothed samples, all of whose points have equal weights.
    distance : SquaredDistance
        Between p and q in the same unit, from which the magnitude of the terms is taken.
    replicates : int
        R.
    unbiased : bool
        Leave out the overlaps of points with themselves.
    unit : float
        Normalisation of the mean and the standard deviation, as in `squared_distance`.
    run : Run
        Threads, progress, and the seed of the permutations.
    """
    few, many = sorted((p, q), key=lambda mixture: len(mixture.centers))
    n, m = len(few.centers), len(many.centers)
    pool = _pool(few, many)
    bits = permuted_labels(n, m, replicates, run.seed)
    log_unit = _log_largest(distance, len(p.centers), len(q.centers))
    if log_unit > -math.inf:
        sums = label_sums(pair_sum(pool, pool, unit), bits, run, log_unit=log_unit)
        values = _values_of_pairs(sums, n, m, unbiased, log_unit)
    else:  # no points overlap, in logarithms either
        values = _Values(np.zeros(1 + replicates), np.zeros(1 + replicates), log_unit)
    if not unbiased:
        log_selves = np.broadcast_to(pool.covariance.log_self_overlaps(pool.dim, unit), n + m)
        values = _with_self_overlaps(values, log_selves, pool.dim, bits, n, m)
    return _compared(values, replicates)


def permute_kernel(
    pairs: PairSum, n: int, *, replicates: int, unbiased: bool, peak: float, factor: float, run: Run
) -> Permutations:
    """Permute the labels for a mean of a kernel, as in the module's docstring, times a factor.

    Takes O(N D + N R/8) memory.

    Parameters
    ----------
    pairs : PairSum
        The sum of the kernel over the pairs of `pooled` points.
    n : int
        Size of the smaller sample, whose points come first.
    replicates : int
        R.
    unbiased : bool
        Leave out the pairs of a point with itself.
    peak : float
        The kernel at distance 0.
    factor : float
        Multiplies the statistic; negative where K grows with the distance.
    run : Run
        Threads, progress, and the seed of the permutations.
    """
    m = len(pairs.x) - n
    bits = permuted_labels(n, m, replicates, run.seed)
    found = _values_of_pairs(label_sums(pairs, bits, run), n, m, unbiased, 0.0, factor)
    if not unbiased:
        found = replace(found, common=signed_sum((factor * (1 / n + 1 / m), log_or_minus_inf(peak))))
    return _compared(found, replicates)


def permute_wasserstein(pool: Array, n: int, directions: Array, *, replicates: int, run: Run) -> Permutations:
    """Permute the labels of `pooled` points, the first n of the smaller sample, for the mean of W₂².

    Takes O(N R/8) memory besides batches of directions.
    """
    bits = permuted_labels(n, len(pool) - n, replicates, run.seed)
    centered = pool - pool.mean(axis=0)  # far from 0, projections would lose digits
    costs = label_costs(centered, directions, bits, n, 1 + replicates, run)
    return _compared(_Values(costs.values, costs.errors, 0.0), replicates)


def pooled(x: Array, y: Array) -> tuple[Array, int]:
    """Return the points of both samples, the smaller sample first, and its size."""
    few, many = sorted((x, y), key=len)
    return np.concatenate([few, many]), len(few)


def permuted_labels(n: int, m: int, replicates: int, seed: int) -> Bits:
    """Return the observed labels, 1 for the first n points, and R random permutations of them, as bits.

    Columns that only fill the last of the ⌈(1 + R)/8⌉ bytes of a point are 0.
    """
    rng, total, columns = np.random.default_rng((seed, Stream.PERMUTATIONS)), n + m, 1 + replicates
    try:
        bits = np.zeros((total, -(-columns // 8)), dtype=np.uint8)
    except (MemoryError, ValueError) as error:
        size = total * columns / 8 / 2**30
        raise GaedistError(f"the labels need {size:.0f} GiB of memory. Use fewer --permutations.") from error
    step = max(1, _LABELS_AT_ONCE // (8 * total))
    for start in range(0, bits.shape[1], step):
        stop = min(start + step, bits.shape[1])
        labels = np.zeros((min(8 * stop, columns) - 8 * start, total), dtype=np.uint8)
        labels[:, :n] = 1
        random = labels[1:] if start == 0 else labels
        rng.permuted(random, axis=1, out=random)
        bits[:, start:stop] = np.packbits(labels, axis=0).T
    return bits


def _pool(p: Mixture, q: Mixture) -> Mixture:
    """Return the points of both, each with its covariance."""
    centers = np.concatenate([p.centers, q.centers])
    if isinstance(p.covariance, Constant) and p.covariance == q.covariance:
        return Mixture(centers, p.covariance)
    family = common_family(p.covariance.name, q.covariance.name)
    wide = Spherical.name if family == Constant.name else family  # two different numbers
    first, second = (cast(PerPointCovariance, promoted(r.covariance, wide, r.centers)) for r in (p, q))
    return Mixture(centers, cast(Covariance, first.concatenated(second)))


def _log_largest(distance: SquaredDistance, n: int, m: int) -> float:
    """Return the logarithm of the largest of the sums over pairs within X, within Y and between them."""
    log_n, log_m = math.log(n), math.log(m)
    return max(
        2 * log_n + distance.pp.log_pairs,
        2 * log_m + distance.qq.log_pairs,
        log_n + log_m + distance.pq.log_pairs,
    )


@dataclass(frozen=True, eq=False)
class _Values:
    """The statistic for every labeling, without what all labelings have in common.

    Attributes
    ----------
    values, errors : (R,) arrays
        In units of exp(log_unit), and how far rounding may move them relative to each other.
    log_unit : float
        The logarithm of their unit.
    common : tuple of int and float
        Sign and logarithm of what is to be added to all of them.
    """

    values: Array
    errors: Array
    log_unit: float
    common: tuple[int, float] = (0, -math.inf)


def _values_of_pairs(
    sums: LabelSums, n: int, m: int, unbiased: bool, log_unit: float, factor: float = 1.0
) -> _Values:
    """Return the sum over pairs of different points, as in the module's docstring, times a factor."""
    alpha_n, alpha_m = (n * (n - 1), m * (m - 1)) if unbiased else (n**2, m**2)
    both = 2 * (1 / alpha_n + 1 / alpha_m + 2 / (n * m)) * sums.both
    either = 2 * (1 / alpha_m + 1 / (n * m)) * sums.either
    values = factor * (both - either + 2 / alpha_m * sums.total)
    rounding = min(sums.rounding, _ALL_LOST)
    return _Values(values, abs(factor) * rounding * (both + either), log_unit)


def _with_self_overlaps(pairs: _Values, logs: Array, dim: int, bits: Bits, n: int, m: int) -> _Values:
    """Add Σ s_i b_i/n² + Σ s_i (1 − b_i)/m², given the logarithms of the overlaps s_i with themselves.

    With r, the median of the s_i, that is (1/n² − 1/m²) Σ (s_i − r) b_i plus a constant; the sum is 0 where
    all points have one σ, or both samples one size.
    """
    log_typical, log_peak = float(np.median(logs)), float(logs.max())
    excess = 1 / n**2 - 1 / m**2
    log_sum = log_peak + math.log(math.fsum(np.exp(logs - log_peak)))
    common = signed_sum((n * excess, log_typical), (1 / m**2, log_sum))
    other = logs != log_typical
    if not excess or not other.any():
        return _Values(pairs.values, pairs.errors, pairs.log_unit, common)
    log_unit = max(pairs.log_unit, log_peak)
    shrink = math.exp(pairs.log_unit - log_unit)
    selves, typical = np.exp(logs - log_unit), math.exp(log_typical - log_unit)
    rounding = _EPS * (_ROUNDINGS + dim + np.abs(logs).max())  # of an exponential, and of the sum
    moved = np.where(other, excess * (selves - typical), 0.0)
    errors = np.where(other, excess * rounding * (selves + typical), 0.0)
    return _Values(
        shrink * pairs.values + times_labels(moved, bits),
        shrink * pairs.errors + times_labels(errors, bits),
        log_unit,
        common,
    )


def _compared(found: _Values, replicates: int) -> Permutations:
    """Compare the first labeling, the observed one, with the others."""
    observed, values = found.values[0], found.values[1 : 1 + replicates]
    slack = found.errors[0] + found.errors[1 : 1 + replicates]
    sign, log_common = found.common
    mean, sd = mean_and_sd(values)
    parts = [(sign, log_common), (int(np.sign(mean)), found.log_unit + log_or_minus_inf(abs(mean)))]
    sign, log_mean = signed_sum(*parts)
    return Permutations(
        replicates=replicates,
        mean=sign * to_linear(log_mean),
        sd=to_linear(log_or_minus_inf(sd) + found.log_unit),
        p_value=(1 + int((values >= observed - slack).sum())) / (1 + replicates),
        scores=(values - mean) / (sd or 1.0),
        observed=float(observed - mean) / (sd or 1.0),
    )
