"""Sums over pairs by series, in linear time, also by the labels of the points.

Truncation and rounding errors of each sum are bounded; a sum whose error may exceed `ERROR` is left to all
pairs. `choice` decides whether a series is faster than all pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.run.costs import LABEL_SECONDS
from gaedist.engine.run.labels import Bits, LabelSums, times_labels
from gaedist.engine.run.pair_sum import ROUNDING, PairSum, PairTotal, Provenance
from gaedist.engine.run.run import AUTO, Run
from gaedist.engine.run.threads import limited_blas, limited_threads
from gaedist.engine.series.basis import ERROR, Basis, Charges
from gaedist.engine.series.choice import SERIES, Target, choose
from gaedist.engine.series.far import Core, choose_core, core_job, far_jobs
from gaedist.errors import GaedistError
from gaedist.numerics import Array, log_or_minus_inf

PAIR_SECONDS = 1.3e-9
"""Estimated time of one core for a pair in few dimensions."""

_MAX_POINTS_BY_PAIRS = 64  # in one of the samples; all pairs then take linear time as well
_FAINT = -300.0  # of the logarithm of a sum to which pairs are added, which may lose terms below 2^−1022
_BATCH_COEFFICIENTS = 1 << 21  # of all labelings that are transformed at once
_BATCH_LABELINGS = 64


class LinearTotal(NamedTuple):
    """The total of a sum by a series, and the sums over pairs of far points that are to be added to it."""

    total: PairTotal
    rest: list[PairSum]


def linear_sums(jobs: Sequence[PairSum], run: Run) -> dict[int, LinearTotal]:
    """Return the totals, by id of the job, of the sums for which a series is faster than all pairs.

    Raises
    ------
    GaedistError
        If the run asks for a series that cannot compute one of the sums.
    """
    groups: dict[float, list[PairSum]] = {}
    for job in jobs:
        if isinstance(job.integrand, Gaussian) and min(map(len, _samples(job))) > _max_points_by_pairs(run):
            groups.setdefault(job.integrand.rate, []).append(job)
        elif run.method in SERIES and not isinstance(job.integrand, Gaussian):
            raise GaedistError(
                f"method {run.method} is only for Gaussian kernels with one σ for all points. "
                "Use --method auto (method=)."
            )
    found: dict[int, LinearTotal] = {}
    for rate, group in groups.items():
        samples = {id(x): x for job in group for x in _samples(job)}
        pairs = sum(len(job.x) ** 2 / 2 if job.y is None else len(job.x) * len(job.y) for job in group)
        target = Target(pairs * PAIR_SECONDS, 1, ERROR / 2 * min(map(_evenness, group)))
        with limited_blas():  # threads take longer to start than such small products
            core = choose_core(list(samples.values()), rate, run, target)
        if core:
            found |= _totals(core, samples, group, run)
    return found


def _totals(
    core: Core, samples: dict[int, Array], group: Sequence[PairSum], run: Run
) -> dict[int, LinearTotal]:
    """Return the totals of sums over some samples, by id of the job, where their errors are small enough."""
    if all(mask.all() for mask in core.masks):
        series = _TransformedSamples(core.basis, list(samples), run)
        return {id(job): LinearTotal(total, []) for job in group if (total := series.total(job))}
    masks = dict(zip(samples, core.masks, strict=True))
    cores = {key: x[masks[key]] for key, x in samples.items()}
    series = _TransformedSamples(core.basis, list(map(id, cores.values())), run)
    found = {}
    for job in group:
        total = series.total(core_job(job, masks, cores))
        if total and total.log > _FAINT:
            found[id(job)] = LinearTotal(total, far_jobs(job, masks))
    return found


def linear_labels(job: PairSum, labels: Bits, run: Run, log_unit: float) -> LabelSums | None:
    """Return the sums by labels if a series is faster than all pairs, else None."""
    columns, n = 8 * labels.shape[1], len(job.x)
    if not isinstance(job.integrand, Gaussian) or n <= _max_points_by_pairs(run) or job.params_x.any():
        return None
    counts = times_labels(np.ones(n), labels)
    least = counts.min(where=counts > 0, initial=n) / n
    pairs = n**2 / 2 * (PAIR_SECONDS + columns * LABEL_SECONDS)
    # so that the bound in label_sums holds for the rarest label
    target = Target(pairs, 1 + columns, ERROR / 2 * (least - least**2 / 2) / 2)
    with limited_blas():
        basis = choose([job.x], job.integrand.rate, run, target)
    if not basis:
        return None
    return _TransformedSamples(basis, [id(job.x)], run).label_sums(job, labels, counts, log_unit)


def _max_points_by_pairs(run: Run) -> float:
    """Return the size of the smaller sample up to which a sum is left to all pairs."""
    return _MAX_POINTS_BY_PAIRS if run.method == AUTO else 1 if run.method in SERIES else math.inf


def _samples(job: PairSum) -> list[Array]:
    """Return the one or two samples of a sum."""
    return [job.x] if job.y is None else [job.x, job.y]


def _evenness(job: PairSum) -> float:
    """Return roughly the ratio of a sum to the same sum with the largest charge at all points."""
    roots = [
        float(np.exp2(params - params.max()).mean()) if params.any() else 1.0
        for params in (job.params_x, job.params_x if job.params_y is None else job.params_y)
    ]
    return min(roots) ** 2


@dataclass(frozen=True, eq=False)
class _Transform:
    """The coefficients of a sample with its charges c, in the notation of `Basis`.

    Attributes
    ----------
    coefficients : (M,) array
        F_k.
    own : float
        Σ_k g_k |F_k|², the sum over all pairs of points of the sample including i = j.
    diagonal : float
        Σ_i c_i², the part of ``own`` with i = j.
    truncation : float
        Truncation error: a sum over two samples changes by at most the product of theirs.
    """

    coefficients: NDArray[Any]
    own: float
    diagonal: float
    truncation: float


class _TransformedSamples:
    """Samples and their coefficients in one basis, each computed once."""

    def __init__(self, basis: Basis, samples: Sequence[int], run: Run) -> None:
        self.basis, self.run = basis, run
        self.remainders = dict(zip(samples, basis.remainders, strict=True))
        self.transforms: dict[tuple[int, int], _Transform] = {}

    def total(self, job: PairSum) -> PairTotal | None:
        """Return the sum, or None if its error may exceed `ERROR` and the run allows another method."""
        x = self.transform_of(job.x, job.params_x)
        if job.y is None or job.params_y is None:
            truncation = x.truncation**2
            full, size = x.own, x.own - x.diagonal
            found = size / 2
        else:
            y = self.transform_of(job.y, job.params_y)
            truncation = x.truncation * y.truncation
            full = size = math.sqrt(x.own * y.own)
            found = self.weighted_sum(x.coefficients * y.coefficients.conj())
        error = self.basis.rounding * full + truncation
        if not error <= ERROR * size:
            if self.run.method != self.basis.name:
                return None
            bound = error / size if size > 0 else math.inf
            raise GaedistError(
                f"method {self.basis.name} is not available here: its relative error may be {bound:.0e}, "
                f"above {ERROR:g}, because the codes are too far apart compared with σ. "
                "Use --method pairs (method=)."
            )
        provenance = Provenance(self.basis.name, rounding=max(ROUNDING, error / size))
        return PairTotal(log_or_minus_inf(found), provenance)

    def label_sums(self, job: PairSum, labels: Bits, counts: Array, log_unit: float) -> LabelSums | None:
        """Return the sums by labels, or None if the error of one may exceed `ERROR`.

        ``counts``, (R,), holds the number of labels 1 of each labeling.
        """
        n, unit = len(job.x), math.exp(job.log_scale - log_unit)
        whole = self.transform_of(job.x, job.params_x)
        step = max(1, min(_BATCH_LABELINGS, _BATCH_COEFFICIENTS // whole.coefficients.size) // 8)  # bytes
        both, either, roundings = np.zeros((3, len(counts)))
        weighted = self.basis.weights * whole.coefficients.conj()
        for start in range(0, labels.shape[1], step):
            some = labels[:, start : start + step]
            sums = self.transform(job.x, partial(_unpacked, some), 8 * some.shape[1])
            found = slice(8 * start, 8 * start + len(sums))
            own = np.array([self.square(row) for row in sums])
            cross = (sums * weighted).real.sum(axis=1)
            both[found], either[found] = (own - counts[found]) / 2, cross - counts[found]
            errors = self.basis.rounding * (own / 2 + np.sqrt(own * whole.own)) + 2 * whole.truncation**2
            with np.errstate(divide="ignore", invalid="ignore"):
                roundings[found] = errors / (both + either)[found]
            roundings[counts == 0] = 0  # includes those that fill the last byte
            if self.run.progress:
                self.run.progress(found.stop, len(counts))
            if not (roundings <= ERROR).all():
                return None
        return LabelSums(unit * both, unit * either, unit * (whole.own - n) / 2, float(roundings.max()))

    def transform_of(self, x: Array, params: Array) -> _Transform:
        """Return the transform of a sample with charges 2^params."""
        key = id(x), id(params) if params.any() else 0
        if key not in self.transforms:
            charges = np.exp2(params)
            (sums,) = self.transform(x, lambda rows: charges[:, rows], 1)
            self.transforms[key] = _Transform(
                sums,
                own=self.square(sums),
                diagonal=float(charges[0] @ charges[0]),
                truncation=self.remainders[id(x)] * len(x) * float(charges.max()),
            )
        return self.transforms[key]

    def square(self, sums: NDArray[Any]) -> float:
        """Return Σ_k g_k |F_k|² for coefficients F."""
        return self.weighted_sum(sums.real**2 + sums.imag**2)

    def weighted_sum(self, products: NDArray[Any]) -> float:
        """Return the real part of Σ_k g_k products_k."""
        # NumPy adds pairwise; BLAS would lose 2e-13 over four million terms
        return float((self.basis.weights * products.real).sum())

    def transform(self, x: Array, charges: Charges, sets: int) -> NDArray[Any]:
        """Return the coefficients of a sample for each set of charges, (S, M)."""
        # one thread of BLAS in each of ours
        limit = limited_threads(1, self.run.note) if self.basis.compiled else limited_blas()
        progress = self.run.progress if sets == 1 else None  # label_sums counts labelings itself
        with limit:
            return self.basis.transform(x, charges, sets, self.run.used_threads, progress)


def _unpacked(labels: Bits, rows: slice) -> Array:
    """Return the labels of some points, (labelings, rows), as charges."""
    return np.unpackbits(labels[rows], axis=1).T.astype(float)
