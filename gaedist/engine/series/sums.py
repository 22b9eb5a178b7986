"""Sums over pairs by series, in linear time, also by the labels of the points.

Truncation and rounding errors of each sum are bounded; a sum whose error may exceed `ERROR` is left to all
pairs. `choice` decides whether a series is faster than all pairs.
"""

import math
import sys
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
from gaedist.engine.series.basis import ERROR, Charges
from gaedist.engine.series.choice import SERIES, Target, choose
from gaedist.engine.series.far import Parts
from gaedist.engine.series.far_labels import far_labels
from gaedist.engine.series.shells import Places, Shells
from gaedist.errors import GaedistError
from gaedist.numerics import Array, log_or_minus_inf

PAIR_SECONDS = 1.3e-9
"""Estimated time of one core for a pair in few dimensions."""

_MAX_POINTS_BY_PAIRS = 64  # in one of the samples; all pairs then take linear time as well
_LEAST_SECONDS = 0.1  # of all pairs; a series takes longer than this
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
        target = Target(pairs, PAIR_SECONDS, 1, ERROR / 2 * min(map(_evenness, group)))
        if series := _chosen(list(samples.values()), rate, run, target):
            for job in group:
                total = series.total(job)
                if total and (series.whole or total.log > _FAINT):
                    found[id(job)] = LinearTotal(total, series.parts.jobs(job))
    return found


def linear_labels(job: PairSum, labels: Bits, run: Run, log_unit: float) -> LabelSums | None:
    """Return the sums by labels if a series is faster than all pairs, else None."""
    columns, n = 8 * labels.shape[1], len(job.x)
    if not isinstance(job.integrand, Gaussian) or n <= _max_points_by_pairs(run) or job.params_x.any():
        return None
    counts = times_labels(np.ones(n), labels)
    least = counts.min(where=counts > 0, initial=n) / n
    # so that the bound in label_sums holds for the rarest label
    error = ERROR / 2 * (least - least**2 / 2) / 2
    target = Target(n**2 / 2, PAIR_SECONDS + columns * LABEL_SECONDS, 1 + columns, error)
    series = _chosen([job.x], job.integrand.rate, run, target)
    return series.label_sums(job, labels, counts, log_unit) if series else None


def _chosen(samples: list[Array], rate: float, run: Run, target: Target) -> "_Series | None":
    """Return the series for some samples that takes the least time, or None if all pairs do."""
    if run.method not in SERIES and target.seconds < _LEAST_SECONDS:
        return None
    with limited_blas():  # threads take longer to start than such small products
        shells = Shells.of(samples, apart=run.method == AUTO)
        basis = choose(shells, rate, run, target)
    return _Series(Parts(shells, basis, rate), run) if basis else None


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
    parts : (G, M) array
        F_k of each part that has pairs by the series.
    own : float
        Σ_k g_k |F_k|² over the pairs of parts by the series, the sum over these including i = j.
    norm : float
        Σ √(Σ_k g_k |F_k|²) over the parts: the rounding error of a sum is relative to the product of two.
    diagonal : float
        Σ_i c_i², the part of ``own`` with i = j.
    largest : float
        The largest charge.
    """

    parts: NDArray[Any]
    own: float
    norm: float
    diagonal: float
    largest: float


class _Series:
    """A series for the parts of some samples, whose coefficients are computed once."""

    def __init__(self, parts: Parts, run: Run) -> None:
        self.basis, self.parts, self.run = parts.basis, parts, run
        self.used = np.flatnonzero(parts.series.any(axis=0)).tolist()
        self.transforms: dict[tuple[int, int], _Transform] = {}

    @property
    def whole(self) -> bool:
        """Whether the series sums all pairs."""
        return bool(self.parts.series.all())

    def total(self, job: PairSum) -> PairTotal | None:
        """Return the sum, or None if its error may exceed `ERROR` and the run allows another method."""
        x, right = self.transform_of(job.x, job.params_x), job.x
        if job.y is None or job.params_y is None:
            y, full, size = x, x.norm**2, x.own - x.diagonal
            found = size / 2
        else:
            y, right = self.transform_of(job.y, job.params_y), job.y
            full, size = x.norm * y.norm, math.sqrt(max(0.0, x.own) * max(0.0, y.own))
            found = self.sum_of_products(x.parts, y.parts)
        error = self.basis.rounding * full + x.largest * y.largest * self.parts.error(job.x, right)
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
        unit = math.exp(job.log_scale - log_unit)
        whole, cut = self.transform_of(job.x, job.params_x), self.parts.error(job.x, job.x)
        terms = self.basis.weights.size
        step = max(1, min(_BATCH_LABELINGS, _BATCH_COEFFICIENTS // (terms * len(self.used))) // 8)  # bytes
        with limited_blas():
            blocks, threads = self.parts.blocks(job.x, None), self.run.used_threads
            both, of_points = far_labels(job.x, self.parts.rate, blocks, labels, threads)
        either, total = times_labels(of_points, labels), of_points.sum() / 2
        diagonal = self.diagonal_labels(job.x, labels, counts)
        roundings = np.zeros(len(counts))
        for start in range(0, labels.shape[1], step):
            some = labels[:, start : start + step]
            sums = self.transform(job.x, partial(_unpacked, some), 8 * some.shape[1])
            found = slice(8 * start, 8 * (start + some.shape[1]))
            for label, parts in enumerate(sums, start=found.start):
                own, cross = (self.sum_of_products(parts, others) for others in (parts, whole.parts))
                both[label] += (own - diagonal[label]) / 2
                either[label] += cross - diagonal[label]
                norm = self.norm(parts)
                error = self.basis.rounding * (norm**2 / 2 + norm * whole.norm) + 2 * cut
                if counts[label]:  # not one of those that fill the last byte
                    roundings[label] = error / max(both[label] + either[label], sys.float_info.min)
            if self.run.progress:
                self.run.progress(found.stop, len(counts))
            if not (roundings <= ERROR).all():
                return None
        total += (whole.own - whole.diagonal) / 2
        return LabelSums(unit * both, unit * either, unit * total, float(roundings.max()))

    def diagonal_labels(self, x: Array, labels: Bits, counts: Array) -> Array:
        """Return for each labeling how many points have label 1 in parts whose pairs the series sums."""
        if self.whole:
            return counts
        places = [self.parts.places(x, part) for part in self.used if self.parts.series[part, part]]
        found = [times_labels(np.ones(len(some)), labels[some]) for some in places]
        return np.asarray(sum(found, np.zeros(len(counts))))

    def transform_of(self, x: Array, params: Array) -> _Transform:
        """Return the transform of a sample with charges 2^params."""
        key = id(x), id(params) if params.any() else 0
        if key not in self.transforms:
            charges = np.exp2(params)
            (parts,) = self.transform(x, lambda rows: charges[:, rows], 1)
            diagonal = 0.0
            for part in self.used:
                if self.parts.series[part, part]:
                    some = charges[0, self.parts.selected(x, part)]
                    diagonal += float(some @ some)
            own = self.sum_of_products(parts, parts)
            self.transforms[key] = _Transform(parts, own, self.norm(parts), diagonal, float(charges.max()))
        return self.transforms[key]

    def norm(self, parts: NDArray[Any]) -> float:
        """Return Σ √(Σ_k g_k |F_k|²) over parts."""
        return sum(math.sqrt(max(0.0, self.weighted_sum(f.real**2 + f.imag**2))) for f in parts)

    def sum_of_products(self, left: NDArray[Any], right: NDArray[Any]) -> float:
        """Return Σ_k g_k F_k conj(G_k) over the pairs of parts that the series sums."""
        if len(self.used) > 1:
            with limited_blas():  # for the same bits
                right = self.parts.series[np.ix_(self.used, self.used)].astype(float) @ right
        return self.weighted_sum(left * right.conj())

    def weighted_sum(self, products: NDArray[Any]) -> float:
        """Return the real part of Σ_k g_k products_k."""
        # NumPy adds pairwise; BLAS would lose 2e-13 over four million terms
        return float((self.basis.weights * products.real).sum())

    def transform(self, x: Array, charges: Charges, sets: int) -> NDArray[Any]:
        """Return the coefficients of the parts that are used for each set of charges, (S, G, M)."""
        # one thread of BLAS in each of ours
        limit = limited_threads(1, self.run.note) if self.basis.compiled else limited_blas()
        found = []
        with limit:
            for part in self.used:
                # label_sums counts labelings itself; the last part has most points
                progress = self.run.progress if sets == 1 and part == self.used[-1] else None
                some = self.parts.selected(x, part)
                points, of_part = (x, charges) if isinstance(some, slice) else (x[some], _of(charges, some))
                found.append(self.basis.transform(points, of_part, sets, self.run.used_threads, progress))
        return np.stack(found, axis=1) if len(found) > 1 else found[0][:, np.newaxis]


def _of(charges: Charges, places: Places) -> Charges:
    """Return the charges of some of the points."""
    return lambda rows: charges(places[rows])


def _unpacked(labels: Bits, rows: slice | Places) -> Array:
    """Return the labels of some points, (labelings, rows), as charges."""
    return np.unpackbits(labels[rows], axis=1).T.astype(float)
